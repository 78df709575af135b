//! Conditions over a request, written in the Common Expression Language (CEL).
//!
//! A condition is compiled once. Then it is known which facts it reads, and only these are gathered
//! for a request. What cannot be evaluated is no `false`: it is a [`Doubt`], which callers have to
//! take for the worse case.

mod check;
mod constant;
mod environment;
mod expressions;
mod facts;
mod functions;
mod names;
mod signals;
#[cfg(test)]
mod tests;
mod types;
mod values;

use std::fmt;

use cel::common::ast::IdedExpr;
use cel::common::types::{CelBool, CelInt, CelString};
use cel::common::value::CowVal;
use cel::parser::PrattParser;
use cel::{Context, ExecutionError, Value};

pub use self::facts::Facts;
pub use self::names::{Fact, Family, Variable};
pub use self::signals::{Signal, Signals, Watched};
pub use self::types::Type;

use self::check::Checker;
use self::values::Address;
use crate::feeds::FeedType;

/// The longest expression, in bytes.
const LONGEST: usize = 4096;
/// How deep the parser may go.
const DEEPEST: u16 = 96;

/// Where a condition is evaluated, which decides what it can read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Before a request goes on, with the evidence of its token.
    Request,
    /// Before a request goes on, for a policy that looks at no token.
    PublicRequest,
    /// Once a response has come.
    Response,
    /// Both before a request goes on and once its response has come.
    Both,
}

/// What a configuration gives names to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Known<'k> {
    /// Its feeds, and what each lists, where that could be read.
    pub feeds: &'k [(&'k str, Option<FeedType>)],
    /// Its signals, and what each is: a number, or a truth value.
    pub signals: &'k [(&'k str, Type)],
    /// Its levels, where all could be read.
    pub levels: Option<&'k [&'k str]>,
}

/// An expression that was checked, with what it reads.
#[derive(Debug)]
struct Expression {
    root: IdedExpr,
    reads: Vec<Variable>,
}

/// An expression that is true or false.
#[derive(Debug)]
pub struct Condition(Expression);

/// An expression whose value tells things apart: an address, a subject, a device.
#[derive(Debug)]
pub struct KeyExpression(Expression);

/// Why a condition could not be evaluated. It holds nothing of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// Something that it reads is not there.
    Missing,
    /// A header or parameter that it reads comes twice, or is no text.
    Ambiguous(Family),
    /// The body cannot be read in one way.
    Body,
    /// A value has another type than the condition needs.
    WrongType,
    /// It cannot be computed: an overflow, a number that is none, a list that is too short.
    NotComputable,
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("something that it reads is missing"),
            Self::Ambiguous(family) => {
                write!(f, "a member of {} comes twice, or is no text", family.name())
            }
            Self::Body => f.write_str("the body cannot be read in one way"),
            Self::WrongType => f.write_str("a value is of another type"),
            Self::NotComputable => f.write_str("it cannot be computed"),
        }
    }
}

impl From<ExecutionError> for Doubt {
    fn from(error: ExecutionError) -> Self {
        match error {
            ExecutionError::NoSuchKey(_) | ExecutionError::UndeclaredReference(_) => Self::Missing,
            ExecutionError::NoSuchOverload(_)
            | ExecutionError::UnexpectedType { .. }
            | ExecutionError::UnsupportedTargetType { .. }
            | ExecutionError::UnsupportedBinaryOperator(..)
            | ExecutionError::UnsupportedIndex(..)
            | ExecutionError::UnsupportedKeyType(_)
            | ExecutionError::ValuesNotComparable(..) => Self::WrongType,
            _ => Self::NotComputable,
        }
    }
}

impl Condition {
    /// Compiles an expression, which has to be true or false.
    ///
    /// # Errors
    /// All mistakes, each a sentence with its place in the expression.
    pub fn compile(source: &str, scope: Scope, known: &Known<'_>) -> Result<Self, Vec<String>> {
        Expression::compile(source, scope, known, &[Type::Bool]).map(Self)
    }

