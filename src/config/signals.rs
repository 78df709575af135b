//! `signals`: what the proxy counts and remembers, by name.

use std::time::Duration;

use serde_json::Value;

use super::node::{Node, Object};
use super::{all, one_of};
use crate::condition::{Condition, KeyExpression, Known, Scope, Signal, Type, Watched};
use crate::signals::{SignalKind, SignalSettings};

const KINDS: [&str; 2] = ["count", "first_seen"];
const KEYS: [&str; 6] = ["count", "first_seen", "per", "window", "forget_after", "most_keys"];
const EXPECTED: &str = "a signal such as {count: \"<condition>\", per: source.ip, window: 10m}";
const MAP: &str = "an object with a signal for each name";

const DEFAULT_MOST_KEYS: usize = 100_000;
/// The most takes 350 MB.
const MOST_KEYS_BOUNDS: (u64, u64) = (1_000, 10_000_000);
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST_WINDOW: Duration = Duration::from_hours(31 * 24);
const DEFAULT_FORGET_AFTER: Duration = Duration::from_hours(90 * 24);
const LONGEST_FORGET_AFTER: Duration = Duration::from_hours(400 * 24);

/// What no name can be after a dot in CEL.
const RESERVED: [&str; 21] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "false",
    "for",
    "function",
    "if",
    "import",
    "in",
    "let",
    "loop",
    "namespace",
    "null",
    "package",
    "return",
    "true",
    "var",
    "void",
    "while",
];

/// The signals; none where the key is not there.
pub(super) fn read(object: &Object<'_>) -> Option<Vec<SignalSettings>> {
    let Some(node) = object.get("signals") else { return Some(Vec::new()) };
    all(node.entries(MAP)?.map(|(name, item)| read_signal(name, &item)))
}

/// The names of the signals, and what each tells, for conditions. A signal with a mistake has both
/// too, so that one mistake is told once.
pub(super) fn names<'a>(object: &Object<'a>) -> Vec<(&'a str, Type)> {
    let signals = object.get("signals").and_then(|node| node.value().as_object());
    let type_of = |signal: &Value| match (signal.get("count"), signal.get("first_seen")) {
        (Some(_), None) => Type::Int,
        (None, Some(_)) => Type::Bool,
        _ => Type::Dyn,
    };
    signals.into_iter().flatten().map(|(name, signal)| (name.as_str(), type_of(signal))).collect()
}

/// Compiles the expressions of signals. They can look into feeds, and not at other signals, so that
/// these are not known to them.
pub(super) fn compile(
    object: &Object<'_>,
    settings: Vec<SignalSettings>,
    known: &Known<'_>,
) -> Option<Vec<Signal>> {
    let node = object.get("signals");
    let nodes = match &node {
        Some(node) => node.entries(MAP)?.collect::<Vec<_>>(),
        None => Vec::new(),
    };
    all(settings.into_iter().map(|settings| {
        let (_, node) = nodes.iter().find(|(name, _)| *name == &*settings.name)?;
        let signal = node.any_object()?;
        let (scope, what) = match &settings.kind {
            SignalKind::Count { condition, window } => {
                let compiled = Condition::compile(condition, Scope::Response, known);
                let event = signal.get("count")?.compiled(compiled);
                (Scope::Both, event.map(|event| Watched::Events { event, window: *window }))
            }
            SignalKind::FirstSeen { value, window, forget_after } => {
                let compiled = KeyExpression::compile(value, Scope::Request, known);
                let value = signal.get("first_seen")?.compiled(compiled);
                let (window, forget_after) = (*window, *forget_after);
                let values = value.map(|value| Watched::Values { value, window, forget_after });
                (Scope::Request, values)
            }
        };
        let per = KeyExpression::compile(&settings.per, scope, known);
        let per = signal.get("per")?.compiled(per);
        let (shared_name, most_keys) = (settings.shared_name(), settings.most_keys);
        Some(Signal { name: settings.name, shared_name, per: per?, what: what?, most_keys })
    }))
}

fn read_signal(name: &str, node: &Node<'_>) -> Option<SignalSettings> {
    let is_name = check_name(name, node);
    let signal = node.object(EXPECTED, &KEYS)?;
    let kind = one_of(&signal, &KINDS).and_then(|kind| match kind {
        "count" => read_count(&signal),
        _ => read_first_seen(&signal),
    });
    let per = read_expression(&signal, "per", "what to count for, such as source.ip");
    let most_keys = match signal.get("most_keys") {
        Some(node) => {
            let (least, most) = MOST_KEYS_BOUNDS;
            node.integer(least, most).and_then(|number| usize::try_from(number).ok())
        }
        None => Some(DEFAULT_MOST_KEYS),
    };
    is_name.then_some(())?;
    Some(SignalSettings { name: name.into(), per: per?, kind: kind?, most_keys: most_keys? })
}

/// Conditions read it as `signals.<name>`.
fn check_name(name: &str, node: &Node<'_>) -> bool {
    let is_word = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if !is_word {
        node.mistake(
            "its name cannot stand in a condition as signals.<name>; expected a small letter or _, \
             then small letters, digits and _",
        );
    } else if RESERVED.contains(&name) {
        node.mistake("its name is a reserved word of CEL; expected another one");
    }
    is_word && !RESERVED.contains(&name)
}

fn read_count(signal: &Object<'_>) -> Option<SignalKind> {
    if let Some(node) = signal.get("forget_after") {
        node.mistake("goes with first_seen only; what is counted is forgotten after window");
    }
    let condition = read_expression(signal, "count", "the condition that is counted");
    let window = read_window(signal);
    Some(SignalKind::Count { condition: condition?, window: window? })
}

fn read_first_seen(signal: &Object<'_>) -> Option<SignalKind> {
    let value = read_expression(signal, "first_seen", "what is remembered, such as a device id");
    let window = read_window(signal);
    let forget_after = match signal.get("forget_after") {
        Some(node) => read_duration(&node, LONGEST_FORGET_AFTER),
        None => Some(DEFAULT_FORGET_AFTER),
    };
    if let (Some(window), Some(forget_after)) = (window, forget_after)
        && forget_after <= window
    {
        signal.mistake(format!(
            "forgets after {}s, which is no longer than window, so that everything would be new \
             for ever; expected forget_after to be longer",
            forget_after.as_secs()
        ));
    }
    Some(SignalKind::FirstSeen { value: value?, window: window?, forget_after: forget_after? })
}

fn read_window(signal: &Object<'_>) -> Option<Duration> {
    let node = signal.required("window", "for how long it counts, such as \"10m\"")?;
    read_duration(&node, LONGEST_WINDOW)
}

fn read_duration(node: &Node<'_>, longest: Duration) -> Option<Duration> {
    let duration = node.seconds()?;
    if duration < SHORTEST || duration > longest {
        node.unexpected(&format!(
            "a duration from {}s to {}d",
            SHORTEST.as_secs(),
            longest.as_secs().div_euclid(24 * 60 * 60)
        ));
        return None;
    }
    Some(duration)
}

fn read_expression(signal: &Object<'_>, key: &'static str, expected: &str) -> Option<Box<str>> {
    let node = signal.required(key, expected)?;
    let text = node.string(expected)?;
    if text.trim().is_empty() {
        node.mistake(format!("is empty; expected {expected}"));
        return None;
    }
    Some(text.into())
}
