//! What is new for a subject: a device, a place.

use std::time::Duration;

use super::sightings::{self, Pair, Seen, Sightings, Terms, whole_seconds};
use super::store::{Code, Identity, Store};
use super::{SignalError, told};
use crate::host::Host;

/// Remembers which values were seen with which subjects, for all workers of the process.
///
/// A value is new until `window` has passed since it was first seen with the subject. If it were known
/// at once, whoever stole a token would be stopped at the first request only. It is forgotten when it
/// was not seen for `forget_after`, or a sixteenth less.
///
/// What is not remembered is new. So everything is after a restart, and what is lost for want of room
/// only asks for more: what was seen first less than `window` ago is never taken for known.
#[derive(Debug)]
pub struct FirstSeen {
    store: Store,
    terms: Terms,
}

impl FirstSeen {
    /// Filters that give the same name, times and number share what they saw; any others do not. What
    /// all workers need is made here.
    ///
    /// It takes 28 bytes of shared memory for each of `most_pairs` at most, rounded up to buckets of
    /// 3,584 bytes: 2.8 MB for 100,000. Only buckets that something was seen in are there. They stay until
    /// the proxy ends, also when the configuration changes. Times count in whole seconds.
    ///
    /// A subject has 16 values at most.
    pub fn new(
        name: &str,
        window: Duration,
        forget_after: Duration,
        most_pairs: usize,
        host: &dyn Host,
    ) -> Self {
        let settings = [window.as_secs().into(), forget_after.as_secs().into()];
        let identity = Identity { kind: "first seen", name, settings: &settings };
        Self {
            store: Store::new(&identity, most_pairs, sightings::MOST, host),
            terms: Terms { new_for: whole_seconds(window), known_for: whole_seconds(forget_after) },
        }
    }

    /// Remembers that this value is seen with this subject now. Both may be any bytes.
    ///
    /// To be called for requests that are let through only: those of a thief that are refused would
    /// make his device known.
    ///
    /// # Errors
    /// When it could not be remembered: the proxy shares nothing, other workers have written the same
    /// bucket 16 times meanwhile, or there is room for known pairs only. The value stays new then.
    pub fn see(&self, subject: &[u8], value: &[u8], host: &dyn Host) -> Result<(), SignalError> {
        told(self.try_to_see(subject, value, host), host)
    }

    /// Whether another pair was pushed out for it.
    fn try_to_see(
        &self,
        subject: &[u8],
        value: &[u8],
        host: &dyn Host,
    ) -> Result<bool, SignalError> {
        let (code, pair) = self.codes(subject, value)?;
        let mut is_crowded = false;
        self.store.update(&code, host, |bucket| {
            let now = sightings::seconds(host.moment());
            let Seen { bucket, pushed_out } =
                Sightings::read(bucket, self.terms, now)?.see(pair)?;
            is_crowded = pushed_out;
            Ok(bucket)
        })?;
        Ok(is_crowded)
    }

    /// Whether this value is new for this subject: it was never seen, is forgotten, or was seen first
    /// less than `window` ago. What is seen now makes no difference before [`see`](Self::see).
    ///
    /// # Errors
    /// When it cannot be told: the proxy shares nothing. It has to count as new.
    pub fn is_new(
        &self,
        subject: &[u8],
        value: &[u8],
        host: &dyn Host,
    ) -> Result<bool, SignalError> {
        let (code, pair) = self.codes(subject, value)?;
        let bucket = self.store.read(&code, host);
        let now = sightings::seconds(host.moment());
        Ok(Sightings::read(&bucket, self.terms, now)?.is_new(pair))
    }

    /// The code that decides the bucket, which all values of a subject share, and those in it.
    fn codes(&self, subject: &[u8], value: &[u8]) -> Result<(Code, Pair), SignalError> {
        let code = self.store.code(&[subject])?;
        let pair = self.store.code(&[subject, value])?;
        let pair = Pair {
            subject: code.first_chunk().copied().unwrap_or_default(),
            pair: pair.first_chunk().copied().unwrap_or_default(),
        };
        Ok((code, pair))
    }
}
