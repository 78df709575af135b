//! The outcomes, one by one, and the laws between them.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::policy::{ClaimProof, Level, LevelSet, Proof};
use crate::token::Issuer;

/// The time of the decisions in seconds, and half a second more.
const NOW: u64 = 1_700_000_000;

fn now() -> Timestamp {
    Timestamp::from_epoch(Duration::from_millis(NOW * 1000 + 500))
}

fn level(index: usize) -> LevelId {
    LevelId::new(index).unwrap()
}

const PASSWORD: usize = 0;
const MFA: usize = 1;
const PHISHING_RESISTANT: usize = 2;
/// Beside the ladder: it satisfies only itself.
const KIOSK: usize = 3;

fn ladder() -> Ladder {
    let any = |claim| Proof { issuer: None, claim };
    let acr = |acr: &str| any(ClaimProof::Acr(vec![acr.into()]));
    let amr = |methods: &[&str]| any(ClaimProof::Amr(methods.iter().map(|&m| m.into()).collect()));
    let level_of = |index, name: &str, proven_by: Vec<Proof>, below: &[usize]| {
        let mut satisfies = LevelSet::default();
        satisfies.insert(level(index));
        for index in below {
            satisfies.insert(level(*index));
        }
        Level { name: name.into(), proven_by, ask_for: name.into(), satisfies }
    };
    Ladder::new(vec![
        level_of(PASSWORD, "password", vec![acr("1"), amr(&["pwd"])], &[]),
        level_of(MFA, "mfa", vec![acr("2"), amr(&["pwd", "otp"])], &[PASSWORD]),
        level_of(PHISHING_RESISTANT, "phr", vec![acr("3"), amr(&["hwk"])], &[PASSWORD, MFA]),
        level_of(KIOSK, "kiosk", vec![amr(&["kiosk"])], &[]),
    ])
    .unwrap()
}

fn verified(claims: Value) -> Credentials {
    let issuer = Issuer { clock_skew: Duration::from_secs(30), ..Issuer::for_test() };
    Credentials::Verified(Evidence::for_test(issuer, claims).into())
}

fn require(index: usize, max_age: Option<u64>) -> Requirement {
    Requirement { level: level(index), max_age: max_age.map(Duration::from_secs) }
}

fn demand(alternatives: &[Requirement], scopes: &[&str]) -> Demand {
    Demand {
        alternatives: alternatives.to_vec(),
        scopes: scopes.iter().map(|&scope| scope.into()).collect(),
    }
}

/// Phishing-resistant within fifteen minutes, or else multi-factor within two; with a scope.
fn pay() -> Demand {
    demand(&[require(PHISHING_RESISTANT, Some(900)), require(MFA, Some(120))], &["pay", "read"])
}

fn scopes_of(demand: &Demand) -> Vec<&str> {
    demand.scopes.iter().map(|scope| &**scope).collect()
}

fn decided<'d>(demand: &'d Demand, credentials: &Credentials) -> Decision<'d> {
    decide(Some(demand), credentials, &ladder(), now())
}

/// The reason of a challenge, and whether it names the scopes.
fn challenged(demand: &Demand, claims: Value) -> (ChallengeReason, bool) {
    let shown = claims.to_string();
    match decided(demand, &verified(claims)) {
        Decision::Challenge(challenge) => {
            assert_eq!(challenge.requirement, demand.alternatives.first().copied(), "{shown}");
            assert!(
                challenge.scopes.is_empty() || challenge.scopes == scopes_of(demand),
                "{shown}"
            );
            (challenge.reason, !challenge.scopes.is_empty())
        }
        other => panic!("{shown}: {other:?}"),
    }
}

fn granted(index: usize) -> Decision<'static> {
    Decision::Allow(Grant::Proven { level: Some(level(index)) })
}

#[test]
fn a_public_policy_allows_whatever_comes_along() {
    for credentials in [
        Credentials::Missing,
        Credentials::Malformed(MalformedCredentials::Several),
        Credentials::Invalid(TokenError::BadSignature),
        verified(json!({})),
    ] {
        let decision = decide(None, &credentials, &ladder(), now());
        assert_eq!(decision, Decision::Allow(Grant::Public), "{credentials:?}");
    }
}

