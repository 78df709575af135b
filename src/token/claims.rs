//! The claims of a token that count, and what they prove.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Map, Value};

use super::cache::{memory_of, memory_of_text};
use super::jws::check_types;
use super::{Issuer, TokenError, purpose};
use crate::host::Host;
use crate::keys::{Jwk, KeySet};
use crate::time::{Moment, Timestamp};

/// What a verified token proves.
///
/// What every request with the token looks at is read from the claims once.
#[derive(Debug)]
pub struct Evidence {
    issuer: Arc<Issuer>,
    origin: Origin,
    lifetime: Lifetime,
    auth_time: Result<Timestamp, AuthTimeProblem>,
    acr: Option<Box<str>>,
    amr: Vec<Box<str>>,
    scopes: Vec<Box<str>>,
    claims: Map<String, Value>,
}

/// When a token is valid, with the clock skew allowed (RFC 7519 §4.1.4 to §4.1.6).
#[derive(Clone, Copy, Debug)]
struct Lifetime {
    /// From `nbf` and `iat` on.
    from: Timestamp,
    /// Until `exp`, where there is one.
    until: Option<Timestamp>,
}

impl Lifetime {
    fn read(claims: &Map<String, Value>, skew: Duration) -> Result<Self, TokenError> {
        let until = date(claims, "exp")?.map(|expires| expires.plus(skew));
        let starts = [date(claims, "nbf")?, date(claims, "iat")?];
        let from = starts.into_iter().flatten().max().unwrap_or_default().minus(skew);
        Ok(Self { from, until })
    }

    fn check(self, now: Timestamp) -> Result<(), TokenError> {
        if self.until.is_some_and(|until| now >= until) {
            return Err(TokenError::Expired);
        }
        if now < self.from {
            return Err(TokenError::NotYetValid);
        }
        Ok(())
    }
}

/// What makes the claims of a token count.
#[derive(Debug)]
pub(super) enum Origin {
    /// Its signature, by a key of the issuer.
    Signature {
        /// The key.
        key: Arc<Jwk>,
        /// The generation of the issuer's keys in which it was last seen.
        generation: AtomicU64,
    },
    /// A filter before this one, which verified the token.
    EarlierFilter,
    /// An answer of the issuer's authorization server.
    Answer(Freshness),
}

/// How long an answer counts. Then the server is to be asked again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Freshness {
    /// It is remembered until then.
    until: Moment,
    /// RFC 7662 §4: remembered beyond `exp`, it would keep a dead token alive.
    expires: Option<Timestamp>,
}

impl Freshness {
    /// Whether the answer counts now.
    pub(super) fn lasts(self, host: &dyn Host) -> bool {
        host.moment() < self.until && self.expires.is_none_or(|expires| host.now() < expires)
    }
}

impl Origin {
    /// A key that is one of the issuer's keys of this generation.
    pub(super) const fn signature(key: Arc<Jwk>, generation: u64) -> Self {
        Self::Signature { key, generation: AtomicU64::new(generation) }
    }
}

impl Evidence {
    /// Checks the registered claims (RFC 7519 §4.1, RFC 9068 §4) of a token that was proven to come
    /// from `issuer`.
    ///
    /// # Errors
    /// When the token is not valid here and now.
    pub(super) fn new(
        issuer: Arc<Issuer>,
        origin: Origin,
        claims: Map<String, Value>,
        now: Timestamp,
    ) -> Result<Self, TokenError> {
        let evidence = Self::read(issuer, origin, claims)?;
        evidence.check_times(now)?;
        // An earlier filter may accept tokens that do not expire, and a server need not say when.
        if evidence.lifetime.until.is_none() && matches!(evidence.origin, Origin::Signature { .. })
        {
            return Err(TokenError::NoExpiry);
        }
        let (issuer, claims) = (&evidence.issuer, &evidence.claims);
        let aud = claims.get("aud");
        let is_left_out = match evidence.origin {
            Origin::Signature { .. } => false,
            // An earlier filter may have looked at the audience itself.
            Origin::EarlierFilter => issuer.audiences.is_empty(),
            Origin::Answer(_) => aud.is_none() && !issuer.requires_audience(),
        };
        if !is_left_out && !audience_fits(aud, &issuer.audiences) {
            return Err(TokenError::WrongAudience);
        }
        purpose::check(claims)?;
        Ok(evidence)
    }

    /// Checks what the issuer's authorization server states about an active token (RFC 7662 §2.2).
    /// All of it is optional there; what is stated has to hold. It is remembered until then at most.
    ///
    /// # Errors
    /// When the token is not valid here and now.
    pub(super) fn introspected(
        issuer: Arc<Issuer>,
        until: Moment,
        claims: Map<String, Value>,
        now: Timestamp,
    ) -> Result<Self, TokenError> {
        check_types(&claims)?;
        purpose::check_stated_type(&claims)?;
        if claims.get("iss").is_some_and(|name| *name != *issuer.name) {
            return Err(TokenError::OtherIssuer);
        }
        let freshness = Freshness { until, expires: date(&claims, "exp")? };
        Self::new(issuer, Origin::Answer(freshness), claims, now)
    }

    /// How long the authorization server's answer counts; `None` where none was asked.
    pub(super) const fn freshness(&self) -> Option<Freshness> {
        match self.origin {
            Origin::Answer(freshness) => Some(freshness),
            Origin::Signature { .. } | Origin::EarlierFilter => None,
        }
    }

