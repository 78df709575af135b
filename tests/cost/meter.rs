//! Instructions between host calls.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What a request, or a configuration, costs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    /// Instructions of WebAssembly that the module ran.
    pub instructions: u64,
    /// How often it called which function of the proxy.
    pub host_calls: BTreeMap<String, u64>,
}

/// What a cost is made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile(Vec<Step>);

/// The way to a host call, or to the end of a callback.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Step {
    to: To,
    /// The instructions before it.
    before: u64,
    /// The instructions within it: what the module does to allocate memory for the answer.
    within: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum To {
    Call(String),
    Return(String),
}

/// Reads the counter in the module.
#[derive(Default)]
pub struct Meter {
    counted: u64,
    profile: Profile,
}

impl Meter {
    /// Begins anew, when this many are counted.
    pub fn start(&mut self, counted: u64) {
        *self = Self { counted, profile: Profile::default() };
    }

    pub fn enter_call(&mut self, name: &str, counted: u64) {
        self.add(To::Call(name.to_owned()), counted);
    }

    pub fn leave_call(&mut self, counted: u64) {
        let within = self.since(counted);
        self.profile.0.last_mut().expect("a call was entered").within = within;
    }

    pub fn leave_callback(&mut self, name: &str, counted: u64) {
        self.add(To::Return(name.to_owned()), counted);
    }

    pub fn take(&mut self) -> Profile {
        std::mem::take(&mut self.profile)
    }

    fn add(&mut self, to: To, counted: u64) {
        let before = self.since(counted);
        self.profile.0.push(Step { to, before, within: 0 });
    }

    fn since(&mut self, counted: u64) -> u64 {
        let new = counted - self.counted;
        self.counted = counted;
        new
    }
}

impl Profile {
    pub fn cost(&self) -> Cost {
        let mut cost = Cost::default();
        for step in &self.0 {
            cost.instructions += step.before + step.within;
            if let To::Call(name) = &step.to {
                *cost.host_calls.entry(name.clone()).or_default() += 1;
            }
        }
        cost
    }
}

impl std::fmt::Display for Profile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{:>12}  {:>8}  to", "instructions", "allocate")?;
        for Step { to, before, within } in &self.0 {
            match to {
                To::Call(name) => writeln!(f, "{before:>12}  {within:>8}  {name}")?,
                To::Return(name) => writeln!(f, "{before:>12}  {:>8}  the end of {name}", "")?,
            }
        }
        Ok(())
    }
}
