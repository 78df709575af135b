//! Changes beside policies and rules: levels, issuers, and what else decides who passes.

use std::time::Duration;

use serde_json::{Map, Value};

use super::super::words;
use super::compare::Change;
use super::strictness::Verdict;
use super::table;
use crate::config::duration;
use crate::policy::{ClaimProof, Ladder, Proof};

/// Keys at the top that say nothing about who passes.
const NEUTRAL: [&str; 2] = ["challenge", "audit"];
/// Keys at the top that are compared in other ways.
const ELSEWHERE: [&str; 5] = ["levels", "issuers", "policies", "rules", "default"];
/// How far an issuer's clock may be off where nothing is said.
const DEFAULT_SKEW: Duration = Duration::from_mins(1);

pub(super) fn changes(old: &Value, new: &Value) -> Vec<Change> {
    let mut changes = Vec::new();
    let empty = Map::new();
    let (before, after) = (old.as_object().unwrap_or(&empty), new.as_object().unwrap_or(&empty));
    let mut keys = before.keys().chain(after.keys()).collect::<Vec<_>>();
    keys.sort_unstable();
    keys.dedup();
    for key in keys {
        let (was, is) = (before.get(key), after.get(key));
        if was == is || ELSEWHERE.contains(&key.as_str()) {
            continue;
        }
        let (verdict, detail) = match key.as_str() {
            "mode" => (mode(old, new), "in shadow mode, nothing is refused"),
            key if NEUTRAL.contains(&key) => (Verdict::Same, "says nothing about who passes"),
            "upstream_headers" => upstream_headers(was, is),
            "trusted_headers" => {
                (Verdict::Unclear, "decides which headers conditions and rules can trust")
            }
            "feeds" | "signals" => (Verdict::Unclear, "decides which raises fire"),
            "route_metadata" => (Verdict::Unclear, "decides whether routes can name their policy"),
            _ => (Verdict::Unclear, "whether that is stricter cannot be told here"),
        };
        let shown = |value: Option<&Value>| match value {
            Some(Value::Object(_) | Value::Array(_)) | None => None,
            Some(value) => Some(value.to_string()),
        };
        let what = match (shown(was), shown(is)) {
            (Some(was), Some(is)) => format!("{key}: {was} → {is}"),
            _ if was.is_none() => format!("{key} is new"),
            _ if is.is_none() => format!("{key} is gone"),
            _ => format!("{key} changed"),
        };
        changes.push(Change { verdict, what, details: vec![detail.to_owned()] });
    }
    changes.extend(issuers(old, new));
    changes
}

/// Headers that the filter sets no longer are the clients' again.
fn upstream_headers(was: Option<&Value>, is: Option<&Value>) -> (Verdict, &'static str) {
    let names = |side| {
        let names = words::items(side).filter_map(|header| header.get("name")?.as_str());
        names.map(str::to_ascii_lowercase).collect::<Vec<_>>()
    };
    let after = names(is);
    if names(was).iter().all(|name| after.contains(name)) {
        (Verdict::Same, "says nothing about who passes")
    } else {
        (Verdict::Unclear, "a header that this filter no longer takes out, clients can send")
    }
}

fn mode(old: &Value, new: &Value) -> Verdict {
    match (table::mode_of(old), table::mode_of(new)) {
        ("shadow", "enforce") => Verdict::Stricter,
        ("enforce", "shadow") => Verdict::Looser,
        _ => Verdict::Same,
    }
}