#[test]
fn without_a_valid_token_the_outcome_does_not_depend_on_what_is_asked_for() {
    use MalformedCredentials as E;
    for demand in [pay(), demand(&[], &["pay"]), demand(&[require(PASSWORD, None)], &[])] {
        let requirement = demand.alternatives.first().copied();
        assert_eq!(
            decided(&demand, &Credentials::Missing),
            Decision::Challenge(Challenge {
                reason: ChallengeReason::NoToken,
                requirement,
                scopes: scopes_of(&demand)
            })
        );
        let error = TokenError::Expired;
        assert_eq!(
            decided(&demand, &Credentials::Invalid(error)),
            Decision::Challenge(Challenge {
                reason: ChallengeReason::InvalidToken(error),
                requirement,
                scopes: vec![]
            })
        );
        for error in [E::Several, E::Empty, E::BadEncoding] {
            assert_eq!(decided(&demand, &Credentials::Malformed(error)), Decision::Reject(error));
        }
    }
}

#[test]
fn any_one_alternative_suffices_and_a_higher_level_satisfies_a_lower_one() {
    let pay = pay();
    for (claims, expected) in [
        (json!({"acr": "3", "auth_time": NOW - 800}), granted(PHISHING_RESISTANT)),
        (json!({"acr": "2", "auth_time": NOW - 100}), granted(MFA)),
        (json!({"amr": ["otp", "x", "pwd"], "auth_time": NOW - 100}), granted(MFA)),
        (json!({"amr": ["kiosk", "hwk"], "auth_time": NOW}), granted(KIOSK)),
    ] {
        let mut claims = claims;
        claims["scope"] = json!("pay read write");
        let shown = claims.to_string();
        assert_eq!(decided(&pay, &verified(claims)), expected, "{shown}");
    }
    let read = demand(&[require(PASSWORD, None)], &[]);
    for (acr, expected) in [("1", PASSWORD), ("2", MFA), ("3", PHISHING_RESISTANT)] {
        assert_eq!(decided(&read, &verified(json!({"acr": acr}))), granted(expected), "{acr}");
    }
    let only_scopes = demand(&[], &["pay"]);
    assert_eq!(
        decided(&only_scopes, &verified(json!({"scope": "pay"}))),
        Decision::Allow(Grant::Proven { level: None })
    );
}

#[test]
fn what_is_not_proven_is_challenged_with_the_level_found() {
    let mfa = demand(&[require(MFA, None)], &[]);
    let missing = |found: Option<usize>| {
        let shortfall = Shortfall::Level { required: level(MFA), found: found.map(level) };
        (ChallengeReason::Insufficient(shortfall), false)
    };
    for (claims, expected) in [
        (json!({}), missing(None)),
        (json!({"acr": "1"}), missing(Some(PASSWORD))),
        (json!({"acr": "0"}), missing(None)),
        (json!({"acr": 2}), missing(None)),
        (json!({"acr": ["2"]}), missing(None)),
        (json!({"acr": "2 "}), missing(None)),
        (json!({"amr": "pwd otp"}), missing(None)),
        (json!({"amr": ["otp"]}), missing(None)),
        (json!({"amr": ["PWD", "OTP"]}), missing(None)),
        (json!({"amr": ["kiosk"]}), missing(Some(KIOSK))),
    ] {
        assert_eq!(challenged(&mfa, claims.clone()), expected, "{claims}");
    }
}

/// So many milliseconds before `now()`, as a claim.
fn before(milliseconds: i64) -> Value {
    let whole = i64::try_from(NOW * 1000 + 500).unwrap().checked_sub(milliseconds).unwrap();
    serde_json::from_str(&format!("{}.{:03}", whole / 1000, whole % 1000)).unwrap()
}

