//! `body`: how the bodies are read that conditions look at.

use std::time::Duration;

use super::keys::{self, Setting};
use super::node::Object;
use crate::body::BodySettings;

const KEYS: [&str; 2] = ["limit", "timeout"];
/// In bytes. Beyond a megabyte, the proxy's own buffer is too small by default.
const LIMIT_BOUNDS: (u64, u64) = (1, 1024 * 1024);

const TIMEOUT: Setting = Setting {
    key: "timeout",
    default: Duration::from_secs(10),
    least: Duration::from_secs(1),
    most: Duration::from_mins(5),
};

pub(super) fn read(object: &Object<'_>) -> Option<BodySettings> {
    let default = BodySettings::default();
    let Some(node) = object.get("body") else { return Some(default) };
    let body = node.object("an object with limit and timeout", &KEYS)?;
    let limit = match body.get("limit") {
        Some(node) => {
            let (least, most) = LIMIT_BOUNDS;
            node.integer(least, most).and_then(|bytes| usize::try_from(bytes).ok())
        }
        None => Some(default.limit),
    };
    let timeout = keys::read_duration(&body, &TIMEOUT);
    Some(BodySettings { limit: limit?, timeout: timeout? })
}
