//! The effective table: which requests each policy is for, and what it demands of them.

use serde::Serialize;
use serde_json::Value;

use super::super::single::Single;
use super::super::words;
use super::envoy::{self, EnvoyRoutes};
use crate::policy::{ClaimProof, Consequence, Demand, Ladder, Policy, PolicySet, Raise};

/// All that decides which policy a request has to meet, in the order in which it is looked at.
#[derive(Debug, Serialize)]
pub(super) struct Table {
    /// `shadow` where nothing at all is enforced.
    pub(super) mode: &'static str,
    pub(super) rows: Vec<Row>,
    /// Weakest first.
    pub(super) levels: Vec<LevelRow>,
    /// What the table does not show.
    pub(super) notes: Vec<String>,
}

/// Some requests, and the policy for them.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    /// Where it is written: `rules[0]`, `default`, or a route of the proxy.
    pub(super) place: String,
    /// Empty for any.
    pub(super) methods: Vec<String>,
    /// What else a request has to be like, each part in words; empty for any request.
    pub(super) matches: Vec<String>,
    pub(super) policy: String,
    /// `None` where there is no such policy, or the filter is not asked.
    pub(super) demands: Option<Demands>,
    /// What is special.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) note: Option<String>,
}

/// What a policy demands.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Demands {
    pub(super) mode: &'static str,
    pub(super) public: bool,
    #[serde(flatten)]
    pub(super) asks: Asks,
    pub(super) raises: Vec<RaiseRow>,
}

/// What a token has to prove.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Asks {
    /// Any one of these.
    pub(super) require: Vec<RequirementRow>,
    /// All of these.
    pub(super) scopes: Vec<String>,
    /// The alternatives in words.
    #[serde(skip)]
    pub(super) words: Vec<String>,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct RequirementRow {
    level: String,
    /// In seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_age: Option<u64>,
}

/// A raise, and what it adds.
#[derive(Clone, Debug, Serialize)]
pub(super) struct RaiseRow {
    pub(super) name: String,
    pub(super) when: String,
    pub(super) mode: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) require: Vec<RequirementRow>,
    /// The sentence with which it denies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) deny: Option<String>,
    #[serde(skip)]
    pub(super) words: String,
}

/// A level, and what proves it.
#[derive(Debug, Serialize)]
pub(super) struct LevelRow {
    pub(super) name: String,
    /// Any one of these.
    pub(super) proven_by: Vec<String>,
    pub(super) ask_for: String,
    /// The other levels that it satisfies.
    pub(super) satisfies: Vec<String>,
}

impl Table {
    pub(super) fn new(single: &Single) -> Self {
        let (value, set) = (&single.value, &single.policies);
        let of_policy =
            |name: &str| set.policies.named(name).map(|policy| demands(policy, &set.levels, value));
        let EnvoyRoutes { rows: mut envoy_rows, mut notes } = envoy::routes(single);
        for row in &mut envoy_rows {
            row.demands = of_policy(&row.policy);
        }
        let rules = words::items(value.get("rules")).enumerate().map(|(index, rule)| {
            let matcher = rule.get("match").unwrap_or(&Value::Null);
            let policy = rule.get("policy").and_then(Value::as_str).unwrap_or_default();
            Row {
                place: format!("rules[{index}]"),
                methods: words::texts(matcher.get("methods")),
                matches: words::matches(matcher),
                policy: policy.to_owned(),
                demands: of_policy(policy),
                note: None,
            }
        });
        let mut rows = envoy_rows;
        rows.extend(rules);
        let default = value.get("default").and_then(Value::as_str).unwrap_or_default();
        rows.push(Row {
            place: "default".to_owned(),
            methods: Vec::new(),
            matches: Vec::new(),
            policy: default.to_owned(),
            demands: of_policy(default),
            note: None,
        });
        let trusted = &set.trusted_headers.names;
        if !trusted.is_empty() {
            notes.push(format!(
                "the headers {} count from trusted addresses only",
                trusted.join(", ")
            ));
        }
        Self { mode: mode_of(value), rows, levels: levels(&set.levels), notes }
    }
}

