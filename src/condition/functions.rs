//! What the functions of conditions do. Whatever they cannot take is an error.

// The interpreter hands arguments over by value.
#![allow(clippy::needless_pass_by_value)]

use cel::ExecutionError;
use cel::common::types::{
    self, CelBool, CelDouble, CelInt, CelList, CelNull, CelString, CelUInt, Type as CelTypeName,
};
use cel::common::value::{CowVal, Val};

use super::environment::{CONTAINED, DIFFERENT, EQUAL};
use super::expressions::{self, NotMatched};
use super::values::{Address, Decimal, Feed, Instant, Network, Unclear, WrittenNull};
use crate::number;

type Found<'b, 'v> = Result<CowVal<'b, 'v>, ExecutionError>;

fn wrong_type(function: &str, args: &[CowVal<'_, '_>]) -> ExecutionError {
    let types = args.iter().map(|arg| arg.get_type().name().to_owned());
    ExecutionError::no_such_overload(function, types.collect())
}

/// Whether two values are equal; an error where their types say that they are not meant to be.
fn same(one: &dyn Val, other: &dyn Val) -> Result<bool, ExecutionError> {
    let is_unclear = |value: &dyn Val| value.downcast_ref::<Unclear>().is_some();
    let is_written = |value: &dyn Val| value.downcast_ref::<WrittenNull>().is_some();
    let is_null = |value: &dyn Val| is_written(value) || value.downcast_ref::<CelNull>().is_some();
    let is_nan =
        |value: &dyn Val| value.downcast_ref::<CelDouble>().is_some_and(|value| value.is_nan());
    if (is_written(one) || is_written(other)) && !is_unclear(one) && !is_unclear(other) {
        return Ok(is_null(one) && is_null(other));
    }
    if let (Some(one), Some(other)) =
        (one.downcast_ref::<CelList<'_>>(), other.downcast_ref::<CelList<'_>>())
    {
        return same_lists(one, other);
    }
    // Two readers of a map can see two maps, and the library sees none of these as equal.
    let is_map = *one.get_type() == types::MAP_TYPE;
    let has_value = |value| !is_null(value) && !is_unclear(value) && !is_nan(value);
    let fits = kind(one) == kind(other) && !is_map && has_value(one) && has_value(other);
    if fits {
        Ok(one.equals(other))
    } else {
        let names = [one, other].map(|value| value.get_type().name().to_owned());
        Err(ExecutionError::no_such_overload("_==_", names.to_vec()))
    }
}

/// Lists that differ somewhere are not the same, whatever cannot be told elsewhere.
fn same_lists(one: &CelList<'_>, other: &CelList<'_>) -> Result<bool, ExecutionError> {
    if one.len() != other.len() {
        return Ok(false);
    }
    let mut doubt = None;
    for (one, other) in one.iter().zip(other.iter()) {
        match same(&**one, &**other) {
            Ok(true) => {}
            Ok(false) => return Ok(false),
            Err(error) => doubt = Some(error),
        }
    }
    doubt.map_or(Ok(true), Err)
}

/// All numbers compare with one another.
fn kind(value: &dyn Val) -> CelTypeName {
    let found = value.get_type();
    if *found == types::INT_TYPE || *found == types::UINT_TYPE {
        types::DOUBLE_TYPE
    } else {
        found.to_owned()
    }
}

pub(super) fn equal<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Found<'b, 'v> {
    match args.as_slice() {
        [one, other] => same(&**one, &**other).map(boolean),
        _ => Err(wrong_type(EQUAL, &args)),
    }
}

pub(super) fn different<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Found<'b, 'v> {
    match args.as_slice() {
        [one, other] => same(&**one, &**other).map(|same| boolean(!same)),
        _ => Err(wrong_type(DIFFERENT, &args)),
    }
}

pub(super) fn contained<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Found<'b, 'v> {
    let [one, of] = args.as_slice() else { return Err(wrong_type(CONTAINED, &args)) };
    if let Some(list) = of.downcast_ref::<CelList<'_>>() {
        // One that is equal suffices, but where none is, all have to be of a type that could be.
        let mut doubt = None;
        for item in list.iter() {
            match same(&**one, &**item) {
                Ok(true) => return Ok(boolean(true)),
                Ok(false) => {}
                Err(error) => doubt = Some(error),
            }
        }
        return doubt.map_or(Ok(boolean(false)), Err);
    }
    // Who writes `in` has a list in mind: the names of a map would be an answer to another question.
    let is_map = *of.get_type() == types::MAP_TYPE;
    let container = of.as_container().filter(|_| !is_map);
    let container = container.ok_or_else(|| wrong_type(CONTAINED, &args))?;
    container.contains(&**one).map(boolean)
}

