//! The certificate that the client showed to the proxy (RFC 8705 §3).

use super::BindingError;
use super::confirmation::Digest;
use crate::host::Host;

/// The SHA-256 of the client's certificate, in hexadecimal. The proxy took it from the TLS
/// handshake, in which the client proved to have the key. A header that claims the same is never
/// looked at: any client can send one.
const PROPERTY: [&str; 2] = ["connection", "sha256_peer_certificate_digest"];

/// Compares the client's certificate with the one that the token is bound to.
pub(super) fn check(wanted: &Digest, host: &dyn Host) -> Result<(), BindingError> {
    let shown = match host.property(&PROPERTY) {
        Ok(Some(shown)) if !shown.is_empty() => shown,
        _ => return Err(BindingError::NoCertificate),
    };
    let expected = base16ct::lower::encode_string(wanted);
    if shown.eq_ignore_ascii_case(expected.as_bytes()) {
        Ok(())
    } else {
        Err(BindingError::WrongCertificate)
    }
}
