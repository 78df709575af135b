//! From an unverified token to evidence.

use std::cell::RefCell;
use std::sync::Arc;

use serde_json::Value;

use super::cache::{CacheLimits, TokenCache};
use super::claims::Origin;
use super::introspected::{Introspections, Learned, QuestionId};
use super::signature::{Engine, SignatureEngines, SignatureError};
use super::{Evidence, Issuer, Issuers, TokenError, TokenSettings, Unproven, UnverifiedToken};
use crate::config::Mistakes;
use crate::host::{CallId, CalloutAnswer, Host};
use crate::keys::{Algorithms, Jwk, KeySet, KeySource, KeyStore};
use crate::remote::Lookup;
use crate::report::Counter;

/// Proves tokens, and remembers those that it proved.
#[derive(Debug)]
pub struct Verifier {
    issuers: Issuers,
    max_length: usize,
    engines: SignatureEngines,
    keys: RefCell<KeyStore>,
    introspections: RefCell<Introspections>,
    cache: RefCell<TokenCache<Arc<Evidence>>>,
}

impl Verifier {
    /// Finds out what the proxy's cryptography can do, takes credentials from the environment, and
    /// starts to fetch keys.
    ///
    /// # Errors
    /// When credentials are missing.
    pub fn new(
        issuers: Issuers,
        settings: &TokenSettings,
        host: &dyn Host,
    ) -> Result<Self, Mistakes> {
        Self::with_engines(issuers, settings, SignatureEngines::probe(host), host)
    }

    pub(super) fn with_engines(
        issuers: Issuers,
        settings: &TokenSettings,
        engines: SignatureEngines,
        host: &dyn Host,
    ) -> Result<Self, Mistakes> {
        let is_introspected =
            |issuer: &Arc<Issuer>| matches!(issuer.keys, KeySource::Introspection(_));
        let (proven, refused) = if issuers.iter().any(is_introspected) {
            settings.cache.split()
        } else {
            (settings.cache, CacheLimits::NONE)
        };
        let introspections = Introspections::new(issuers.iter(), refused, host)?;
        let keys = KeyStore::new(issuers.iter().map(|issuer| &issuer.keys), host);
        Ok(Self {
            issuers,
            max_length: settings.max_length,
            engines,
            keys: RefCell::new(keys),
            introspections: RefCell::new(introspections),
            cache: RefCell::new(TokenCache::new(proven)),
        })
    }

    /// The algorithms that the proxy checks.
    pub const fn by_proxy(&self) -> Algorithms {
        self.engines.by_proxy()
    }

    /// The algorithms that are checked, here or by the proxy.
    pub fn algorithms(&self) -> Algorithms {
        self.engines.all()
    }

    /// Whether nothing has to be done in ticks.
    pub fn is_idle(&self) -> bool {
        self.keys.borrow().is_idle()
    }

    /// Refreshes what is due.
    ///
    /// Says whether there is news for requests that wait for keys.
    pub fn on_tick(&self, host: &dyn Host) -> bool {
        self.keys.borrow_mut().on_tick(host)
    }

    /// Tells operators how the keys stand.
    pub fn tell(&self, host: &dyn Host) {
        self.keys.borrow().tell(host);
    }

    /// Tells them that nobody looks after the keys any more.
    pub fn retire(&self, host: &dyn Host) {
        self.keys.borrow().retire(host);
    }

    /// How many proven tokens are remembered.
    pub fn remembers(&self) -> usize {
        self.cache.borrow().len()
    }

    /// Asks authorization servers what there is to ask. Says whether there is more, for which there
    /// was no time.
    pub fn ask(&self, host: &dyn Host) -> bool {
        self.introspections.borrow_mut().on_tick(host)
    }

    /// Whether an authorization server has not answered this yet.
    pub fn is_asking(&self, question: QuestionId) -> bool {
        self.introspections.borrow().is_open(question)
    }

    /// Puts answers away, once the requests that waited for them are served. They are remembered
    /// from then on, as far as they may be.
    pub fn settle_answers(&self, host: &dyn Host) {
        let answers = self.introspections.borrow_mut().take_answers();
        for Learned { token, evidence } in answers {
            self.remember(&token, &evidence, host);
        }
    }

