use std::time::Duration;

use serde_json::json;

use super::*;
use crate::config::compile_value;
use crate::host::memory::MemoryHost;
use crate::policy::{Mode, PolicySet};
use crate::report::Reason;
use crate::request::Headers;

fn policies() -> PolicySet {
    let raise =
        |name: &str| json!({"name": name, "when": "request.method == 'PUT'", "deny": "No."});
    compile_value(&json!({
        "policies": {
            "open": {"public": true},
            "pay.large/ü": {"public": true, "raise": [raise("a.b"), raise("a b")]},
        },
        "default": "open",
    }))
    .unwrap()
}

fn host() -> MemoryHost {
    MemoryHost::new(Headers::default())
}

#[test]
fn decisions_are_counted_by_policy_mode_outcome_and_reason() {
    let (host, set) = (host(), policies());
    let metrics = Metrics::new(&set, &host);
    let pay = set.policies.named("pay.large/ü");
    metrics.decided(pay, Mode::Enforce, Reason::Level);
    metrics.decided(pay, Mode::Enforce, Reason::Level);
    metrics.decided(pay, Mode::Shadow, Reason::Raise);
    metrics.decided(set.policies.named("open"), Mode::Enforce, Reason::Public);
    metrics.decided(None, Mode::Enforce, Reason::Ambiguous);
    metrics.tell(0, &host);
    for (name, count) in [
        ("pay_large__.mode.enforce.outcome.challenge.reason.level", 2),
        ("pay_large__.mode.shadow.outcome.deny.reason.raise", 1),
        ("open.mode.enforce.outcome.allow.reason.public", 1),
        ("none.mode.enforce.outcome.reject.reason.ambiguous", 1),
    ] {
        assert_eq!(host.metric(&format!("stepup.decisions.policy.{name}")), Some(count), "{name}");
    }
    let names = host.metric_names();
    assert_eq!(names.iter().filter(|name| name.starts_with("stepup.decisions.")).count(), 4);
}

#[test]
fn every_reason_has_a_count_of_its_own() {
    let (host, set) = (host(), policies());
    let metrics = Metrics::new(&set, &host);
    for policy in set.policies.iter().map(Some).chain([None]) {
        for mode in [Mode::Enforce, Mode::Shadow] {
            for reason in Reason::ALL {
                metrics.decided(policy, mode, reason);
            }
        }
    }
    metrics.tell(0, &host);
    let names = host.metric_names();
    let decisions = names.iter().filter(|name| name.starts_with("stepup.decisions."));
    let counts = decisions.map(|name| host.metric(name)).collect::<Vec<_>>();
    assert_eq!(counts, vec![Some(1); 3 * 2 * Reason::ALL.len()]);
}

#[test]
fn raises_are_counted_by_policy_raise_mode_and_outcome() {
    let (host, set) = (host(), policies());
    let metrics = Metrics::new(&set, &host);
    let raises = &set.policies.named("pay.large/ü").unwrap().raises;
    metrics.raised(&raises[0], Mode::Enforce, false);
    metrics.raised(&raises[1], Mode::Enforce, true);
    metrics.raised(&raises[1], Mode::Shadow, false);
    metrics.tell(0, &host);
    for name in [
        "a_b.mode.enforce.outcome.fired",
        "a_b-2.mode.enforce.outcome.in_doubt",
        "a_b-2.mode.shadow.outcome.fired",
    ] {
        let name = format!("stepup.raises.policy.pay_large__.raise.{name}");
        assert_eq!(host.metric(&name), Some(1), "{name}: {:?}", host.metric_names());
    }
}

