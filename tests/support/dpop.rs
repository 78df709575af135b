//! DPoP proofs (RFC 9449 §4), well-formed or not.

use std::sync::atomic::{AtomicU64, Ordering};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use hmac_sha256::Hash;
use serde_json::{Value, json};

use super::{SigningKey, now};

/// A proof to be changed before it is signed.
#[derive(Clone, Debug)]
pub struct Proof {
    pub header: Value,
    pub claims: Value,
}

impl Proof {
    /// A good proof for one request, by this key and for this token.
    pub fn new(key: &SigningKey, token: &str, method: &str, uri: &str) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        // No two are the same in one run, nor in two runs against one proxy.
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        Self {
            header: json!({
                "typ": "dpop+jwt",
                "alg": key.algorithm().name(),
                "jwk": bare_jwk(key),
            }),
            claims: json!({
                "jti": format!("{}-{count}", std::process::id()),
                "htm": method,
                "htu": uri,
                "iat": now(),
                "ath": BASE64.encode(Hash::hash(token.as_bytes())),
            }),
        }
    }

    #[must_use]
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims[name] = value.into();
        self
    }

    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.claims.as_object_mut().expect("claims").remove(name);
        self
    }

    #[must_use]
    pub fn head(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header[name] = value.into();
        self
    }

    pub fn sign(&self, key: &SigningKey) -> String {
        key.sign(&self.header, &self.claims)
    }
}

/// The key with nothing that does not belong to it.
pub fn bare_jwk(key: &SigningKey) -> Value {
    let mut jwk = key.public_jwk();
    let members = jwk.as_object_mut().expect("a key");
    for name in ["kid", "alg", "use"] {
        members.remove(name);
    }
    jwk
}

/// RFC 7638: the members that make up the key, sorted, without a space.
pub fn thumbprint(key: &SigningKey) -> String {
    BASE64.encode(Hash::hash(bare_jwk(key).to_string().as_bytes()))
}
