//! The record of a decision: one object of JSON, and the same as a sentence.

use std::fmt::{self, Write as _};
use std::time::Duration;

use jiff::Timestamp as UtcTime;
use serde::{Serialize, Serializer};

use super::{Outcome, Reason};
use crate::condition::Doubt;
use crate::decision::{ChallengeReason, Decision, Failure, Grant, Shortfall};
use crate::policy::{Demand, Ladder, Mode, Policy, Requirement};
use crate::request::{Headers, split_target};
use crate::time::Timestamp;
use crate::token::Evidence;

/// The longest text of a request that is told, in bytes: whoever sends requests must not be able to
/// fill the log.
const LONGEST: usize = 1024;

/// What selected the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SelectedBy {
    /// The rule at this place.
    Rule(usize),
    /// No rule matched.
    Default,
    /// The route's own metadata.
    RouteMetadata,
}

impl fmt::Display for SelectedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rule(index) => write!(f, "rules[{index}]"),
            Self::Default => f.write_str("default"),
            Self::RouteMetadata => f.write_str("route_metadata"),
        }
    }
}

/// A raise that fired, or would have.
#[derive(Clone, Copy, Debug)]
pub struct RaiseRecord<'p> {
    /// The name of its policy.
    pub policy: &'p str,
    /// Its name.
    pub raise: &'p str,
    /// Whether it did what it says.
    pub mode: Mode,
    /// Why its condition could not be evaluated, where that is why it fired.
    pub doubt: Option<Doubt>,
}

/// What became of a request.
#[derive(Clone, Copy, Debug)]
pub enum Verdict<'a> {
    /// It was decided over.
    Decided(&'a Decision<'a>),
    /// It could not be decided over.
    Failed(&'a Failure),
}

impl Verdict<'_> {
    /// Why, in one word.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Decided(decision) => Reason::from(*decision),
            Self::Failed(failure) => Reason::from(*failure),
        }
    }
}

/// What became of a request, and why. It holds nothing of the token but what it proves.
#[derive(Debug)]
pub struct Record<'a> {
    /// The request.
    pub headers: &'a Headers,
    /// When.
    pub now: Timestamp,
    /// The version of the configuration.
    pub configuration: &'a str,
    /// What selected the policies; `None` where none could be selected.
    pub selected_by: Option<SelectedBy>,
    /// The policies that were applied.
    pub policies: Vec<&'a Policy>,
    /// The demands of the policies, and of the raises that fired.
    pub demands: Vec<&'a Demand>,
    /// Whether what was decided was done.
    pub mode: Mode,
    /// What was decided.
    pub verdict: Verdict<'a>,
    /// The status of the answer; in shadow mode, of the one that was not sent.
    pub status: Option<u16>,
    /// The raises that fired.
    pub raises: &'a [RaiseRecord<'a>],
    /// What the token proves, where a good one came.
    pub evidence: Option<&'a Evidence>,
    /// Who it is, hashed.
    pub subject: Option<String>,
    /// For the names of levels.
    pub levels: &'a Ladder,
}