#[test]
fn policies_and_raises_beyond_the_bound_share_a_count() {
    let policy = |index: usize| {
        let raise = json!({"name": "r", "when": "request.method == 'PUT'", "deny": "No."});
        (format!("p{index:03}"), json!({"public": true, "raise": [raise]}))
    };
    let policies = (0..300).map(policy).collect::<serde_json::Map<_, _>>();
    let set = compile_value(&json!({"policies": policies, "default": "p000"})).unwrap();
    let host = host();
    let metrics = Metrics::new(&set, &host);
    for policy in set.policies.iter() {
        metrics.decided(Some(policy), Mode::Enforce, Reason::Public);
        metrics.raised(&policy.raises[0], Mode::Enforce, false);
    }
    metrics.tell(0, &host);
    let decisions = |policy| {
        let name =
            format!("stepup.decisions.policy.{policy}.mode.enforce.outcome.allow.reason.public");
        host.metric(&name)
    };
    let raises = |policy, raise| {
        let name =
            format!("stepup.raises.policy.{policy}.raise.{raise}.mode.enforce.outcome.fired");
        host.metric(&name)
    };
    assert_eq!(
        (decisions("p099"), decisions("p100"), decisions("other")),
        (Some(1), None, Some(200))
    );
    assert_eq!((raises("p099", "r"), raises("other", "r")), (Some(1), Some(100)));
    assert_eq!(raises("other", "other"), Some(100));
}

#[test]
fn one_decision_in_64_is_timed_to_the_nearest_microsecond() {
    let (mut host, set) = (host(), policies());
    let metrics = Metrics::new(&set, &host);
    let mut timed = 0;
    for _ in 0..640 {
        if let Some(begun) = metrics.begin(&host) {
            host.pass(Duration::from_nanos(4600));
            metrics.took(begun, &host);
            timed += 1;
        }
    }
    assert_eq!(timed, 10);
    assert_eq!(host.recorded("stepup.decision_microseconds"), [5; 10]);
    metrics.waited(Duration::from_millis(250), &host);
    assert_eq!(host.recorded("stepup.wait_milliseconds"), [250]);
}

#[test]
fn workers_add_up_the_tokens_that_they_hold_and_take_theirs_back() {
    let (host, set) = (host(), policies());
    let (one, other) = (Metrics::new(&set, &host), Metrics::new(&set, &host));
    let held = || host.metric("stepup.token_cache.tokens").unwrap();
    one.tell(10, &host);
    other.tell(5, &host);
    assert_eq!(held(), 15);
    one.tell(8, &host);
    one.tell(8, &host);
    assert_eq!(held(), 13);
    other.retire(&host);
    assert_eq!(held(), 8);
}

#[test]
fn policies_in_shadow_mode_are_told_while_a_filter_runs() {
    let told = |document: &serde_json::Value| {
        let host = host();
        Metrics::new(&compile_value(document).unwrap(), &host).tell(0, &host);
        let names = host.metric_names().into_iter();
        let prefix = "stepup.shadow_policies.policy.";
        names.filter_map(|name| name.strip_prefix(prefix).map(str::to_owned)).collect::<Vec<_>>()
    };
    let mut document = json!({
        "policies": {"open": {"public": true}, "trial": {"public": true, "mode": "shadow"}},
        "default": "open",
    });
    assert_eq!(told(&document), ["trial"]);
    document["mode"] = json!("shadow");
    assert_eq!(told(&document), ["open", "trial"]);
}

#[test]
fn the_version_is_told_while_a_filter_runs() {
    let (mut host, set) = (host(), policies());
    let metrics = Metrics::new(&set, &host);
    let version = concat!("stepup.build_info.version.", env!("CARGO_PKG_VERSION"));
    metrics.tell(0, &host);
    assert_eq!(host.metric(version), Some(1));
    let configuration = format!("stepup.config_info.configuration.{}", set.version);
    assert_eq!(host.metric(&configuration), Some(1));
    metrics.decided(None, Mode::Enforce, Reason::Ambiguous);
    metrics.retire(&host);
    assert_eq!(host.metric(version), Some(0));
    let last = "stepup.decisions.policy.none.mode.enforce.outcome.reject.reason.ambiguous";
    assert_eq!(host.metric(last), Some(1), "what was counted last is told at the end");
    assert!(metrics.is_time(host.moment));
    assert!(!metrics.is_time(host.moment));
    host.pass(Duration::from_secs(1));
    assert!(metrics.is_time(host.moment));
}