#[test]
fn an_authentication_is_old_one_millisecond_after_max_age_and_skew_stretches_nothing() {
    let demand = demand(&[require(MFA, Some(60))], &[]);
    let found =
        |auth_time: Value| decided(&demand, &verified(json!({"acr": "2", "auth_time": auth_time})));
    for milliseconds in [60_000, 59_999, 1, 0, -1, -30_000] {
        assert_eq!(found(before(milliseconds)), granted(MFA), "{milliseconds}");
    }
    for milliseconds in [60_001, 61_000, 90_000, 90_001, 1_700_000_000_500] {
        let age = Duration::from_millis(u64::try_from(milliseconds).unwrap());
        let shortfall = Shortfall::Age { required: Duration::from_mins(1), found: age };
        let claims = json!({"acr": "2", "auth_time": before(milliseconds)});
        let (reason, _) = challenged(&demand, claims);
        let ChallengeReason::Insufficient(Shortfall::Age { required, found }) = reason else {
            panic!("{milliseconds}: {reason:?}, expected {shortfall:?}");
        };
        assert_eq!(required, Duration::from_mins(1));
        assert!(found.abs_diff(age) < Duration::from_micros(2), "{found:?} {age:?}");
    }
}

#[test]
fn an_unknown_time_of_authentication_is_challenged() {
    let demand = demand(&[require(MFA, Some(60))], &[]);
    let problem = |problem| (ChallengeReason::Insufficient(Shortfall::AuthTime { problem }), false);
    for (claims, expected) in [
        (json!({}), problem(AuthTimeProblem::Missing)),
        (json!({"iat": NOW}), problem(AuthTimeProblem::Missing)),
        (json!({"auth_time": null}), problem(AuthTimeProblem::NotADate)),
        (json!({"auth_time": NOW.to_string()}), problem(AuthTimeProblem::NotADate)),
        (json!({"auth_time": -1}), problem(AuthTimeProblem::NotADate)),
        (json!({"auth_time": 1e300}), problem(AuthTimeProblem::NotADate)),
        (json!({"auth_time": before(-30_001)}), problem(AuthTimeProblem::InTheFuture)),
        (json!({"auth_time": NOW + 3600}), problem(AuthTimeProblem::InTheFuture)),
        (json!({"auth_time": 253_402_300_799_u64}), problem(AuthTimeProblem::InTheFuture)),
    ] {
        let mut claims = claims;
        claims["acr"] = json!("2");
        assert_eq!(challenged(&demand, claims.clone()), expected, "{claims}");
    }
    // Where no age is asked for, nobody looks at the time.
    let ageless = self::demand(&[require(MFA, None)], &[]);
    assert_eq!(decided(&ageless, &verified(json!({"acr": "2", "auth_time": "x"}))), granted(MFA));
}

#[test]
fn scopes_alone_forbid_and_beside_assurance_are_named() {
    let pay = pay();
    let fresh = |scope: &str| json!({"acr": "3", "auth_time": NOW, "scope": scope});
    for scope in ["", "pay", "read", "PAY READ", "pay,read"] {
        assert_eq!(
            decided(&pay, &verified(fresh(scope))),
            Decision::Forbid(MissingScopes { required: scopes_of(&pay) }),
            "{scope}"
        );
    }
    assert_eq!(decided(&pay, &verified(fresh("x read pay"))), granted(PHISHING_RESISTANT));
    let (reason, names_scopes) = challenged(&pay, json!({"acr": "1", "scope": "pay"}));
    assert!(matches!(reason, ChallengeReason::Insufficient(Shortfall::Level { .. })));
    assert!(names_scopes);
    let (_, names_scopes) = challenged(&pay, json!({"acr": "1", "scope": "pay read"}));
    assert!(!names_scopes);
}