impl Record<'_> {
    /// The name of the level that the token proves.
    pub fn level(&self) -> Option<&str> {
        let level = self.levels.satisfied(self.evidence?).highest()?;
        Some(self.levels.name(level))
    }

    /// The age of the last active authentication.
    pub fn age(&self) -> Option<Duration> {
        crate::decision::age(self.evidence?, self.now).ok()
    }

    /// The record as a line of JSON. What a client sent in it cannot steer a terminal.
    pub fn to_json(&self) -> String {
        // Text and numbers always serialize.
        harmless(serde_json::to_string(&self.line()).unwrap_or_default())
    }

    fn line(&self) -> Line<'_> {
        let reason = self.verdict.reason();
        Line {
            time: rfc3339(self.now),
            configuration: self.configuration,
            request: self.request(),
            rule: self.selected_by.map(Shown),
            policies: self.policies.iter().map(|policy| &*policy.name).collect(),
            mode: self.mode.as_str(),
            decision: reason.outcome().as_str(),
            reason: reason.as_str(),
            message: cut(self.message().to_string()),
            required: self.required(),
            found: self.found(),
            raises: self.raises.iter().map(raise_line).collect(),
            status: self.status,
            issuer: self.evidence.map(|evidence| &*evidence.issuer().name),
            subject: self.subject.as_deref(),
        }
    }

    fn request(&self) -> RequestLine {
        let text = |name| {
            let value = self.headers.single(name)?;
            Some(cut(String::from_utf8_lossy(value).into_owned()))
        };
        let (path, _) = split_target(self.headers.single(":path").unwrap_or_default());
        RequestLine {
            id: text("x-request-id"),
            method: text(":method"),
            host: text(":authority"),
            // Without the query, which may hold a token.
            path: cut(String::from_utf8_lossy(path).into_owned()),
        }
    }

    fn required(&self) -> Option<Required<'_>> {
        let asked = match self.verdict {
            Verdict::Decided(Decision::Challenge(challenge)) => challenge.requirement,
            _ => crate::decision::required(self.demands.iter().copied(), self.levels),
        };
        let mut scopes = Vec::<&str>::new();
        for scope in self.demands.iter().flat_map(|demand| &demand.scopes) {
            if !scopes.contains(&&**scope) {
                scopes.push(scope);
            }
        }
        let name = |requirement: Requirement| self.levels.name(requirement.level);
        let required = Required {
            level: asked.map(name),
            max_age: asked.and_then(|asked| asked.max_age).map(|age| age.as_secs()),
            scopes,
        };
        (required != Required::default()).then_some(required)
    }

    fn found(&self) -> Option<Found<'_>> {
        let evidence = self.evidence?;
        Some(Found {
            level: self.level(),
            age: self.age().map(|age| age.as_secs()),
            acr: evidence.acr(),
            amr: evidence.amr().iter().map(|method| &**method).collect(),
        })
    }

    /// Why, as a sentence for people.
    pub fn message(&self) -> impl fmt::Display + '_ {
        Message(self)
    }
}

fn raise_line<'r>(raise: &'r RaiseRecord<'_>) -> RaiseLine<'r> {
    RaiseLine {
        policy: raise.policy,
        raise: raise.raise,
        mode: raise.mode.as_str(),
        outcome: if raise.doubt.is_some() { "in_doubt" } else { "fired" },
        doubt: raise.doubt.map(|doubt| doubt.to_string()),
    }
}

/// RFC 3339, to the millisecond.
fn rfc3339(time: Timestamp) -> String {
    let milliseconds = i64::try_from(time.since_epoch().as_millis()).unwrap_or(i64::MAX);
    UtcTime::from_millisecond(milliseconds)
        .map_or_else(|_| String::new(), |time| format!("{time:.3}"))
}

/// The same JSON, with escapes for what shows nothing. JSON itself asks for that with the controls of ASCII
/// only, and U+009B begins what steers a terminal too, U+202E turns a line round.
fn harmless(line: String) -> String {
    if line.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return line;
    }
    let mut shown = String::with_capacity(line.len());
    for letter in line.chars() {
        if matches!(letter, '"' | '\'' | '\\') || letter.escape_debug().len() == 1 {
            shown.push(letter);
        } else {
            for unit in letter.encode_utf16(&mut [0; 2]) {
                // Text takes whatever is written to it.
                let _ = write!(shown, "\\u{unit:04x}");
            }
        }
    }
    shown
}

/// At most [`LONGEST`] bytes of a text.
fn cut(mut text: String) -> String {
    if text.len() > LONGEST {
        text.truncate(text.floor_char_boundary(LONGEST));
        text.push('…');
    }
    text
}

/// What is serialized as it is shown.
#[derive(Debug)]
struct Shown<T>(T);

impl<T: fmt::Display> Serialize for Shown<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// The form of the line.
#[derive(Serialize)]
struct Line<'a> {
    time: String,
    configuration: &'a str,
    request: RequestLine,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<Shown<SelectedBy>>,
    policies: Vec<&'a str>,
    mode: &'static str,
    decision: &'static str,
    reason: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    required: Option<Required<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    found: Option<Found<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    raises: Vec<RaiseLine<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    issuer: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a str>,
}

