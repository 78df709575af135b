//! The functions of conditions, and what becomes of operators that would hide a wrong type.

use std::sync::Arc;

use cel::Env;
use cel::common::types;
use cel::common::value::CowVal;

use super::types::Type;
use super::values::{Address, Decimal, Instant, WrittenNull};
use super::{expressions, functions};
use crate::feeds::{FeedType, parse_network};
use crate::number;

/// `==`, but for values of types that differ an error.
pub(super) const EQUAL: &str = "@equal";
/// `!=`, but for values of types that differ an error.
pub(super) const DIFFERENT: &str = "@different";
/// `in`, but for values of types that differ an error.
pub(super) const CONTAINED: &str = "@contained";

/// `null`, where it is written out.
pub(super) const NULL: &str = "@null";

/// Arithmetic, but where a double has no bound, or is no number, an error.
pub(super) const ADD: &str = "@add";
pub(super) const SUBTRACT: &str = "@subtract";
pub(super) const MULTIPLY: &str = "@multiply";
pub(super) const DIVIDE: &str = "@divide";

/// A function with the types that it takes.
pub(super) struct Signature {
    pub(super) name: &'static str,
    /// What is called in its place.
    pub(super) stands_for: &'static str,
    /// The first one is what it is called on, where it is a member.
    pub(super) takes: &'static [Type],
    pub(super) gives: Type,
    pub(super) is_member: bool,
}

const fn function(
    name: &'static str,
    stands_for: &'static str,
    takes: &'static [Type],
    gives: Type,
) -> Signature {
    Signature { name, stands_for, takes, gives, is_member: false }
}

const fn member(name: &'static str, takes: &'static [Type], gives: Type) -> Signature {
    Signature { name, stands_for: name, takes, gives, is_member: true }
}

/// All functions. Those of CEL's standard library that are not here are not offered.
pub(super) const FUNCTIONS: &[Signature] = &[
    function("size", "size", &[Type::String], Type::Int),
    function("size", "size", &[Type::List], Type::Int),
    function("size", "size", &[Type::Map], Type::Int),
    function("int", "@int", &[Type::Int], Type::Int),
    function("int", "@int", &[Type::Double], Type::Int),
    function("int", "@int", &[Type::String], Type::Int),
    function("double", "@double", &[Type::Double], Type::Double),
    function("double", "@double", &[Type::Int], Type::Double),
    function("double", "@double", &[Type::String], Type::Double),
    function("decimal", "decimal", &[Type::String], Type::Decimal),
    function("decimal", "decimal", &[Type::Int], Type::Decimal),
    function("decimal", "decimal", &[Type::Double], Type::Decimal),
    function("string", "string", &[Type::String], Type::String),
    function("string", "string", &[Type::Int], Type::String),
    function("string", "string", &[Type::Bool], Type::String),
    function("ip", "ip", &[Type::String], Type::Address),
    function("cidr", "cidr", &[Type::String], Type::Network),
    function("timestamp", "timestamp", &[Type::String], Type::Timestamp),
    function("timestamp", "timestamp", &[Type::Int], Type::Timestamp),
    member("size", &[Type::String], Type::Int),
    member("size", &[Type::List], Type::Int),
    member("size", &[Type::Map], Type::Int),
    member("startsWith", &[Type::String, Type::String], Type::Bool),
    member("endsWith", &[Type::String, Type::String], Type::Bool),
    member("contains", &[Type::String, Type::String], Type::Bool),
    member("matches", &[Type::String, Type::String], Type::Bool),
    member("lowerAscii", &[Type::String], Type::String),
    member("containsIP", &[Type::Network, Type::Address], Type::Bool),
    member("containsIP", &[Type::Network, Type::String], Type::Bool),
    member("notBefore", &[Type::Feed(Some(FeedType::NotBefore)), Type::String], Type::Int),
    member("getFullYear", &[Type::Timestamp], Type::Int),
    member("getFullYear", &[Type::Timestamp, Type::String], Type::Int),
    member("getMonth", &[Type::Timestamp], Type::Int),
    member("getMonth", &[Type::Timestamp, Type::String], Type::Int),
    member("getDate", &[Type::Timestamp], Type::Int),
    member("getDate", &[Type::Timestamp, Type::String], Type::Int),
    member("getDayOfWeek", &[Type::Timestamp], Type::Int),
    member("getDayOfWeek", &[Type::Timestamp, Type::String], Type::Int),
    member("getHours", &[Type::Timestamp], Type::Int),
    member("getHours", &[Type::Timestamp, Type::String], Type::Int),
    member("getMinutes", &[Type::Timestamp], Type::Int),
    member("getMinutes", &[Type::Timestamp, Type::String], Type::Int),
];

