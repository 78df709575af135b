//! What operators see of keys that are fetched.

use super::*;

fn metric(process: &Process, name: &str) -> Option<i64> {
    process.host.metric(&format!("stepup.{name}"))
}

/// The age of the keys, how many are usable, and how old they may get.
fn told(process: &Process) -> (Option<i64>, Option<i64>, Option<i64>) {
    process.workers.iter().for_each(|worker| worker.tell(&process.host));
    let gauge = |name| metric(process, &format!("{name}.issuer.issuer"));
    (gauge("key_age_seconds"), gauge("usable_keys"), gauge("key_limit_seconds"))
}

#[test]
fn the_age_of_keys_and_how_many_are_usable_are_told() {
    let mut process = Process::new(2, &settings());
    assert_eq!(told(&process), (None, Some(0), Some(3600)), "there are no keys that had an age");
    process.fetch(&served(&[key("a"), key("b")]));
    process.tick();
    assert_eq!(told(&process), (Some(0), Some(2), Some(3600)));
    process.pass(Duration::from_secs(90));
    assert_eq!(told(&process), (Some(90), Some(2), Some(3600)));
    process.pass(Duration::from_hours(1));
    assert_eq!(told(&process), (Some(3690), Some(0), Some(3600)), "they are too stale");
    process.workers.iter().for_each(|worker| worker.retire(&process.host));
    let limit = metric(&process, "key_limit_seconds.issuer.issuer");
    assert_eq!(limit, Some(0), "nobody looks after them");
}

#[test]
fn fetches_are_told_for_each_issuer_from_zero_on() {
    let mut process = Process::new(2, &settings());
    let fetches = |process: &Process, outcome| {
        metric(process, &format!("key_fetches.issuer.issuer.outcome.{outcome}"))
    };
    assert_eq!(fetches(&process, "success"), Some(0));
    assert_eq!(fetches(&process, "failure"), Some(0));
    process.fetch(&answer(500, b""));
    process.pass(Duration::from_secs(2));
    process.fetch(&served(&[key("a")]));
    assert_eq!(fetches(&process, "success"), Some(1));
    assert_eq!(fetches(&process, "failure"), Some(1));
}