#[derive(Serialize)]
struct RequestLine {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<String>,
    path: String,
}

#[derive(Default, PartialEq, Serialize)]
struct Required<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_age: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    scopes: Vec<&'a str>,
}

#[derive(Serialize)]
struct Found<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    age: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acr: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    amr: Vec<&'a str>,
}

#[derive(Serialize)]
struct RaiseLine<'a> {
    policy: &'a str,
    raise: &'a str,
    mode: &'static str,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    doubt: Option<String>,
}

/// Why, as a sentence for people.
struct Message<'r, 'a>(&'r Record<'a>);

impl fmt::Display for Message<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let levels = self.0.levels;
        let name = |level: Option<_>| level.map_or("none", |level| levels.name(level));
        let decision = match self.0.verdict {
            Verdict::Failed(failure) => return f.write_str(&failure.message),
            Verdict::Decided(decision) => decision,
        };
        match decision {
            Decision::Allow(Grant::Public) => f.write_str("the policy is public"),
            Decision::Allow(Grant::Proven { level }) => {
                write!(f, "the token proves the level {:?}", name(*level))
            }
            Decision::Challenge(challenge) => match challenge.reason {
                ChallengeReason::NoToken => f.write_str("there is no token"),
                ChallengeReason::InvalidToken(error) => error.fmt(f),
                ChallengeReason::InvalidProof(error) => error.fmt(f),
                ChallengeReason::Insufficient(Shortfall::Level { required, found }) => write!(
                    f,
                    "the level {:?} is required, {:?} is proven",
                    levels.name(required),
                    name(found)
                ),
                ChallengeReason::Insufficient(Shortfall::AuthTime { problem }) => {
                    write!(f, "the time of the authentication is not known: {problem}")
                }
                ChallengeReason::Insufficient(Shortfall::Age { required, found }) => write!(
                    f,
                    "the authentication is {}s old, {}s at most is required",
                    found.as_secs(),
                    required.as_secs()
                ),
            },
            Decision::Forbid(missing) => {
                write!(f, "the scopes {:?} are required", missing.required.join(" "))
            }
            Decision::Deny(denial) => write!(f, "by the raise {:?}", denial.raise),
            Decision::Reject(error) => error.fmt(f),
        }
    }
}

impl fmt::Display for Record<'_> {
    /// A line for people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", super::About(self.headers))?;
        self.policies.iter().try_for_each(|policy| write!(f, "policy {:?}: ", policy.name))?;
        let would = if self.mode == Mode::Shadow { "would be " } else { "" };
        let (became, link) = match (self.verdict, self.verdict.reason().outcome()) {
            _ if self.verdict.reason() == Reason::Unavailable => ("unavailable", ": "),
            (Verdict::Failed(_), Outcome::Fail) => ("failed", ": "),
            (_, Outcome::Allow) => ("allowed", ", "),
            (_, Outcome::Challenge) => ("challenged", ": "),
            (_, Outcome::Forbid) => ("forbidden", ": "),
            (_, Outcome::Deny) => ("denied", " "),
            (_, Outcome::Reject | Outcome::Fail) => ("rejected", ": "),
        };
        write!(f, "{would}{became}{link}{}", self.message())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_holds_nothing_that_steers_a_terminal_and_says_the_same() {
        for text in
            ["plain", "é 支払い 🦀", "\u{9b}31m\u{7f}\u{202e}\u{2028}\u{e0001}\u{1b}\n\0", "'\"\\"]
        {
            let line = harmless(serde_json::to_string(text).unwrap());
            let steers = |letter: char| {
                !matches!(letter, '"' | '\'' | '\\') && letter.escape_debug().len() > 1
            };
            assert!(!line.contains(steers), "{line}");
            assert_eq!(serde_json::from_str::<String>(&line).unwrap(), text);
        }
        assert_eq!(harmless("\"é\"".to_owned()), "\"é\"");
    }
}
