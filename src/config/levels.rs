//! `levels`: the ladder of assurance.

mod overlap;

use super::issuers::IssuersRead;
use super::mistake::suggestion;
use super::node::{Node, Object};
use super::{all, one_of, strings};
use crate::policy::{ClaimProof, Ladder, Level, LevelId, LevelSet, MAX_LEVELS, Proof};

const KEYS: [&str; 4] = ["name", "proven_by", "ask_for", "implies"];
const PROOF_KEYS: [&str; 5] = ["acr", "amr", "claim", "any_of", "issuer"];
const ACR_VALUE: &str = "an acr value as a string";

/// The levels as far as they could be read.
#[derive(Default)]
pub(super) struct LevelsRead {
    /// One for each level of the list; `None` where the name could not be read.
    names: Vec<Option<String>>,
    levels: Vec<Level>,
}

impl LevelsRead {
    /// The level that the node names.
    pub(super) fn id(&self, node: &Node<'_>) -> Option<LevelId> {
        let name = node.string("the name of a level")?;
        let index = self.names.iter().position(|known| known.as_deref() == Some(name));
        // Where there is no level at all, that was noted, and is one mistake.
        if index.is_none() && !self.names.is_empty() {
            let known = self.names.iter().flatten().map(String::as_str);
            node.mistake(format!("no level is named {name:?}{}", suggestion(name, known)));
        }
        LevelId::new(index?)
    }

    /// The names of the levels, where all could be read.
    pub(super) fn all_names(&self) -> Option<Vec<&str>> {
        self.names.iter().map(Option::as_deref).collect()
    }

    /// The levels that this one satisfies, unless there are mistakes in the levels.
    pub(super) fn satisfied_by(&self, id: LevelId) -> Option<LevelSet> {
        self.levels
            .iter()
            .enumerate()
            .find_map(|(index, level)| (LevelId::new(index) == Some(id)).then_some(level.satisfies))
    }

    /// The ladder, once every level could be read.
    pub(super) fn finish(self) -> Option<Ladder> {
        (self.levels.len() == self.names.len()).then(|| Ladder::new(self.levels))?
    }
}

/// A level, and the acr values that prove it, for the check of what is asked for.
struct LevelRead {
    proven_by: Option<Vec<Proof>>,
    ask_for: Option<Vec<Box<str>>>,
    satisfies: Option<LevelSet>,
}

pub(super) fn read(node: &Node<'_>, issuers: &IssuersRead) -> LevelsRead {
    let mut read = LevelsRead::default();
    let Some(items) = node.filled_list("a list of levels, weakest first") else {
        return read;
    };
    if items.len() > MAX_LEVELS {
        node.mistake(format!("has {} levels; expected {MAX_LEVELS} at most", items.len()));
    }
    let mut parts: Vec<LevelRead> = Vec::new();
    for item in items {
        let object = item.object("a level", &KEYS);
        let name = object.as_ref().and_then(|object| read_name(object, &read));
        let level = object.map_or(
            LevelRead { proven_by: None, ask_for: None, satisfies: None },
            |object| LevelRead {
                proven_by: read_proofs(&object, issuers),
                ask_for: read_ask_for(&object),
                satisfies: read_implies(&object, &read, &parts),
            },
        );
        read.names.push(name);
        parts.push(level);
    }
    check_askable(node, &parts);
    overlap::check(node, &read.names, &parts);
    let names = read.names.iter();
    let levels = all(parts.into_iter().zip(names).map(|(level, name)| {
        let proven_by = level.proven_by?;
        let ask_for = level.ask_for.unwrap_or_default();
        let ask_for = if ask_for.is_empty() { acr_values(&proven_by) } else { ask_for };
        Some(Level {
            name: name.as_deref()?.into(),
            proven_by,
            ask_for: ask_for.join(" ").into(),
            satisfies: level.satisfies?,
        })
    }));
    read.levels = levels.unwrap_or_default();
    read
}

