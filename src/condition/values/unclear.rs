//! What is there, and cannot be read in one way.

use super::plain_value;

/// A value with which nothing can be done: each operation on it is an error. So it is a doubt where it
/// decides, and none where something else does.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::condition) struct Unclear;

plain_value!(Unclear, UNCLEAR, "unclear");