thread_local! {
    static ENVIRONMENT: Option<Arc<Env>> = build().map(Arc::new).ok();
}

/// The environment, which is the same for all conditions.
pub(super) fn shared() -> Arc<Env> {
    // Declarations do not depend on any input; a test makes them all.
    ENVIRONMENT.with(|environment| environment.clone().unwrap_or_default())
}

fn build() -> Result<Env, cel::DeclarationError> {
    let mut env = Env::default();
    let two = || vec![types::DYN_TYPE, types::DYN_TYPE];
    env.add_overload(EQUAL, EQUAL, two(), functions::equal)?;
    env.add_overload(DIFFERENT, DIFFERENT, two(), functions::different)?;
    env.add_overload(CONTAINED, CONTAINED, two(), functions::contained)?;
    env.add_overload(NULL, NULL, vec![], |_| Ok(CowVal::owned(WrittenNull)))?;
    env.add_overload(ADD, ADD, two(), functions::add)?;
    env.add_overload(SUBTRACT, SUBTRACT, two(), functions::subtract)?;
    env.add_overload(MULTIPLY, MULTIPLY, two(), functions::multiply)?;
    env.add_overload(DIVIDE, DIVIDE, two(), functions::divide)?;
    let one = || vec![types::DYN_TYPE];
    env.add_overload("@int", "@int", one(), functions::int)?;
    env.add_overload("@double", "@double", one(), functions::double)?;
    env.add_overload("decimal", "decimal", one(), functions::decimal)?;
    env.add_overload("string", "string", one(), functions::string)?;
    env.add_overload("ip", "ip", one(), functions::ip)?;
    env.add_overload("cidr", "cidr", one(), functions::cidr)?;
    env.add_overload("timestamp", "timestamp", one(), functions::timestamp)?;
    env.add_overload("size", "size", one(), functions::size)?;
    env.add_member_overload("size", "member_size", types::DYN_TYPE, vec![], functions::size)?;
    env.add_member_overload(
        "lowerAscii",
        "lowerAscii",
        types::STRING_TYPE,
        vec![],
        functions::lower_ascii,
    )?;
    let text = || vec![types::STRING_TYPE];
    env.add_member_overload(
        "startsWith",
        "startsWith",
        types::STRING_TYPE,
        text(),
        functions::starts_with,
    )?;
    env.add_member_overload(
        "endsWith",
        "endsWith",
        types::STRING_TYPE,
        text(),
        functions::ends_with,
    )?;
    env.add_member_overload(
        "contains",
        "contains",
        types::STRING_TYPE,
        text(),
        functions::contains,
    )?;
    env.add_member_overload("matches", "matches", types::STRING_TYPE, text(), functions::matches)?;
    env.add_member_overload(
        "containsIP",
        "containsIP",
        types::DYN_TYPE,
        one(),
        functions::contains_ip,
    )?;
    env.add_member_overload(
        "notBefore",
        "notBefore",
        types::DYN_TYPE,
        text(),
        functions::not_before,
    )?;
    for (name, read) in Instant::PARTS {
        let zoned = format!("{name}_zone");
        env.add_member_overload(name, name, types::DYN_TYPE, vec![], *read)?;
        env.add_member_overload(name, &zoned, types::DYN_TYPE, text(), *read)?;
    }
    Ok(env)
}

/// Checks an argument that is written out.
pub(super) fn check_literal(function: &str, text: &str) -> Result<(), String> {
    if function == "matches" {
        return expressions::check(text);
    }
    let (is_good, expected) = match function {
        "cidr" => return parse_network(text).map(drop).map_err(|why| format!("cidr: {why}")),
        "ip" | "containsIP" => {
            (text.parse::<Address>().is_ok(), "an address, such as \"192.0.2.1\"")
        }
        "decimal" => (Decimal::parse(text).is_some(), "a number, such as \"1000.50\""),
        "double" => (number::exact(text).is_some(), "a number that a double keeps as it is"),
        "int" => (number::integer(text).is_some(), "a whole number, such as \"1000\""),
        "timestamp" => {
            let is_good = Instant::parse(text).is_some();
            (is_good, "a time of RFC 3339, such as \"2026-11-24T12:00:00Z\"")
        }
        name if Instant::PARTS.iter().any(|(part, _)| *part == name) => {
            (Instant::is_zone(text), "a time zone of the IANA database, such as \"Europe/Berlin\"")
        }
        _ => return Ok(()),
    };
    if is_good {
        return Ok(());
    }
    Err(format!("{text:?} is nothing that {function} takes; expected {expected}"))
}

/// Whether all declarations were taken.
#[cfg(test)]
pub(super) fn is_complete() -> bool {
    build().is_ok()
}
