//! What the filter counts and measures.

mod document;
mod label;
mod series;
mod tally;
#[cfg(test)]
mod tests;

pub(crate) use self::document::DocumentMetrics;
pub use self::document::DocumentNames;
pub(crate) use self::label::labels;
pub(crate) use self::series::Metrics;

use crate::condition::Doubt;
use crate::host::{Host, MetricId};

/// Tells the proxy a value of a metric, where the proxy has made it.
fn record(metric: Option<MetricId>, value: u64, host: &dyn Host) {
    if let Some(metric) = metric {
        host.record_metric(metric, value);
    }
}

/// A counter that the proxy shows among its statistics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counter {
    /// A signature was checked by the proxy's cryptography.
    SignatureByProxy,
    /// A signature was checked by `jwt-simple`.
    SignatureByJwtSimple,
    /// A token was found in the cache.
    TokenCacheHit,
    /// A token was not found in the cache.
    TokenCacheMiss,
    /// A token was pushed out of the cache by others.
    TokenCacheEviction,
    /// A key set was fetched.
    KeyFetch,
    /// A key set could not be fetched.
    KeyFetchFailure,
    /// A feed was fetched.
    FeedFetch,
    /// A feed could not be fetched.
    FeedFetchFailure,
    /// An authorization server was asked about a token.
    Introspection,
    /// An authorization server could not be asked about a token.
    IntrospectionFailure,
    /// A DPoP proof was used a second time.
    ProofReplay,
    /// A DPoP proof was refused because it could not be remembered.
    ProofStoreFull,
    /// A raise fired, and its condition was true.
    Raise,
    /// A raise fired since its condition could not be evaluated.
    RaiseInDoubt,
    /// A raise in shadow mode would have fired.
    RaiseInShadow,
    /// A condition could not be evaluated: something that it reads is missing.
    DoubtMissing,
    /// A condition could not be evaluated: something that it reads comes twice, or is no text.
    DoubtAmbiguous,
    /// A condition could not be evaluated: the body cannot be read in one way.
    DoubtBody,
    /// A condition could not be evaluated: a value is of another type.
    DoubtWrongType,
    /// A condition could not be evaluated: it cannot be computed.
    DoubtNotComputable,
    /// A signal had no more room for a key, and gave up another that still counted.
    SignalEviction,
    /// An event or a sighting was not kept.
    SignalLost,
}

impl Counter {
    /// Every counter.
    pub const ALL: [Self; 23] = [
        Self::SignatureByProxy,
        Self::SignatureByJwtSimple,
        Self::TokenCacheHit,
        Self::TokenCacheMiss,
        Self::TokenCacheEviction,
        Self::KeyFetch,
        Self::KeyFetchFailure,
        Self::FeedFetch,
        Self::FeedFetchFailure,
        Self::Introspection,
        Self::IntrospectionFailure,
        Self::ProofReplay,
        Self::ProofStoreFull,
        Self::Raise,
        Self::RaiseInDoubt,
        Self::RaiseInShadow,
        Self::DoubtMissing,
        Self::DoubtAmbiguous,
        Self::DoubtBody,
        Self::DoubtWrongType,
        Self::DoubtNotComputable,
        Self::SignalEviction,
        Self::SignalLost,
    ];

    /// Its name; Envoy puts `wasmcustom.` before it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SignatureByProxy => "stepup.signature.proxy",
            Self::SignatureByJwtSimple => "stepup.signature.jwt_simple",
            Self::TokenCacheHit => "stepup.token_cache.hit",
            Self::TokenCacheMiss => "stepup.token_cache.miss",
            Self::TokenCacheEviction => "stepup.token_cache.eviction",
            Self::KeyFetch => "stepup.key_fetch.success",
            Self::KeyFetchFailure => "stepup.key_fetch.failure",
            Self::FeedFetch => "stepup.feed_fetch.success",
            Self::FeedFetchFailure => "stepup.feed_fetch.failure",
            Self::Introspection => "stepup.introspection.success",
            Self::IntrospectionFailure => "stepup.introspection.failure",
            Self::ProofReplay => "stepup.dpop.replay",
            Self::ProofStoreFull => "stepup.dpop.store_full",
            Self::Raise => "stepup.raise.fired",
            Self::RaiseInDoubt => "stepup.raise.in_doubt",
            Self::RaiseInShadow => "stepup.raise.shadow",
            Self::DoubtMissing => "stepup.condition_doubts.doubt.missing",
            Self::DoubtAmbiguous => "stepup.condition_doubts.doubt.ambiguous",
            Self::DoubtBody => "stepup.condition_doubts.doubt.body",
            Self::DoubtWrongType => "stepup.condition_doubts.doubt.wrong_type",
            Self::DoubtNotComputable => "stepup.condition_doubts.doubt.not_computable",
            Self::SignalEviction => "stepup.signal.eviction",
            Self::SignalLost => "stepup.signal.lost",
        }
    }
}

impl From<Doubt> for Counter {
    fn from(doubt: Doubt) -> Self {
        match doubt {
            Doubt::Missing => Self::DoubtMissing,
            Doubt::Ambiguous(_) => Self::DoubtAmbiguous,
            Doubt::Body => Self::DoubtBody,
            Doubt::WrongType => Self::DoubtWrongType,
            Doubt::NotComputable => Self::DoubtNotComputable,
        }
    }
}
