//! Checking a signature: by the proxy's own cryptography where it offers that, else by
//! `jwt-simple`: its keys, and the crates that it checks signatures with. Its own reading of tokens
//! takes no `jwk` in a header, which a DPoP proof has (RFC 9449 §4.2).
//!
//! The proxy's function runs natively (in Envoy: BoringSSL), at a fifteenth of the cost of RSA in
//! WebAssembly. It is used only for algorithms for which it has told a good signature from a
//! forged one at start-up.

use std::borrow::Cow;

use der::Encode as _;
use der::asn1::UintRef;
use jwt_simple::prelude::{
    ECDSAP256PublicKeyLike as _, ECDSAP256kPublicKeyLike as _, ECDSAP384PublicKeyLike as _,
    ES256PublicKey, ES256kPublicKey, ES384PublicKey, Ed25519PublicKey, EdDSAPublicKeyLike as _,
    PS256PublicKey, PS384PublicKey, PS512PublicKey, RS256PublicKey, RS384PublicKey, RS512PublicKey,
    RSAPublicKeyLike,
};
use p256::ecdsa::signature::Verifier as _;
use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint};
use superboring::pkey::PKey;
use superboring::sign::Verifier;

use super::UnverifiedToken;
use crate::host::{Host, NotOffered};
use crate::keys::{Algorithm, Algorithms, Jwk, KeyMaterial};

#[cfg(test)]
mod tests;
mod vectors;

/// The name of Envoy's foreign function.
const FUNCTION: &str = "verify_signature";

/// The longest number of a protobuf message, in bytes.
const MAX_VARINT: usize = 10;

/// The algorithm that `jwt-simple` lacks.
const ONLY_BY_PROXY: Algorithm = Algorithm::ES512;

/// What checked a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// The proxy's own cryptography.
    Proxy,
    /// The crate `jwt-simple`, in WebAssembly.
    JwtSimple,
}

/// Why a signature does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SignatureError {
    /// It is not the key's signature over the token.
    Bad,
    /// No engine checks this algorithm.
    NoEngine,
}

/// Which engine checks which algorithm.
#[derive(Clone, Copy, Debug, Default)]
pub struct SignatureEngines {
    by_proxy: Algorithms,
}

impl SignatureEngines {
    /// Finds out what the proxy can do: for each algorithm it has to accept a good signature and to
    /// refuse a forged one.
    pub fn probe(host: &dyn Host) -> Self {
        let tells_apart = |vector: &vectors::Vector| {
            let ask = |text| {
                let (hash_function, public_key) = (vector.hash, vector.spki);
                Arguments { hash_function, public_key, signature: vector.signature, text }.ask(host)
            };
            ask(vectors::TEXT) == Ok(true) && ask(vectors::FORGED_TEXT) == Ok(false)
        };
        let offered = vectors::VECTORS.iter().filter(|vector| tells_apart(vector));
        Self { by_proxy: offered.map(|vector| vector.algorithm).collect() }
    }

    /// The algorithms that the proxy checks.
    pub const fn by_proxy(self) -> Algorithms {
        self.by_proxy
    }

    /// All algorithms that are checked, by one or the other.
    pub fn all(self) -> Algorithms {
        let is_checked = |algorithm: &Algorithm| {
            *algorithm != ONLY_BY_PROXY || self.by_proxy.contains(*algorithm)
        };
        Algorithm::ALL.into_iter().filter(is_checked).collect()
    }

    /// Checks the signature of a token by a key that fits its algorithm.
    pub(super) fn verify(
        self,
        host: &dyn Host,
        key: &Jwk,
        token: &UnverifiedToken<'_>,
    ) -> Result<Engine, SignatureError> {
        if self.by_proxy.contains(token.header().algorithm) {
            match verify_by_proxy(host, key, token) {
                Ok(true) => return Ok(Engine::Proxy),
                Ok(false) => return Err(SignatureError::Bad),
                // It did answer at start-up; what it does not answer now is checked here.
                Err(NotOffered) => {}
            }
        }
        verify_by_jwt_simple(key, token).map(|()| Engine::JwtSimple)
    }
}

/// `envoy.source.extensions.common.wasm.VerifySignatureArguments`, borrowed: each new token would be copied
/// once more for a message that owns its fields.
struct Arguments<'a> {
    hash_function: &'a str,
    /// DER `SubjectPublicKeyInfo`.
    public_key: &'a [u8],
    /// PKCS#1 v1.5 for RSA, DER `Ecdsa-Sig-Value` for ECDSA.
    signature: &'a [u8],
    text: &'a [u8],
}

/// `envoy.source.extensions.common.wasm.VerifySignatureResult`.
#[derive(Clone, PartialEq, Message)]
struct Answer {
    #[prost(bool, tag = "1")]
    result: bool,
    #[prost(string, tag = "2")]
    error: String,
}

impl Arguments<'_> {
    /// Only an explicit `true` counts as a good signature.
    fn ask(&self, host: &dyn Host) -> Result<bool, NotOffered> {
        let answer = host.call_foreign_function(FUNCTION, &self.encode())?;
        Ok(Answer::decode(answer.as_slice()).is_ok_and(|answer| answer.result))
    }

    fn encode(&self) -> Vec<u8> {
        let fields = [self.hash_function.as_bytes(), self.public_key, self.signature, self.text];
        let longest = |field: &[u8]| field.len().saturating_add(2 * MAX_VARINT);
        let mut message = Vec::with_capacity(fields.into_iter().map(longest).sum());
        for (tag, field) in (1..).zip(fields) {
            encode_key(tag, WireType::LengthDelimited, &mut message);
            encode_varint(field.len().try_into().unwrap_or(u64::MAX), &mut message);
            message.extend_from_slice(field);
        }
        message
    }
}