    /// Takes the answer to a call of [`Verifier::on_tick`] or [`Verifier::ask`]. Says whether it was
    /// for keys.
    pub fn on_answer(&self, host: &dyn Host, call: CallId, answer: &CalloutAnswer) -> bool {
        let for_keys = self.keys.borrow_mut().on_answer(host, call, answer);
        if !for_keys {
            self.introspections.borrow_mut().on_answer(host, call, answer);
        }
        for_keys
    }

    /// Proves the token: its issuer, type, algorithm, signature and times. What is remembered of it
    /// spares the signature.
    ///
    /// # Errors
    /// When anything about it does not hold, or cannot be told yet. Nothing of the token counts
    /// then.
    pub fn verify(
        &self,
        token: &[u8],
        remembered: Option<Arc<Evidence>>,
        host: &dyn Host,
    ) -> Result<Arc<Evidence>, Unproven> {
        if token.len() > self.max_length {
            return Err(TokenError::TooLong.into());
        }
        if let Some(evidence) = remembered.or_else(|| self.remembered(token))
            && self.still_counts(token, &evidence, host)?
        {
            return Ok(evidence);
        }
        let token = std::str::from_utf8(token).map_err(|_| TokenError::NotText)?;
        let evidence = self.prove(token, host);
        // A request that waits comes again.
        if !matches!(evidence, Err(Unproven::Pending(_) | Unproven::Asking(..))) {
            host.count(Counter::TokenCacheMiss);
        }
        let evidence = evidence?;
        if evidence.freshness().is_none() {
            self.remember(token, &evidence, host);
        }
        Ok(evidence)
    }

    /// Whose token this says it is, for what operators are told. Nothing of it is proven.
    pub fn claimed_issuer(&self, token: &[u8]) -> Option<&Issuer> {
        let issuer = match UnverifiedToken::parse(std::str::from_utf8(token).ok()?) {
            Ok(token) => self.issuers.named(token.claimed_issuer()?),
            Err(_) => self.issuers.of_opaque_tokens(),
        };
        issuer.map(|issuer| &**issuer)
    }

    /// Remembers a token that was proven.
    fn remember(&self, token: &str, evidence: &Arc<Evidence>, host: &dyn Host) {
        if evidence.freshness().is_some_and(|freshness| !freshness.lasts(host)) {
            return;
        }
        let memory = evidence.memory();
        let evicted =
            self.cache.borrow_mut().insert(token.as_bytes(), Arc::clone(evidence), memory);
        (0..evicted).for_each(|_| host.count(Counter::TokenCacheEviction));
    }

    /// What a token proved before. Whether it still does is for [`Verifier::verify`] to say.
    pub fn remembered(&self, token: &[u8]) -> Option<Arc<Evidence>> {
        self.cache.borrow_mut().get(token)
    }

    /// Whether a token that was proven before is known well enough not to be proven again. Its times
    /// and its key, or the age of the answer, are looked at again.
    fn still_counts(
        &self,
        token: &[u8],
        evidence: &Evidence,
        host: &dyn Host,
    ) -> Result<bool, Unproven> {
        let still_counts = if let Some(freshness) = evidence.freshness() {
            freshness.lasts(host)
        } else {
            let (keys, generation) = self.keys_of(evidence.issuer(), host)?;
            evidence.is_signed_by_one_of(&keys, generation)
        };
        if !still_counts {
            self.cache.borrow_mut().remove(token);
            return Ok(false);
        }
        if let Err(error) = evidence.check_times(host.now()) {
            self.cache.borrow_mut().remove(token);
            return Err(error.into());
        }
        host.count(Counter::TokenCacheHit);
        Ok(true)
    }

    fn keys_of(&self, issuer: &Issuer, host: &dyn Host) -> Result<(Arc<KeySet>, u64), Unproven> {
        ready(self.keys.borrow_mut().lookup(&issuer.keys, host))
    }

    fn prove(&self, text: &str, host: &dyn Host) -> Result<Arc<Evidence>, Unproven> {
        let token = match (UnverifiedToken::parse(text), self.issuers.of_opaque_tokens()) {
            (Err(TokenError::NotThreeParts), Some(issuer)) => {
                if !is_b64token(text) {
                    return Err(TokenError::BadCharacters.into());
                }
                return self.introspect(text, None, issuer, host);
            }
            (token, _) => token?,
        };
        let issuer = token
            .claimed_issuer()
            .and_then(|name| self.issuers.named(name))
            .ok_or(TokenError::UnknownIssuer)?;
        if matches!(issuer.keys, KeySource::VerifiedBy(_)) {
            return Err(TokenError::NotVerifiedBefore.into());
        }
        let header = token.header();
        if !issuer.algorithms.contains(header.algorithm) {
            return Err(TokenError::AlgorithmNotAllowed.into());
        }
        if !type_fits(header.typ.as_deref(), issuer) {
            return Err(TokenError::WrongType.into());
        }
        if let KeySource::Introspection(_) = issuer.keys {
            return self.introspect(text, token.claims().get("cnf"), issuer, host);
        }
        let (key, generation) = self.signing_key(&token, issuer, host)?;
        let claims = token.into_claims();
        let origin = Origin::signature(key, generation);
        let evidence = Evidence::new(issuer.clone(), origin, claims, host.now())?;
        Ok(Arc::new(evidence))
    }

