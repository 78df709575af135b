//! What a change of the configuration makes stricter, and what looser.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Value;

use super::super::layout::markdown;
use super::super::single::Single;
use super::super::{printable, words};
use super::envoy;
use super::requests::{self, Requests};
use super::settings;
use super::strictness::{self, Verdict, View};

/// One change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Change {
    pub(super) verdict: Verdict,
    pub(super) what: String,
    pub(super) details: Vec<String>,
}

/// Two configurations, compared.
#[derive(Debug, Serialize)]
pub(super) struct Comparison {
    /// All changes together.
    verdict: Verdict,
    changes: Vec<Change>,
    /// How many requests were tried.
    tried: usize,
    /// How many of them another policy, or one that demands something else, is for now.
    differ: usize,
    notes: Vec<String>,
}

/// The words for a verdict, in the order in which they are told.
const SECTIONS: [(Verdict, &str); 4] = [
    (Verdict::Looser, "Looser"),
    (Verdict::Unclear, "May be looser: look at these"),
    (Verdict::Stricter, "Stricter"),
    (Verdict::Same, "Neither stricter nor looser"),
];

impl Comparison {
    pub(super) fn new(old: &Single, new: &Single) -> Self {
        let mut changes = settings::changes(&old.value, &new.value);
        changes.extend(settings::levels(&old.policies.levels, &new.policies.levels));
        changes.extend(policies(old, new));
        let Requests { tried, differ, changes: found, notes } = requests::compare(old, new);
        changes.extend(found);
        changes.extend(routes(old, new));
        changes.extend(moved(&old.value, &new.value));
        let verdict = changes.iter().fold(Verdict::Same, |all, change| all.and(change.verdict));
        Self { verdict, changes, tried, differ, notes }
    }

    /// Whether anything passes that did not pass before, or may do so.
    pub(super) fn may_be_looser(&self) -> bool {
        let is_looser =
            |change: &Change| matches!(change.verdict, Verdict::Looser | Verdict::Unclear);
        self.changes.iter().any(is_looser)
    }

    pub(super) fn has_changes(&self) -> bool {
        !self.changes.is_empty()
    }

    pub(super) fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        for (title, changes) in self.sections() {
            writeln!(out, "{title}:")?;
            for change in changes {
                writeln!(out, "  {}", printable(&change.what))?;
                for detail in &change.details {
                    writeln!(out, "      {}", printable(detail))?;
                }
            }
            writeln!(out)?;
        }
        writeln!(out, "{}", self.summary())?;
        self.notes.iter().try_for_each(|note| writeln!(out, "note: {}", printable(note)))
    }

    pub(super) fn write_markdown(&self, out: &mut dyn Write) -> io::Result<()> {
        for (title, changes) in self.sections() {
            writeln!(out, "**{title}**\n")?;
            for change in changes {
                writeln!(out, "- {}", markdown(&change.what))?;
                for detail in &change.details {
                    writeln!(out, "  - {}", markdown(detail))?;
                }
            }
            writeln!(out)?;
        }
        writeln!(out, "{}", markdown(&self.summary()))?;
        self.notes.iter().try_for_each(|note| writeln!(out, "\nNote: {}", markdown(note)))
    }

    fn sections(&self) -> impl Iterator<Item = (&'static str, Vec<&Change>)> {
        SECTIONS.into_iter().filter_map(|(verdict, title)| {
            let changes = self.changes.iter().filter(|change| change.verdict == verdict);
            let changes = changes.collect::<Vec<_>>();
            (!changes.is_empty()).then_some((title, changes))
        })
    }

    fn summary(&self) -> String {
        let Self { tried, differ, .. } = self;
        if !self.has_changes() {
            return format!("Nothing changes for who passes; {tried} sample requests were tried.");
        }
        format!(
            "Of {tried} sample requests, {differ} meet other demands now. A comparison sees what is \
             written, not what it leads to: see docs/routes.md."
        )
    }
}

/// The policies that both sides have.
fn policies(old: &Single, new: &Single) -> Vec<Change> {
    let mut changes = Vec::new();
    for policy in new.policies.policies.iter() {
        let name = &*policy.name;
        let Some((before, after)) = views(old, name, new, name) else {
            changes.push(Change {
                verdict: Verdict::Same,
                what: format!("a new policy {name}{}", used_by(new, name)),
                details: Vec::new(),
            });
            continue;
        };
        let (verdict, details) = strictness::compare(&before, &after);
        if verdict != Verdict::Same || !details.is_empty() {
            let what = format!("policy {name}{}", used_by(new, name));
            changes.push(Change { verdict, what, details });
        }
    }
    let gone = old.policies.policies.iter();
    let gone = gone.filter(|policy| new.policies.policies.named(&policy.name).is_none());
    changes.extend(gone.map(|policy| Change {
        verdict: Verdict::Same,
        what: format!("policy {} is gone", policy.name),
        details: Vec::new(),
    }));
    changes
}

