//! `{env: NAME}`: a secret that stands in an environment variable.

use super::node::Object;
use crate::variable::Variable;

/// The name only: the value is there where the filter runs, and not where a configuration is
/// checked.
pub(super) fn read_variable(object: &Object<'_>, what: &str) -> Option<Variable> {
    let expected = format!("the name of the environment variable that holds {what}");
    let node = object.required("env", &expected)?;
    let name = node.text(&expected)?;
    if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        // It may be the secret itself, so it is not repeated.
        node.mistake(format!("is no name of a variable; expected {expected}, not the value"));
        return None;
    }
    Some(Variable { name: name.into(), place: node.place().into() })
}