/// What proves each level.
pub(super) fn levels(old: &Ladder, new: &Ladder) -> Vec<Change> {
    let mut changes = Vec::new();
    for (_, after) in new.iter() {
        let Some((_, before)) = old.iter().find(|(_, level)| level.name == after.name) else {
            continue;
        };
        let mut verdict = Verdict::Same;
        let mut details = Vec::new();
        let within = |narrow: &[Proof], wide: &[Proof]| {
            narrow
                .iter()
                .flat_map(single)
                .all(|narrow| wide.iter().flat_map(single).any(|wide| accepts(&wide, &narrow)))
        };
        let (was, is) = (&before.proven_by, &after.proven_by);
        let proofs = Verdict::from_inclusion(within(is, was), within(was, is));
        if proofs != Verdict::Same {
            verdict = verdict.and(proofs);
            let shown = |proofs: &[Proof]| {
                words::list(&proofs.iter().map(table::proof).collect::<Vec<_>>(), "or")
            };
            details.push(format!("proven by {} → {}", shown(was), shown(is)));
        }
        let satisfied = |ladder: &Ladder, level: &crate::policy::Level| {
            let names = ladder.iter().filter(|(id, _)| level.satisfies.contains(*id));
            names.map(|(_, level)| level.name.to_string()).collect::<Vec<_>>()
        };
        // Levels that one side alone has are asked for there alone.
        let is_known = |name: &String| {
            let has = |ladder: &Ladder| ladder.iter().any(|(_, level)| *level.name == **name);
            has(old) && has(new)
        };
        let (was, is) = (satisfied(old, before), satisfied(new, after));
        let lost = was.iter().filter(|name| is_known(name) && !is.contains(name));
        let lost = lost.cloned().collect::<Vec<_>>();
        let won = is.iter().filter(|name| is_known(name) && !was.contains(name));
        let won = won.cloned().collect::<Vec<_>>();
        if !lost.is_empty() {
            verdict = verdict.and(Verdict::Stricter);
            details.push(format!("no longer satisfies {}", words::list(&lost, "and")));
        }
        if !won.is_empty() {
            verdict = verdict.and(Verdict::Looser);
            details.push(format!("satisfies {} too", words::list(&won, "and")));
        }
        if verdict != Verdict::Same {
            changes.push(Change { verdict, what: format!("level {}", after.name), details });
        }
    }
    changes.extend(on_one_side(old, new, "a new level", Verdict::Looser, "satisfies"));
    changes.extend(on_one_side(new, old, "the gone level", Verdict::Stricter, "satisfied"));
    changes
}

/// Levels that `other` alone has, and that satisfy ones that both have: what proves them proves those.
fn on_one_side(
    one: &Ladder,
    other: &Ladder,
    which: &str,
    verdict: Verdict,
    satisfies: &str,
) -> Vec<Change> {
    let named = |ladder: &'_ Ladder, name: &str| {
        let found = ladder.iter().find(|(_, level)| *level.name == *name);
        found.map(|(id, _)| id)
    };
    let mut changes = Vec::new();
    for (_, level) in other.iter().filter(|(_, level)| named(one, &level.name).is_none()) {
        let lower = other.iter().filter(|(id, _)| level.satisfies.contains(*id));
        let newly = lower.filter(|(_, low)| {
            named(one, &low.name).is_some_and(|low| {
                let proofs = one.iter().filter(|(_, level)| level.satisfies.contains(low));
                let proofs = proofs.flat_map(|(_, level)| &level.proven_by);
                let proofs = proofs.flat_map(single).collect::<Vec<_>>();
                let is_known = |proof: &_| proofs.iter().any(|wide| accepts(wide, proof));
                !level.proven_by.iter().flat_map(single).all(|proof| is_known(&proof))
            })
        });
        let newly = newly.map(|(_, low)| low.name.to_string()).collect::<Vec<_>>();
        if !newly.is_empty() {
            let proofs = level.proven_by.iter().map(table::proof).collect::<Vec<_>>();
            changes.push(Change {
                verdict,
                what: format!("{which} {}", level.name),
                details: vec![format!(
                    "{satisfies} {}: proven by {}",
                    words::list(&newly, "and"),
                    words::list(&proofs, "or")
                )],
            });
        }
    }
    changes
}