fn read_name(object: &Object<'_>, read: &LevelsRead) -> Option<String> {
    let node = object.required("name", "the level's name")?;
    let name = node.text("the level's name")?;
    if read.names.iter().flatten().any(|known| known == name) {
        node.mistake(format!("a level named {name:?} stands before it already"));
        return None;
    }
    Some(name.to_owned())
}

fn read_proofs(object: &Object<'_>, issuers: &IssuersRead) -> Option<Vec<Proof>> {
    const EXPECTED: &str = "a list of what proves the level, such as [{acr: [\"2\"]}]";
    let node = object.required("proven_by", EXPECTED)?;
    all(node.filled_list(EXPECTED)?.map(|item| read_proof(&item, issuers)))
}

fn read_proof(node: &Node<'_>, issuers: &IssuersRead) -> Option<Proof> {
    let object = node.object("a proof such as {acr: [\"2\"]}", &PROOF_KEYS)?;
    let issuer = match object.get("issuer") {
        Some(node) => read_issuer_name(&node, issuers).map(Some),
        None => Some(None),
    };
    let kind = one_of(&object, &["acr", "amr", "claim"])?;
    if kind != "claim"
        && let Some(any_of) = object.get("any_of")
    {
        any_of.mistake(format!("goes with claim only; {kind} takes its values itself"));
    }
    let claim = match kind {
        "acr" => strings(&object.get(kind)?, "a list of acr values such as [\"2\"]", read_acr)
            .map(ClaimProof::Acr),
        "amr" => strings(&object.get(kind)?, "a list of amr methods", |item| {
            item.text("an amr method").map(Into::into)
        })
        .map(ClaimProof::Amr),
        _ => {
            let name = read_claim_name(&object.get(kind)?);
            let any_of =
                object.required("any_of", "the values of which one suffices").and_then(|node| {
                    strings(&node, "a list of values", |item| item.text("a value").map(Into::into))
                });
            name.zip(any_of).map(|(name, any_of)| ClaimProof::Claim { name, any_of })
        }
    };
    Some(Proof { issuer: issuer?, claim: claim? })
}

/// `acr` and `amr` have rules of their own.
fn read_claim_name(node: &Node<'_>) -> Option<Box<str>> {
    let name = node.text("the name of a claim")?;
    if matches!(name, "acr" | "amr") {
        node.mistake(format!("{name} has a key of its own; write {{{name}: [...]}} instead"));
        return None;
    }
    Some(name.into())
}

/// OIDC Core §2: the acr "0" says that no assurance was reached.
fn read_acr(node: &Node<'_>) -> Option<Box<str>> {
    not_zero(node, node.text(ACR_VALUE)?)
}

fn not_zero(node: &Node<'_>, acr: &str) -> Option<Box<str>> {
    if acr == "0" {
        node.mistake("the acr \"0\" proves nothing (OIDC Core §2); expected another value");
        return None;
    }
    Some(acr.into())
}

fn read_issuer_name(node: &Node<'_>, issuers: &IssuersRead) -> Option<Box<str>> {
    let name = node.text("the name of an issuer")?;
    if !issuers.names().any(|known| known == name) {
        let hint = suggestion(name, issuers.names());
        node.mistake(format!("no issuer is named {name:?}{hint}"));
        return None;
    }
    Some(name.into())
}

fn read_ask_for(object: &Object<'_>) -> Option<Vec<Box<str>>> {
    let Some(node) = object.get("ask_for") else {
        return Some(Vec::new());
    };
    strings(&node, "a list of the acr values that a challenge asks for", |item| {
        not_zero(item, item.header_word(ACR_VALUE)?)
    })
}

