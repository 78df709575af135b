//! Bound tokens where one request is not enough to show it: over TLS, and over several workers.

// A test may fail by panicking.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod support;

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use envoy_stepup::filter::{Action, Filter};
use envoy_stepup::host::memory::MemoryHost;
use envoy_stepup::host::{CallId, CalloutAnswer, RequestId};
use envoy_stepup::request::Headers;
use envoy_stepup::time::Timestamp;
use serde_json::{Value, json};
use support::tls::{self, Authority};
use support::{
    Algorithm, Envoy, EnvoyOptions, Proof, Request, SigningKey, Upstream, claims, dpop, now, poll,
    tokens,
};

const URI: &str = "http://api.example.com/a";

fn config(key: &SigningKey) -> Value {
    json!({
        "levels": [{"name": "password", "proven_by": [{"acr": ["1"]}]}],
        "issuers": [{
            "issuer": "https://id.example.com",
            "audiences": ["https://api.example.com"],
            "keys": {"inline": tokens::jwks([key])},
        }],
        "policies": {"read": {"require": [{"level": "password"}]}},
        "default": "read",
    })
}

/// An issuer's key, a client's key, and a token of the one that is bound to the other.
fn bound() -> (SigningKey, SigningKey, String) {
    let issuer = SigningKey::generate(Algorithm::Es256, "issuer");
    let client = SigningKey::generate(Algorithm::Es256, "client");
    let cnf = json!({"jkt": dpop::thumbprint(&client)});
    let token = issuer.token(claims(now()).acr("1").set("cnf", cnf));
    (issuer, client, token)
}

fn request(token: &str, proof: &str) -> Request {
    Request::get("/a").header("authorization", format!("DPoP {token}")).header("dpop", proof)
}

#[test]
fn a_proof_is_good_once_whichever_worker_gets_it() {
    const PROOFS: usize = 40;
    const TIMES: usize = 8;
    let (issuer, client, token) = bound();
    let upstream = Upstream::start();
    let options = EnvoyOptions::new(&upstream, config(&issuer)).concurrency(4);
    let envoy = Arc::new(Envoy::start(options));
    for _ in 0..PROOFS {
        let proof = Proof::new(&client, &token, "GET", URI).sign(&client);
        let senders = (0..TIMES).map(|_| {
            let (envoy, request) = (Arc::clone(&envoy), request(&token, &proof));
            thread::spawn(move || envoy.send(&request).status)
        });
        let senders = senders.collect::<Vec<_>>();
        let mut statuses = senders.into_iter().map(|s| s.join().unwrap()).collect::<Vec<_>>();
        statuses.sort_unstable();
        assert_eq!(statuses, [&[200][..], &[401; TIMES - 1]].concat());
    }
    assert_eq!(upstream.received().len(), PROOFS);
    envoy.expect_count("dpop.replay", u64::try_from(PROOFS * (TIMES - 1)).unwrap());
    envoy.expect_count("dpop.store_full", 0);
    // The same proof came to more than one worker: each has its own count of connections.
    let stats = envoy
        .admin_get("/stats?filter=worker_._downstream_cx_total|worker_[0-9].downstream_cx_total");
    let busy = stats.lines().filter(|line| !line.ends_with(": 0")).count();
    assert!(busy > 1, "{stats}");
}

#[test]
fn a_nonce_of_one_worker_is_good_with_every_other() {
    let (issuer, client, token) = bound();
    let mut config = config(&issuer);
    config["dpop"] = json!({"nonce": true});
    let upstream = Upstream::start();
    let envoy = Envoy::start(EnvoyOptions::new(&upstream, config).concurrency(4));
    let first =
        envoy.send(&request(&token, &Proof::new(&client, &token, "GET", URI).sign(&client)));
    assert_eq!(first.status, 401, "{first:?}");
    assert!(first.header("www-authenticate").unwrap().contains("error=\"use_dpop_nonce\""));
    let nonce = first.header("dpop-nonce").unwrap();
    for _ in 0..20 {
        let proof = Proof::new(&client, &token, "GET", URI).claim("nonce", nonce);
        assert_eq!(envoy.send(&request(&token, &proof.sign(&client))).status, 200);
    }
}

