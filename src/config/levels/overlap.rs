//! One proof for two levels: a login for the weaker one would pass for the stronger.

use super::{LevelRead, Node};
use crate::policy::{ClaimProof, LevelId, Proof};

/// Notes every proof of a level that a level below it has too.
pub(super) fn check(node: &Node<'_>, names: &[Option<String>], parts: &[LevelRead]) {
    let Some(items) = node.list("a list of levels, weakest first") else { return };
    for (index, (item, level)) in items.zip(parts).enumerate() {
        let (Some(proofs), Some(satisfies)) = (&level.proven_by, level.satisfies) else { continue };
        let weaker = names.iter().zip(parts).enumerate().filter(|(at, _)| {
            *at != index && LevelId::new(*at).is_some_and(|id| satisfies.contains(id))
        });
        let weaker = weaker
            .filter_map(|(_, (name, part))| Some((name.as_deref()?, part.proven_by.as_deref()?)))
            .collect::<Vec<_>>();
        check_level(&item, proofs, &weaker);
    }
}

fn check_level(level: &Node<'_>, proofs: &[Proof], weaker: &[(&str, &[Proof])]) {
    let object = level.any_object();
    let proven_by = object.as_ref().and_then(|level| level.get("proven_by"));
    let Some(items) = proven_by.as_ref().and_then(|node| node.list("a list of proofs")) else {
        return;
    };
    for (item, proof) in items.zip(proofs) {
        // Names of weaker levels with a proof that counts for tokens of the same issuer.
        let shared = |is_same: &dyn Fn(&ClaimProof) -> bool| {
            weaker.iter().find_map(|(name, theirs)| {
                let overlaps = |their: &&Proof| overlap(their, proof) && is_same(&their.claim);
                theirs.iter().find(overlaps).map(|_| *name)
            })
        };
        let Some(object) = item.any_object() else { continue };
        match &proof.claim {
            ClaimProof::Amr(mine) => {
                let name = shared(&|claim| {
                    // Whoever used all of their methods used all of these.
                    matches!(claim, ClaimProof::Amr(theirs) if mine.iter().all(|m| theirs.contains(m)))
                });
                if let (Some(name), Some(node)) = (name, object.get("amr")) {
                    node.mistake(format!(
                        "the methods prove {}; take them out of the one that they do not prove, or \
                         add a method",
                        consequence(name)
                    ));
                }
            }
            ClaimProof::Acr(_) => check_values(object.get("acr").as_ref(), |value| {
                shared(
                    &|claim| matches!(claim, ClaimProof::Acr(theirs) if theirs.iter().any(|acr| **acr == *value)),
                )
            }),
            ClaimProof::Claim { name, .. } => {
                check_values(object.get("any_of").as_ref(), |value| {
                    shared(&|claim| {
                        matches!(
                            claim,
                            ClaimProof::Claim { name: their, any_of }
                                if their == name && any_of.iter().any(|v| **v == *value)
                        )
                    })
                });
            }
        }
    }
}

fn check_values<'n>(node: Option<&Node<'_>>, shared: impl Fn(&str) -> Option<&'n str>) {
    let Some(items) = node.and_then(|node| node.list("a list of values")) else { return };
    for item in items {
        let Some(value) = item.value().as_str() else { continue };
        if let Some(name) = shared(value) {
            item.mistake(format!(
                "{value:?} proves {}; take it out of the one that it does not prove",
                consequence(name)
            ));
        }
    }
}

fn consequence(name: &str) -> String {
    format!(
        "the level {name:?} too, so that a login for {name:?} passes for this level, which is stronger"
    )
}

/// Whether both proofs can count for one token.
fn overlap(a: &Proof, b: &Proof) -> bool {
    a.issuer.is_none() || b.issuer.is_none() || a.issuer == b.issuer
}
