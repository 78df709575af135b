//! What becomes of requests: made up for the rules of both sides, and tried on both.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde_json::Value;

use super::super::single::Single;
use super::super::words;
use super::compare::{Change, views};
use super::samples::{self, Sample};
use super::strictness::{self, Verdict};

/// The most requests that parts of different rules are put together to.
const MOST_MIXED: usize = 20_000;

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Requests {
    /// How many requests were tried.
    pub(super) tried: usize,
    /// How many of them meet other demands now.
    pub(super) differ: usize,
    pub(super) changes: Vec<Change>,
    pub(super) notes: Vec<String>,
}

/// Two configurations, and what was learnt of them.
struct Trial<'c> {
    old: &'c Single,
    new: &'c Single,
    found: Requests,
    /// The rules of each side that a request has met.
    met: (HashSet<usize>, HashSet<usize>),
    /// From which policy to which one requests go that were told.
    told: BTreeSet<(&'c str, &'c str)>,
}

pub(super) fn compare(old: &Single, new: &Single) -> Requests {
    let (met, told) = Default::default();
    let mut trial = Trial { old, new, found: Requests::default(), met, told };
    let described = trial.described();
    trial.try_described(&described);
    trial.try_mixed(&described);
    trial.never_met();
    trial.default();
    trial.found
}

impl<'c> Trial<'c> {
    /// The requests that rules of either side describe, and one that none does.
    fn described(&mut self) -> Vec<Sample> {
        let mut seen = HashSet::new();
        let mut all = samples::of_nothing();
        for (side, single) in [("older", self.old), ("newer", self.new)] {
            for (index, rule) in words::items(single.value.get("rules")).enumerate() {
                let found = samples::of_match(rule.get("match").unwrap_or(&Value::Null));
                if found.is_empty() {
                    self.found.notes.push(format!(
                        "no sample request could be made up for rules[{index}] of the {side} \
                         configuration; compare it by eye"
                    ));
                }
                all.extend(found);
            }
        }
        all.retain(|sample| seen.insert(sample.clone()));
        all
    }

    /// The policies for a request before and after, where they are not the same one by name.
    fn sent(&mut self, sample: &Sample) -> Option<(&'c str, &'c str)> {
        let before = sample.policy(&self.old.policies);
        let after = sample.policy(&self.new.policies);
        self.met.0.extend(before.and_then(|(rule, _)| rule));
        self.met.1.extend(after.and_then(|(rule, _)| rule));
        self.found.tried = self.found.tried.saturating_add(1);
        let ((_, before), (_, after)) = before.zip(after)?;
        if self.compare(before, after)?.0 != Verdict::Same {
            self.found.differ = self.found.differ.saturating_add(1);
        }
        (before != after).then_some((before, after))
    }

    fn compare(&self, before: &str, after: &str) -> Option<(Verdict, Vec<String>)> {
        let (one, other) = views(self.old, before, self.new, after)?;
        Some(strictness::compare(&one, &other))
    }

    fn tell(&mut self, what: &str, (before, after): (&str, &str), more: Option<String>) {
        if let Some((verdict, mut details)) = self.compare(before, after) {
            details.extend(more);
            let what = format!("{what}: {before} → {after}");
            self.found.changes.push(Change { verdict, what, details });
        }
    }

    fn try_described(&mut self, described: &[Sample]) {
        let mut groups: BTreeMap<(&str, &str, String), Vec<&str>> = BTreeMap::new();
        for sample in described {
            let Some((before, after)) = self.sent(sample) else { continue };
            self.told.insert((before, after));
            let methods = groups.entry((before, after, sample.shown())).or_default();
            if !methods.contains(&&*sample.method) {
                methods.push(&sample.method);
            }
        }
        // What several targets have in common is told once.
        let mut together: BTreeMap<(&str, &str, Vec<&str>), Vec<String>> = BTreeMap::new();
        for ((before, after, target), methods) in groups {
            together.entry((before, after, methods)).or_default().push(target);
        }
        for ((before, after, methods), targets) in together {
            let what = format!("{} {}", methods.join(" "), words::list(&targets, "and"));
            self.tell(&what, (before, after), None);
        }
    }

    /// Requests that have something of one rule and something of another, and a method that no rule
    /// names. Of those that go where no other was told to go, the first is told.
    fn try_mixed(&mut self, described: &[Sample]) {
        let Some(mixed) = samples::mixed(described, MOST_MIXED) else {
            self.found.notes.push(
                "there are too many rules to try requests with parts of several of them".to_owned(),
            );
            return;
        };
        let seen = described.iter().collect::<HashSet<_>>();
        let mut first: BTreeMap<(&str, &str), (String, usize)> = BTreeMap::new();
        for sample in mixed.iter().filter(|sample| !seen.contains(sample)) {
            let Some(pair) = self.sent(sample) else { continue };
            if !self.told.contains(&pair) {
                let what = || (format!("{} {}", sample.method, sample.shown()), 0);
                let (_, count) = first.entry(pair).or_insert_with(what);
                *count = count.saturating_add(1);
            }
        }
        for (pair, (what, count)) in first {
            let more = count.saturating_sub(1);
            let more = match more {
                0 => None,
                1 => Some("and one more sample request".to_owned()),
                more => Some(format!("and {more} more sample requests")),
            };
            self.told.insert(pair);
            self.tell(&what, pair, more);
        }
    }

    /// Rules that no request has met, and that the other side does not have: what they change is not
    /// known.
    fn never_met(&mut self) {
        let (before, after) = (rules(self.old), rules(self.new));
        let sides =
            [("older", &before, &after, &self.met.0), ("newer", &after, &before, &self.met.1)];
        let mut unmet = Vec::new();
        for (side, rules, others, met) in sides {
            for (index, rule) in rules.iter().enumerate() {
                if !met.contains(&index) && !others.contains(rule) {
                    let other = others.iter().find(|(matcher, _)| *matcher == rule.0);
                    unmet.push((side, index, *rule, other.copied()));
                }
            }
        }
        for (side, index, (matcher, policy), other) in unmet {
            let what = words::matched(matcher);
            match other {
                // Told once, of the older side.
                Some(_) if side == "newer" => {}
                Some((_, now)) if self.told.contains(&(policy, now)) => {}
                Some((_, now)) => self.tell(&what, (policy, now), None),
                None => self.found.changes.push(Change {
                    verdict: Verdict::Unclear,
                    what: format!("rules[{index}] of the {side} configuration: {what}: {policy}"),
                    details: vec!["no sample request meets it; compare it by eye".to_owned()],
                }),
            }
        }
    }

    /// The default, where no request was left for it.
    fn default(&mut self) {
        let default = |single: &'c Single| single.value.get("default").and_then(Value::as_str);
        let Some(pair) = default(self.old).zip(default(self.new)) else { return };
        if pair.0 != pair.1 && !self.told.contains(&pair) {
            self.tell("default", pair, None);
        }
    }
}

/// The rules of a configuration: what they match, and their policies.
fn rules(single: &Single) -> Vec<(Option<&Value>, &str)> {
    let rules = words::items(single.value.get("rules"));
    let read = rules.map(|rule| {
        (rule.get("match"), rule.get("policy").and_then(Value::as_str).unwrap_or_default())
    });
    read.collect()
}
