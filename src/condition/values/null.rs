//! `null`, as an expression has it written out.

use super::plain_value;

/// A `null` of the operator's, which compares with anything. One of JSON says no more than a member
/// that is not there: most servers take both alike.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::condition) struct WrittenNull;

plain_value!(WrittenNull, WRITTEN_NULL, "null");