#[test]
fn the_nearest_shortfall_is_reported_while_the_challenge_names_the_first_alternative() {
    let age = |required: u64, found: u64| Shortfall::Age {
        required: Duration::from_secs(required),
        found: Duration::from_millis(found.saturating_mul(1000).saturating_add(500)),
    };
    let no_level = |required, found: Option<usize>| Shortfall::Level {
        required: level(required),
        found: found.map(level),
    };
    let unknown = Shortfall::AuthTime { problem: AuthTimeProblem::Missing };
    let pay = pay();
    for (claims, expected) in [
        // Of two levels that are missing, the lower one is nearer.
        (json!({"acr": "1"}), no_level(MFA, Some(PASSWORD))),
        (json!({}), no_level(MFA, None)),
        // A level that is proven is nearer than one that is not.
        (json!({"acr": "2"}), unknown),
        (json!({"acr": "2", "auth_time": NOW - 200}), age(120, 200)),
        // Of two ages, the greater allowance is nearer.
        (json!({"acr": "3", "auth_time": NOW - 1000}), age(900, 1000)),
        (json!({"acr": "3"}), unknown),
    ] {
        let (reason, _) = challenged(&pay, claims.clone());
        assert_eq!(reason, ChallengeReason::Insufficient(expected), "{claims}");
    }
    // The order in which the operator wrote them makes no difference to what is reported.
    let turned = demand(&[pay.alternatives[1], pay.alternatives[0]], &[]);
    for claims in [json!({"acr": "1"}), json!({"acr": "2"}), json!({"acr": "3", "auth_time": 1})] {
        assert_eq!(challenged(&turned, claims.clone()).0, challenged(&pay, claims).0);
    }
}

#[test]
fn of_several_demands_the_strictest_that_is_not_met_is_challenged() {
    let read = demand(&[require(PASSWORD, None)], &[]);
    let change = demand(&[require(MFA, Some(3600))], &["change"]);
    let soon = demand(&[require(MFA, Some(60))], &[]);
    let nobody = verified(json!({"acr": "mfa"}));
    let asked = |demands: &[&Demand], credentials: &Credentials| match decide(
        demands.iter().copied(),
        credentials,
        &ladder(),
        now(),
    ) {
        Decision::Challenge(challenge) => challenge.requirement,
        other => panic!("{other:?}"),
    };
    for demands in [[&read, &change, &soon], [&soon, &change, &read], [&change, &soon, &read]] {
        assert_eq!(asked(&demands, &Credentials::Missing), Some(require(MFA, Some(60))));
        assert_eq!(asked(&demands, &nobody), Some(require(MFA, Some(60))));
    }
    assert_eq!(asked(&[&read, &change], &nobody), Some(require(MFA, Some(3600))));
}

#[test]
fn one_challenge_asks_for_all_that_the_demands_need() {
    let phr = demand(&[require(PHISHING_RESISTANT, None)], &[]);
    let recent = demand(&[require(PASSWORD, Some(300))], &["read", "pay"]);
    let pay = pay();
    for (demands, claims, requirement, scopes) in [
        // The level of one, the age and the scopes of the other.
        (
            [&phr, &recent],
            json!({"acr": "1", "auth_time": NOW}),
            require(PHISHING_RESISTANT, Some(300)),
            &["read", "pay"][..],
        ),
        // A login of the level that is too old now would not do with a lower one.
        (
            [&recent, &phr],
            json!({"acr": "3", "auth_time": NOW - 1800, "scope": "pay read"}),
            require(PHISHING_RESISTANT, Some(300)),
            &[],
        ),
        // Of several alternatives, those count that the level meets.
        (
            [&phr, &pay],
            json!({"acr": "2", "auth_time": NOW, "scope": "pay"}),
            require(PHISHING_RESISTANT, Some(900)),
            &["pay", "read"],
        ),
        // What is met by another alternative asks for no more than that.
        (
            [&demand(&[require(MFA, Some(60))], &[]), &pay],
            json!({"acr": "2", "auth_time": NOW - 100, "scope": "pay read"}),
            require(MFA, Some(60)),
            &[],
        ),
    ] {
        let credentials = verified(claims.clone());
        let Decision::Challenge(challenge) = decide(demands, &credentials, &ladder(), now()) else {
            panic!("{claims}")
        };
        assert_eq!(challenge.requirement, Some(requirement), "{claims}");
        assert_eq!(challenge.scopes, scopes, "{claims}");
    }
}

/// How well a request fares: allowed, only scopes missing, or challenged.
fn rank(decision: &Decision<'_>) -> u8 {
    match decision {
        Decision::Allow(_) => 3,
        Decision::Forbid(_) => 2,
        Decision::Challenge(_) => 1,
        Decision::Deny(_) | Decision::Reject(_) => 0,
    }
}

fn any_demand() -> impl Strategy<Value = Demand> {
    demand_of(0..4)
}