    /// Whether it is true.
    ///
    /// # Errors
    /// When that cannot be told.
    pub fn holds(&self, facts: &Facts<'_>) -> Result<bool, Doubt> {
        self.0.evaluate(facts, |value| value.downcast_ref::<CelBool>().map(|value| *value.inner()))
    }

    /// What it says of every request, where that can be told without one.
    pub fn constant(&self) -> Option<Result<bool, Doubt>> {
        constant::of(&self.0.root)
    }

    /// What it reads.
    pub fn reads(&self) -> &[Variable] {
        &self.0.reads
    }
}

impl KeyExpression {
    /// Compiles an expression, which has to be a string, a number or an address.
    ///
    /// # Errors
    /// All mistakes, each a sentence with its place in the expression.
    pub fn compile(source: &str, scope: Scope, known: &Known<'_>) -> Result<Self, Vec<String>> {
        let types = [Type::String, Type::Int, Type::Address];
        Expression::compile(source, scope, known, &types).map(Self)
    }

    /// Its value as text.
    ///
    /// # Errors
    /// When it has none.
    pub fn key(&self, facts: &Facts<'_>) -> Result<String, Doubt> {
        self.0.evaluate(facts, |value| {
            let text = value.downcast_ref::<CelString<'_>>().map(|text| text.inner().to_owned());
            let number = || value.downcast_ref::<CelInt>().map(|number| number.inner().to_string());
            let address = || value.downcast_ref::<Address>().map(ToString::to_string);
            text.or_else(number).or_else(address)
        })
    }

    /// What it says of every request, where that can be told without one.
    pub fn constant(&self) -> Option<Result<bool, Doubt>> {
        constant::of(&self.0.root)
    }

    /// What it reads.
    pub fn reads(&self) -> &[Variable] {
        &self.0.reads
    }
}

/// What to write instead, where the parser stumbles over what other languages have.
fn cure(message: &str) -> &'static str {
    const CURES: [(&str, &str); 4] = [
        ("input 'and'", "; did you mean \"&&\"?"),
        ("input 'or'", "; did you mean \"||\"?"),
        ("input '='", "; did you mean \"==\"?"),
        ("unexpected trailing characters", "; durations are numbers of seconds, such as 300"),
    ];
    CURES.into_iter().find(|(found, _)| message.contains(found)).map_or("", |(_, cure)| cure)
}

impl Expression {
    fn compile(
        source: &str,
        scope: Scope,
        known: &Known<'_>,
        expected: &[Type],
    ) -> Result<Self, Vec<String>> {
        if source.len() > LONGEST {
            return Err(vec![format!("has {} bytes; expected {LONGEST} at most", source.len())]);
        }
        let parser = PrattParser::new().max_recursion_depth(DEEPEST);
        let mut root = parser.parse(source).map_err(|errors| {
            let errors = errors.errors.into_iter();
            let told = |(pos, message): ((isize, isize), String)| {
                check::at(pos, source, &format!("{message}{}", cure(&message)))
            };
            errors.map(|error| told((error.pos, error.msg))).collect::<Vec<_>>()
        })?;
        let mut checker = Checker::new(source, scope, known);
        let found = checker.visit(&mut root);
        if !expected.iter().any(|expected| found.may_be(*expected)) {
            let expected = expected.iter().map(|t| t.name()).collect::<Vec<_>>().join(" or ");
            checker.mistake(format!("is {}; expected {expected}", found.name()));
        }
        let reads = checker.finish()?;
        Ok(Self { root, reads })
    }

    fn evaluate<T>(
        &self,
        facts: &Facts<'_>,
        read: impl FnOnce(&CowVal<'_, '_>) -> Option<T>,
    ) -> Result<T, Doubt> {
        let mut context = Context::with_env(environment::shared());
        facts.bind(&self.reads, &mut context)?;
        expressions::begin();
        let value = Value::resolve_val(&self.root, &context)?;
        read(&value).ok_or(Doubt::WrongType)
    }
}
