//! Public keys of issuers: reading them, and choosing the one for a token.

mod algorithm;
mod jwk;
mod remote;
#[cfg(test)]
pub(crate) mod rfc;
mod store;
#[cfg(test)]
mod tests;
mod thumbprint;

use std::fmt;
use std::sync::Arc;

use serde_json::Value;

pub use self::algorithm::{Algorithm, Algorithms};
pub use self::jwk::{Jwk, KeyMaterial, KeyProblem};
#[cfg(test)]
pub(crate) use self::remote::Jwks;
pub use self::store::{KeySource, KeyStore, VerifiedBy};

/// The most keys that a set may hold.
pub const MAX_KEYS: usize = 256;

/// The keys of an issuer.
#[derive(Debug, Default)]
pub struct KeySet(Vec<Arc<Jwk>>);

/// A key of a set that cannot be used, and why.
#[derive(Debug)]
pub struct Skipped {
    /// Its place in `keys`.
    pub index: usize,
    /// Why.
    pub problem: KeyProblem,
}

/// Why a document is no key set (RFC 7517 §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeySetProblem {
    /// It is not an object with a list named `keys`.
    NotAKeySet,
    /// It holds more than [`MAX_KEYS`] keys.
    TooManyKeys,
}

impl fmt::Display for KeySetProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAKeySet => f.write_str("no JWK Set: an object with a list named keys"),
            Self::TooManyKeys => write!(f, "a key set of more than {MAX_KEYS} keys"),
        }
    }
}

impl KeySet {
    /// Reads a JWK Set (RFC 7517 §5). Keys that cannot be used are left out and told (§5: a set
    /// may hold keys that a reader does not understand).
    ///
    /// # Errors
    /// When the document is not a key set.
    pub fn from_jwks(document: &Value) -> Result<(Self, Vec<Skipped>), KeySetProblem> {
        let keys =
            document.get("keys").and_then(Value::as_array).ok_or(KeySetProblem::NotAKeySet)?;
        if keys.len() > MAX_KEYS {
            return Err(KeySetProblem::TooManyKeys);
        }
        let mut set = Self::default();
        let mut skipped = Vec::new();
        for (index, key) in keys.iter().enumerate() {
            match Jwk::from_json(key) {
                Ok(key) => set.0.push(Arc::new(key)),
                Err(problem) => skipped.push(Skipped { index, problem }),
            }
        }
        Ok((set, skipped))
    }

    /// Whether there is no key.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a token signed by `key` is still one of these keys': the key is there, with the same
    /// name and for the same algorithms.
    pub fn holds(&self, key: &Jwk) -> bool {
        self.0.iter().any(|own| {
            own.spki() == key.spki()
                && own.kid() == key.kid()
                && own.algorithms() == key.algorithms()
        })
    }

    /// All keys.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Jwk>> {
        self.0.iter()
    }

    /// The keys that may have signed a token with this header: those of its name first, then those
    /// without a name, each in the set's order.
    ///
    /// A `kid` is compared exactly where both have one (RFC 7515 §4.1.4: it is a hint). The
    /// algorithm has to be one that the key serves.
    pub fn candidates(
        &self,
        kid: Option<&str>,
        algorithm: Algorithm,
    ) -> impl Iterator<Item = &Arc<Jwk>> {
        let serving = move || self.0.iter().filter(move |key| key.algorithms().contains(algorithm));
        let named = serving().filter(move |key| kid.is_none() || key.kid() == kid);
        let nameless = serving().filter(move |key| kid.is_some() && key.kid().is_none());
        named.chain(nameless)
    }
}
