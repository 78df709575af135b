//! Keys that are fetched: a key server that rotates, fails, hangs and comes back.

// A test may fail by panicking.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod support;

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::bootstrap;
use support::tokens::jwks;
use support::{
    Algorithm, Envoy, EnvoyOptions, Reply, Request, Response, SigningKey, Upstream, claims, now,
    poll,
};

const ISSUER: &str = "https://id.example.com";

/// What the module of the crash test says when it panics.
const CRASH_MESSAGE: &str = "a test asked for it";

/// A key server whose answer can be changed.
struct KeyServer {
    server: Upstream,
    answer: Arc<Mutex<Answer>>,
}

#[derive(Clone)]
enum Answer {
    Reply(u16, Vec<u8>, Vec<(&'static str, String)>),
    After(Duration, Vec<u8>),
}

impl KeyServer {
    fn start(answer: Answer) -> Self {
        let answer = Arc::new(Mutex::new(answer));
        let server = Upstream::start_with({
            let answer = Arc::clone(&answer);
            move |_| match answer.lock().unwrap().clone() {
                Answer::Reply(status, body, headers) => {
                    headers.iter().fold(Reply::new(status, body), |reply, (name, value)| {
                        reply.header(name, value)
                    })
                }
                Answer::After(pause, body) => {
                    thread::sleep(pause);
                    Reply::new(200, body)
                }
            }
        });
        Self { server, answer }
    }

    fn serving(keys: &[&SigningKey]) -> Self {
        Self::start(set(keys))
    }

    fn now_answers(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }

    fn fetches(&self) -> usize {
        self.server.received().len()
    }
}

fn set(keys: &[&SigningKey]) -> Answer {
    Answer::Reply(200, jwks(keys.iter().copied()).to_string().into_bytes(), Vec::new())
}

fn status(status: u16) -> Answer {
    Answer::Reply(status, b"no".to_vec(), Vec::new())
}

fn key(kid: &str) -> SigningKey {
    SigningKey::generate(Algorithm::Es256, kid)
}

fn issuer(name: &str, cluster: &str, change: &Value) -> Value {
    let mut remote = json!({"cluster": cluster, "uri": format!("{name}/jwks"), "refresh": "2s",
        "refresh_min": "1s", "timeout": "1s", "wait": "2s", "refetch_after": "1s"});
    for (name, value) in change.as_object().expect("settings") {
        remote[name] = value.clone();
    }
    json!({
        "issuer": name,
        "audiences": ["https://api.example.com"],
        "keys": {"remote": remote},
    })
}

fn config(issuers: &[Value]) -> Value {
    json!({
        "levels": [{"name": "password", "proven_by": [{"acr": ["1"]}]}],
        "issuers": issuers,
        "policies": {"read": {"require": [{"level": "password"}]}, "open": {"public": true}},
        "rules": [{"match": {"path": "/open"}, "policy": "open"}],
        "default": "read",
    })
}

fn envoy_with(upstream: &Upstream, server: &KeyServer, change: &Value) -> EnvoyOptions {
    EnvoyOptions::new(upstream, config(&[issuer(ISSUER, "idp", change)]))
        .cluster("idp", server.server.addr())
}

fn ask(envoy: &Envoy, key: &SigningKey) -> Response {
    envoy.send(&Request::get("/").bearer(&key.token(claims(now()).acr("1"))))
}

fn status_of(envoy: &Envoy, key: &SigningKey) -> u16 {
    ask(envoy, key).status
}

/// Waits until a token of this key is answered with this status.
#[track_caller]
fn becomes(envoy: &Envoy, key: &SigningKey, status: u16) {
    let found = poll(Duration::from_secs(15), || (status_of(envoy, key) == status).then_some(()));
    assert!(found.is_some(), "never became {status}: {:?}\n{}", ask(envoy, key), envoy.log());
}

#[test]
fn the_first_request_waits_for_the_keys() {
    let upstream = Upstream::start();
    let first = key("a");
    let body = jwks([&first]).to_string().into_bytes();
    let server = KeyServer::start(Answer::After(Duration::from_millis(500), body));
    let envoy = Envoy::start(envoy_with(&upstream, &server, &json!({"refresh": "10m"})));
    // Several at once wait for the same fetch; a public route does not wait.
    thread::scope(|scope| {
        let asking = (0..5).map(|_| scope.spawn(|| status_of(&envoy, &first))).collect::<Vec<_>>();
        let begun = Instant::now();
        assert_eq!(envoy.send(&Request::get("/open")).status, 200);
        assert!(begun.elapsed() < Duration::from_millis(400), "a public route waited");
        for answer in asking {
            assert_eq!(answer.join().unwrap(), 200);
        }
    });
    assert_eq!(server.fetches(), 1);
    envoy.expect_count("key_fetch.success", 1);
}

#[test]
fn a_client_that_leaves_while_it_waits_harms_nothing() {
    let upstream = Upstream::start();
    let first = key("a");
    let body = jwks([&first]).to_string().into_bytes();
    let server = KeyServer::start(Answer::After(Duration::from_millis(800), body));
    let envoy = Envoy::start(envoy_with(&upstream, &server, &json!({})));
    let token = first.token(claims(now()).acr("1"));
    for _ in 0..3 {
        let mut stream = std::net::TcpStream::connect(envoy.addr()).unwrap();
        let request = Request::get("/").bearer(&token).bytes();
        std::io::Write::write_all(&mut stream, &request).unwrap();
        thread::sleep(Duration::from_millis(50));
        drop(stream);
    }
    becomes(&envoy, &first, 200);
    assert!(!envoy.log().contains("panicked"), "{}", envoy.log());
}

#[test]
fn a_key_server_that_is_down_at_the_start_is_tried_until_it_is_up() {
    let upstream = Upstream::start();
    let first = key("a");
    let server = KeyServer::start(status(500));
    let envoy = Envoy::start(envoy_with(&upstream, &server, &json!({})));
    becomes(&envoy, &first, 503);
    let answer = ask(&envoy, &first);
    let retry_after = answer.header("retry-after").expect("Retry-After").parse::<u64>().unwrap();
    assert!((1..=60).contains(&retry_after), "{retry_after}");
    assert_eq!(answer.header("www-authenticate"), None);
    assert_eq!(answer.json()["type"], "urn:envoy-stepup:problem:unavailable");
    assert_eq!(envoy.send(&Request::get("/")).status, 401, "no token needs no keys");
    assert_eq!(envoy.send(&Request::get("/open")).status, 200);
    assert!(upstream.received().iter().all(|request| request.target() == b"/open"));
    server.now_answers(set(&[&first]));
    becomes(&envoy, &first, 200);
}

#[test]
fn a_key_server_that_is_not_there_is_unavailable() {
    let upstream = Upstream::start();
    let first = key("a");
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let options = EnvoyOptions::new(&upstream, config(&[issuer(ISSUER, "idp", &json!({}))]));
    let envoy = Envoy::start(options.clone().cluster("idp", nobody));
    becomes(&envoy, &first, 503);
    envoy.wait_for_log("/jwks: status 503, which is the proxy's own");
    let envoy = Envoy::start(options);
    becomes(&envoy, &first, 503);
    envoy.wait_for_log("/jwks: the proxy has no usable cluster \"idp\"");
}

#[test]
fn bad_answers_of_a_key_server_are_not_taken() {
    let upstream = Upstream::start();
    let first = key("a");
    let good = jwks([&first]).to_string();
    let truncated = good.as_bytes()[..good.len() / 2].to_vec();
    let unknown = json!({"keys": [{"kty": "XYZ"}, {"kty": "oct", "k": "AAAA"}]}).to_string();
    let mut large = jwks([&first]);
    large["pad"] = json!("x".repeat(5 * 1024 * 1024));
    let answers = [
        ("status 500", Answer::Reply(500, good.clone().into_bytes(), Vec::new())),
        ("key set: expected value", Answer::Reply(200, b"<html>".to_vec(), Vec::new())),
        ("a key set without a key", Answer::Reply(200, b"{\"keys\":[]}".to_vec(), Vec::new())),
        ("key set: EOF", Answer::Reply(200, truncated, Vec::new())),
        ("a body of more than", Answer::Reply(200, large.to_string().into_bytes(), Vec::new())),
        ("a key set without a key", Answer::Reply(200, unknown.into_bytes(), Vec::new())),
        (
            "status 302",
            Answer::Reply(302, good.clone().into_bytes(), vec![("location", "/jwks2".to_owned())]),
        ),
        ("status 504", Answer::After(Duration::from_secs(2), good.clone().into_bytes())),
    ];
    let servers = answers.map(|(problem, answer)| (problem, KeyServer::start(answer)));
    // One Envoy with an issuer for each bad server and one for a good one: the bad harm it not.
    let good_server = KeyServer::serving(&[&first]);
    let mut issuers = vec![issuer(ISSUER, "idp", &json!({}))];
    for index in 0..servers.len() {
        issuers.push(issuer(
            &format!("https://id{index}.example.com"),
            &format!("idp{index}"),
            &json!({}),
        ));
    }
    let mut options =
        EnvoyOptions::new(&upstream, config(&issuers)).cluster("idp", good_server.server.addr());
    for (index, (_, server)) in servers.iter().enumerate() {
        options = options.cluster(&format!("idp{index}"), server.server.addr());
    }
    let envoy = Envoy::start(options);
    becomes(&envoy, &first, 200);
    for (index, (problem, _)) in servers.iter().enumerate() {
        let name = format!("https://id{index}.example.com");
        let line = envoy.wait_for_log(&format!("issuer {name:?}: its keys cannot be fetched"));
        assert!(line.contains(problem), "{problem}: {line}");
        let token = first.token(claims(now()).issuer(&name).acr("1"));
        let answer = envoy.send(&Request::get("/").bearer(&token));
        assert_eq!(answer.status, 503, "{problem}: {answer:?}");
        assert_eq!(status_of(&envoy, &first), 200);
    }
    // A server that mends itself is taken.
    servers[0].1.now_answers(set(&[&first]));
    let token = || first.token(claims(now()).issuer("https://id0.example.com").acr("1"));
    let mended = poll(Duration::from_secs(15), || {
        (envoy.send(&Request::get("/").bearer(&token())).status == 200).then_some(())
    });
    assert!(mended.is_some());
}

#[test]
fn the_last_good_keys_serve_while_the_server_is_down_and_no_longer_than_stale_for() {
    let upstream = Upstream::start();
    let first = key("a");
    let server = KeyServer::serving(&[&first]);
    let change = json!({"refresh": "1s", "stale_for": "5s"});
    let envoy = Envoy::start(envoy_with(&upstream, &server, &change));
    becomes(&envoy, &first, 200);
    server.now_answers(status(500));
    thread::sleep(Duration::from_secs(3));
    assert_eq!(status_of(&envoy, &first), 200);
    becomes(&envoy, &first, 503);
    server.now_answers(set(&[&first]));
    becomes(&envoy, &first, 200);
}

#[test]
fn a_withdrawn_key_is_refused_within_the_refresh_time_for_known_tokens_too() {
    let upstream = Upstream::start();
    let (old, new) = (key("old"), key("new"));
    let server = KeyServer::serving(&[&old, &new]);
    let envoy = Envoy::start(envoy_with(&upstream, &server, &json!({})));
    let token = old.token(claims(now()).acr("1"));
    let known = || envoy.send(&Request::get("/").bearer(&token)).status;
    assert!(poll(Duration::from_secs(10), || (known() == 200).then_some(())).is_some());
    assert_eq!(known(), 200);
    envoy.expect_count("token_cache.hit", 1);
    server.now_answers(set(&[&new]));
    let begun = Instant::now();
    assert!(poll(Duration::from_secs(10), || (known() == 401).then_some(())).is_some());
    // Refreshed every two seconds, and taken in the next tick.
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert_eq!(status_of(&envoy, &new), 200);
}

#[test]
fn invented_kids_cost_a_fetch_now_and_then_and_good_tokens_are_served() {
    let upstream = Upstream::start();
    let first = key("a");
    let server = KeyServer::serving(&[&first]);
    let change = json!({"refresh": "10m", "refetch_after": "30s"});
    let envoy = Envoy::start(envoy_with(&upstream, &server, &change).concurrency(2));
    becomes(&envoy, &first, 200);
    let flood = 10_000;
    thread::scope(|scope| {
        for part in 0..4 {
            let (envoy, first) = (&envoy, &first);
            scope.spawn(move || {
                for index in 0..flood / 4 {
                    let mut header = first.header();
                    header["kid"] = json!(format!("invented-{part}-{index}"));
                    // The signature is never looked at: no key has that name.
                    let token = first.sign(&header, &claims(now()).acr("1").build());
                    assert_eq!(envoy.send(&Request::get("/").bearer(&token)).status, 401);
                }
            });
        }
        for _ in 0..200 {
            assert_eq!(status_of(&envoy, &first), 200);
            thread::sleep(Duration::from_millis(5));
        }
    });
    // The one at the start, and one for the flood, again after thirty seconds.
    assert!(server.fetches() <= 3, "{} fetches", server.fetches());
}

#[test]
fn workers_share_one_fetch_per_refresh() {
    let upstream = Upstream::start();
    let first = key("a");
    let server = KeyServer::serving(&[&first]);
    let envoy = Envoy::start(envoy_with(&upstream, &server, &json!({})).concurrency(4));
    becomes(&envoy, &first, 200);
    let (before, begun) = (server.fetches(), Instant::now());
    while begun.elapsed() < Duration::from_secs(8) {
        assert_eq!(status_of(&envoy, &first), 200);
    }
    let fetched = server.fetches() - before;
    // Every two seconds less up to a tenth, and up to a second until the next tick.
    assert!((2..=5).contains(&fetched), "{fetched} fetches in 8 s");
}

#[test]
fn fetching_goes_on_after_every_worker_crashed() {
    let upstream = Upstream::start();
    let (first, second) = (key("a"), key("b"));
    let server = KeyServer::serving(&[&first]);
    let options = envoy_with(&upstream, &server, &json!({})).wasm(bootstrap::crash_wasm());
    let envoy = Envoy::start(options.concurrency(4));
    becomes(&envoy, &first, 200);
    // While the server takes its time, some worker leads. All of them crash meanwhile.
    let body = jwks([&second]).to_string().into_bytes();
    server.now_answers(Answer::After(Duration::from_millis(700), body));
    let crashes = || envoy.log().matches(CRASH_MESSAGE).count();
    let all_did = poll(Duration::from_secs(20), || {
        let _ =
            support::http::try_send(envoy.addr(), &Request::get("/").header(bootstrap::CRASH, "1"));
        (crashes() >= 8).then_some(())
    });
    assert!(all_did.is_some(), "{} crashes", crashes());
    becomes(&envoy, &second, 200);
    let before = server.fetches();
    let goes_on = poll(Duration::from_secs(20), || (server.fetches() > before + 1).then_some(()));
    assert!(goes_on.is_some(), "{}", envoy.log());
    for _ in 0..40 {
        assert_eq!(status_of(&envoy, &second), 200);
    }
}

#[test]
fn the_shipped_module_cannot_be_crashed_on_demand() {
    let holds_message = |module: Vec<u8>| {
        module.windows(CRASH_MESSAGE.len()).any(|part| part == CRASH_MESSAGE.as_bytes())
    };
    assert!(!holds_message(std::fs::read(bootstrap::wasm()).unwrap()));
    let crashing = std::fs::read(bootstrap::crash_wasm()).expect("scripts/test builds it");
    assert!(holds_message(crashing));
}

#[test]
fn metadata_leads_to_the_keys_and_has_to_be_the_issuers() {
    let upstream = Upstream::start();
    let first = key("a");
    let keys = jwks([&first]).to_string();
    let provider = Upstream::start_with({
        move |request| match request.target() {
            b"/.well-known/openid-configuration" | b"/evil/.well-known/openid-configuration" => {
                Reply::new(
                    200,
                    json!({"issuer": ISSUER, "jwks_uri": "https://keys.example.com/k?v=2"})
                        .to_string(),
                )
            }
            b"/k?v=2" => Reply::new(200, keys.clone()),
            _ => Reply::new(404, "no"),
        }
    });
    let discovered = |name: &str| {
        json!({
            "issuer": name,
            "audiences": ["https://api.example.com"],
            "keys": {"discovery": {"cluster": "idp", "wait": "2s"}},
        })
    };
    let evil = format!("{ISSUER}/evil");
    let issuers = [discovered(ISSUER), discovered(&evil)];
    let options = EnvoyOptions::new(&upstream, config(&issuers)).cluster("idp", provider.addr());
    let envoy = Envoy::start(options);
    becomes(&envoy, &first, 200);
    envoy.wait_for_log("metadata of another issuer, \"https://id.example.com\"");
    let token = first.token(claims(now()).issuer(&evil).acr("1"));
    assert_eq!(envoy.send(&Request::get("/").bearer(&token)).status, 503);
    let asked = provider.received();
    let for_keys = asked.iter().find(|request| request.target() == b"/k?v=2").unwrap();
    assert_eq!(for_keys.header("host"), Some(b"keys.example.com".as_slice()));
}

#[test]
fn no_request_fails_while_keys_rotate_under_load() {
    const LOAD: Duration = Duration::from_secs(30);
    let upstream = Upstream::start();
    let keys = (0..6).map(|index| key(&format!("key-{index}"))).collect::<Vec<_>>();
    let server = KeyServer::serving(&[&keys[0]]);
    let envoy = Envoy::start(envoy_with(&upstream, &server, &json!({})).concurrency(2));
    becomes(&envoy, &keys[0], 200);
    let begun = Instant::now();
    let step = LOAD / 6;
    let passed = thread::scope(|scope| {
        // Every five seconds a key is published beside the one before it, and used at once.
        scope.spawn(|| {
            for index in 1..keys.len() {
                thread::sleep(
                    (step * u32::try_from(index).unwrap()).saturating_sub(begun.elapsed()),
                );
                server.now_answers(set(&[&keys[index - 1], &keys[index]]));
            }
        });
        let load = (0..4).map(|client: u64| {
            let (envoy, keys) = (&envoy, &keys);
            scope.spawn(move || {
                let mut sent = 0_u64;
                while begun.elapsed() < LOAD {
                    let due = Duration::from_millis(16) * u32::try_from(sent).unwrap();
                    thread::sleep(due.saturating_sub(begun.elapsed()));
                    // The newest key that is published for sure, and the one before it.
                    let published = begun.elapsed().saturating_sub(Duration::from_millis(200));
                    let newest = usize::try_from(published.as_millis() / step.as_millis()).unwrap();
                    let newest = newest.min(keys.len() - 1);
                    let key = &keys[if (sent + client).is_multiple_of(2) {
                        newest
                    } else {
                        newest.saturating_sub(1)
                    }];
                    // The one before it is withdrawn a step later.
                    let at_edge = published.as_millis() % step.as_millis() + 500 > step.as_millis();
                    let key = if at_edge { &keys[newest] } else { key };
                    let answer = ask(envoy, key);
                    assert_eq!(
                        answer.status,
                        200,
                        "{} at {:?}: {answer:?}",
                        key.kid(),
                        begun.elapsed()
                    );
                    sent += 1;
                }
                sent
            })
        });
        let load = load.collect::<Vec<_>>();
        load.into_iter().map(|client| client.join().unwrap()).sum::<u64>()
    });
    let rate = passed / LOAD.as_secs();
    assert!(rate >= 200, "only {rate} requests a second were served");
}
