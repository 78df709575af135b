//! Comparisons and `in`: what compares with what, and what to write where it does not.

use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, operators};

use super::{Checker, ident, path_of};
use crate::condition::environment::CONTAINED;
use crate::condition::values::{Address, Instant};
use crate::condition::{Fact, Type, Variable};
use crate::config::suggestion;
use crate::feeds::FeedType;

/// The signs of comparisons, with what each is where the sides are swapped.
const SIGNS: [(&str, &str, &str); 6] = [
    (operators::EQUALS, "==", "=="),
    (operators::NOT_EQUALS, "!=", "!="),
    (operators::LESS, "<", ">"),
    (operators::LESS_EQUALS, "<=", ">="),
    (operators::GREATER, ">", "<"),
    (operators::GREATER_EQUALS, ">=", "<="),
];

/// What an operand is in the expression as it was written.
pub(super) enum Shape {
    /// A name and its members, as they are written.
    Name(String),
    /// A text.
    Text(String),
    /// A number.
    Number(String),
    /// A call of a function of a timestamp, by its name.
    Part(String),
    /// A list that is written out.
    List(Vec<(Shape, Type)>),
    /// All else.
    Other,
}

impl Shape {
    pub(super) fn of(node: &IdedExpr) -> Self {
        if let Some((path, _)) = path_of(node) {
            return Self::Name(written(&path));
        }
        match &node.expr {
            Expr::Literal(LiteralValue::String(text)) => Self::Text(text.inner().to_owned()),
            Expr::Literal(LiteralValue::Int(number)) => Self::Number(number.inner().to_string()),
            Expr::Literal(LiteralValue::UInt(number)) => Self::Number(number.inner().to_string()),
            Expr::Literal(LiteralValue::Double(number)) => Self::Number(number.inner().to_string()),
            Expr::Call(call) if Instant::range(&call.func_name).is_some() => {
                Self::Part(call.func_name.clone())
            }
            Expr::List(list) => Self::List(list.elements.iter().map(Self::with_type).collect()),
            _ => Self::Other,
        }
    }

    fn with_type(node: &IdedExpr) -> (Self, Type) {
        let found = match &node.expr {
            Expr::Literal(literal) => super::type_of(literal),
            _ => Type::Dyn,
        };
        (Self::of(node), found)
    }

    /// As it is written, as far as that is kept.
    fn shown(&self) -> String {
        match self {
            Self::Name(name) => name.clone(),
            Self::Text(text) => quoted(text),
            Self::Number(number) => number.clone(),
            Self::Part(_) | Self::List(_) | Self::Other => "…".to_owned(),
        }
    }

    /// It as a decimal.
    fn decimal(&self) -> String {
        match self {
            Self::Number(text) | Self::Text(text) => format!("decimal({})", quoted(text.trim())),
            _ => format!("decimal({})", self.shown()),
        }
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.escape_debug())
}

/// A path as an expression has it.
fn written(path: &[String]) -> String {
    let is_word = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    let mut text = String::new();
    for (index, step) in path.iter().enumerate() {
        match (index, is_word(step)) {
            (0, _) => text.push_str(step),
            (_, true) => text.extend([".", step]),
            (_, false) => text.extend(["[", &quoted(step), "]"]),
        }
    }
    text
}

/// Whether someone who writes this text has a number in mind.
fn is_number(text: &str) -> bool {
    text.contains(|c: char| c.is_ascii_digit()) && text.trim().parse::<f64>().is_ok()
}

/// Where a part of a time, which is in a range, compares with a number in one way only: in which.
fn is_always(sign: &str, (least, most): (i64, i64), number: i64) -> Option<bool> {
    let is_outside = number < least || number > most;
    let (never, always) = match sign {
        "==" => (is_outside, false),
        "!=" => (false, is_outside),
        "<" => (number <= least, number > most),
        "<=" => (number < least, number >= most),
        ">" => (number >= most, number < least),
        _ => (number > most, number <= least),
    };
    match (never, always) {
        (true, _) => Some(false),
        (_, true) => Some(true),
        _ => None,
    }
}