    fn introspect(
        &self,
        token: &str,
        cnf: Option<&Value>,
        issuer: &Arc<Issuer>,
        host: &dyn Host,
    ) -> Result<Arc<Evidence>, Unproven> {
        self.introspections.borrow_mut().look_up(token, cnf, issuer, host.moment())
    }

    /// The issuer's key that signed the token. Keys are fetched early for a `kid` that is not among
    /// them.
    fn signing_key(
        &self,
        token: &UnverifiedToken<'_>,
        issuer: &Issuer,
        host: &dyn Host,
    ) -> Result<(Arc<Jwk>, u64), Unproven> {
        let (keys, generation) = self.keys_of(issuer, host)?;
        match self.try_keys(&keys, token, host) {
            Ok(key) => Ok((key, generation)),
            Err(TokenError::UnknownKey) => {
                let newer = self.keys.borrow_mut().lookup_newer(&issuer.keys, host);
                let (keys, generation) = ready(newer.ok_or(TokenError::UnknownKey)?)?;
                Ok((self.try_keys(&keys, token, host)?, generation))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Tries the keys that fit the header. Sets have few keys, and those of one name and algorithm
    /// are fewer; the bound keeps a token without a `kid` from costing a check for each.
    fn try_keys(
        &self,
        keys: &KeySet,
        token: &UnverifiedToken<'_>,
        host: &dyn Host,
    ) -> Result<Arc<Jwk>, TokenError> {
        /// The most keys that are tried for one token.
        const MOST_TRIES: usize = 4;
        let header = token.header();
        let mut error = TokenError::UnknownKey;
        for key in keys.candidates(header.kid.as_deref(), header.algorithm).take(MOST_TRIES) {
            match self.check_signature(token, key, host) {
                Ok(()) => return Ok(Arc::clone(key)),
                Err(bad) => error = bad,
            }
        }
        Err(error)
    }

    /// Checks the signature by a key that serves the token's algorithm.
    ///
    /// # Errors
    /// When it is not the key's, or nothing here checks it.
    pub fn check_signature(
        &self,
        token: &UnverifiedToken<'_>,
        key: &Jwk,
        host: &dyn Host,
    ) -> Result<(), TokenError> {
        match self.engines.verify(host, key, token) {
            Ok(Engine::Proxy) => host.count(Counter::SignatureByProxy),
            Ok(Engine::JwtSimple) => host.count(Counter::SignatureByJwtSimple),
            Err(SignatureError::Bad) => return Err(TokenError::BadSignature),
            Err(SignatureError::NoEngine) => return Err(TokenError::NoEngine),
        }
        Ok(())
    }
}

fn ready(lookup: Lookup<KeySet>) -> Result<(Arc<KeySet>, u64), Unproven> {
    match lookup {
        Lookup::Ready(keys, generation) => Ok((keys, generation)),
        Lookup::Pending(longest) => Err(Unproven::Pending(longest)),
        Lookup::Unavailable(retry_after) => Err(Unproven::Unavailable(retry_after)),
    }
}

/// Whether a text is a `b64token` (RFC 6750 §2.1). Nothing else can be a bearer token.
fn is_b64token(text: &str) -> bool {
    let core = text.trim_end_matches('=');
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
    !core.is_empty() && core.bytes().all(fits)
}

/// Media types compare without case, and `application/` may be left out (RFC 7515 §4.1.9). A token
/// without a `typ` says no more than `JWT` does.
fn type_fits(typ: Option<&str>, issuer: &Issuer) -> bool {
    let typ = typ.unwrap_or("JWT").to_ascii_lowercase();
    let short = typ.strip_prefix("application/").unwrap_or(&typ);
    issuer.token_types.iter().any(|accepted| **accepted == *short)
}
