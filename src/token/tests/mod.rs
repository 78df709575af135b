//! Tokens: how they are read, who signed them, and what they state.

mod claims;
mod metadata;
mod parse;
pub(crate) mod signer;
mod verify;

use std::sync::Arc;

use super::{
    CacheLimits, Engine, Evidence, Issuers, SignatureEngines, TokenError, TokenSettings, Unproven,
    Verifier,
};
use crate::host::memory::MemoryHost;
use crate::report::Counter;

/// Verifies one token, and says what checked its signature.
pub(super) fn verify(
    token: &[u8],
    max_length: usize,
    issuers: &Issuers,
    engines: SignatureEngines,
    host: &MemoryHost,
) -> Result<(Arc<Evidence>, Engine), TokenError> {
    let settings = TokenSettings {
        places: Vec::new(),
        forward: true,
        max_length,
        cache: CacheLimits { entries: 0, bytes: 0 },
    };
    let verifier = Verifier::with_engines(issuers.clone(), &settings, engines, host).unwrap();
    let by_proxy = host.counted(Counter::SignatureByProxy);
    match verifier.verify(token, None, host) {
        Ok(evidence) if host.counted(Counter::SignatureByProxy) > by_proxy => {
            Ok((evidence, Engine::Proxy))
        }
        Ok(evidence) => Ok((evidence, Engine::JwtSimple)),
        Err(Unproven::Invalid(error)) => Err(error),
        Err(other) => panic!("keys that are written down are there: {other:?}"),
    }
}
