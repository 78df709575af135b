//! Points in time, with their date and time of day in a zone.

use cel::ExecutionError;
use cel::common::functions::Function;
use cel::common::traits::Comparer;
use cel::common::types::{CelInt, CelString};
use cel::common::value::{CowVal, Val};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use std::cell::RefCell;
use std::cmp::Ordering;
use std::collections::HashMap;

use super::plain_value;

/// A point in time.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::condition) struct Instant(Timestamp);

plain_value!(
    Instant,
    TIMESTAMP,
    "timestamp",
    fn as_comparer(&self) -> Option<&dyn Comparer> {
        Some(self)
    }
);

impl Instant {
    /// The parts of a date and a time of day, named and counted as CEL does: months and days of the
    /// week begin at 0, and a week with Sunday.
    pub(in crate::condition) const PARTS: &'static [(&'static str, Function)] = &[
        ("getFullYear", |args| part(&args, |time| i64::from(time.year()))),
        ("getMonth", |args| part(&args, |time| i64::from(time.month()).saturating_sub(1))),
        ("getDate", |args| part(&args, |time| i64::from(time.day()))),
        ("getDayOfWeek", |args| {
            part(&args, |time| i64::from(time.weekday().to_sunday_zero_offset()))
        }),
        ("getHours", |args| part(&args, |time| i64::from(time.hour()))),
        ("getMinutes", |args| part(&args, |time| i64::from(time.minute()))),
    ];

    /// The least and the most that a part can be; `None` for years, and for what is no part.
    pub(in crate::condition) fn range(part: &str) -> Option<(i64, i64)> {
        Some(match part {
            "getMonth" => (0, 11),
            "getDate" => (1, 31),
            "getDayOfWeek" => (0, 6),
            "getHours" => (0, 23),
            "getMinutes" => (0, 59),
            _ => return None,
        })
    }

    /// Reads a date, a time and an offset as RFC 3339 writes them.
    pub(in crate::condition) fn parse(text: &str) -> Option<Self> {
        if is_rfc3339(text) { text.parse().ok().map(Self) } else { None }
    }

    /// So many seconds after the epoch.
    pub(in crate::condition) fn from_seconds(seconds: i64) -> Option<Self> {
        Timestamp::from_second(seconds).ok().map(Self)
    }

    /// Whether a zone has this name in the time zone database.
    pub(in crate::condition) fn is_zone(name: &str) -> bool {
        zone(name).is_some()
    }
}

/// Whether it is in the notation of RFC 3339 (§5.6). The library reads more of ISO 8601, which other
/// servers refuse, or read as another time.
fn is_rfc3339(text: &str) -> bool {
    let digits_as_zero = |c: char| if c.is_ascii_digit() { '0' } else { c.to_ascii_uppercase() };
    let shape = text.chars().map(digits_as_zero).collect::<String>();
    let Some(rest) = shape.strip_prefix("0000-00-00T00:00:00") else { return false };
    let offset = match rest.strip_prefix('.') {
        Some(fraction) if fraction.starts_with('0') => fraction.trim_start_matches('0'),
        Some(_) => return false,
        None => rest,
    };
    // A leap second has no time of its own here, and no offset reaches a whole day.
    let is_leap = text.get(17..19) == Some("60");
    let hours = text.len().checked_sub(5).and_then(|at| text.get(at..)?.get(..2));
    match offset {
        "Z" => !is_leap,
        "+00:00" | "-00:00" => !is_leap && hours.is_some_and(|hours| hours < "24"),
        _ => false,
    }
}

/// The most zones that are kept. A configuration has few; a claim could name them all.
const MOST_ZONES: usize = 64;

thread_local! {
    /// Zones by name: reading one from the database takes longer than all else.
    static ZONES: RefCell<HashMap<String, TimeZone>> = RefCell::default();
}

fn zone(name: &str) -> Option<TimeZone> {
    ZONES.with_borrow_mut(|zones| {
        if let Some(zone) = zones.get(name) {
            return Some(zone.clone());
        }
        let zone = TimeZone::get(name).ok()?;
        if zones.len() < MOST_ZONES {
            zones.insert(name.to_owned(), zone.clone());
        }
        Some(zone)
    })
}

impl Comparer for Instant {
    fn compare(&self, rhs: &dyn Val) -> Result<Ordering, ExecutionError> {
        let rhs = rhs.downcast_ref::<Self>().ok_or_else(|| {
            let found = rhs.get_type().name().to_owned();
            ExecutionError::no_such_overload("_<_", vec!["timestamp".to_owned(), found])
        })?;
        Ok(self.0.cmp(&rhs.0))
    }
}

/// A part of the time in a zone; UTC where none is given.
fn part<'b, 'v>(
    args: &[CowVal<'b, 'v>],
    read: impl FnOnce(&DateTime) -> i64,
) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let (time, found_zone) = match args {
        [time] => (time, Some(TimeZone::UTC)),
        [time, name] => {
            let name = name.downcast_ref::<CelString<'_>>();
            (time, name.and_then(|name| zone(name.inner())))
        }
        _ => return Err(ExecutionError::invalid_argument_count(1, args.len())),
    };
    let found = time.downcast_ref::<Instant>().zip(found_zone);
    found
        .map(|(Instant(time), zone)| CowVal::owned(CelInt::from(read(&zone.to_datetime(*time)))))
        .ok_or_else(|| ExecutionError::function_error("timestamp", "no such zone"))
}
