//! A DPoP proof: a token that the client signs for one request (RFC 9449 §4).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac_sha256::Hash;
use serde_json::{Map, Value};

use super::confirmation::Digest;
use super::target::is_target;
use super::{BindingError, DpopSettings, PossessionError, ProofError, ProofUse, nonce};
use crate::host::Host;
use crate::keys::Jwk;
use crate::request::Headers;
use crate::time::Timestamp;
use crate::token::{TokenError, UnverifiedToken, Verifier};

/// The header that carries the proof (RFC 9449 §4.1).
const HEADER: &str = "dpop";
/// The type of proofs (RFC 9449 §4.2).
const TYPE: &str = "dpop+jwt";
/// The longest proof, in bytes: one by the longest RSA key, with room to spare.
const MAX_LENGTH: usize = 8192;
/// The longest `jti`, in bytes. RFC 9449 §4.2 asks for 96 random bits or a UUID.
const MAX_JTI: usize = 256;

/// What a proof is checked against.
pub(super) struct Expected<'r> {
    /// The thumbprint of the key that the token is bound to.
    pub(super) key: Digest,
    /// The token.
    pub(super) token: &'r [u8],
    /// The request.
    pub(super) headers: &'r Headers,
    /// What the operator asks for.
    pub(super) settings: &'r DpopSettings,
}

impl Expected<'_> {
    /// Checks the request's proof by every point of RFC 9449 §4.3 but one: whether it was used
    /// before is for [`ProofUse`] to say. What costs least comes first.
    pub(super) fn check(
        &self,
        verifier: &Verifier,
        host: &dyn Host,
    ) -> Result<ProofUse, PossessionError> {
        let (proof, key) = UnverifiedToken::parse_with_key(self.text()?).map_err(|error| {
            PossessionError::from(match error {
                TokenError::AlgorithmNotAllowed => ProofError::AlgorithmNotAllowed,
                other => ProofError::Malformed(other),
            })
        })?;
        let algorithm = proof.header().algorithm;
        if proof.header().typ.as_deref() != Some(TYPE) {
            return Err(ProofError::WrongType.into());
        }
        if !self.settings.algorithms.contains(algorithm) {
            return Err(ProofError::AlgorithmNotAllowed.into());
        }
        let proof_use = self.check_claims(proof.claims(), host)?;
        let key = Jwk::from_json(&key).map_err(|_| ProofError::BadKey)?;
        if !key.algorithms().contains(algorithm) {
            return Err(ProofError::AlgorithmNotAllowed.into());
        }
        // RFC 9449 §7.1 calls this a bad token: the proof may be good, and is for another one.
        if key.thumbprint() != self.key {
            return Err(BindingError::WrongKey.into());
        }
        verifier.check_signature(&proof, &key, host).map_err(|error| match error {
            TokenError::NoEngine => ProofError::AlgorithmNotAllowed,
            _ => ProofError::BadSignature,
        })?;
        Ok(proof_use)
    }

    /// The one header. A proxy joins two of a name with a comma, which no token holds.
    fn text(&self) -> Result<&str, ProofError> {
        let mut values = self.headers.values(HEADER);
        let value = values.next().ok_or(ProofError::Missing)?;
        if values.next().is_some() || value.contains(&b',') {
            return Err(ProofError::Several);
        }
        if value.len() > MAX_LENGTH {
            return Err(ProofError::TooLong);
        }
        std::str::from_utf8(value).map_err(|_| ProofError::Malformed(TokenError::NotText))
    }

    fn check_claims(
        &self,
        claims: &Map<String, Value>,
        host: &dyn Host,
    ) -> Result<ProofUse, ProofError> {
        let text = |name: &'static str| {
            claims.get(name).and_then(Value::as_str).ok_or(ProofError::NoClaim(name))
        };
        let jti = text("jti")?;
        if jti.is_empty() || jti.len() > MAX_JTI {
            return Err(ProofError::NoClaim("jti"));
        }
        if self.headers.single(":method") != Some(text("htm")?.as_bytes()) {
            return Err(ProofError::WrongMethod);
        }
        if !is_target(text("htu")?, self.headers, &self.settings.origins) {
            return Err(ProofError::WrongTarget);
        }
        if text("ath")? != URL_SAFE_NO_PAD.encode(Hash::hash(self.token)) {
            return Err(ProofError::WrongTokenHash);
        }
        let expires = self.check_times(claims, host.now())?;
        if self.settings.nonce {
            let nonce = claims.get("nonce").and_then(Value::as_str);
            if !nonce.is_some_and(|nonce| nonce::is_valid(nonce, host)) {
                return Err(ProofError::NoNonce);
            }
        }
        Ok(ProofUse { key: self.key, jti: jti.to_owned(), expires })
    }

    /// Until when the proof would be taken.
    fn check_times(
        &self,
        claims: &Map<String, Value>,
        now: Timestamp,
    ) -> Result<Timestamp, ProofError> {
        let date = |name| claims.get(name).and_then(Timestamp::from_numeric_date);
        let (window, skew) = (self.settings.window, self.settings.clock_skew);
        let iat = date("iat").ok_or(ProofError::NoClaim("iat"))?;
        if iat > now.plus(skew) || date("nbf").is_some_and(|start| start > now.plus(skew)) {
            return Err(ProofError::InTheFuture);
        }
        let expires = iat.plus(window);
        // A proof needs no exp; one that has it means it (RFC 7519 §4.1.4).
        if expires < now || date("exp").is_some_and(|end| end.plus(skew) <= now) {
            return Err(ProofError::TooOld);
        }
        Ok(expires)
    }
}
