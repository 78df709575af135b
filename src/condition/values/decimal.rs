//! Decimal numbers.

use std::cmp::Ordering;

use cel::ExecutionError;
use cel::common::traits::{Adder, Comparer, Multiplier, Negator, Subtractor};
use cel::common::value::{CowVal, Val};
use rust_decimal::Decimal as Number;

use super::plain_value;
use crate::number;

/// A decimal number of up to 28 digits. Nothing about it is ever rounded.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::condition) struct Decimal(Number);

plain_value!(
    Decimal,
    DECIMAL,
    "decimal",
    fn as_comparer(&self) -> Option<&dyn Comparer> {
        Some(self)
    },
    fn as_adder<'b, 'v>(&'b self) -> Option<&'b (dyn Adder + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    },
    fn as_subtractor<'b, 'v>(&'b self) -> Option<&'b (dyn Subtractor + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    },
    fn as_multiplier<'b, 'v>(&'b self) -> Option<&'b (dyn Multiplier + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    },
    fn as_negator<'b, 'v>(&'b self) -> Option<&'b (dyn Negator + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }
);

impl Decimal {
    /// Reads a number in the notation of JSON. `None` for any other text, and for more digits than
    /// are kept.
    pub(in crate::condition) fn parse(text: &str) -> Option<Self> {
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
            None => (text, 0),
        };
        if !number::is_json(text) {
            return None;
        }
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        // The point moves by the exponent: then the reader says by itself what it cannot keep.
        let digits = [whole, fraction].concat();
        let scale = i32::try_from(fraction.len()).ok()?.checked_sub(exponent)?;
        let number = if scale <= 0 {
            let zeros = usize::try_from(scale.checked_neg()?).ok().filter(|zeros| *zeros <= 28)?;
            Number::from_str_exact(&format!("{digits}{}", "0".repeat(zeros)))
        } else {
            let (sign, digits) = match digits.strip_prefix('-') {
                Some(digits) => ("-", digits),
                None => ("", digits.as_str()),
            };
            let scale = usize::try_from(scale).ok().filter(|scale| *scale <= 64)?;
            let padded = format!("{digits:0>width$}", width = scale.saturating_add(1));
            let (whole, fraction) = padded.split_at_checked(padded.len().checked_sub(scale)?)?;
            let text = format!("{sign}{whole}.{}", fraction.trim_end_matches('0'));
            Number::from_str_exact(text.trim_end_matches('.'))
        };
        number.ok().map(Self)
    }
}

fn other<'a>(sign: &'static str, value: &'a (dyn Val + '_)) -> Result<&'a Decimal, ExecutionError> {
    value.downcast_ref::<Decimal>().ok_or_else(|| {
        let found = value.get_type().name().to_owned();
        ExecutionError::no_such_overload(sign, vec!["decimal".to_owned(), found])
    })
}

/// A result that keeps all digits. `rust_decimal` rounds products with more than it keeps.
fn kept<'b, 'v>(number: Option<Number>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let overflow = || ExecutionError::function_error("decimal", "more digits than are kept");
    number.map(|number| CowVal::owned(Decimal(number))).ok_or_else(overflow)
}

impl Comparer for Decimal {
    fn compare(&self, rhs: &dyn Val) -> Result<Ordering, ExecutionError> {
        Ok(self.0.cmp(&other("_<_", rhs)?.0))
    }
}

impl Adder for Decimal {
    fn add<'b, 'v>(&'b self, rhs: &(dyn Val + 'v)) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        let rhs = other("_+_", rhs)?.0;
        let sum = self.0.checked_add(rhs);
        kept(sum.filter(|sum| sum.scale() == self.0.scale().max(rhs.scale())))
    }
}

impl Subtractor for Decimal {
    fn sub<'b, 'v>(&'b self, rhs: &(dyn Val + 'v)) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        let rhs = other("_-_", rhs)?.0;
        let difference = self.0.checked_sub(rhs);
        kept(difference.filter(|found| found.scale() == self.0.scale().max(rhs.scale())))
    }
}

impl Multiplier for Decimal {
    fn mul<'b, 'v>(&'b self, rhs: &(dyn Val + 'v)) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        let rhs = other("_*_", rhs)?.0;
        let scale = self.0.scale().saturating_add(rhs.scale());
        let has_zero = self.0.is_zero() || rhs.is_zero();
        let product = self.0.checked_mul(rhs);
        kept(product.filter(|product| product.scale() == scale || has_zero))
    }
}

impl Negator for Decimal {
    fn negate<'v>(&self) -> Result<Box<dyn Val + 'v>, ExecutionError>
    where
        Self: 'v,
    {
        let mut number = self.0;
        number.set_sign_negative(number.is_sign_positive());
        Ok(Box::new(Self(number)))
    }
}