pub(super) fn views<'c>(
    old: &'c Single,
    before: &str,
    new: &'c Single,
    after: &str,
) -> Option<(View<'c>, View<'c>)> {
    let view = |single: &'c Single, name: &str| {
        let policy = single.policies.policies.named(name)?;
        Some(View { set: &single.policies, value: &single.value, policy })
    };
    Some((view(old, before)?, view(new, after)?))
}

/// Which rules a policy is for.
fn used_by(single: &Single, policy: &str) -> String {
    let rules = words::items(single.value.get("rules")).enumerate();
    let rules =
        rules.filter(|(_, rule)| rule.get("policy").and_then(Value::as_str) == Some(policy));
    let mut users = rules.map(|(index, _)| format!("rules[{index}]")).collect::<Vec<_>>();
    if single.value.get("default").and_then(Value::as_str) == Some(policy) {
        users.push("default".to_owned());
    }
    match users.as_slice() {
        [] => ", which no rule uses".to_owned(),
        users => format!(" (of {})", words::list(users, "and")),
    }
}

/// Routes of the proxy that name policies.
fn routes(old: &Single, new: &Single) -> Vec<Change> {
    let named = |single: &Single| {
        let rows = envoy::routes(single).rows.into_iter().map(|row| {
            let mut match_parts = row.methods;
            match_parts.extend(row.matches);
            (format!("{}: {}", row.place, match_parts.join(", ")), row.policy)
        });
        rows.collect::<Vec<_>>()
    };
    let (before, after) = (named(old), named(new));
    let mut changes = Vec::new();
    for (route, policy) in &before {
        let now = after.iter().find(|(other, _)| other == route).map(|(_, policy)| policy);
        if now == Some(policy) {
            continue;
        }
        let Some(now) = now else {
            changes.push(Change {
                verdict: Verdict::Unclear,
                what: format!("{route}: names the policy {policy} no longer, or is gone"),
                details: Vec::new(),
            });
            continue;
        };
        let (verdict, details) = match views(old, policy, new, now) {
            Some((one, other)) => strictness::compare(&one, &other),
            None => (Verdict::Unclear, Vec::new()),
        };
        changes.push(Change { verdict, what: format!("{route}: {policy} → {now}"), details });
    }
    let added = after.iter().filter(|(route, _)| before.iter().all(|(other, _)| other != route));
    changes.extend(added.map(|(route, policy)| Change {
        verdict: Verdict::Unclear,
        what: format!("{route}: {policy}, and no longer what the rules say"),
        details: Vec::new(),
    }));
    // The proxy takes the first route that matches.
    let in_both = |one: &[(String, String)], other: &[(String, String)]| {
        let routes = one.iter().map(|(route, _)| route.clone());
        routes.filter(|name| other.iter().any(|(route, _)| route == name)).collect::<Vec<_>>()
    };
    if in_both(&before, &after) != in_both(&after, &before) {
        changes.push(Change {
            verdict: Verdict::Unclear,
            what: "routes of the proxy come in another order".to_owned(),
            details: vec!["the first that matches a request names its policy".to_owned()],
        });
    }
    changes
}

/// Rules of both sides whose place among the others is another one. What that changes for requests
/// is told of the requests.
fn moved(old: &Value, new: &Value) -> Vec<Change> {
    let matches = |side: &Value| {
        let rules = words::items(side.get("rules"));
        rules.map(|rule| rule.get("match").map(Value::to_string).unwrap_or_default()).collect()
    };
    let (before, after): (Vec<String>, Vec<String>) = (matches(old), matches(new));
    let places = after.iter().enumerate().filter_map(|(now, matcher)| {
        Some((before.iter().position(|other| other == matcher)?, now))
    });
    let places = places.collect::<Vec<_>>();
    let in_order = longest_rising(&places);
    let changes = places.iter().filter(|place| !in_order.contains(place)).map(|(was, now)| {
        let rule = words::items(new.get("rules")).nth(*now).and_then(|rule| rule.get("match"));
        Change {
            verdict: Verdict::Same,
            what: format!("rules[{was}] is rules[{now}] now: {}", words::matched(rule)),
            details: vec![
                "what that changes for sample requests stands above, if anything".to_owned(),
            ],
        }
    });
    changes.collect()
}

/// A longest part of the places whose first numbers rise: what did not move.
fn longest_rising(places: &[(usize, usize)]) -> Vec<(usize, usize)> {
    let mut best: Vec<Vec<(usize, usize)>> = Vec::new();
    for place in places {
        // `best` holds, for each length, the part that ends lowest.
        let length = best.partition_point(|part| part.last().is_some_and(|end| end.0 < place.0));
        let mut part =
            length.checked_sub(1).and_then(|at| best.get(at)).cloned().unwrap_or_default();
        part.push(*place);
        match best.get_mut(length) {
            Some(slot) => *slot = part,
            None => best.push(part),
        }
    }
    best.pop().unwrap_or_default()
}
