//! `audit`: what is told of decisions.

use super::node::{Node, Object};
use super::variable::read_variable;
use crate::report::{AuditLog, AuditSettings};

pub(super) fn read(object: &Object<'_>) -> Option<AuditSettings> {
    let Some(node) = object.get("audit") else {
        return Some(AuditSettings::default());
    };
    let audit = node.object(
        "an object with log, subject_salt and filter_state",
        &["log", "subject_salt", "filter_state"],
    )?;
    let log = audit.get("log").map_or(Some(AuditLog::default()), |node| read_log(&node));
    let subject_salt = match audit.get("subject_salt") {
        Some(node) => {
            let salt = node.object("{env: NAME}", &["env"]);
            salt.and_then(|salt| read_variable(&salt, "the salt of subjects").map(Some))
        }
        None => Some(None),
    };
    let filter_state = audit.get("filter_state").map_or(Some(false), |node| node.boolean());
    Some(AuditSettings { log: log?, subject_salt: subject_salt?, filter_state: filter_state? })
}

fn read_log(node: &Node<'_>) -> Option<AuditLog> {
    match node.value().as_str() {
        Some("none") => Some(AuditLog::None),
        Some("denied") => Some(AuditLog::Denied),
        Some("all") => Some(AuditLog::All),
        _ => {
            node.unexpected("\"none\", \"denied\" or \"all\"");
            None
        }
    }
}