fn boolean<'b, 'v>(value: bool) -> CowVal<'b, 'v> {
    CowVal::owned(CelBool::from(value))
}

fn integer<'b, 'v>(value: i64) -> CowVal<'b, 'v> {
    CowVal::owned(CelInt::from(value))
}

fn text_of<'a>(arg: &'a CowVal<'_, '_>) -> Option<&'a str> {
    arg.downcast_ref::<CelString<'_>>().map(CelString::inner)
}

pub(super) fn int<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Found<'b, 'v> {
    let [arg] = args.as_slice() else { return Err(wrong_type("int", &args)) };
    let number = arg.downcast_ref::<CelInt>().map(|number| *number.inner());
    let unsigned = || i64::try_from(*arg.downcast_ref::<CelUInt>()?.inner()).ok();
    let double = || number::whole(*arg.downcast_ref::<CelDouble>()?.inner());
    let text = || number::integer(text_of(arg)?);
    let found = number.or_else(unsigned).or_else(double).or_else(text);
    found.map(integer).ok_or_else(|| wrong_type("int", &args))
}

pub(super) fn double<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Found<'b, 'v> {
    let [arg] = args.as_slice() else { return Err(wrong_type("double", &args)) };
    let double = arg.downcast_ref::<CelDouble>().map(|number| *number.inner());
    let int = || number::exact(&arg.downcast_ref::<CelInt>()?.inner().to_string());
    let unsigned = || number::exact(&arg.downcast_ref::<CelUInt>()?.inner().to_string());
    let text = || number::exact(text_of(arg)?);
    let found = double.or_else(int).or_else(unsigned).or_else(text);
    let found = found.filter(|number| number.is_finite());
    found
        .map(|number| CowVal::owned(CelDouble::from(number)))
        .ok_or_else(|| wrong_type("double", &args))
}

pub(super) fn decimal<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Found<'b, 'v> {
    let [arg] = args.as_slice() else { return Err(wrong_type("decimal", &args)) };
    let int = arg.downcast_ref::<CelInt>().map(|number| number.inner().to_string());
    let unsigned = || arg.downcast_ref::<CelUInt>().map(|number| number.inner().to_string());
    // The shortest text that reads as this number: what it was written as, where that was exact.
    let double = || arg.downcast_ref::<CelDouble>().map(|number| number.inner().to_string());
    let text = || text_of(arg).map(str::to_owned);
    let found = int.or_else(unsigned).or_else(double).or_else(text);
    let found = found.and_then(|text| Decimal::parse(&text));
    found.map(CowVal::owned).ok_or_else(|| wrong_type("decimal", &args))
}

pub(super) fn string<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Found<'b, 'v> {
    let [arg] = args.as_slice() else { return Err(wrong_type("string", &args)) };
    let text = text_of(arg).map(str::to_owned);
    let int = || arg.downcast_ref::<CelInt>().map(|number| number.inner().to_string());
    let truth = || arg.downcast_ref::<CelBool>().map(|value| value.inner().to_string());
    let found = text.or_else(int).or_else(truth);
    found
        .map(|text| CowVal::owned(CelString::from(text)))
        .ok_or_else(|| wrong_type("string", &args))
}

pub(super) fn size<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Found<'b, 'v> {
    let [arg] = args.as_slice() else { return Err(wrong_type("size", &args)) };
    if let Some(text) = text_of(arg) {
        // CEL counts code points.
        return Ok(integer(i64::try_from(text.chars().count()).unwrap_or(i64::MAX)));
    }
    let sizer = arg.as_sizer().ok_or_else(|| wrong_type("size", &args))?;
    Ok(CowVal::owned(sizer.size()))
}

pub(super) fn ip<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Found<'b, 'v> {
    let found = args.first().and_then(text_of).and_then(|text| text.parse::<Address>().ok());
    found.map(CowVal::owned).ok_or_else(|| wrong_type("ip", &args))
}

pub(super) fn cidr<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Found<'b, 'v> {
    let found = args.first().and_then(text_of).and_then(|text| text.parse::<Network>().ok());
    found.map(CowVal::owned).ok_or_else(|| wrong_type("cidr", &args))
}