impl Checker<'_> {
    /// Checks a comparison, or `in`, with `level`. Levels have an order, which their names have not:
    /// `level >= 'mfa'` is whether the token satisfies that level.
    pub(super) fn visit_level(&mut self, call: &mut CallExpr) -> Option<Type> {
        let [one, other] = call.args.as_slice() else { return None };
        let (one, other) = (Shape::of(one), Shape::of(other));
        let is_level = |shape: &Shape| matches!(shape, Shape::Name(name) if name == "level");
        let (sign, with) = if is_level(&one) { (1, other) } else { (2, one) };
        if call.func_name == operators::IN {
            if let (1, Shape::List(items)) = (sign, &with) {
                for (item, _) in items {
                    self.check_level(item);
                }
            }
            return None;
        }
        let found = SIGNS.iter().find(|(operator, ..)| *operator == call.func_name)?;
        let sign = match sign {
            1 => found.1,
            _ if call.args.get(1).is_some_and(|other| is_level(&Shape::of(other))) => found.2,
            _ => return None,
        };
        if matches!(sign, "==" | "!=") {
            self.check_level(&with);
            return None;
        }
        let is_text = matches!(with, Shape::Text(_));
        if !is_text || !matches!(sign, ">=" | "<") {
            let name = if is_text { with.shown() } else { "'name'".to_owned() };
            let message = format!(
                "level {sign} {} asks for an order of names; write level >= {name} for a token that \
                 satisfies that level, level < {name} for one that does not",
                with.shown()
            );
            self.mistake_at(found.1, &message);
            return Some(Type::Bool);
        }
        self.check_level(&with);
        self.note(Variable::Fact(Fact::Satisfied), "level");
        let Shape::Text(name) = with else { return None };
        let name = Expr::Literal(LiteralValue::String(name.into()));
        let args = [name, ident(Fact::Satisfied.name())];
        let args = args.map(|expr| IdedExpr { id: 0, expr }).to_vec();
        let contained = CallExpr { func_name: CONTAINED.to_owned(), target: None, args };
        *call = if sign == ">=" {
            contained
        } else {
            let contained = IdedExpr { id: 0, expr: Expr::Call(contained) };
            let func_name = operators::LOGICAL_NOT.to_owned();
            CallExpr { func_name, target: None, args: vec![contained] }
        };
        Some(Type::Bool)
    }

    /// A name that stands for a level has to be one. Nothing proven is the empty name.
    fn check_level(&mut self, shape: &Shape) {
        let (Shape::Text(name), Some(levels)) = (shape, self.known.levels) else { return };
        if !name.is_empty() && !levels.contains(&name.as_str()) {
            let hint = suggestion(name, levels.iter().copied());
            self.mistake_at(name, &format!("no level is named {name:?}{hint}"));
        }
    }

    /// Checks a comparison.
    pub(super) fn compare(&mut self, sign: &str, types: [Type; 2], shapes: &[Shape]) -> Type {
        let [one, other] = types;
        let is_order = !matches!(sign, "==" | "!=");
        let fits = if is_order { one.compares_with(other) } else { one.equates_with(other) };
        let (Some(first), Some(second)) = (shapes.first(), shapes.get(1)) else {
            return Type::Bool;
        };
        if !fits {
            let hint = instead(sign, types, [first, second]);
            let (one, other) = (one.name(), other.name());
            let message = format!("{one} and {other} cannot be compared by {sign}; {hint}");
            self.mistake_at(sign, &message);
        } else if is_order
            && let (Shape::Text(text), _) | (_, Shape::Text(text)) = (first, second)
            && is_number(text)
        {
            let shown = quoted(text);
            let message = format!(
                "{shown} is text, of which {sign} compares letter by letter; write {} {sign} {}",
                first.decimal(),
                second.decimal()
            );
            self.mistake_at(text, &message);
        }
        self.check_range(sign, first, second);
        Type::Bool
    }

    fn check_range(&mut self, sign: &str, first: &Shape, second: &Shape) {
        let swapped = SIGNS.iter().find(|(_, own, _)| *own == sign).map(|(.., swapped)| *swapped);
        let (sign, part, number) = match (first, second, swapped) {
            (Shape::Part(part), Shape::Number(number), _) => (sign, part, number),
            (Shape::Number(number), Shape::Part(part), Some(sign)) => (sign, part, number),
            _ => return,
        };
        let (Some((least, most)), Ok(wanted)) = (Instant::range(part), number.parse()) else {
            return;
        };
        if let Some(always) = is_always(sign, (least, most), wanted) {
            let when = if always { "always" } else { "never" };
            let message = format!(
                "{part} {sign} {number} is {when} true; expected a number with which {part}, which \
                 is from {least} to {most}, compares in both ways"
            );
            self.mistake_at(part, &message);
        }
    }

    /// Checks what is looked for in what.
    pub(super) fn contained(&mut self, one: Type, of: Type, shapes: &[Shape]) -> Type {
        let (Some(first), Some(second)) = (shapes.first(), shapes.get(1)) else {
            return Type::Bool;
        };
        let problem = match of {
            Type::Dyn | Type::Feed(None) => None,
            Type::List => not_among(one, first, second),
            Type::Network | Type::Feed(Some(FeedType::Networks)) => not_an_address(one, first),
            Type::Feed(Some(FeedType::Strings)) if one.may_be(Type::String) => None,
            Type::Feed(Some(FeedType::Strings)) => {
                Some("expected a string, or a feed of type networks".to_owned())
            }
            Type::Feed(Some(FeedType::NotBefore)) => Some(format!(
                "which has a time for each subject; write \
                 claims.auth_time < {}.notBefore(claims.sub)",
                second.shown()
            )),
            _ => Some("expected a list, a feed or a cidr".to_owned()),
        };
        if let Some(problem) = problem {
            let message = format!("{} cannot be in {}; {problem}", one.name(), of.name());
            self.mistake_at(" in ", &message);
        }
        Type::Bool
    }

    /// Text is no address before it was read as one.
    pub(super) fn check_address(&mut self, function: &str, found: Type, arg: &Shape) {
        if found == Type::String && !matches!(arg, Shape::Text(_)) {
            let message = format!("{function} takes an ip; found a string; {}", as_address(arg));
            self.mistake_at(function, &message);
        }
    }
}

