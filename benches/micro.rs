//! How long the parts of the filter take natively: `cargo bench --bench micro`.
//!
//! These times are for comparing one change with another on one machine. What a request costs in
//! the proxy is another matter: `tests/cost/` holds the instructions of the shipped module.

// A bench may fail by panicking, and criterion's macro writes no comments.
#![allow(missing_docs, clippy::expect_used, clippy::panic)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use envoy_stepup::challenge;
use envoy_stepup::config;
use envoy_stepup::decision::{Credentials, Decision, decide};
use envoy_stepup::host::memory::MemoryHost;
use envoy_stepup::policy::{Demand, Facts, PathReadings, PolicySet};
use envoy_stepup::request::Headers;
use envoy_stepup::signals::{FirstSeen, WindowCounter};
use envoy_stepup::time::Timestamp;
use envoy_stepup::token::{Scheme, UnverifiedToken, Verifier};
use support::workload::{self, access_token, issuer};
use support::{Algorithm, SigningKey};

/// When all of it takes place, in seconds since 1970.
const NOW: u64 = 1_800_000_000;

const TARGET: &[u8] = b"/accounts/7/transactions?from=2026-12-01&limit=50";

fn key() -> SigningKey {
    SigningKey::repeatable(Algorithm::Rs256, "rs256-2027-01")
}

fn configuration(rules: usize) -> Vec<u8> {
    workload::rules(&issuer("https://id.example.com", [&key()]), rules).to_string().into_bytes()
}

fn compiled(rules: usize) -> PolicySet {
    config::compile(&configuration(rules)).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

fn demand<'p>(policies: &'p PolicySet, policy: &str) -> &'p Demand {
    policies.policies.named(policy).and_then(|policy| policy.demand.as_ref()).expect("a demand")
}

/// What a token proves that was verified natively.
fn verified(policies: &PolicySet) -> (Credentials, Timestamp) {
    let now = Timestamp::from_epoch(Duration::from_secs(NOW));
    let mut host = MemoryHost::new(Headers::default());
    host.now = now;
    let verifier = Verifier::new(policies.issuers.clone(), &policies.tokens, &host);
    let verifier = verifier.unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let token = key().token(access_token(NOW, 0));
    let evidence = verifier.verify(token.as_bytes(), None, &host).expect("the token is good");
    (Credentials::Verified(evidence), now)
}

fn compile_configurations(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("configuration compile");
    group.sample_size(10);
    for rules in [10, 1000] {
        let configuration = configuration(rules);
        group.bench_function(BenchmarkId::from_parameter(rules), |bencher| {
            bencher.iter(|| config::compile(black_box(&configuration)).is_ok());
        });
    }
    group.finish();
}

fn match_routes(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("route match, the last rule");
    let headers = Headers::default();
    for rules in [10, 1000, 10_000] {
        let policies = compiled(rules);
        group.bench_function(BenchmarkId::from_parameter(rules), |bencher| {
            bencher.iter(|| {
                let facts = Facts {
                    path: black_box("/accounts/7/transactions"),
                    query: "",
                    method: "GET",
                    host: None,
                    headers: &headers,
                    route: None,
                };
                policies.rules.find(&facts).is_ok()
            });
        });
    }
    group.finish();
    let slashes = compiled(10).encoded_slashes;
    criterion.bench_function("path, all readings", |bencher| {
        bencher.iter(|| PathReadings::new(black_box(TARGET), slashes).is_ok());
    });
}

fn parse_tokens(criterion: &mut Criterion) {
    let token = key().token(access_token(NOW, 0));
    criterion.bench_function("token parse", |bencher| {
        bencher.iter(|| UnverifiedToken::parse(black_box(&token)).is_ok());
    });
}

fn take_decisions(criterion: &mut Criterion) {
    let policies = compiled(10);
    let (credentials, now) = verified(&policies);
    let mut group = criterion.benchmark_group("decision");
    for (name, policy) in [("allow", "read"), ("allow, three conditions", "pay")] {
        let demand = demand(&policies, policy);
        let decide = || decide([black_box(demand)], &credentials, &policies.levels, now);
        assert!(matches!(decide(), Decision::Allow(_)), "{:?}", decide());
        group.bench_function(name, |bencher| bencher.iter(decide));
    }
    group.finish();
}

fn render_challenges(criterion: &mut Criterion) {
    let policies = compiled(10);
    let (_, now) = verified(&policies);
    let demand = demand(&policies, "pay");
    let decision = decide([demand], &Credentials::Missing, &policies.levels, now);
    let Decision::Challenge(challenge) = decision else { panic!("a challenge: {decision:?}") };
    criterion.bench_function("challenge", |bencher| {
        bencher.iter(|| {
            challenge::challenge(
                black_box(&challenge),
                &policies.challenge,
                &policies.levels,
                &[Scheme::Bearer],
            )
        });
    });
}

fn count_signals(criterion: &mut Criterion) {
    const ROOM: u32 = 12_800;
    let host = MemoryHost::new(Headers::default());
    let room = usize::try_from(ROOM).expect("it is small");
    let counter = WindowCounter::new("bench", Duration::from_mins(10), room, &host);
    let devices =
        FirstSeen::new("bench", Duration::from_hours(24), Duration::from_hours(2_400), room, &host);
    for number in 0..4 * ROOM {
        counter.add(&number.to_be_bytes(), &host).expect("it is counted");
        devices.see(&number.to_be_bytes(), b"phone", &host).expect("it is kept");
    }
    let mut group = criterion.benchmark_group("signal, full buckets");
    let known = (4 * ROOM - 1).to_be_bytes();
    group.bench_function("read a count", |b| b.iter(|| counter.read(black_box(&known), &host)));
    group.bench_function("count a known key", |b| b.iter(|| counter.add(&known, &host)));
    let mut new = (4 * ROOM..).map(u32::to_be_bytes);
    group.bench_function("count a new key", |bencher| {
        bencher.iter(|| new.next().map(|key| counter.add(&key, &host)));
    });
    group.bench_function("is it new", |b| b.iter(|| devices.is_new(&known, b"phone", &host)));
    group.bench_function("see it again", |b| b.iter(|| devices.see(&known, b"phone", &host)));
    group.bench_function("see a new one", |bencher| {
        bencher.iter(|| new.next().map(|subject| devices.see(&subject, b"phone", &host)));
    });
    group.finish();
}

criterion_group!(
    micro,
    compile_configurations,
    match_routes,
    parse_tokens,
    take_decisions,
    render_challenges,
    count_signals
);
criterion_main!(micro);