fn verify_by_proxy(
    host: &dyn Host,
    key: &Jwk,
    token: &UnverifiedToken<'_>,
) -> Result<bool, NotOffered> {
    let (hash, is_ecdsa) = match token.header().algorithm {
        Algorithm::RS256 => ("sha256", false),
        Algorithm::RS384 => ("sha384", false),
        Algorithm::RS512 => ("sha512", false),
        Algorithm::ES256 => ("sha256", true),
        Algorithm::ES384 => ("sha384", true),
        Algorithm::ES512 => ("sha512", true),
        _ => return Err(NotOffered),
    };
    let signature = if is_ecdsa {
        match ecdsa_to_der(token.signature(), key) {
            Some(signature) => Cow::Owned(signature),
            None => return Ok(false),
        }
    } else {
        Cow::Borrowed(token.signature())
    };
    Arguments {
        hash_function: hash,
        public_key: key.spki(),
        signature: &signature,
        text: token.signing_input().as_bytes(),
    }
    .ask(host)
}

/// JOSE joins r and s in full length (RFC 7518 §3.4); the proxy takes a DER sequence of them.
/// `None` when the signature has another length than the key's curve asks for.
fn ecdsa_to_der(signature: &[u8], key: &Jwk) -> Option<Vec<u8>> {
    let KeyMaterial::Ec(point) = key.material() else {
        return None;
    };
    // The point is a prefix byte and two coordinates, each as long as r and s.
    if signature.len() != point.len().checked_sub(1)? {
        return None;
    }
    let (r, s) = signature.split_at_checked(signature.len() / 2)?;
    vec![UintRef::new(r).ok()?, UintRef::new(s).ok()?].to_der().ok()
}

/// Checks the signature with the key types of `jwt-simple`. Nothing else is looked at: header and
/// claims were judged before, or are after, on values that are not rounded.
fn verify_by_jwt_simple(key: &Jwk, token: &UnverifiedToken<'_>) -> Result<(), SignatureError> {
    let (text, signature) = (token.signing_input().as_bytes(), token.signature());
    /// The curves' types differ with each algorithm; what is done with them does not.
    macro_rules! check {
        ($key:ty, $curve:ident, $point:expr) => {{
            let signature = $curve::ecdsa::Signature::from_slice(signature);
            <$key>::from_bytes($point).ok().zip(signature.ok()).is_some_and(|(key, signature)| {
                key.public_key().as_ref().verify(text, &signature).is_ok()
            })
        }};
    }
    macro_rules! check_rsa {
        ($key:ty, $n:expr, $e:expr) => {{
            let key = <$key>::from_components($n, $e).ok();
            key.and_then(|key| verify_rsa(&key, text, signature)).unwrap_or_default()
        }};
    }
    let good = match (token.header().algorithm, key.material()) {
        (Algorithm::RS256, KeyMaterial::Rsa { n, e }) => check_rsa!(RS256PublicKey, n, e),
        (Algorithm::RS384, KeyMaterial::Rsa { n, e }) => check_rsa!(RS384PublicKey, n, e),
        (Algorithm::RS512, KeyMaterial::Rsa { n, e }) => check_rsa!(RS512PublicKey, n, e),
        (Algorithm::PS256, KeyMaterial::Rsa { n, e }) => check_rsa!(PS256PublicKey, n, e),
        (Algorithm::PS384, KeyMaterial::Rsa { n, e }) => check_rsa!(PS384PublicKey, n, e),
        (Algorithm::PS512, KeyMaterial::Rsa { n, e }) => check_rsa!(PS512PublicKey, n, e),
        (Algorithm::ES256, KeyMaterial::Ec(point)) => check!(ES256PublicKey, p256, point),
        (Algorithm::ES384, KeyMaterial::Ec(point)) => check!(ES384PublicKey, p384, point),
        (Algorithm::ES256K, KeyMaterial::Ec(point)) => check!(ES256kPublicKey, k256, point),
        (Algorithm::EdDSA, KeyMaterial::Ed25519(bytes)) => {
            let signature = ed25519_compact::Signature::from_slice(signature).ok();
            Ed25519PublicKey::from_bytes(bytes).ok().zip(signature).is_some_and(
                |(key, signature)| key.public_key().as_ref().verify(text, &signature).is_ok(),
            )
        }
        _ => return Err(SignatureError::NoEngine),
    };
    if good { Ok(()) } else { Err(SignatureError::Bad) }
}

/// `None` when the check cannot be made.
fn verify_rsa<K: RSAPublicKeyLike>(key: &K, text: &[u8], signature: &[u8]) -> Option<bool> {
    let public = PKey::from_rsa(key.public_key().as_ref().clone()).ok()?;
    let mut verifier = Verifier::new(K::hash(), &public).ok()?;
    verifier.set_rsa_padding(key.padding_scheme()).ok()?;
    verifier.update(text).ok()?;
    verifier.verify(signature).ok()
}
