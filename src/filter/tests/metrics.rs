//! What operators see of decisions in numbers.

use super::*;

/// The counts of decisions, by what follows `stepup.decisions.policy.`.
fn decisions(bench: &mut Bench) -> Vec<(String, i64)> {
    bench.pass(second(1));
    bench.filter.on_tick(&bench.host);
    let names = bench.host.metric_names().into_iter();
    let names = names.filter_map(|name| {
        let short = name.strip_prefix("stepup.decisions.policy.")?.to_owned();
        Some((short, bench.host.metric(&name).unwrap()))
    });
    let mut counts = names.collect::<Vec<_>>();
    counts.sort();
    counts
}

#[test]
fn a_request_that_waited_is_counted_once_and_for_how_long_it_waited() {
    let mut bench = Bench::new(&json!({}));
    assert_eq!(bench.send("good"), Action::Wait);
    bench.tick();
    bench.pass(Duration::from_millis(250));
    bench.answer("200", &bench.good());
    assert!(bench.host.take_resumed());
    assert_eq!(bench.host.recorded("stepup.wait_milliseconds"), [250]);
    let allowed = "pay.mode.enforce.outcome.allow.reason.proven".to_owned();
    assert_eq!(decisions(&mut bench), [(allowed.clone(), 1)]);
    assert_eq!(bench.send("good"), Action::Continue);
    assert_eq!(decisions(&mut bench), [(allowed, 2)]);
    assert_eq!(bench.host.metric("stepup.token_cache.tokens"), Some(1));
}

#[test]
fn a_request_that_waited_in_vain_is_counted_with_the_policy_that_it_had_to_meet() {
    let mut bench = Bench::new(&json!({"wait": "1s"}));
    assert_eq!(bench.send("good"), Action::Wait);
    bench.tick();
    let failed = "pay.mode.enforce.outcome.fail.reason.unavailable".to_owned();
    assert_eq!(decisions(&mut bench), [(failed, 1)]);
    assert_eq!(bench.host.recorded("stepup.wait_milliseconds"), [1000]);
}

#[test]
fn what_is_answered_before_a_policy_is_found_is_counted_without_one() {
    let mut bench = Bench::new(&json!({}));
    let pair = |name: &str, value: &str| (name.to_owned(), value.as_bytes().to_vec());
    bench.host.headers = Headers::new(vec![pair(":method", "GET"), pair(":path", "/a%2Fb")]);
    bench.filter.on_request_headers(&bench.host, RequestId(1), true);
    let rejected = "none.mode.enforce.outcome.reject.reason.ambiguous".to_owned();
    assert_eq!(decisions(&mut bench), [(rejected, 1)]);
}

#[test]
fn what_is_only_told_is_counted_as_that() {
    let mut configuration = config(&json!({}));
    configuration["policies"]["pay"]["mode"] = json!("shadow");
    let mut bench = Bench::configured(&configuration);
    assert_eq!(bench.send("refused"), Action::Wait);
    bench.tick();
    bench.answer("200", r#"{"active":false}"#);
    assert!(bench.host.take_resumed(), "it passes");
    let told = "pay.mode.shadow.outcome.challenge.reason.invalid_token".to_owned();
    assert_eq!(decisions(&mut bench), [(told, 1)]);
    assert_eq!(bench.host.metric("stepup.shadow_policies.policy.pay"), Some(1));
    bench.filter.retire(&bench.host);
    assert_eq!(bench.host.metric("stepup.shadow_policies.policy.pay"), Some(0));
}

#[test]
fn conditions_that_could_not_be_evaluated_are_counted_by_raise_and_by_doubt() {
    let raise = |name: &str, mode: &str| {
        let when = "request.headers['x-amount'] == '1'";
        json!({"name": name, "when": when, "deny": "No.", "mode": mode})
    };
    let mut bench = Bench::configured(&json!({
        "policies": {"open": {
            "public": true,
            "raise": [raise("one", "enforce"), raise("other", "shadow")],
        }},
        "default": "open",
    }));
    assert_eq!(bench.send("any"), Action::Answered);
    let denied = "open.mode.enforce.outcome.deny.reason.raise".to_owned();
    assert_eq!(decisions(&mut bench), [(denied, 1)]);
    for raise in ["one.mode.enforce", "other.mode.shadow"] {
        let name = format!("stepup.raises.policy.open.raise.{raise}.outcome.in_doubt");
        assert_eq!(bench.host.metric(&name), Some(1), "{name}");
    }
    assert_eq!(bench.host.counted(Counter::DoubtMissing), 2);
}
