//! What no test has looked at.

use std::collections::{BTreeMap, BTreeSet};

use crate::cli::explain::Record;
use crate::cli::single::Single;
use crate::cli::words;
use crate::condition::Variable;

/// Something that a test can look at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Item {
    /// A rule that selects a policy, by its place.
    Rule(usize),
    /// No rule matches.
    Default,
    /// A policy that decides, by its place.
    Policy(usize, String),
    /// A raise that fires, or does not.
    Raise(usize, usize, String, bool),
}

/// What tests look at in the configurations that they are for.
#[derive(Debug, Default)]
pub(super) struct Coverage {
    by_config: BTreeMap<String, Covered>,
}

#[derive(Debug, Default)]
struct Covered {
    /// Each with the words for it where it is not covered.
    all: BTreeMap<Item, String>,
    covered: BTreeSet<Item>,
}

/// The coverage of one configuration.
pub(super) struct Shown<'c> {
    pub(super) config: &'c str,
    pub(super) covered: usize,
    pub(super) all: usize,
    /// What is not covered, in words.
    pub(super) missing: Vec<&'c str>,
}

impl Coverage {
    /// Takes note of a configuration that tests are for.
    pub(super) fn add(&mut self, config: &str, single: &Single) {
        self.by_config.entry(config.to_owned()).or_insert_with(|| Covered {
            all: items(single).into_iter().collect(),
            covered: BTreeSet::new(),
        });
    }

    /// Takes note of what a decision has looked at.
    pub(super) fn note(&mut self, config: &str, single: &Single, record: &Record) {
        let Some(Covered { all, covered }) = self.by_config.get_mut(config) else { return };
        let mut cover = |item: Item| {
            if all.contains_key(&item) {
                covered.insert(item);
            }
        };
        match record.rule.as_deref() {
            Some("default") => cover(Item::Default),
            Some(rule) => {
                let index = rule.strip_prefix("rules[").and_then(|rest| rest.strip_suffix(']'));
                if let Some(index) = index.and_then(|index| index.parse().ok()) {
                    cover(Item::Rule(index));
                }
            }
            None => {}
        }
        if record.decision == "fail" {
            return;
        }
        for (place, policy) in single.policies.policies.iter().enumerate() {
            if !record.policies.iter().any(|name| **name == *policy.name) {
                continue;
            }
            cover(Item::Policy(place, policy.name.to_string()));
            // Without a good token, raises that read it or a body are not looked at.
            let looks_at_all = policy.demand.is_none() || record.found.is_some();
            for (index, raise) in policy.raises.iter().enumerate() {
                let needs_more = |variable: &Variable| variable.is_of_token() || variable.is_body();
                let fired = record
                    .raises
                    .iter()
                    .any(|one| *one.policy == *policy.name && *one.raise == *raise.name);
                if fired || looks_at_all || !raise.when.reads().iter().any(needs_more) {
                    cover(Item::Raise(place, index, raise.name.to_string(), fired));
                }
            }
        }
    }

    /// How much is covered of all, in percent.
    pub(super) fn percent(&self) -> f64 {
        let (covered, all) =
            self.by_config.values().fold((0_usize, 0_usize), |(covered, all), one| {
                (covered.saturating_add(one.covered.len()), all.saturating_add(one.all.len()))
            });
        percent(covered, all)
    }

    /// The coverage of each configuration.
    pub(super) fn shown(&self) -> impl Iterator<Item = Shown<'_>> {
        self.by_config.iter().map(|(config, Covered { all, covered })| Shown {
            config,
            covered: covered.len(),
            all: all.len(),
            missing: all
                .iter()
                .filter(|(item, _)| !covered.contains(*item))
                .map(|(_, words)| words.as_str())
                .collect(),
        })
    }
}

/// Such counts are exact as doubles.
pub(super) fn percent(covered: usize, all: usize) -> f64 {
    let number = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    if all == 0 { 100.0 } else { 100.0 * number(covered) / number(all) }
}

/// All that there is, with the words for what is not covered.
fn items(single: &Single) -> Vec<(Item, String)> {
    let mut items = Vec::new();
    for (index, rule) in words::items(single.value.get("rules")).enumerate() {
        let text =
            format!("rules[{index}] never matched first: {}", words::matched(rule.get("match")));
        items.push((Item::Rule(index), text));
    }
    items.push((Item::Default, "the default was never taken".to_owned()));
    for (place, policy) in single.policies.policies.iter().enumerate() {
        let name = policy.name.to_string();
        let text = format!("the policy {name} never decided");
        items.push((Item::Policy(place, name.clone()), text));
        for (index, raise) in policy.raises.iter().enumerate() {
            for fired in [true, false] {
                let never =
                    if fired { "never fired" } else { "was never looked at without firing" };
                let text = format!("the raise {} of {name} {never}", raise.name);
                items.push((Item::Raise(place, index, raise.name.to_string(), fired), text));
            }
        }
    }
    items
}