#[test]
fn a_certificate_binds_a_token_to_the_connection_that_shows_it() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let (alice, mallory) = (authority.issue("alice"), authority.issue("mallory"));
    let (issuer, client, _) = bound();
    let cnf = json!({"x5t#S256": alice.thumbprint()});
    let token = issuer.token(claims(now()).acr("1").set("cnf", cnf));
    let upstream = Upstream::start();
    let options = EnvoyOptions::new(&upstream, config(&issuer));
    let envoy = Envoy::start(options.transport_socket(authority.listener(false)));
    let send =
        |identity, request: &Request| tls::send(envoy.addr(), &authority.client(identity), request);
    let bearer = || Request::get("/a").bearer(&token);
    let passes = send(Some(&alice), &bearer()).unwrap();
    assert_eq!(passes.status, 200, "{passes:?}");
    let hash = format!("Hash={};Subject=\"CN=alice\"", alice.hex());
    let spoofed = bearer()
        .header("x-forwarded-client-cert", hash)
        .header("ssl-client-fingerprint", alice.hex());
    for (name, identity, request) in [
        ("another certificate", Some(&mallory), bearer()),
        ("no certificate", None, bearer()),
        ("another certificate, and the right one in headers", Some(&mallory), spoofed.clone()),
        ("no certificate, and the right one in headers", None, spoofed),
    ] {
        let refused = send(identity, &request).unwrap();
        assert_eq!(refused.status, 401, "{name}: {refused:?}");
        let challenge = refused.header("www-authenticate").unwrap();
        assert!(challenge.starts_with("Bearer "), "{name}: {challenge}");
        assert!(challenge.contains("error=\"invalid_token\""), "{name}: {challenge}");
    }
    // A certificate that Envoy does not trust does not even come through.
    let unknown = stranger.issue("alice");
    assert!(send(Some(&unknown), &bearer()).is_err());
    // A session that is resumed is still that of the certificate.
    let resuming = authority.client(Some(&alice));
    for _ in 0..3 {
        assert_eq!(tls::send(envoy.addr(), &resuming, &bearer()).unwrap().status, 200);
    }
    let resumed = envoy.admin_get("/stats?filter=ssl.session_reused");
    assert!(!resumed.trim().is_empty() && !resumed.trim().ends_with(": 0"), "{resumed}");
    // Bound to both: both are needed.
    let cnf = json!({"x5t#S256": alice.thumbprint(), "jkt": dpop::thumbprint(&client)});
    let token = issuer.token(claims(now()).acr("1").set("cnf", cnf));
    let uri = "https://api.example.com/a";
    let proven = || request(&token, &Proof::new(&client, &token, "GET", uri).sign(&client));
    assert_eq!(send(Some(&alice), &proven()).unwrap().status, 200);
    assert_eq!(send(Some(&mallory), &proven()).unwrap().status, 401);
    let unproven = Request::get("/a").header("authorization", format!("DPoP {token}"));
    assert_eq!(send(Some(&alice), &unproven).unwrap().status, 401);
    assert_eq!(send(Some(&alice), &Request::get("/a").bearer(&token)).unwrap().status, 401);
}

/// RFC 8705 §3 asks for the same certificate, and not for one that somebody vouches for: the
/// handshake has shown that the client has its key.
#[test]
fn a_certificate_that_nobody_vouches_for_binds_as_well() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let (own, other) = (stranger.issue("client"), stranger.issue("client"));
    let (issuer, ..) = bound();
    let cnf = json!({"x5t#S256": own.thumbprint()});
    let token = issuer.token(claims(now()).acr("1").set("cnf", cnf));
    let upstream = Upstream::start();
    let options = EnvoyOptions::new(&upstream, config(&issuer));
    let envoy = Envoy::start(options.transport_socket(authority.listener(true)));
    let status = |identity| {
        let request = Request::get("/a").bearer(&token);
        tls::send(envoy.addr(), &authority.client(identity), &request).unwrap().status
    };
    assert_eq!(status(Some(&own)), 200);
    assert_eq!(status(Some(&other)), 401);
    assert_eq!(status(None), 401);
}

/// A request that waits for keys is decided again from the start. Its own proof is no replay then.
#[test]
fn a_request_that_waits_for_keys_uses_its_proof_up_once() {
    let (issuer, client, token) = bound();
    let mut config = config(&issuer);
    let remote = json!({"cluster": "idp", "uri": "https://id.example.com/jwks"});
    config["issuers"][0]["keys"] = json!({"remote": remote});
    let proof = Proof::new(&client, &token, "GET", URI).sign(&client);
    let authorization = format!("DPoP {token}");
    let pairs = [
        (":method", "GET"),
        (":scheme", "http"),
        (":authority", "api.example.com"),
        (":path", "/a"),
        ("authorization", &authorization),
        ("dpop", &proof),
    ];
    let pairs = pairs.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
    let mut host = MemoryHost::new(Headers::new(pairs.to_vec()));
    host.now = Timestamp::from_epoch(Duration::from_secs(now()));
    let filter = Filter::new(config.to_string().as_bytes(), &host).unwrap();
    assert_eq!(filter.on_request_headers(&host, RequestId(1)), Action::Wait);
    filter.on_tick(&host);
    assert!(!host.take_resumed());
    let answer = CalloutAnswer {
        headers: Headers::new(vec![(":status".to_owned(), b"200".to_vec())]),
        body: Ok(tokens::jwks([&issuer]).to_string().into_bytes()),
    };
    filter.on_answer(&host, CallId(0), &answer);
    let resumed = poll(Duration::ZERO, || host.take_resumed().then_some(()));
    assert!(resumed.is_some(), "{:?}", host.take_answer());
    // Sent again, it is one.
    assert_eq!(filter.on_request_headers(&host, RequestId(2)), Action::Answered);
    let answer = host.take_answer().unwrap();
    let challenge = answer.headers.iter().find(|(name, _)| *name == "www-authenticate");
    assert!(challenge.unwrap().1.contains("The DPoP proof was used before."));
}
