//! Clocks that are set, servers that hang, and floods.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::*;

#[test]
fn a_wall_clock_that_is_set_back_keeps_nothing_longer() {
    let mut bench = Bench::new(&json!({"wait": "3s", "timeout": "5s", "cache_for": "60s"}));
    let (right, ahead) = (bench.host.now, bench.host.now.plus(Duration::from_hours(1)));
    bench.host.now = ahead;
    let mut claims = bench.claims();
    claims["exp"] = json!(ahead.since_epoch().as_secs() + 7200);
    for name in ["iat", "auth_time"] {
        claims[name] = json!(right.since_epoch().as_secs());
    }
    // Remembered, though the login is too old for that clock; and refused for good.
    assert_eq!(bench.outcome("known", "200", &claims.to_string()), Some(401));
    assert_eq!(bench.outcome("refused", "200", r#"{"active":false}"#), Some(401));
    assert_eq!(bench.send("waiting"), Action::Wait);
    assert_eq!(bench.tick().len(), 1);
    bench.host.now = right;
    assert_eq!(bench.send("known"), Action::Continue);
    bench.pass(second(3));
    bench.tick();
    assert!(bench.filter.waiting.borrow().is_empty(), "a request waits too long");
    bench.pass(second(7));
    bench.tick();
    for token in ["waiting", "refused"] {
        assert_eq!(bench.send(token), Action::Wait, "{token} is asked about again");
    }
    assert_eq!(bench.tick().len(), 2);
    bench.pass(second(50));
    assert_eq!(bench.send("known"), Action::Wait, "an answer is remembered too long");
}

/// A token of this issuer that its server has to be asked about.
fn jwt_of(issuer: &str, number: usize) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let claims = json!({"iss": issuer, "number": number});
    format!("{}.{}.AAAA", part(&json!({"alg": "RS256"})), part(&claims))
}

#[test]
fn one_server_that_hangs_takes_nothing_from_another() {
    const MOST_IN_ALL: usize = 1024;
    for servers in [2, 4, 16, 1000] {
        let mut configuration = config(&json!({}));
        let issuers = configuration["issuers"].as_array_mut().unwrap();
        let name = |index: usize| format!("https://id{index}.example.com");
        for index in 1..servers {
            let mut issuer = issuers[0].clone();
            issuer["issuer"] = json!(name(index));
            issuer["keys"]["introspection"]["opaque_tokens"] = json!(false);
            issuers.push(issuer);
        }
        let mut bench = Bench::configured(&configuration);
        let hanging = (1..servers).map(|index| {
            let jwts = (0..=QUESTIONS).map(|number| jwt_of(&name(index), number));
            jwts.take_while(|jwt| bench.send(jwt) == Action::Wait).count()
        });
        let taken = hanging.collect::<Vec<_>>();
        assert!(taken.iter().all(|asked| *asked == taken[0] && *asked > 0), "{taken:?}");
        assert!(taken[0] <= QUESTIONS && taken.iter().sum::<usize>() < MOST_IN_ALL, "{taken:?}");
        bench.tick();
        assert_eq!(bench.send("healthy"), Action::Wait);
        assert_eq!(bench.tick().len(), 1);
    }
}

#[test]
fn a_flood_of_tokens_does_not_keep_a_worker_from_its_other_requests() {
    let mut bench = Bench::new(&json!({}));
    bench.host.time_per_call = Duration::from_millis(2);
    let tokens = (0..8).map(|number| format!("junk-{number}")).collect::<Vec<_>>();
    for token in &tokens {
        assert_eq!(bench.send(token), Action::Wait);
    }
    let mut asked = Vec::new();
    // The last tick has the time to see that there is nothing more.
    for calls in [3, 3, 2] {
        assert_eq!(bench.host.tick_period(), Some(Duration::from_millis(1)));
        let made = bench.tick();
        assert_eq!(made.len(), calls);
        asked.extend(made.iter().map(|call| String::from_utf8(call.body.clone()).unwrap()));
    }
    assert_eq!(bench.host.tick_period(), Some(Duration::from_millis(20)));
    // They were asked in the order in which they came.
    for (token, body) in tokens.iter().zip(asked) {
        assert!(body.contains(&format!("token={token}&")), "{body}");
    }
}

#[test]
fn refused_tokens_push_out_no_good_one() {
    let mut bench = Bench::new(&json!({"cache_for": "60s"}));
    let good = bench.good();
    assert_eq!(bench.outcome("good", "200", &good), None);
    for number in 0..5000 {
        assert_eq!(bench.outcome(&format!("{number}"), "200", r#"{"active":false}"#), Some(401));
    }
    assert_eq!(bench.send("good"), Action::Continue);
    assert_eq!(bench.host.counted(Counter::TokenCacheEviction), 0);
}
