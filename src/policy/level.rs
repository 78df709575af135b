//! Levels of assurance, the ladder that orders them, and what proves each.

use serde_json::Value;

use crate::token::Evidence;

/// The most levels that a ladder can have.
pub const MAX_LEVELS: usize = 64;

/// A level's place in the ladder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LevelId(u8);

impl LevelId {
    /// The level at `index`; `None` beyond [`MAX_LEVELS`].
    pub fn new(index: usize) -> Option<Self> {
        u8::try_from(index).ok().filter(|_| index < MAX_LEVELS).map(Self)
    }

    fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// A set of levels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LevelSet(u64);

impl LevelSet {
    /// Whether `level` is in the set.
    pub fn contains(self, level: LevelId) -> bool {
        self.0 & Self::bit(level) != 0
    }

    /// Adds `level`.
    pub fn insert(&mut self, level: LevelId) {
        self.0 |= Self::bit(level);
    }

    /// Everything that is in either set.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The level highest up the ladder.
    pub fn highest(self) -> Option<LevelId> {
        let index = u64::BITS.checked_sub(self.0.leading_zeros())?.checked_sub(1)?;
        LevelId::new(usize::try_from(index).ok()?)
    }

    fn bit(level: LevelId) -> u64 {
        1_u64.wrapping_shl(u32::from(level.0))
    }
}

/// A named rung of assurance.
#[derive(Debug)]
pub struct Level {
    /// Its name in configuration, logs and metrics.
    pub name: Box<str>,
    /// Any one of these proves it.
    pub proven_by: Vec<Proof>,
    /// The `acr_values` of a challenge (RFC 9470 §3), in the operator's order of preference.
    pub ask_for: Box<str>,
    /// The level itself and all that it satisfies, transitively.
    pub satisfies: LevelSet,
}

/// What a token has to state for a level to count as proven.
#[derive(Debug)]
pub struct Proof {
    /// Only tokens of this issuer count; `None` for every issuer.
    pub issuer: Option<Box<str>>,
    /// What the claim has to hold.
    pub claim: ClaimProof,
}

/// What a claim has to hold.
#[derive(Debug, PartialEq, Eq)]
pub enum ClaimProof {
    /// `acr` (OIDC Core §2) is one of these values, compared with case.
    Acr(Vec<Box<str>>),
    /// `amr` (RFC 8176 §1) holds all of these methods, compared with case.
    Amr(Vec<Box<str>>),
    /// Another claim, a string or a list of strings, holds one of these values.
    Claim {
        /// The claim's name at the top of the token's payload.
        name: Box<str>,
        /// The values of which one suffices.
        any_of: Vec<Box<str>>,
    },
}

impl Proof {
    fn holds(&self, evidence: &Evidence) -> bool {
        if self.issuer.as_deref().is_some_and(|issuer| issuer != &*evidence.issuer().name) {
            return false;
        }
        match &self.claim {
            ClaimProof::Acr(values) => {
                evidence.acr().is_some_and(|acr| values.iter().any(|value| **value == *acr))
            }
            ClaimProof::Amr(methods) => {
                methods.iter().all(|method| evidence.amr().contains(method))
            }
            ClaimProof::Claim { name, any_of } => evidence.claim(name).is_some_and(|claim| {
                let wanted = |found: &str| any_of.iter().any(|value| **value == *found);
                match claim {
                    Value::String(found) => wanted(found),
                    list => string_list(list)
                        .is_some_and(|found| found.iter().any(|found| wanted(found))),
                }
            }),
        }
    }
}

/// The items of a list of strings; `None` when it is not one.
fn string_list(value: &Value) -> Option<Vec<&str>> {
    value.as_array()?.iter().map(Value::as_str).collect()
}

/// The levels in the operator's order, weakest first.
#[derive(Debug)]
pub struct Ladder(Vec<Level>);

impl Ladder {
    /// Takes at most [`MAX_LEVELS`] levels; `None` beyond that.
    pub fn new(levels: Vec<Level>) -> Option<Self> {
        (levels.len() <= MAX_LEVELS).then_some(Self(levels))
    }

    /// The level with this id. Ids come from this ladder's own configuration.
    pub fn get(&self, id: LevelId) -> Option<&Level> {
        self.0.get(id.index())
    }

    /// The levels with their ids, weakest first.
    pub fn iter(&self) -> impl Iterator<Item = (LevelId, &Level)> {
        self.0.iter().enumerate().filter_map(|(index, level)| Some((LevelId::new(index)?, level)))
    }

    /// The name of a level, for people.
    pub fn name(&self, id: LevelId) -> &str {
        self.get(id).map_or("", |level| &level.name)
    }

    /// The claims beside `acr` and `amr` that proofs look at.
    pub fn claims(&self) -> impl Iterator<Item = &str> {
        self.0.iter().flat_map(|level| &level.proven_by).filter_map(|proof| match &proof.claim {
            ClaimProof::Claim { name, .. } => Some(&**name),
            ClaimProof::Acr(_) | ClaimProof::Amr(_) => None,
        })
    }

    /// Every level that the evidence satisfies: those proven, and those that they satisfy.
    pub fn satisfied(&self, evidence: &Evidence) -> LevelSet {
        self.0
            .iter()
            .filter(|level| level.proven_by.iter().any(|proof| proof.holds(evidence)))
            .fold(LevelSet::default(), |set, level| set.union(level.satisfies))
    }
}

#[cfg(test)]
mod tests;
