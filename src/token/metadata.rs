//! Claims that a filter before this one verified, and left as dynamic metadata.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::claims::Origin;
use super::jws::{check_types, unverified_claims};
use super::purpose::{ID_TOKEN_CLAIMS, PURPOSE_CLAIMS};
use super::{Evidence, Issuer, Issuers, TokenError};
use crate::host::{Host, value};
use crate::keys::{KeySource, VerifiedBy};

/// The issuers whose tokens filters before this one verify.
#[derive(Debug)]
pub struct EarlierFilters(Vec<Source>);

/// One place for the claims of verified tokens, and the issuers whose claims it can hold.
#[derive(Debug)]
struct Source {
    metadata: VerifiedBy,
    issuers: Vec<(Arc<Issuer>, Vec<Leaf>)>,
}

/// A claim to read.
#[derive(Debug)]
struct Leaf {
    claim: Box<str>,
    expected: Expected,
}

/// What a claim is read as. What it is not proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    /// A string.
    Text,
    /// A string, or a list of them.
    Texts,
    /// A `NumericDate`.
    Date,
    /// An object of strings.
    Members,
}

/// The claims that always matter. Which holds the time of the authentication is configured.
const CLAIMS: [(&str, Expected); 11] = [
    ("iss", Expected::Text),
    ("sub", Expected::Text),
    ("aud", Expected::Texts),
    ("exp", Expected::Date),
    ("nbf", Expected::Date),
    ("iat", Expected::Date),
    ("acr", Expected::Text),
    ("amr", Expected::Texts),
    ("scope", Expected::Texts),
    ("scp", Expected::Texts),
    // RFC 7800 §3.1.
    ("cnf", Expected::Members),
];

impl EarlierFilters {
    /// Takes the issuers that are verified by earlier filters. `claims` are those that proofs of
    /// levels name.
    pub fn new<'c>(issuers: &Issuers, claims: impl Iterator<Item = &'c str>) -> Self {
        let claims = claims.collect::<Vec<_>>();
        let mut sources = Vec::<Source>::new();
        for issuer in issuers.iter() {
            let KeySource::VerifiedBy(metadata) = &issuer.keys else { continue };
            let entry = (Arc::clone(issuer), leaves(issuer, &claims));
            match sources.iter_mut().find(|source| source.metadata == *metadata) {
                Some(source) => source.issuers.push(entry),
                None => sources.push(Source { metadata: metadata.clone(), issuers: vec![entry] }),
            }
        }
        Self(sources)
    }

    /// What the request's token proves, as an earlier filter verified it; `None` where none left
    /// claims of an issuer whose tokens it is to verify.
    ///
    /// That filter may look in more places than this one, and the application reads the token and
    /// not the claims. So a token that the request `presented` has to be the one that was verified.
    pub fn evidence(
        &self,
        presented: Option<&[u8]>,
        host: &dyn Host,
    ) -> Option<Result<Arc<Evidence>, TokenError>> {
        let (source, (issuer, leaves)) = self.0.iter().find_map(|source| {
            let named = source.read(host, "iss", Expected::Text)?;
            let mut issuers = source.issuers.iter();
            Some((source, issuers.find(|(issuer, _)| named == *issuer.name)?))
        })?;
        let claims = leaves.iter().filter_map(|Leaf { claim, expected }| {
            Some((claim.to_string(), source.read(host, claim, *expected)?))
        });
        let claims = claims.collect::<Map<_, _>>();
        if presented.is_some_and(|token| !source.is_of(token, &claims, host)) {
            return Some(Err(TokenError::NotWhatWasVerified));
        }
        let evidence = check_types(&claims).and_then(|()| {
            Evidence::new(Arc::clone(issuer), Origin::EarlierFilter, claims, host.now())
        });
        Some(evidence.map(Arc::new))
    }
}

fn leaves(issuer: &Issuer, claims: &[&str]) -> Vec<Leaf> {
    let auth_time = (&*issuer.auth_time_claim, Expected::Date);
    let id_token = ID_TOKEN_CLAIMS.map(|claim| (claim, Expected::Texts));
    let purpose = PURPOSE_CLAIMS.map(|claim| (claim, Expected::Texts));
    let in_proofs = claims.iter().map(|claim| (*claim, Expected::Texts));
    let all = CLAIMS.into_iter().chain([auth_time]).chain(id_token).chain(purpose).chain(in_proofs);
    let mut leaves = Vec::<Leaf>::new();
    for (claim, expected) in all {
        if leaves.iter().all(|leaf| *leaf.claim != *claim) {
            leaves.push(Leaf { claim: claim.into(), expected });
        }
    }
    leaves
}