/// A level satisfies itself, the levels that it implies, and all that those satisfy.
fn read_implies(object: &Object<'_>, read: &LevelsRead, before: &[LevelRead]) -> Option<LevelSet> {
    let own = LevelId::new(before.len())?;
    let implied = match object.get("implies") {
        Some(node) => all(node.list("a list of the levels that it satisfies")?.map(|item| {
            let name = item.string("the name of a level")?;
            let index = read.names.iter().position(|known| known.as_deref() == Some(name));
            if index.is_none() {
                let known = read.names.iter().flatten().map(String::as_str);
                let hint = suggestion(name, known);
                item.mistake(format!("no level before this one is named {name:?}{hint}"));
            }
            index
        }))?,
        None => before.len().checked_sub(1).into_iter().collect(),
    };
    let mut satisfies = LevelSet::default();
    satisfies.insert(own);
    for index in implied {
        // A mistake in the implied level was noted there.
        satisfies = satisfies.union(before.get(index)?.satisfies?);
    }
    Some(satisfies)
}

/// The acr values of the proofs, in order, each once.
fn acr_values(proofs: &[Proof]) -> Vec<Box<str>> {
    let mut values: Vec<Box<str>> = Vec::new();
    for proof in proofs {
        let ClaimProof::Acr(acrs) = &proof.claim else { continue };
        for acr in acrs {
            if !values.contains(acr) {
                values.push(acr.clone());
            }
        }
    }
    values
}

/// A challenge has to name acr values (RFC 9470 §3), and a client that obtains one of them must
/// not be challenged again.
fn check_askable(node: &Node<'_>, parts: &[LevelRead]) {
    let Some(items) = node.list("a list of levels, weakest first") else {
        return;
    };
    for (index, (item, level)) in items.zip(parts).enumerate() {
        let (Some(proofs), Some(ask_for), Some(object)) =
            (&level.proven_by, &level.ask_for, item.any_object())
        else {
            continue;
        };
        if ask_for.is_empty() {
            check_default_ask(&object, proofs);
        } else if let Some(id) = LevelId::new(index) {
            check_ask_for(&object, proofs, id, parts);
        }
    }
}

/// Without `ask_for`, the acr values of `proven_by` are asked for.
fn check_default_ask(level: &Object<'_>, proofs: &[Proof]) {
    let values = acr_values(proofs);
    if values.is_empty() {
        level.mistake(
            "can never be asked for: nothing in proven_by is an acr; add ask_for with the acr \
             values that a client should request",
        );
    }
    let unfit = |value: &str| !value.bytes().all(|byte| byte.is_ascii_graphic());
    if let Some(value) = values.iter().find(|value| unfit(value)) {
        level.mistake(format!(
            "can never be asked for: the acr {value:?} holds a space or a character beyond ASCII, \
             which cannot stand in a challenge; add ask_for with other values"
        ));
    }
}

fn is_proven_by_acr_alone(proofs: &[Proof]) -> bool {
    proofs.iter().all(|proof| matches!(proof.claim, ClaimProof::Acr(_)))
}

/// Where a level is proven by acr alone, what is asked for has to prove it, or a stronger level.
fn check_ask_for(level: &Object<'_>, proofs: &[Proof], id: LevelId, parts: &[LevelRead]) {
    if !is_proven_by_acr_alone(proofs) {
        return;
    }
    let mut proving = Vec::new();
    for part in parts {
        let (Some(proven_by), Some(ask_for), Some(satisfies)) =
            (&part.proven_by, &part.ask_for, part.satisfies)
        else {
            // A level with a mistake could be the one that is meant.
            return;
        };
        if satisfies.contains(id) {
            proving.extend(acr_values(proven_by));
            if !is_proven_by_acr_alone(proven_by) {
                // What is asked for this stronger level proves it in another way.
                proving.extend(ask_for.iter().cloned());
            }
        }
    }
    let Some(node) = level.get("ask_for") else {
        return;
    };
    let Some(items) = node.list("a list of acr values") else {
        return;
    };
    for item in items {
        if item.value().as_str().is_some_and(|asked| !proving.iter().any(|acr| **acr == *asked)) {
            item.mistake(
                "proves neither this level nor a stronger one, so a client that obtains it is \
                 challenged again; expected an acr of proven_by",
            );
        }
    }
}
