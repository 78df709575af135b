//! Nonces for DPoP proofs (RFC 9449 §9): the time, and a code that shows that it is ours. Nothing is
//! remembered.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac_sha256::HMAC;

use crate::host::Host;
use crate::secret;
use crate::time::Timestamp;

/// How long a nonce is handed out, and how long after that it is still taken.
const PERIOD: Duration = Duration::from_mins(2);

/// Keeps these codes apart from others by the same secret.
const LABEL: &[u8] = b"nonce";

/// The nonce to use now. `None` where the proxy shares nothing.
pub(super) fn current(host: &dyn Host) -> Option<String> {
    encode(host, period(host.now())?)
}

/// Whether this is the nonce of now, or the one before. A client's clock has no part in it.
pub(super) fn is_valid(nonce: &str, host: &dyn Host) -> bool {
    let is = |period: Option<u64>| {
        let expected = period.and_then(|period| encode(host, period));
        // Whoever can ask for a nonce gets one, so that the time this takes tells nothing.
        expected.is_some_and(|expected| expected == nonce)
    };
    let now = period(host.now());
    is(now) || is(now.and_then(|now| now.checked_sub(1)))
}

fn period(now: Timestamp) -> Option<u64> {
    now.since_epoch().as_secs().checked_div(PERIOD.as_secs())
}

fn encode(host: &dyn Host, period: u64) -> Option<String> {
    let mut code = HMAC::new(secret::read(host)?);
    code.update(LABEL);
    code.update(period.to_be_bytes());
    Some(URL_SAFE_NO_PAD.encode(code.finalize()))
}
