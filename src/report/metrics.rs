//! What the filter counts.

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
}

impl Counter {
    /// Every counter.
    pub const ALL: [Self; 13] = [
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
        }
    }
}
