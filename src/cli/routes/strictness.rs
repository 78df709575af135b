//! Whether a policy of one configuration demands more than one of another.

use serde::Serialize;
use serde_json::Value;

use super::super::strength::Ladders;
use super::super::words;
use super::table;
use crate::policy::{Consequence, Demand, Ladder, Mode, Policy, PolicySet};

/// What a change does to who passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Verdict {
    /// Nothing.
    Same,
    /// Who passes now, passed before, and not the other way round.
    Stricter,
    /// Who passed before, passes now, and not the other way round.
    Looser,
    /// Some pass now who did not, and some no longer; or it cannot be told.
    Unclear,
}

impl Verdict {
    /// What is known where whoever passes after a change passed before, and the other way round.
    pub(super) const fn from_inclusion(new_in_old: bool, old_in_new: bool) -> Self {
        match (new_in_old, old_in_new) {
            (true, true) => Self::Same,
            (true, false) => Self::Stricter,
            (false, true) => Self::Looser,
            (false, false) => Self::Unclear,
        }
    }

    /// What both changes together do.
    pub(super) const fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Same, other) | (other, Self::Same) => other,
            (Self::Stricter, Self::Stricter) => Self::Stricter,
            (Self::Looser, Self::Looser) => Self::Looser,
            _ => Self::Unclear,
        }
    }
}

/// A policy with what its names mean.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'c> {
    pub(super) set: &'c PolicySet,
    pub(super) value: &'c Value,
    pub(super) policy: &'c Policy,
}

impl<'c> View<'c> {
    fn levels(&self) -> &'c Ladder {
        &self.set.levels
    }

    fn is_idle(&self) -> bool {
        table::is_idle(self.set, self.value, &self.policy.name)
    }

    /// What is demanded of everyone; `None` where nothing is.
    fn demand(&self) -> Option<&'c Demand> {
        if self.is_idle() { None } else { self.policy.demand.as_ref() }
    }

    /// What each enforced raise adds, with its condition.
    fn raises(&self) -> Vec<(&'c str, &'c str, &'c Consequence)> {
        if self.is_idle() {
            return Vec::new();
        }
        let written = self.value.get("policies").and_then(|all| all.get(&*self.policy.name));
        let conditions = words::items(written.and_then(|policy| policy.get("raise")));
        let raises = self.policy.raises.iter().zip(conditions);
        let enforced = raises.filter(|(raise, _)| raise.mode == Mode::Enforce);
        let read = enforced.map(|(raise, written)| {
            let when = written.get("when").and_then(Value::as_str).unwrap_or_default();
            (&*raise.name, when.trim(), &raise.then)
        });
        read.collect()
    }
}

/// Whether every request that passes `narrow` passes `wide`. `false` where it cannot be told.
fn passes_only(narrow: &View<'_>, wide: &View<'_>) -> bool {
    let ladders = Ladders(narrow.levels(), wide.levels());
    let raises = narrow.raises();
    ladders.within(narrow.demand(), wide.demand())
        && wide.raises().into_iter().all(|(_, when, then)| {
            let by_demand = match then {
                Consequence::Require(demand) => ladders.within(narrow.demand(), Some(demand)),
                Consequence::Deny(_) => false,
            };
            by_demand
                || raises.iter().any(|(_, other, stricter)| {
                    *other == when
                        && match (stricter, then) {
                            (Consequence::Deny(_), _) => true,
                            (Consequence::Require(narrow), Consequence::Require(wide)) => {
                                ladders.within(Some(narrow), Some(wide))
                            }
                            (Consequence::Require(_), Consequence::Deny(_)) => false,
                        }
                })
        })
}

/// What a change from one policy to another does, and what it consists of.
pub(super) fn compare(old: &View<'_>, new: &View<'_>) -> (Verdict, Vec<String>) {
    let verdict = Verdict::from_inclusion(passes_only(new, old), passes_only(old, new));
    (verdict, differences(old, new))
}

fn differences(old: &View<'_>, new: &View<'_>) -> Vec<String> {
    let mut told = Vec::new();
    match (old.is_idle(), new.is_idle()) {
        (true, false) => told.push("shadow → enforced".to_owned()),
        (false, true) => told.push("enforced → shadow".to_owned()),
        _ => {}
    }
    told.extend(alternatives(old, new));
    let scopes = |view: &View<'_>| {
        let scopes = view.policy.demand.as_ref().map(|demand| &demand.scopes);
        scopes.into_iter().flatten().map(ToString::to_string).collect::<Vec<_>>()
    };
    let (before, after) = (scopes(old), scopes(new));
    let lacks = |these: &[String], those: &[String]| {
        let missing = those.iter().filter(|scope| !these.contains(scope)).cloned();
        missing.collect::<Vec<_>>()
    };
    let (gone, added) = (lacks(&after, &before), lacks(&before, &after));
    if !gone.is_empty() {
        told.push(format!("no longer asks for {}", words::counted("scope", &gone)));
    }
    if !added.is_empty() {
        told.push(format!("asks for {} too", words::counted("scope", &added)));
    }
    raises(old, new, &mut told);
    told
}

/// How the alternatives differ; of as many, only those that do.
fn alternatives(old: &View<'_>, new: &View<'_>) -> Vec<String> {
    let asked = |view: &View<'_>| match view.policy.demand.as_ref() {
        None => vec!["nothing: public".to_owned()],
        Some(demand) if demand.alternatives.is_empty() => vec!["any good token".to_owned()],
        Some(demand) => {
            let alternatives = demand.alternatives.iter();
            alternatives.map(|one| words::requirement(one, view.levels())).collect()
        }
    };
    let (before, after) = (asked(old), asked(new));
    if before.len() == after.len() {
        let pairs = before.iter().zip(&after).filter(|(before, after)| before != after);
        return pairs.map(|(before, after)| format!("{before} → {after}")).collect();
    }
    vec![format!("{} → {}", before.join(", or "), after.join(", or "))]
}

fn raises(old: &View<'_>, new: &View<'_>, told: &mut Vec<String>) {
    let rows = |view: &View<'_>| {
        let demands = table::demands(view.policy, view.levels(), view.value);
        demands.raises
    };
    let (before, after) = (rows(old), rows(new));
    for row in &before {
        match after.iter().find(|other| other.name == row.name) {
            None => told.push(format!("the raise {} is gone: {}", row.name, row.words)),
            Some(other) => {
                let mut change = |what: &str, before: &str, after: &str| {
                    if before != after {
                        told.push(format!("the raise {}{what}: {before} → {after}", row.name));
                    }
                };
                change("", &row.words, &other.words);
                change(", its condition", row.when.trim(), other.when.trim());
                change(", its mode", row.mode, other.mode);
            }
        }
    }
    for row in after.iter().filter(|row| before.iter().all(|other| other.name != row.name)) {
        told.push(format!("a new raise {}: {}, when {}", row.name, row.words, row.when));
    }
}
