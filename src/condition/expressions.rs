//! Regular expressions, and what matching with them may cost.
//!
//! The engine takes a step for each state of the expression and each byte of the text. Both are
//! bounded: the expression's when the configuration is read, and the product of both when a condition
//! is evaluated.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use regex_lite::{Regex, RegexBuilder};

/// The largest expression, in bytes when it is compiled. They are fewer in the module, where words are
/// short, so that it takes every expression that the command takes.
const LARGEST: usize = 8192;
/// Expressions are counted as this large at least.
const SMALLEST: usize = 256;
/// What one evaluation may cost: the bytes of expressions times those of the texts that they look at.
/// In a proxy a byte times a byte takes up to a nanosecond.
const MOST_COST: usize = 8 * 1024 * 1024;

thread_local! {
    /// Expressions by their text, which stands in the configuration.
    static KNOWN: RefCell<HashMap<String, Expression>> = RefCell::default();
    /// What the evaluation under way has cost.
    static COST: Cell<usize> = const { Cell::new(0) };
}

struct Expression {
    regex: Regex,
    /// How large it is, rounded up to a power of two.
    size: usize,
}

/// Why a text was not matched.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NotMatched {
    /// The expression is none.
    Expression,
    /// It would take too long.
    Cost,
}

/// Checks an expression.
pub(super) fn check(text: &str) -> Result<(), String> {
    let Err(error) = compile(text, LARGEST) else { return Ok(()) };
    let error = error.to_string();
    Err(if error.contains("size limit") {
        format!(
            "{text:?} is too large an expression, most likely for a repetition within another or \
             of more than about 64 times; expected a simpler one"
        )
    } else {
        format!("{text:?} is no regular expression: {error}")
    })
}

/// Forgets what was evaluated before.
pub(super) fn begin() {
    COST.set(0);
}

/// Whether the expression matches a part of the text.
pub(super) fn matches(expression: &str, text: &str) -> Result<bool, NotMatched> {
    KNOWN.with_borrow_mut(|known| {
        if !known.contains_key(expression) {
            known.insert(expression.to_owned(), measure(expression)?);
        }
        let expression = known.get(expression).ok_or(NotMatched::Expression)?;
        let cost = COST.get().saturating_add(expression.size.saturating_mul(text.len()));
        if cost > MOST_COST {
            return Err(NotMatched::Cost);
        }
        COST.set(cost);
        Ok(expression.regex.is_match(text))
    })
}

fn compile(text: &str, size: usize) -> Result<Regex, regex_lite::Error> {
    RegexBuilder::new(text).size_limit(size).build()
}

/// The library tells whether an expression is larger than a limit, but not how large it is.
fn measure(text: &str) -> Result<Expression, NotMatched> {
    let mut size = SMALLEST;
    while size <= LARGEST {
        if let Ok(regex) = compile(text, size) {
            return Ok(Expression { regex, size });
        }
        size = size.saturating_mul(2);
    }
    Err(NotMatched::Expression)
}