/// The mode that a configuration, or a policy in it, is written with.
pub(super) fn mode_of(value: &Value) -> &'static str {
    match value.get("mode").and_then(Value::as_str) {
        Some("shadow") => "shadow",
        _ => "enforce",
    }
}

/// What a policy demands, with its conditions as they are written.
pub(super) fn demands(policy: &Policy, levels: &Ladder, value: &Value) -> Demands {
    let written = value.get("policies").and_then(|policies| policies.get(&*policy.name));
    let written = written.unwrap_or(&Value::Null);
    let conditions = words::items(written.get("raise"));
    let raises = policy.raises.iter().zip(conditions).map(|(raise, written)| {
        let when = written.get("when").and_then(Value::as_str).unwrap_or_default();
        raise_row(raise, when, levels)
    });
    Demands {
        mode: mode_of(written),
        public: policy.demand.is_none(),
        asks: policy.demand.as_ref().map(|demand| asks(demand, levels)).unwrap_or_default(),
        raises: raises.collect(),
    }
}

fn asks(demand: &Demand, levels: &Ladder) -> Asks {
    Asks {
        require: requirements(demand, levels),
        scopes: demand.scopes.iter().map(ToString::to_string).collect(),
        words: demand.alternatives.iter().map(|one| words::requirement(one, levels)).collect(),
    }
}

fn requirements(demand: &Demand, levels: &Ladder) -> Vec<RequirementRow> {
    let rows = demand.alternatives.iter().map(|requirement| RequirementRow {
        level: levels.name(requirement.level).to_owned(),
        max_age: requirement.max_age.map(|age| age.as_secs()),
    });
    rows.collect()
}

fn raise_row(raise: &Raise, when: &str, levels: &Ladder) -> RaiseRow {
    let (require, deny, words) = match &raise.then {
        Consequence::Require(demand) => {
            let words = words::alternatives(&demand.alternatives, levels);
            (requirements(demand, levels), None, words)
        }
        Consequence::Deny(detail) => {
            (Vec::new(), Some(detail.to_string()), format!("denied: {detail:?}"))
        }
    };
    let mode = raise.mode.as_str();
    RaiseRow { name: raise.name.to_string(), when: when.to_owned(), mode, require, deny, words }
}

fn levels(ladder: &Ladder) -> Vec<LevelRow> {
    let rows = ladder.iter().map(|(id, level)| {
        let satisfied =
            ladder.iter().filter(|(other, _)| *other != id && level.satisfies.contains(*other));
        LevelRow {
            name: level.name.to_string(),
            proven_by: level.proven_by.iter().map(proof).collect(),
            ask_for: level.ask_for.to_string(),
            satisfies: satisfied.map(|(_, level)| level.name.to_string()).collect(),
        }
    });
    rows.collect()
}

/// What proves a level, such as `acr phr or phrh`.
pub(super) fn proof(proof: &crate::policy::Proof) -> String {
    let list = |items: &[Box<str>], last| {
        let items = items.iter().map(ToString::to_string).collect::<Vec<_>>();
        words::list(&items, last)
    };
    let claim = match &proof.claim {
        ClaimProof::Acr(values) => format!("acr {}", list(values, "or")),
        ClaimProof::Amr(methods) => format!("amr {}", list(methods, "and")),
        ClaimProof::Claim { name, any_of } => format!("{name} {}", list(any_of, "or")),
    };
    match &proof.issuer {
        Some(issuer) => format!("{claim}, of {issuer}"),
        None => claim,
    }
}

/// Whether nothing that a policy demands is enforced.
pub(super) fn is_idle(set: &PolicySet, value: &Value, policy: &str) -> bool {
    let written = value.get("policies").and_then(|policies| policies.get(policy));
    set.policies.named(policy).is_some()
        && (mode_of(value) == "shadow" || written.is_some_and(|policy| mode_of(policy) == "shadow"))
}
