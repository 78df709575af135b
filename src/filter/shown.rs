//! What a request presents to show who it comes from.

use std::borrow::Cow;
use std::time::Duration;

use log::{Level, debug, log, log_enabled};

use super::Filter;
use super::waiting::Wait;
use crate::decision::{Credentials, Failure};
use crate::host::Host;
use crate::keys::{KeySource, VerifiedBy};
use crate::possession::{BindingError, PossessionError, ProofUse};
use crate::report;
use crate::request::Headers;
use crate::token::{self, Presented, Scheme, TokenError, Unclear, Unproven};

/// When to try again where the proxy does not tell the time.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// Credentials, and how they came.
pub(super) struct Shown {
    pub(super) credentials: Credentials,
    /// The scheme of the token, where there is one.
    scheme: Option<Scheme>,
    /// The proof that came with it, to be used up once the request goes on.
    pub(super) proof: Option<ProofUse>,
}

/// Why it cannot be told what a request presents.
pub(super) enum Unclarified {
    /// It depends on keys or an answer that are on their way.
    Waits(Wait),
    /// What is needed is not there.
    Failed(Failure),
}

impl Shown {
    /// What a request presents that is not looked at.
    pub(super) const fn nothing() -> Self {
        Self { credentials: Credentials::Missing, scheme: None, proof: None }
    }

    /// Whether it is a good token.
    pub(super) const fn is_verified(&self) -> bool {
        matches!(self.credentials, Credentials::Verified(_))
    }
}

impl Filter {
    /// What the request presents.
    ///
    /// # Errors
    /// What becomes of it where that cannot be told, or not yet.
    pub(super) fn shown(&self, headers: &Headers, host: &dyn Host) -> Result<Shown, Unclarified> {
        let memory = |token: &[u8]| self.verifier.remembered(token);
        let mut presented = match token::extract(headers, &self.policies.tokens.places, &memory) {
            Ok(presented) => presented,
            Err(Unclear { why, scheme }) => {
                let credentials = Credentials::Malformed(why);
                return Ok(Shown { credentials, scheme, ..Shown::nothing() });
            }
        };
        let token = presented.as_ref().map(|presented| &*presented.token);
        let evidence = match (self.earlier.evidence(token, host), &mut presented) {
            (None, None) => return Ok(Shown::nothing()),
            // At the epoch, no token would ever have expired.
            _ if !host.now().is_known() => {
                let why =
                    "the proxy does not tell the time; requests with a token are answered with 503";
                let is_new = self.told.borrow_mut().is_new(why);
                log!(if is_new { Level::Error } else { Level::Debug }, "{why}");
                return Err(Unclarified::Failed(Failure::unavailable(RETRY_AFTER, why)));
            }
            (Some(_), None) if token::hides_token(headers, &self.policies.tokens.places) => {
                Err(Unproven::Invalid(TokenError::NotWhatWasVerified))
            }
            (Some(evidence), _) => evidence.map_err(Unproven::Invalid),
            (None, Some(presented)) => {
                let remembered = presented.remembered.take();
                self.verifier.verify(&presented.token, remembered, host)
            }
        };
        let presented = presented.as_ref();
        let (credentials, proof) = match evidence {
            Ok(evidence) => {
                match self.possession.check(&evidence, presented, headers, &self.verifier, host) {
                    Ok(proof) => (Credentials::Verified(evidence), proof),
                    Err(PossessionError::Binding(error)) => {
                        (Credentials::Invalid(TokenError::Binding(error)), None)
                    }
                    Err(PossessionError::Proof(error)) => (Credentials::BadProof(error), None),
                }
            }
            Err(Unproven::Invalid(error)) => {
                if error == TokenError::NotVerifiedBefore && log_enabled!(Level::Debug) {
                    self.tell_sought(headers, presented);
                }
                (Credentials::Invalid(error), None)
            }
            Err(Unproven::Pending(longest)) => {
                return Err(Unclarified::Waits(Wait { longest, question: None }));
            }
            Err(Unproven::Asking(question, longest)) => {
                return Err(Unclarified::Waits(Wait { longest, question: Some(question) }));
            }
            Err(Unproven::Unavailable(retry_after)) => {
                let why = unavailable(self.issuer_of(presented));
                return Err(Unclarified::Failed(Failure::unavailable(retry_after, why)));
            }
        };
        Ok(Shown { credentials, scheme: presented.map(|presented| presented.scheme), proof })
    }

    /// Whose token it says it is, for the log.
    fn issuer_of(&self, presented: Option<&Presented<'_>>) -> Option<&token::Issuer> {
        presented.and_then(|presented| self.verifier.claimed_issuer(&presented.token))
    }

    /// Tells where claims of a filter before this one were looked for: it may write them elsewhere.
    fn tell_sought(&self, headers: &Headers, presented: Option<&Presented<'_>>) {
        if let Some(token::Issuer {
            name,
            keys: KeySource::VerifiedBy(VerifiedBy { namespace, key }),
            ..
        }) = self.issuer_of(presented)
        {
            debug!(
                "{}: no claims of issuer {name:?} stand in the dynamic metadata {namespace:?} under \
                 {key:?}",
                report::About(headers)
            );
        }
    }

    /// The schemes to challenge with: that of the token that came; DPoP for a token that only
    /// works with it; without a token, what the operator offers (RFC 9449 §7.2).
    pub(super) fn schemes(&self, shown: &Shown) -> &'static [Scheme] {
        const SENT_AS_BEARER: TokenError = TokenError::Binding(BindingError::SentAsBearer);
        let dpop = &self.policies.dpop;
        match (&shown.credentials, shown.scheme) {
            _ if dpop.required => &[Scheme::DPoP],
            (Credentials::Invalid(SENT_AS_BEARER), _) | (_, Some(Scheme::DPoP)) => &[Scheme::DPoP],
            (_, None) if dpop.advertise => &[Scheme::Bearer, Scheme::DPoP],
            _ => &[Scheme::Bearer],
        }
    }
}

/// What an operator is told where it cannot be told whether a token is good.
fn unavailable(issuer: Option<&token::Issuer>) -> Cow<'static, str> {
    match issuer {
        Some(token::Issuer { name, keys: KeySource::Introspection(_), .. }) => {
            format!("the server of issuer {name:?} says nothing about the token").into()
        }
        Some(token::Issuer { name, .. }) => {
            format!("the keys of issuer {name:?} are not there").into()
        }
        None => "what is needed to check the token is not there".into(),
    }
}
