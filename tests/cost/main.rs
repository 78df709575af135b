//! What requests cost, in instructions of the shipped module and in host calls, held to what is
//! recorded in `baseline.json`.
//!
//! With `-- --nocapture` it prints where the instructions of each case go.

// A test may fail by panicking, and `pub` says what the other modules of this binary use.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used
)]

mod baseline;
mod cases;
mod counting;
mod meter;
mod proxy;
mod shipped;
mod signature;
#[path = "../support/mod.rs"]
mod support;
mod vm;

use std::collections::BTreeMap;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use libtest_mimic::{Arguments, Failed, Trial};

use crate::baseline::{Baseline, Verdict, change};
use crate::cases::{CASES, Case, Keys, WARM_UP};
use crate::meter::{Cost, Profile};
use crate::proxy::Proxy;
use crate::vm::{Code, Vm};

/// What all cases share. Each is made when the first case needs it.
static CODE: LazyLock<Result<Code, String>> = LazyLock::new(Code::shipped);
static KEYS: LazyLock<Keys> = LazyLock::new(Keys::repeatable);

type Found = Arc<Mutex<BTreeMap<String, Cost>>>;

fn main() {
    let arguments = Arguments::from_args();
    let found = Found::default();
    let baseline = Baseline::committed();
    let shows_profiles = arguments.nocapture;
    let mut trials: Vec<_> = CASES
        .iter()
        .map(|case| {
            let (found, baseline) = (Arc::clone(&found), baseline.clone());
            trial(case.name.to_owned(), move || check(case, &baseline, &found, shows_profiles))
        })
        .collect();
    let guards = baseline::tests::ALL.into_iter().chain(counting::tests::ALL);
    for (name, test) in guards.chain(shipped::tests::ALL) {
        trials.push(trial(format!("guard: {name}"), move || {
            test();
            Ok(())
        }));
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    let found = found.lock().unwrap_or_else(PoisonError::into_inner);
    if !found.is_empty() {
        print_table(&found, &baseline);
    }
    if Baseline::is_to_be_recorded() && !conclusion.has_failed() {
        baseline.record(&found, &CASES.map(|case| case.name));
    }
    conclusion.exit();
}

fn trial(name: String, test: impl FnOnce() -> Result<(), String> + Send + 'static) -> Trial {
    Trial::test(name, move || {
        let outcome = panic::catch_unwind(AssertUnwindSafe(test)).unwrap_or_else(|error| {
            let message = error.downcast_ref::<String>().map(String::as_str);
            let message = message.or_else(|| error.downcast_ref::<&str>().copied());
            Err(message.unwrap_or("the test panicked").to_owned())
        });
        outcome.map_err(Failed::from)
    })
}

fn check(
    case: &Case,
    baseline: &Baseline,
    found: &Found,
    shows_profile: bool,
) -> Result<(), String> {
    let code = CODE.as_ref().map_err(Clone::clone)?;
    let profile = measure(code, case);
    assert_eq!(
        profile,
        measure(code, case),
        "a second run has to cost the same to the instruction"
    );
    if shows_profile {
        println!("{}\n{profile}", case.name);
    }
    let cost = profile.cost();
    let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
    found.insert(case.name.to_owned(), cost.clone());
    if Baseline::is_to_be_recorded() {
        return Ok(());
    }
    baseline.judge(case.name, &cost).map(drop)
}

/// What a case costs in a VM of its own: its configuration, or the median of its requests.
fn measure(code: &Code, case: &Case) -> Profile {
    let scene = (case.scene)(&KEYS);
    let configuration = scene.configuration.to_string().into_bytes();
    let proxy = Proxy::new(configuration, scene.properties);
    let (mut vm, of_configuration) = Vm::start(code, proxy);
    let mut profiles: Vec<_> = scene
        .requests
        .iter()
        .map(|request| {
            let (answered, profile) = vm.request(request);
            assert_eq!(answered, scene.answer, "the status of the filter's answer");
            profile
        })
        .skip(WARM_UP)
        .collect();
    profiles.sort_by_key(|profile| profile.cost().instructions);
    let calls: Vec<_> = profiles.iter().map(|profile| profile.cost().host_calls).collect();
    assert!(calls.windows(2).all(|pair| pair[0] == pair[1]), "all requests make the same calls");
    let middle = profiles.len() / 2;
    profiles.into_iter().nth(middle).unwrap_or(of_configuration)
}

fn print_table(found: &BTreeMap<String, Cost>, baseline: &Baseline) {
    println!(
        "{:<34} {:>12} {:>12} {:>9}  host calls",
        "case", "instructions", "recorded", "change"
    );
    for Case { name, .. } in &CASES {
        let Some(cost) = found.get(*name) else { continue };
        let calls: u64 = cost.host_calls.values().sum();
        let (recorded, change) = baseline.get(name).map_or_else(Default::default, |recorded| {
            let before = recorded.instructions;
            (before.to_string(), change(before, cost.instructions))
        });
        let hint = if baseline.judge(name, cost) == Ok(Verdict::Better) {
            "  better: record it, so that it stays"
        } else {
            ""
        };
        println!("{name:<34} {:>12} {recorded:>12} {change:>9}  {calls}{hint}", cost.instructions);
    }
    println!();
}