/// A proof as proofs with one value each, where any of several values suffices.
fn single(proof: &Proof) -> Vec<(Option<&str>, SingleProof<'_>)> {
    let issuer = proof.issuer.as_deref();
    match &proof.claim {
        ClaimProof::Acr(values) => {
            values.iter().map(|value| (issuer, SingleProof::Claim("acr", value))).collect()
        }
        ClaimProof::Amr(methods) => vec![(issuer, SingleProof::Amr(methods))],
        ClaimProof::Claim { name, any_of } => {
            any_of.iter().map(|value| (issuer, SingleProof::Claim(name, value))).collect()
        }
    }
}

/// A proof without a choice.
enum SingleProof<'p> {
    Claim(&'p str, &'p str),
    Amr(&'p [Box<str>]),
}

/// Whether a proof accepts whatever another one accepts.
fn accepts(
    (wide_issuer, wide): &(Option<&str>, SingleProof<'_>),
    (issuer, narrow): &(Option<&str>, SingleProof<'_>),
) -> bool {
    let claims = match (wide, narrow) {
        (SingleProof::Claim(name, value), SingleProof::Claim(other, found)) => {
            name == other && value == found
        }
        (SingleProof::Amr(wanted), SingleProof::Amr(found)) => {
            wanted.iter().all(|method| found.contains(method))
        }
        _ => false,
    };
    claims && (wide_issuer.is_none() || wide_issuer == issuer)
}

fn issuers(old: &Value, new: &Value) -> Vec<Change> {
    let named = |side: &Value| {
        let issuers = words::items(side.get("issuers"));
        let named = issuers.filter_map(|issuer| {
            Some((issuer.get("issuer")?.as_str()?.to_owned(), issuer.as_object()?.clone()))
        });
        named.collect::<Vec<_>>()
    };
    let (before, after) = (named(old), named(new));
    let mut changes = Vec::new();
    for (name, is) in &after {
        let Some((_, was)) = before.iter().find(|(other, _)| other == name) else {
            changes.push(Change {
                verdict: Verdict::Looser,
                what: format!("a new issuer {name}"),
                details: vec!["its tokens count now".to_owned()],
            });
            continue;
        };
        if was == is {
            continue;
        }
        let (mut verdict, mut details) = (Verdict::Same, Vec::new());
        let mut keys = was.keys().chain(is.keys()).collect::<Vec<_>>();
        keys.sort_unstable();
        keys.dedup();
        for key in keys.into_iter().filter(|key| was.get(*key) != is.get(*key)) {
            let (change, detail) = issuer_key(key, was.get(key), is.get(key));
            verdict = verdict.and(change);
            details.push(detail);
        }
        changes.push(Change { verdict, what: format!("issuer {name}"), details });
    }
    let gone = before.iter().filter(|(name, _)| after.iter().all(|(other, _)| other != name));
    changes.extend(gone.map(|(name, _)| Change {
        verdict: Verdict::Stricter,
        what: format!("issuer {name} is gone"),
        details: vec!["its tokens are refused now".to_owned()],
    }));
    changes
}

fn issuer_key(key: &str, was: Option<&Value>, is: Option<&Value>) -> (Verdict, String) {
    match key {
        "audiences" | "algorithms" | "token_types" if was.is_some() && is.is_some() => {
            let (before, after) = (words::texts(was), words::texts(is));
            let within =
                |narrow: &[String], wide: &[String]| narrow.iter().all(|t| wide.contains(t));
            let verdict = Verdict::from_inclusion(within(&after, &before), within(&before, &after));
            (verdict, format!("{key}: {} → {}", before.join(" "), after.join(" ")))
        }
        "clock_skew" => {
            let read = |value: Option<&Value>| {
                let text = value.and_then(Value::as_str).and_then(duration::parse);
                text.unwrap_or(DEFAULT_SKEW)
            };
            let (before, after) = (read(was), read(is));
            let verdict = Verdict::from_inclusion(after <= before, before <= after);
            (verdict, format!("{key}: {} → {}", words::span(before), words::span(after)))
        }
        "keys" => (Verdict::Unclear, "keys changed, or come from elsewhere".to_owned()),
        _ => (Verdict::Unclear, format!("{key} changed")),
    }
}
