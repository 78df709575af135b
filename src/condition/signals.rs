//! Signals, as conditions read them and requests feed them.

use std::time::Duration;

use super::{Condition, Doubt, Fact, Facts, Family, KeyExpression, Variable};
use crate::host::Host;
use crate::signals::{FirstSeen, WindowCounter};

/// A signal with its expressions compiled.
#[derive(Debug)]
pub struct Signal {
    /// Its name in conditions.
    pub name: Box<str>,
    /// What filters have to agree in to share it.
    pub shared_name: String,
    /// What it is kept for.
    pub per: KeyExpression,
    /// What is watched.
    pub what: Watched,
    /// How many keys, or pairs, it has room for.
    pub most_keys: usize,
}

/// What a signal watches.
#[derive(Debug)]
pub enum Watched {
    /// Responses.
    Events {
        /// Which ones count.
        event: Condition,
        /// For how long.
        window: Duration,
    },
    /// Values that may be new.
    Values {
        /// Which value.
        value: KeyExpression,
        /// How long it is new.
        window: Duration,
        /// How long it is remembered.
        forget_after: Duration,
    },
}

/// The signals of a filter.
#[derive(Debug, Default)]
pub struct Signals {
    kept: Vec<Kept>,
    /// What the command lets some tell, whatever was seen.
    #[cfg(not(target_family = "wasm"))]
    pretended: std::collections::HashMap<Box<str>, Told>,
}

#[derive(Debug)]
struct Kept {
    name: Box<str>,
    per: KeyExpression,
    what: What,
}

#[derive(Debug)]
enum What {
    Count { event: Condition, counter: WindowCounter },
    New { value: KeyExpression, seen: FirstSeen },
}

/// What a signal tells a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    Count(u64),
    New(bool),
}

impl Signals {
    /// Makes what the workers share.
    pub fn new(signals: Vec<Signal>, host: &dyn Host) -> Self {
        let kept = signals.into_iter().map(|Signal { name, shared_name, per, what, most_keys }| {
            let what = match what {
                Watched::Events { event, window } => {
                    let counter = WindowCounter::new(&shared_name, window, most_keys, host);
                    What::Count { event, counter }
                }
                Watched::Values { value, window, forget_after } => {
                    let seen = FirstSeen::new(&shared_name, window, forget_after, most_keys, host);
                    What::New { value, seen }
                }
            };
            Kept { name, per, what }
        });
        Self {
            kept: kept.collect(),
            #[cfg(not(target_family = "wasm"))]
            pretended: std::collections::HashMap::new(),
        }
    }

    /// Whether any looks at responses.
    pub fn look_at_responses(&self) -> bool {
        self.kept.iter().any(|signal| matches!(signal.what, What::Count { .. }))
    }

    /// Whether any that looks at responses reads this request header.
    pub fn read_header(&self, name: &[u8]) -> bool {
        let reads = |variable: &Variable| match variable {
            Variable::Fact(Fact::Size) => name == b"content-length",
            Variable::Member(Family::Headers, own) => own.as_bytes() == name,
            _ => false,
        };
        self.kept.iter().any(|signal| match &signal.what {
            What::Count { event, .. } => event.reads().iter().chain(signal.per.reads()).any(reads),
            What::New { .. } => false,
        })
    }

    /// Whether any looks at requests that go on.
    pub fn look_at_requests(&self) -> bool {
        self.kept.iter().any(|signal| matches!(signal.what, What::New { .. }))
    }

    /// What the signal of this name tells of a request.
    pub(super) fn tell(&self, name: &str, facts: &Facts<'_>) -> Result<Told, Doubt> {
        let signal = self.kept.iter().find(|signal| *signal.name == *name).ok_or(Doubt::Missing)?;
        let key = signal.per.key(facts)?;
        #[cfg(not(target_family = "wasm"))]
        if let Some(told) = self.pretended.get(name) {
            return Ok(*told);
        }
        match &signal.what {
            What::Count { counter, .. } => {
                counter.read(key.as_bytes(), facts.host).map(Told::Count)
            }
            What::New { value, seen } => {
                let value = value.key(facts)?;
                seen.is_new(key.as_bytes(), value.as_bytes(), facts.host).map(Told::New)
            }
        }
        .map_err(|_| Doubt::NotComputable)
    }

    /// Lets a signal tell this from now on: for the command, which has seen nothing. It is a number of
    /// events, or whether something is new.
    ///
    /// # Errors
    /// A sentence that says what the signal tells.
    #[cfg(not(target_family = "wasm"))]
    pub(crate) fn pretend(&mut self, name: &str, told: &serde_json::Value) -> Result<(), String> {
        let Some(signal) = self.kept.iter().find(|signal| *signal.name == *name) else {
            let known = self.kept.iter().map(|signal| &*signal.name);
            let hint = crate::config::suggestion(name, known);
            return Err(format!("no signal is named {name:?}{hint}"));
        };
        let told = match &signal.what {
            What::Count { .. } => told.as_u64().map(Told::Count).ok_or("a number, such as 6"),
            What::New { .. } => told.as_bool().map(Told::New).ok_or("true or false"),
        };
        let told = told.map_err(|expected| format!("the signal {name} tells {expected}"))?;
        self.pretended.insert(name.into(), told);
        Ok(())
    }

    /// Counts a response, where it is one to count, or where that cannot be told.
    pub fn count(&self, facts: &Facts<'_>) {
        for signal in &self.kept {
            if let What::Count { event, counter } = &signal.what
                && event.holds(facts).unwrap_or(true)
                && let Ok(key) = signal.per.key(facts)
            {
                // What could not be counted was counted as that.
                let _ = counter.add(key.as_bytes(), facts.host);
            }
        }
    }

    /// Remembers what a request that goes on brings, for the signals of which this is true.
    pub fn see(&self, facts: &Facts<'_>, is_read: impl Fn(&str) -> bool) {
        for signal in &self.kept {
            if let What::New { value, seen } = &signal.what
                && is_read(&signal.name)
                && let (Ok(key), Ok(value)) = (signal.per.key(facts), value.key(facts))
            {
                let _ = seen.see(key.as_bytes(), value.as_bytes(), facts.host);
            }
        }
    }
}
