//! Buckets that the workers of a process share.
//!
//! A fixed number of shared values, each a short list that is rewritten as a whole, if no other worker
//! was faster. Which bucket a key belongs to, and its code there, are a hash with the process's secret:
//! nobody outside can choose or foresee them, and no key itself lies in shared memory.

use std::fmt;

use hmac_sha256::{HMAC, Hash};

use super::SignalError;
use crate::host::{self, Host};
use crate::secret;

/// Keeps these codes apart from others by the same secret.
const LABEL: &[u8] = b"signal";

/// A code for something, by the process's secret.
pub(super) type Code = [u8; 32];

/// What tells one store from another. Filters that agree in all of it share one.
pub(super) struct Identity<'a> {
    pub(super) kind: &'a str,
    pub(super) name: &'a str,
    pub(super) settings: &'a [u128],
}

/// The buckets of one signal.
pub(super) struct Store {
    /// What the names of its buckets start with.
    prefix: String,
    buckets: u32,
    /// Where codes start from. `None` where the proxy shares nothing.
    codes: Option<HMAC>,
}

impl fmt::Debug for Store {
    /// Without what the codes are made with.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("prefix", &self.prefix)
            .field("buckets", &self.buckets)
            .finish_non_exhaustive()
    }
}

impl Store {
    /// Room for this many keys, in buckets of this size.
    pub(super) fn new(
        identity: &Identity<'_>,
        keys: usize,
        bucket_size: usize,
        host: &dyn Host,
    ) -> Self {
        let buckets = keys.div_ceil(bucket_size.max(1)).max(1);
        let buckets = u32::try_from(buckets).unwrap_or(u32::MAX);
        let mut id = Hash::new();
        id.update(buckets.to_be_bytes());
        for setting in identity.settings {
            id.update(setting.to_be_bytes());
        }
        // The kinds are ours, and none starts with another.
        id.update(identity.kind);
        id.update(identity.name);
        let id = id.finalize();
        let codes = secret::ensure(host).then(|| secret::read(host)).flatten().map(|secret| {
            let mut codes = HMAC::new(secret);
            codes.update(LABEL);
            codes.update(id);
            codes
        });
        let id = id.first_chunk().map_or(0, |start| u64::from_be_bytes(*start));
        Self { prefix: format!("stepup.v1 signal {id:016x} "), buckets, codes }
    }

    /// The code of these parts. Where parts end makes a difference.
    pub(super) fn code(&self, parts: &[&[u8]]) -> Result<Code, SignalError> {
        let mut code = self.codes.clone().ok_or(SignalError::NotShared)?;
        for part in parts {
            code.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            code.update(part);
        }
        Ok(code.finalize())
    }

    /// The bucket for what has this code. It comes from the end of the code, a tag from the start.
    fn bucket(&self, code: &Code) -> String {
        let end = code.last_chunk().map_or(0, |end| u64::from_be_bytes(*end));
        let bucket = end.checked_rem(self.buckets.into()).unwrap_or_default();
        format!("{}{bucket}", self.prefix)
    }

    /// The bucket for what has this code; empty where there is none yet.
    pub(super) fn read(&self, code: &Code, host: &dyn Host) -> Vec<u8> {
        host.shared(&self.bucket(code)).map(|(list, _)| list).unwrap_or_default()
    }

    /// Writes what `change` makes of the bucket, if anything, however often others change it meanwhile.
    pub(super) fn update(
        &self,
        code: &Code,
        host: &dyn Host,
        change: impl FnMut(&[u8]) -> Result<Option<Vec<u8>>, SignalError>,
    ) -> Result<(), SignalError> {
        host::update_shared(host, &self.bucket(code), change)
    }
}