/// Of levels each of which satisfies those before it.
fn any_demand_of_the_ladder() -> impl Strategy<Value = Demand> {
    demand_of(0..KIOSK)
}

fn demand_of(levels: std::ops::Range<usize>) -> impl Strategy<Value = Demand> {
    let requirement = (levels, proptest::option::of(1..200_u64))
        .prop_map(|(index, max_age)| require(index, max_age));
    let scopes = proptest::sample::subsequence(vec!["a", "b", "c"], 0..=3);
    (proptest::collection::vec(requirement, 0..4), scopes)
        .prop_map(|(alternatives, scopes)| demand(&alternatives, &scopes))
}

/// Claims that a token could hold, of any type.
fn any_claims() -> impl Strategy<Value = Value> {
    let odd = prop_oneof![
        Just(json!(null)),
        Just(json!(1)),
        Just(json!("x")),
        Just(json!([1])),
        Just(json!({})),
    ];
    let acr = prop_oneof![4 => "[0-4]".prop_map(Value::from), 1 => odd.clone()];
    let methods = proptest::sample::subsequence(vec!["pwd", "otp", "hwk", "kiosk"], 0..=4);
    let amr = prop_oneof![4 => methods.prop_map(Value::from), 1 => odd.clone()];
    let time = prop_oneof![
        6 => (NOW - 250..NOW + 40).prop_map(Value::from),
        1 => any::<f64>().prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => odd.clone(),
    ];
    let words = proptest::sample::subsequence(vec!["a", "b", "c"], 0..=3);
    let scope = prop_oneof![4 => words.prop_map(|w| json!(w.join(" "))), 1 => odd];
    let optional = proptest::option::of::<BoxedStrategy<Value>>;
    (optional(acr.boxed()), optional(amr.boxed()), optional(time.boxed()), optional(scope.boxed()))
        .prop_map(|(acr, amr, auth_time, scope)| {
            let members = [("acr", acr), ("amr", amr), ("auth_time", auth_time), ("scope", scope)];
            let members = members.into_iter().filter_map(|(k, v)| Some((k.to_owned(), v?)));
            Value::Object(members.collect())
        })
}

