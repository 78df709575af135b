//! Requests that come before a list was ever loaded.

use super::*;

fn bench() -> Bench {
    let mut configuration = config(&json!({}));
    configuration["feeds"] = json!({"blocked": {
        "type": "networks",
        "remote": {"cluster": "feeds", "uri": "http://feeds/blocked", "wait": "2s"},
    }});
    configuration["policies"]["open"] = json!({
        "public": true,
        "raise": [{"name": "blocked", "when": "source.ip in feeds.blocked", "deny": "No."}],
    });
    configuration["default"] = json!("open");
    let mut bench = Bench::configured(&configuration);
    bench.host.properties.insert("source.address".to_owned(), Some(b"192.0.2.1:5".to_vec()));
    bench
}

#[test]
fn they_wait_for_the_first_fetch() {
    for (list, expected) in [("198.51.100.0/24", None), ("192.0.2.0/24", Some(403))] {
        let mut bench = bench();
        assert_eq!(bench.send("t"), Action::Wait);
        assert_eq!(bench.tick().len(), 1);
        assert_eq!(bench.send("t"), Action::Wait, "it is under way");
        bench.answer("200", list);
        let answer = bench.host.take_answer().map(|answer| answer.status);
        assert_eq!((answer, bench.host.take_resumed()), (expected, expected.is_none()));
        let action = if expected.is_none() { Action::Continue } else { Action::Answered };
        assert_eq!(bench.send("t"), action, "it is loaded");
    }
}

#[test]
fn a_first_fetch_that_fails_or_hangs_leaves_a_doubt() {
    let mut failed = bench();
    assert_eq!(failed.send("t"), Action::Wait);
    failed.tick();
    failed.answer("500", "");
    assert_eq!(failed.host.take_answer().map(|answer| answer.status), Some(403));
    assert_eq!(failed.send("t"), Action::Answered, "nothing more is waited for");

    let mut hangs = bench();
    assert_eq!(hangs.send("t"), Action::Wait);
    hangs.tick();
    hangs.pass(second(1));
    hangs.tick();
    assert_eq!(hangs.host.take_answer(), None);
    hangs.pass(second(1));
    hangs.tick();
    assert_eq!(hangs.host.take_answer().map(|answer| answer.status), Some(403));
}
