//! Feeds, as conditions see them.

use std::fmt;
use std::sync::Arc;

use cel::ExecutionError;
use cel::common::traits::Container;
use cel::common::types::CelString;
use cel::common::value::Val;

use super::network::address_of;
use super::plain_value;
use crate::feeds::Entries;

/// What a feed holds at present.
#[derive(Clone)]
pub(in crate::condition) struct Feed(pub(in crate::condition) Arc<Entries>);

impl fmt::Debug for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Feed")
    }
}

impl PartialEq for Feed {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

plain_value!(
    Feed,
    FEED,
    "feed",
    fn as_container(&self) -> Option<&dyn Container> {
        Some(self)
    }
);

impl Feed {
    /// Before which time a subject's logins do not count; `None` where the feed lists no subjects.
    pub(in crate::condition) fn not_before(&self, subject: &str) -> Option<i64> {
        self.0.not_before(subject)
    }
}

impl Container for Feed {
    fn contains(&self, value: &dyn Val) -> Result<bool, ExecutionError> {
        let text = || self.0.has_text(value.downcast_ref::<CelString<'_>>()?.inner());
        let address = || self.0.has_address(address_of(value)?);
        text().or_else(address).ok_or_else(|| {
            let found = value.get_type().name().to_owned();
            ExecutionError::no_such_overload("@in", vec![found, "feed".to_owned()])
        })
    }
}