/// Why none of the items of a written-out list can be this value.
fn not_among(one: Type, first: &Shape, list: &Shape) -> Option<String> {
    let Shape::List(items) = list else { return None };
    let (item, found) = items.iter().find(|(_, found)| !one.equates_with(*found))?;
    let write = match item {
        Shape::Text(text) if one == Type::Address && text.contains('/') => {
            format!("write {} in cidr({})", first.shown(), quoted(text))
        }
        _ => instead("==", [one, *found], [first, item]),
    };
    Some(format!("{} is {} there; {write}", item.shown(), found.name()))
}

fn not_an_address(one: Type, first: &Shape) -> Option<String> {
    match first {
        _ if one.may_be(Type::Address) => None,
        Shape::Text(text) if text.parse::<Address>().is_ok() => None,
        _ if one == Type::String => Some(as_address(first)),
        _ => Some("expected an ip".to_owned()),
    }
}

fn as_address(text: &Shape) -> String {
    match text {
        Shape::Name(name) if name == "source.address" => {
            "it has a port too; write source.ip".to_owned()
        }
        Shape::Text(text) => {
            format!("{text:?} is no address; expected one such as '192.0.2.1' or '2001:db8::1'")
        }
        _ => format!("write ip({})", text.shown()),
    }
}

/// What to write instead of a comparison of these types.
fn instead(sign: &str, [one, other]: [Type; 2], [first, second]: [&Shape; 2]) -> String {
    let has = |wanted: Type| one == wanted || other == wanted;
    let has_number =
        (one.is_number() && one != Type::Dyn) || (other.is_number() && other != Type::Dyn);
    let text = match (first, second) {
        (Shape::Text(text), _) | (_, Shape::Text(text)) => Some(text),
        _ => None,
    };
    let number = match (first, second) {
        (Shape::Number(number), _) | (_, Shape::Number(number)) => Some(number),
        _ => None,
    };
    match (text, number) {
        (Some(text), _) if has(Type::Address) && text.contains('/') => {
            format!("write in cidr({}) instead of {sign}", quoted(text))
        }
        (Some(text), _) if has(Type::Address) => format!("write ip({})", quoted(text)),
        (Some(text), _) if has(Type::Decimal) => format!("write decimal({})", quoted(text)),
        (Some(_), _) if has(Type::Timestamp) => {
            "write timestamp('2026-11-24T12:00:00Z')".to_owned()
        }
        (Some(text), _) if has_number && is_number(text) => format!("write {}", text.trim()),
        (_, Some(number)) if has(Type::Decimal) => format!("write decimal({})", quoted(number)),
        (_, Some(number)) if has(Type::String) && matches!(sign, "==" | "!=") => {
            format!("write {}", quoted(number))
        }
        (_, Some(_)) if has(Type::String) => {
            format!("write {} {sign} {}", first.decimal(), second.decimal())
        }
        _ if has(Type::Address) => "expected ip(…) on both sides".to_owned(),
        _ if has(Type::Decimal) => "expected decimal(…) on both sides".to_owned(),
        _ if has(Type::Timestamp) => "expected timestamp(…) on both sides".to_owned(),
        _ if has(Type::Map) => "expected a member of the map".to_owned(),
        _ if matches!(one, Type::Feed(_)) || matches!(other, Type::Feed(_)) => {
            "expected in, such as source.ip in feeds.blocked".to_owned()
        }
        _ => "expected two values of one type that has such an order, or equality".to_owned(),
    }
}
