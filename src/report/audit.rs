//! What is told of decisions, and in which form.

use hmac_sha256::HMAC;

use super::Outcome;
use crate::config::Mistake;
use crate::host::Host;
use crate::token::Evidence;
use crate::variable::Variable;

/// What is told of decisions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditSettings {
    /// Which decisions have a line in the log.
    pub log: AuditLog,
    /// Where the salt stands that subjects are hashed with; `None` tells nothing of them.
    pub subject_salt: Option<Variable>,
    /// Whether the proxy's access log can tell of decisions.
    pub filter_state: bool,
}

/// Which decisions have a line in the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AuditLog {
    /// None.
    #[default]
    None,
    /// Those that refuse a request, or would in shadow mode.
    Denied,
    /// All.
    All,
}

/// What tells of decisions.
#[derive(Debug)]
pub struct Audit {
    log: AuditLog,
    filter_state: bool,
    salt: Option<Salt>,
}

/// It is never shown.
struct Salt(Box<str>);

impl std::fmt::Debug for Salt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Salt")
    }
}

impl Audit {
    /// Takes the salt from the environment.
    ///
    /// # Errors
    /// When it is not there.
    pub fn new(settings: &AuditSettings, host: &dyn Host) -> Result<Self, Mistake> {
        let salt = settings.subject_salt.as_ref().map(|variable| variable.read(host));
        let salt = salt.transpose()?.map(|salt| Salt(salt.into()));
        Ok(Self { log: settings.log, filter_state: settings.filter_state, salt })
    }

    /// Whether such a decision has a line.
    pub fn logs(&self, outcome: Outcome) -> bool {
        match self.log {
            AuditLog::None => false,
            AuditLog::Denied => outcome != Outcome::Allow,
            AuditLog::All => true,
        }
    }

    /// Whether the proxy's access log can tell of decisions.
    pub const fn has_filter_state(&self) -> bool {
        self.filter_state
    }

    /// The subject of a token, in a form that shows who it is only to those who know the salt, and
    /// have a guess. The same subject of two issuers is two subjects.
    pub fn subject(&self, evidence: &Evidence) -> Option<String> {
        /// 128 bits: no two subjects of one operator have the same.
        const SHOWN: usize = 16;
        let Salt(salt) = self.salt.as_ref()?;
        let subject = evidence.subject()?;
        // No issuer's name holds a line feed: the two cannot be cut at another place.
        let named = [&*evidence.issuer().name, "\n", subject].concat();
        let code = HMAC::mac(named.as_bytes(), salt.as_bytes());
        Some(base16ct::lower::encode_string(code.get(..SHOWN).unwrap_or(&code)))
    }
}
