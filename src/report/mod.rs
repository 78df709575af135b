//! What operators see of decisions.

mod audit;
mod metrics;
mod outcome;
mod record;

use std::fmt;

pub use self::audit::{Audit, AuditLog, AuditSettings};
pub use self::metrics::{Counter, DocumentNames};
pub(crate) use self::metrics::{DocumentMetrics, Metrics, labels};
pub use self::outcome::{Outcome, Reason};
pub use self::record::{RaiseRecord, Record, SelectedBy, Verdict};

use crate::request::{Headers, split_target};

/// A request, so that a line about it can be found again.
pub struct About<'a>(pub &'a Headers);

impl fmt::Display for About<'_> {
    /// Method, path without query (it may hold a token), and request id, escaped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = |name| String::from_utf8_lossy(self.0.single(name).unwrap_or_default());
        let (path, _) = split_target(self.0.single(":path").unwrap_or_default());
        let (path, id) = (String::from_utf8_lossy(path), value("x-request-id"));
        write!(f, "{} {path:?} (request {id:?})", value(":method").escape_debug())
    }
}