pub(super) fn timestamp<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Found<'b, 'v> {
    let [arg] = args.as_slice() else { return Err(wrong_type("timestamp", &args)) };
    let text = text_of(arg).and_then(Instant::parse);
    let int = || Instant::from_seconds(*arg.downcast_ref::<CelInt>()?.inner());
    let double =
        || Instant::from_seconds(number::whole(*arg.downcast_ref::<CelDouble>()?.inner())?);
    let found = text.or_else(int).or_else(double);
    found.map(CowVal::owned).ok_or_else(|| wrong_type("timestamp", &args))
}

fn two_texts<'b, 'v>(
    name: &str,
    args: &[CowVal<'b, 'v>],
    decide: impl FnOnce(&str, &str) -> bool,
) -> Found<'b, 'v> {
    let found = match args {
        [one, other] => text_of(one).zip(text_of(other)),
        _ => None,
    };
    found.map(|(one, other)| boolean(decide(one, other))).ok_or_else(|| wrong_type(name, args))
}

pub(super) fn starts_with<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Found<'b, 'v> {
    two_texts("startsWith", &args, |one, other| one.starts_with(other))
}

pub(super) fn ends_with<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Found<'b, 'v> {
    two_texts("endsWith", &args, |one, other| one.ends_with(other))
}

pub(super) fn contains<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Found<'b, 'v> {
    two_texts("contains", &args, |one, other| one.contains(other))
}

pub(super) fn matches<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Found<'b, 'v> {
    let found = match args.as_slice() {
        [text, expression] => text_of(text).zip(text_of(expression)),
        _ => None,
    };
    let (text, expression) = found.ok_or_else(|| wrong_type("matches", &args))?;
    expressions::matches(expression, text).map(boolean).map_err(|problem| match problem {
        NotMatched::Expression => wrong_type("matches", &args),
        NotMatched::Cost => ExecutionError::function_error("matches", "the text is too long"),
    })
}

pub(super) fn lower_ascii<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Found<'b, 'v> {
    let found = args.first().and_then(text_of).map(str::to_ascii_lowercase);
    found
        .map(|text| CowVal::owned(CelString::from(text)))
        .ok_or_else(|| wrong_type("lowerAscii", &args))
}

pub(super) fn contains_ip<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Found<'b, 'v> {
    let [of, address] = args.as_slice() else { return Err(wrong_type("containsIP", &args)) };
    let network = of.downcast_ref::<Network>();
    let found = network.and_then(|network| network.has(&**address));
    found.map(boolean).ok_or_else(|| wrong_type("containsIP", &args))
}

pub(super) fn not_before<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Found<'b, 'v> {
    let [of, subject] = args.as_slice() else { return Err(wrong_type("notBefore", &args)) };
    let feed = of.downcast_ref::<Feed>().zip(text_of(subject));
    let found = feed.and_then(|(feed, subject)| feed.not_before(subject));
    found.map(integer).ok_or_else(|| wrong_type("notBefore", &args))
}

/// A result that is a number; one that is none, or has no bound, compares with nothing sensibly.
fn finite<'b, 'v>(result: Found<'_, 'v>) -> Found<'b, 'v> {
    let value = result?.into_owned();
    let is_finite = value.downcast_ref::<CelDouble>().is_none_or(|number| number.is_finite());
    if is_finite {
        Ok(CowVal::Owned(value))
    } else {
        Err(ExecutionError::function_error("arithmetic", "no finite number"))
    }
}

pub(super) fn add<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Found<'b, 'v> {
    let [one, other] = args.as_slice() else { return Err(wrong_type("_+_", &args)) };
    let adder = one.as_adder().ok_or_else(|| wrong_type("_+_", &args))?;
    finite(adder.add(&**other))
}

pub(super) fn subtract<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Found<'b, 'v> {
    let [one, other] = args.as_slice() else { return Err(wrong_type("_-_", &args)) };
    let subtractor = one.as_subtractor().ok_or_else(|| wrong_type("_-_", &args))?;
    finite(subtractor.sub(&**other))
}

pub(super) fn multiply<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Found<'b, 'v> {
    let [one, other] = args.as_slice() else { return Err(wrong_type("_*_", &args)) };
    let multiplier = one.as_multiplier().ok_or_else(|| wrong_type("_*_", &args))?;
    finite(multiplier.mul(&**other))
}

pub(super) fn divide<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Found<'b, 'v> {
    let [one, other] = args.as_slice() else { return Err(wrong_type("_/_", &args)) };
    let divider = one.as_divider().ok_or_else(|| wrong_type("_/_", &args))?;
    finite(divider.div(&**other))
}