    fn read(
        issuer: Arc<Issuer>,
        origin: Origin,
        claims: Map<String, Value>,
    ) -> Result<Self, TokenError> {
        let auth_time = claims.get(&*issuer.auth_time_claim).ok_or(AuthTimeProblem::Missing);
        let auth_time = auth_time
            .and_then(|claim| Timestamp::from_numeric_date(claim).ok_or(AuthTimeProblem::NotADate));
        let texts = |claim: Option<&Value>| claim.and_then(texts).unwrap_or_default();
        let scopes = match claims.get("scope").or_else(|| claims.get("scp")) {
            Some(Value::String(words)) => {
                words.split(' ').filter(|word| !word.is_empty()).map(Box::from).collect()
            }
            list => texts(list),
        };
        Ok(Self {
            lifetime: Lifetime::read(&claims, issuer.clock_skew)?,
            auth_time,
            acr: claims.get("acr").and_then(Value::as_str).map(Box::from),
            amr: texts(claims.get("amr")),
            scopes,
            issuer,
            origin,
            claims,
        })
    }

    /// Checks `exp`, `nbf` and `iat` (RFC 7519 §4.1). A token that was valid may not be any more.
    ///
    /// # Errors
    /// When the token is not valid now.
    pub(super) fn check_times(&self, now: Timestamp) -> Result<(), TokenError> {
        self.lifetime.check(now)
    }

    /// Whether `keys`, the issuer's keys of this generation, still hold the key that signed.
    pub(super) fn is_signed_by_one_of(&self, keys: &KeySet, generation: u64) -> bool {
        let Origin::Signature { key, generation: seen } = &self.origin else { return false };
        if seen.load(Ordering::Relaxed) == generation {
            return true;
        }
        let holds = keys.holds(key);
        if holds {
            seen.store(generation, Ordering::Relaxed);
        }
        holds
    }

    /// Whose token it is.
    pub fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// Whom the token is about (RFC 7519 §4.1.2).
    pub fn subject(&self) -> Option<&str> {
        self.claim("sub").and_then(Value::as_str)
    }

    /// A claim at the top of the payload.
    pub fn claim(&self, name: &str) -> Option<&Value> {
        self.claims.get(name)
    }

    /// The memory that it takes beside itself, about.
    pub(super) fn memory(&self) -> usize {
        let texts = self.amr.iter().chain(&self.scopes).chain(&self.acr);
        texts.map(|text| memory_of_text(text)).fold(memory_of(&self.claims), usize::saturating_add)
    }

    /// How far the issuer's clock may be off.
    pub fn clock_skew(&self) -> Duration {
        self.issuer.clock_skew
    }

    /// How the user authenticated, as a class (`acr`, OIDC Core §2).
    pub fn acr(&self) -> Option<&str> {
        self.acr.as_deref()
    }

    /// The methods by which the user authenticated (`amr`, RFC 8176 §1). A list with anything but
    /// strings in it is malformed and proves none.
    pub fn amr(&self) -> &[Box<str>] {
        &self.amr
    }

    /// When the user last authenticated actively (RFC 9470 §6.1). `iat` never stands in for it: a
    /// refresh renews `iat`.
    ///
    /// # Errors
    /// When the claim is missing, or no date.
    pub const fn auth_time(&self) -> Result<Timestamp, AuthTimeProblem> {
        self.auth_time
    }

    /// Whether the token has this scope: in `scope` (RFC 9068 §2.2.3), or where that claim is absent
    /// in `scp`. Either may be a string with spaces, or a list.
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scopes.iter().any(|granted| **granted == *scope)
    }

    /// Evidence without a token behind it.
    #[cfg(test)]
    pub(crate) fn for_test(issuer: Issuer, claims: Value) -> Self {
        let Value::Object(claims) = claims else { panic!("claims are an object") };
        let key = serde_json::from_str(crate::keys::rfc::P256).unwrap();
        let key = Arc::new(Jwk::from_json(&key).unwrap());
        let origin = Origin::signature(key, 0);
        Self::read(Arc::new(issuer), origin, claims).expect("its times are dates")
    }
}

/// Why the time of the last active authentication is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AuthTimeProblem {
    /// The claim is missing.
    Missing,
    /// The claim is no `NumericDate`, is negative, or lies beyond the year 9999.
    NotADate,
    /// It lies in the future, even with the clock skew allowed.
    InTheFuture,
}

fn date(claims: &Map<String, Value>, name: &'static str) -> Result<Option<Timestamp>, TokenError> {
    claims
        .get(name)
        .map(|value| Timestamp::from_numeric_date(value).ok_or(TokenError::BadDate(name)))
        .transpose()
}

/// The items of a list of strings; `None` when it is not one.
fn texts(value: &Value) -> Option<Vec<Box<str>>> {
    value.as_array()?.iter().map(|item| item.as_str().map(Box::from)).collect()
}

/// `aud` is a string or a list of strings (RFC 7519 §4.1.3).
fn audience_fits(aud: Option<&Value>, expected: &[Box<str>]) -> bool {
    let fits = |found: &str| expected.iter().any(|audience| **audience == *found);
    match aud {
        Some(Value::String(found)) => fits(found),
        // A list with anything but strings in it was refused before.
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).any(fits),
        _ => false,
    }
}

impl fmt::Display for AuthTimeProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "the claim is missing",
            Self::NotADate => "the claim is no date",
            Self::InTheFuture => "it lies in the future",
        })
    }
}