impl Source {
    /// Whether a token says what stands in the metadata, claim by claim. `read` are the claims that
    /// count.
    fn is_of(&self, token: &[u8], read: &Map<String, Value>, host: &dyn Host) -> bool {
        let Ok(claims) = unverified_claims(token) else { return false };
        if read.keys().any(|claim| !claims.contains_key(claim)) {
            return false;
        }
        let VerifiedBy { namespace, key } = &self.metadata;
        let path = ["metadata", "filter_metadata", namespace, key];
        if let Ok(Some(whole)) = host.property(&path) {
            return value::are_members(&whole, &claims, is_claim);
        }
        // A null somewhere makes the whole unreadable.
        are_parts(&path, claims.iter().map(|(name, claim)| (name.as_str(), claim)), host)
    }

    /// Reads one claim, as null where it is not what is expected. Leaf by leaf: a null anywhere in
    /// the payload makes the whole unreadable.
    fn read(&self, host: &dyn Host, claim: &str, expected: Expected) -> Option<Value> {
        let VerifiedBy { namespace, key } = &self.metadata;
        let path = ["metadata", "filter_metadata", namespace, key, claim];
        let bytes = match host.property(&path) {
            Ok(bytes) => bytes.filter(|bytes| !bytes.is_empty())?,
            // It is null, or holds one.
            Err(_) => return Some(Value::Null),
        };
        let read = match expected {
            Expected::Text => value::text(&bytes).map(Value::from),
            Expected::Texts => value::text(&bytes).map(Value::from).or_else(|| {
                let item = ["metadata", "filter_metadata", namespace, key, claim, "0"];
                let first = host.property(&item).ok().flatten()?;
                read_list(&bytes, &first)
            }),
            Expected::Date => value::number(&bytes).map(Value::from),
            Expected::Members => read_members(&bytes),
        };
        Some(read.unwrap_or_default())
    }
}

/// Whether this is a claim as the proxy writes it. Istio has `scope`, and what else is configured,
/// split at its spaces.
fn is_claim(bytes: &[u8], claim: &Value) -> bool {
    let is_split = || claim.as_str().is_some_and(|text| value::are_words(bytes, text));
    value::is_written(bytes, claim) || is_split()
}

/// Whether what stands at a place of the metadata is this claim. Of what holds a null, each part is
/// looked at; that there is no other part can be told of lists only.
fn is_claim_at(path: &[&str], claim: &Value, host: &dyn Host) -> bool {
    if let Ok(bytes) = host.property(path) {
        return is_claim(&bytes.unwrap_or_default(), claim);
    }
    match claim {
        Value::Null => true,
        Value::Array(items) => {
            let places = (0..=items.len()).map(|index| index.to_string()).collect::<Vec<_>>();
            let after = places.last().map(|after| host.property(&[path, &[after]].concat()));
            after == Some(Ok(None))
                && are_parts(path, places.iter().map(String::as_str).zip(items), host)
        }
        Value::Object(members) => {
            are_parts(path, members.iter().map(|(name, member)| (name.as_str(), member)), host)
        }
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// Whether these parts stand at their places below a place of the metadata.
fn are_parts<'c>(
    path: &[&str],
    mut parts: impl Iterator<Item = (&'c str, &'c Value)>,
    host: &dyn Host,
) -> bool {
    // The proxy parts a path at zero bytes: such a name would lead elsewhere.
    parts.all(|(name, part)| {
        !name.contains('\0') && is_claim_at(&[path, &[name]].concat(), part, host)
    })
}

/// Reads a list of strings. `{"otp": ""}` is written like `["otp"]`, but only a list has a first
/// item; and one that is empty cannot be told from none.
fn read_list(bytes: &[u8], first: &[u8]) -> Option<Value> {
    let pairs = value::pairs(bytes)?;
    pairs.first().filter(|(item, _)| *item == first && !first.is_empty())?;
    let items = pairs
        .iter()
        .map(|(item, nothing)| value::text(item).filter(|_| nothing.is_empty()).map(Value::from));
    items.collect::<Option<Vec<_>>>().map(Value::from)
}

/// Reads an object of strings. A member that is none is null.
fn read_members(bytes: &[u8]) -> Option<Value> {
    let members = value::pairs(bytes)?.into_iter().map(|(name, member)| {
        let name = value::text(name)?.to_owned();
        Some((name, value::text(member).map(Value::from).unwrap_or_default()))
    });
    members.collect::<Option<Map<_, _>>>().map(Value::from)
}
