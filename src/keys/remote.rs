//! Key sets that are fetched.

use std::borrow::Cow;

use super::KeySet;
use crate::host::CalloutAnswer;
use crate::json;
use crate::remote::{Checked, Format, RemoteDocument};
use crate::report::{Counter, DocumentNames};

/// An issuer's keys, as one worker holds them.
pub(super) type RemoteKeys = RemoteDocument<Jwks>;

/// JWK Sets (RFC 7517 §5).
#[derive(Debug)]
pub(crate) struct Jwks;

impl Format for Jwks {
    type Loaded = KeySet;
    const OWNER: &'static str = "issuer";
    const WHAT: &'static str = "keys";
    const ACCEPT: &'static str = "application/json, application/jwk-set+json";
    const FETCHED: Counter = Counter::KeyFetch;
    const FAILED: Counter = Counter::KeyFetchFailure;
    const METRICS: DocumentNames = DocumentNames {
        owner: "issuer",
        fetches: "stepup.key_fetches",
        age: "stepup.key_age_seconds",
        limit: "stepup.key_limit_seconds",
        held: "stepup.usable_keys",
    };

    fn kind(&self) -> Cow<'static, str> {
        Cow::Borrowed("keys")
    }

    fn longest(&self) -> usize {
        CalloutAnswer::MAX_BODY
    }

    /// A set with at least one key to use.
    fn check<'b>(&self, body: &'b [u8]) -> Result<Checked<'b, KeySet>, String> {
        let document = json::parse(body).map_err(|error| format!("key set: {error}"))?;
        let (keys, skipped) =
            KeySet::from_jwks(&document).map_err(|problem| problem.to_string())?;
        if keys.is_empty() {
            return Err("a key set without a key that can be used".to_owned());
        }
        let notes = skipped
            .iter()
            .map(|key| format!("key {} of its set {}; it is skipped", key.index, key.problem));
        let (document, notes) = (Cow::Owned(document.to_string()), notes.collect());
        Ok(Checked { document, content: keys, notes })
    }

    fn size(keys: &KeySet) -> usize {
        keys.iter().count()
    }

    fn load(&self, document: &str) -> Option<KeySet> {
        let document = json::parse(document.as_bytes()).ok()?;
        KeySet::from_jwks(&document).ok().map(|(keys, _)| keys)
    }
}