proptest! {
    #[test]
    fn the_same_evidence_gives_the_same_decision_and_no_panic(
        demand in any_demand(), claims in any_claims(), now in any::<u64>(),
    ) {
        let now = Timestamp::from_epoch(Duration::from_millis(now));
        let credentials = verified(claims);
        let decide = || decide(Some(&demand), &credentials, &ladder(), now);
        prop_assert_eq!(decide(), decide());
    }

    #[test]
    fn a_verified_token_never_fares_worse_than_none(
        demand in any_demand(), claims in any_claims(),
    ) {
        let without = decided(&demand, &Credentials::Missing);
        let with = decided(&demand, &verified(claims));
        prop_assert!(rank(&with) >= rank(&without), "{with:?}");
    }

    #[test]
    fn a_stronger_token_never_fares_worse(
        demand in any_demand(),
        claims in any_claims(),
        method in proptest::sample::select(vec!["pwd", "otp", "hwk", "kiosk"]),
        scope in proptest::sample::select(vec!["a", "b", "c"]),
        seconds in 0..300_u64,
    ) {
        let before = rank(&decided(&demand, &verified(claims.clone())));
        let mut stronger = claims.clone();
        if let Some(Value::Array(amr)) = stronger.get_mut("amr") {
            amr.push(json!(method));
        }
        prop_assert!(rank(&decided(&demand, &verified(stronger.clone()))) >= before, "{stronger}");
        if claims.get("acr").and_then(Value::as_str).is_some_and(|acr| acr < "3") {
            stronger["acr"] = json!("3");
        }
        prop_assert!(rank(&decided(&demand, &verified(stronger.clone()))) >= before, "{stronger}");
        if let Some(Value::String(scopes)) = stronger.get_mut("scope") {
            scopes.push(' ');
            scopes.push_str(scope);
        }
        prop_assert!(rank(&decided(&demand, &verified(stronger.clone()))) >= before, "{stronger}");
        if let Some(auth_time) = claims.get("auth_time").and_then(Value::as_u64)
            && auth_time <= NOW
        {
            stronger["auth_time"] = json!(auth_time.saturating_add(seconds).min(NOW));
        }
        prop_assert!(rank(&decided(&demand, &verified(stronger.clone()))) >= before, "{stronger}");
    }

    #[test]
    fn one_alternative_more_never_makes_it_worse_and_one_scope_more_never_better(
        demand in any_demand(), claims in any_claims(), index in 0..4_usize, age in 1..200_u64,
    ) {
        // Without an alternative, no level is asked for at all.
        let mut demand = demand;
        demand.alternatives.push(require(index, None));
        let credentials = verified(claims);
        let before = rank(&decided(&demand, &credentials));
        let mut wider = self::demand(&demand.alternatives, &[]);
        wider.scopes.clone_from(&demand.scopes);
        wider.alternatives.push(require(index, Some(age)));
        prop_assert!(rank(&decided(&wider, &credentials)) >= before);
        let mut narrower = self::demand(&demand.alternatives, &[]);
        narrower.scopes.clone_from(&demand.scopes);
        narrower.scopes.push("z".into());
        prop_assert!(rank(&decided(&narrower, &credentials)) <= before);
    }

    #[test]
    fn one_demand_more_never_makes_it_better(
        first in any_demand(), second in any_demand(), claims in any_claims(),
    ) {
        let (credentials, levels) = (verified(claims), ladder());
        let one = decide([&first], &credentials, &levels, now());
        let both = decide([&first, &second], &credentials, &levels, now());
        let other_way = decide([&second, &first], &credentials, &levels, now());
        prop_assert!(rank(&both) <= rank(&one), "{one:?} became {both:?}");
        prop_assert_eq!(rank(&both), rank(&other_way));
        let alone = decide([&second], &credentials, &levels, now());
        let allowed = |decision: &Decision<'_>| matches!(decision, Decision::Allow(_));
        prop_assert_eq!(allowed(&both), allowed(&one) && allowed(&alone));
    }

    #[test]
    fn who_brings_what_a_challenge_asks_for_comes_through(
        demands in proptest::collection::vec(any_demand_of_the_ladder(), 1..4), claims in any_claims(),
    ) {
        let levels = ladder();
        let Decision::Challenge(challenge) =
            decide(&demands, &verified(claims.clone()), &levels, now()) else { return Ok(()) };
        let mut obtained = claims.clone();
        if let Some(Requirement { level, max_age }) = challenge.requirement {
            let acr = ["1", "2", "3"].into_iter().zip(0..).find(|(_, index)| self::level(*index) == level);
            obtained["acr"] = json!(acr.map(|(acr, _)| acr));
            obtained["amr"] = json!([]);
            obtained["auth_time"] = json!((NOW + 1).saturating_sub(max_age.map_or(1_000_000, |age| age.as_secs())));
        }
        if !challenge.scopes.is_empty() {
            let had = claims.get("scope").and_then(Value::as_str).unwrap_or_default();
            obtained["scope"] = json!(format!("{had} {}", challenge.scopes.join(" ")));
        }
        let then = decide(&demands, &verified(obtained.clone()), &levels, now());
        prop_assert!(matches!(then, Decision::Allow(_)), "{challenge:?}: {obtained}: {then:?}");
    }

    #[test]
    fn what_is_allowed_is_proven(demand in any_demand(), claims in any_claims()) {
        let credentials = verified(claims);
        if let Decision::Allow(_) = decided(&demand, &credentials) {
            let Credentials::Verified(evidence) = &credentials else { panic!("it is verified") };
            prop_assert!(demand.scopes.iter().all(|scope| evidence.has_scope(scope)));
            let met = demand.alternatives.iter().any(|requirement| {
                ladder().satisfied(evidence).contains(requirement.level)
                    && requirement.max_age.is_none_or(|max_age| {
                        evidence.auth_time().is_ok_and(|time| {
                            time <= now().plus(Duration::from_secs(30))
                                && now() <= time.plus(max_age)
                        })
                    })
            });
            prop_assert!(met || demand.alternatives.is_empty());
        }
    }
}
