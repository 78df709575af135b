//! Whether a request comes from the client that its token was given to (RFC 7800): a token can be
//! bound to the client's certificate (RFC 8705 §3) or to a key that signs a proof for each request
//! (DPoP, RFC 9449).

mod certificate;
mod confirmation;
mod error;
mod nonce;
mod proof;
mod replay;
mod target;
#[cfg(test)]
mod tests;

use std::time::Duration;

use log::warn;

use self::confirmation::Confirmation;
pub use self::error::{BindingError, PossessionError, ProofError};
use self::proof::Expected;
pub use self::replay::{ProofUse, Unusable};
pub use self::target::Origin;
use crate::host::Host;
use crate::keys::Algorithms;
use crate::request::Headers;
use crate::secret;
use crate::token::{Evidence, Presented, Scheme, Verifier};

/// What DPoP proofs have to be like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DpopSettings {
    /// Whether every token has to be bound to a key.
    pub required: bool,
    /// Whether a request without a token is told that it can use DPoP.
    pub advertise: bool,
    /// The algorithms that proofs are signed with.
    pub algorithms: Algorithms,
    /// How old a proof may be.
    pub window: Duration,
    /// How far ahead a client's clock may be.
    pub clock_skew: Duration,
    /// Where clients find the API. Where there is none, the request says so itself.
    pub origins: Vec<Origin>,
    /// Whether a proof has to hold a nonce of ours.
    pub nonce: bool,
    /// How many proofs by one key are remembered at a time, about.
    pub proofs_per_key: usize,
}

impl Default for DpopSettings {
    fn default() -> Self {
        Self {
            required: false,
            advertise: false,
            algorithms: Algorithms::all(),
            window: Duration::from_mins(1),
            clock_skew: Duration::from_secs(30),
            origins: Vec::new(),
            nonce: false,
            proofs_per_key: 65_536,
        }
    }
}

/// Checks what tokens are bound to.
#[derive(Debug)]
pub struct Possession {
    settings: DpopSettings,
    shares: u16,
}

impl Possession {
    /// Makes what the workers share.
    pub fn new(settings: DpopSettings, host: &dyn Host) -> Self {
        if !secret::ensure(host) {
            warn!("the proxy lets workers share nothing: no DPoP proof can be accepted");
        }
        let shares = replay::shares(settings.proofs_per_key);
        Self { settings, shares }
    }

    /// Checks that the client has what the token is bound to. What is handed out is to be used up
    /// when the request goes on, and not before: one that is decided again would else be its own
    /// replay, and one that is refused would fill the memory of proofs.
    ///
    /// # Errors
    /// When it does not show that it has, or the token was sent in the wrong way.
    pub fn check(
        &self,
        evidence: &Evidence,
        presented: Option<&Presented<'_>>,
        headers: &Headers,
        verifier: &Verifier,
        host: &dyn Host,
    ) -> Result<Option<ProofUse>, PossessionError> {
        let bound_to = Confirmation::read(evidence.claim("cnf"))?;
        if let Some(certificate) = bound_to.certificate {
            certificate::check(&certificate, host)?;
        }
        let with_dpop = presented.filter(|presented| presented.scheme == Scheme::DPoP);
        let Some(key) = bound_to.key else {
            let is_needed = with_dpop.is_some() || self.settings.required;
            return if is_needed { Err(BindingError::NotBoundToAKey.into()) } else { Ok(None) };
        };
        let Some(Presented { token, .. }) = with_dpop else {
            return Err(BindingError::SentAsBearer.into());
        };
        let settings = &self.settings;
        Expected { key, token, headers, settings }.check(verifier, host).map(Some)
    }

    /// Uses a proof up.
    ///
    /// # Errors
    /// When it was used before, or cannot be remembered.
    pub fn use_up(&self, proof: &ProofUse, host: &dyn Host) -> Result<(), Unusable> {
        proof.use_up(self.shares, host)
    }

    /// The nonce for the next proof, where proofs need one.
    pub fn nonce(&self, host: &dyn Host) -> Option<String> {
        if self.settings.nonce { nonce::current(host) } else { None }
    }
}
