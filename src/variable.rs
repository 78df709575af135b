//! Secrets that an operator passes to the filter in environment variables.

use crate::config::Mistake;
use crate::host::Host;

/// An environment variable with a secret in it. The configuration holds no secrets: it is logged,
/// stored and shown in many places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: Box<str>,
    /// The place in the configuration that names it.
    pub place: Box<str>,
}

impl Variable {
    pub(crate) fn mistake(&self, message: &str) -> Mistake {
        let message = format!("the environment variable {} {message}", self.name);
        Mistake { path: self.place.to_string(), message }
    }

    pub(crate) fn read(&self, host: &dyn Host) -> Result<String, Mistake> {
        let value = host.variable(&self.name).filter(|value| !value.is_empty());
        value.ok_or_else(|| {
            self.mistake(
                "is not set, is empty or is no text; expected the secret; pass it to the filter by \
                 vm_config.environment_variables.host_env_keys",
            )
        })
    }
}
