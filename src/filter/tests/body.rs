//! Requests whose policy reads the body.
//!
//! A part of a body that is answered with anything but [`Action::Continue`] stays with the proxy.

use super::super::bodies::MOST_BYTES;
use super::*;

const LIMIT: usize = 40;

fn bench(introspection: &Value) -> Bench {
    let mut configuration = config(introspection);
    configuration["body"] = json!({"limit": LIMIT, "timeout": "10s"});
    configuration["policies"]["pay"]["raise"] =
        json!([{"name": "large", "when": "request.body.amount > 1000.0", "deny": "Too much."}]);
    let mut bench = Bench::configured(&configuration);
    let good = bench.good();
    // Without a body it cannot be told how much it is.
    assert_eq!(bench.outcome("known", "200", &good), Some(403));
    bench
}

impl Bench {
    /// The headers of a request with this token and a body.
    fn post(&mut self, token: &str) -> Action {
        let pair = |name: &str, value: &str| (name.to_owned(), value.as_bytes().to_vec());
        let mut headers = vec![
            pair(":method", "POST"),
            pair(":path", "/"),
            pair(":authority", "api.example.com"),
            pair("content-type", self.content_type),
            pair("authorization", &format!("Bearer {token}")),
        ];
        headers.extend(self.length.map(|length| pair("content-length", &length.to_string())));
        self.host.headers = Headers::new(headers);
        self.host.body = Some(Vec::new());
        self.requests += 1;
        self.filter.on_request_headers(&self.host, RequestId(self.requests), false)
    }

    /// One more part of the last request's body.
    fn part(&mut self, part: &str, is_whole: bool) -> Action {
        let body = self.host.body.get_or_insert_default();
        body.extend(part.as_bytes());
        let size = body.len();
        self.filter.on_request_body(&self.host, RequestId(self.requests), size, is_whole)
    }

    fn trailers(&self) -> Action {
        self.filter.on_request_trailers(&self.host, RequestId(self.requests))
    }

    fn status(&self) -> Option<u16> {
        assert!(!self.host.take_resumed(), "it goes on");
        self.host.take_answer().map(|answer| answer.status)
    }

    fn is_resumed(&self) -> bool {
        assert_eq!(self.host.take_answer(), None);
        self.host.take_resumed()
    }
}

#[test]
fn a_request_goes_on_with_the_last_part_of_its_body() {
    let mut bench = bench(&json!({}));
    for parts in [&[r#"{"amount":1000}"#][..], &["{\"amount\"", "", ":10", "00}", ""]] {
        assert_eq!(bench.post("known"), Action::Wait);
        let (last, others) = parts.split_last().unwrap();
        for part in others {
            assert_eq!(bench.part(part, false), Action::Wait);
        }
        assert_eq!(bench.part(last, true), Action::Continue);
        assert!(!bench.is_resumed());
    }
}

#[test]
fn a_request_that_is_refused_never_goes_on() {
    let mut bench = bench(&json!({}));
    assert_eq!(bench.post("known"), Action::Wait);
    assert_eq!(bench.part("{\"amount\":", false), Action::Wait);
    assert_eq!(bench.part("1000.01}", true), Action::Answered);
    assert_eq!(bench.status(), Some(403));
    assert_eq!(bench.part("", true), Action::Answered);
    assert_eq!(bench.trailers(), Action::Answered);
    assert_eq!(bench.status(), None);
}

#[test]
fn trailers_end_a_body() {
    let mut bench = bench(&json!({}));
    for (body, expected) in [("{\"amount\":1}", None), ("{\"amount\":1001}", Some(403))] {
        assert_eq!(bench.post("known"), Action::Wait);
        assert_eq!(bench.part(body, false), Action::Wait);
        let action = if expected.is_none() { Action::Continue } else { Action::Answered };
        assert_eq!(bench.trailers(), action);
        assert_eq!(bench.status(), expected);
    }
    assert_eq!(bench.post("known"), Action::Wait);
    assert_eq!(bench.trailers(), Action::Answered, "no body at all");
    assert_eq!(bench.status(), Some(403));
}

#[test]
fn a_body_that_is_missing_too_large_or_withheld_puts_a_condition_in_doubt() {
    let mut bench = bench(&json!({}));
    assert_eq!(bench.send("known"), Action::Answered);
    assert_eq!(bench.status(), Some(403), "no body");
    assert_eq!(bench.post("known"), Action::Wait);
    assert_eq!(bench.part("", true), Action::Answered);
    assert_eq!(bench.status(), Some(403), "an empty body");

    assert_eq!(bench.post("known"), Action::Wait);
    assert_eq!(bench.part(&" ".repeat(LIMIT), false), Action::Wait);
    assert_eq!(bench.part(" ", false), Action::Answered, "nothing more is waited for");
    assert_eq!(bench.status(), Some(403), "a body that is too large");

    for (length, expected) in
        [(LIMIT + 1, Some(403)), (usize::MAX, Some(403)), (LIMIT, None), (0, None)]
    {
        bench.length = Some(length);
        let action = if expected.is_some() { Action::Answered } else { Action::Wait };
        assert_eq!(bench.post("known"), action, "{length}");
        assert_eq!(bench.status(), expected, "{length}");
    }
    bench.length = None;
    bench.content_type = "application/grpc";
    assert_eq!(bench.post("known"), Action::Answered, "what no condition reads is not waited for");
    assert_eq!(bench.status(), Some(403));
    bench.content_type = "application/json";

    assert_eq!(bench.post("known"), Action::Wait);
    let longest = format!("{{\"amount\":1,\"x\":\"{}\"}}", "x".repeat(LIMIT - 19));
    assert_eq!(longest.len(), LIMIT);
    assert_eq!(bench.part(&longest, true), Action::Continue);

    for shown in [None, Some(b"{\"amount\":1".to_vec()), Some(Vec::new())] {
        assert_eq!(bench.post("known"), Action::Wait);
        bench.host.body = shown;
        let request = RequestId(bench.requests);
        let action = bench.filter.on_request_body(&bench.host, request, 12, true);
        assert_eq!(action, Action::Answered);
        assert_eq!(bench.status(), Some(403), "a body that is not handed out");
    }
}

#[test]
fn no_body_is_waited_for_where_the_token_is_not_good() {
    let mut bench = bench(&json!({}));
    assert_eq!(bench.outcome("bad", "200", r#"{"active":false}"#), Some(401));
    assert_eq!(bench.post("bad"), Action::Answered);
    assert_eq!(bench.status(), Some(401));
    assert_eq!(bench.part("{\"amount\":1}", true), Action::Answered);
    bench.host.headers = Headers::default();
    let action = bench.filter.on_request_headers(&bench.host, RequestId(1000), false);
    assert_eq!((action, bench.status()), (Action::Answered, Some(400)));
}

#[test]
fn a_policy_that_reads_no_body_waits_for_none() {
    let mut bench = Bench::new(&json!({}));
    let good = bench.good();
    assert_eq!(bench.outcome("known", "200", &good), None);
    assert_eq!(bench.post("known"), Action::Continue);
    // What comes while it waits for its token stays with the proxy.
    assert_eq!(bench.post("new"), Action::Wait);
    assert_eq!(bench.part("x", false), Action::Wait);
    assert_eq!(bench.tick().len(), 1);
    assert_eq!(bench.part("x", false), Action::Wait);
    let good = bench.good();
    bench.answer("200", &good);
    assert!(bench.is_resumed());
    assert_eq!(bench.part("x", false), Action::Continue);
}

#[test]
fn a_body_is_kept_while_the_token_is_asked_about() {
    let mut bench = bench(&json!({}));
    let good = bench.good();
    // It comes later.
    assert_eq!(bench.post("a"), Action::Wait);
    assert_eq!(bench.part("{\"amount\":", false), Action::Wait);
    assert_eq!(bench.tick().len(), 1);
    bench.answer("200", &good);
    assert!(!bench.is_resumed());
    assert_eq!(bench.part("1}", true), Action::Continue);
    // It is there before.
    for (token, amount, expected) in [("b", "1", None), ("c", "1001", Some(403))] {
        assert_eq!(bench.post(token), Action::Wait);
        assert_eq!(bench.tick().len(), 1);
        assert_eq!(bench.part(&format!("{{\"amount\":{amount}}}"), false), Action::Wait);
        assert_eq!(bench.trailers(), Action::Wait);
        bench.answer("200", &good);
        if expected.is_none() {
            assert!(bench.is_resumed());
        } else {
            assert_eq!(bench.status(), expected);
            assert_eq!(bench.part("", true), Action::Wait);
        }
    }
    // More of it than is read is there before.
    assert_eq!(bench.post("d"), Action::Wait);
    assert_eq!(bench.tick().len(), 1);
    assert_eq!(bench.part(&"x".repeat(LIMIT + 1), false), Action::Wait);
    bench.answer("200", &good);
    assert_eq!(bench.status(), Some(403));
    // The token is not good.
    assert_eq!(bench.post("e"), Action::Wait);
    assert_eq!(bench.tick().len(), 1);
    assert_eq!(bench.part("{\"amount\":", false), Action::Wait);
    bench.answer("200", r#"{"active":false}"#);
    assert_eq!(bench.status(), Some(401));
    assert_ne!(bench.part("1}", true), Action::Continue);
}

#[test]
fn a_token_is_looked_at_again_once_the_body_is_there() {
    for (active, expected) in [(true, None), (false, Some(401))] {
        let mut bench = bench(&json!({"cache_for": "5s"}));
        assert_eq!(bench.post("known"), Action::Wait);
        bench.pass(second(6));
        assert_eq!(bench.part("{\"amount\":1}", true), Action::Wait, "it is asked about again");
        assert_eq!(bench.tick().len(), 1);
        let answer = if active { bench.good() } else { r#"{"active":false}"#.to_owned() };
        bench.answer("200", &answer);
        if expected.is_none() {
            assert!(bench.is_resumed());
            assert_eq!(bench.trailers(), Action::Continue);
        } else {
            assert_eq!(bench.status(), expected);
            assert_ne!(bench.trailers(), Action::Continue);
        }
    }
}

#[test]
fn a_proxy_that_shows_no_body_is_told_apart_from_a_slow_client() {
    let mut bench = bench(&json!({}));
    assert_eq!(bench.post("known"), Action::Wait);
    bench.pass(second(9));
    bench.tick();
    assert_eq!(bench.status(), None);
    bench.pass(second(1));
    bench.tick();
    let answer = bench.host.take_answer().unwrap();
    assert_eq!(answer.status, 500);
    assert!(String::from_utf8(answer.body).unwrap().contains("does not get it"));
    assert_eq!(bench.part("{\"amount\":1}", true), Action::Answered);

    // From the first part on, it is clear that the proxy shows them.
    assert_eq!(bench.post("known"), Action::Wait);
    for part in ["{", " ", "\"amount\"", ":"] {
        assert_eq!(bench.part(part, false), Action::Wait);
        bench.pass(second(9));
        bench.tick();
        assert_eq!(bench.status(), None);
    }
    bench.pass(second(1));
    bench.tick();
    assert_eq!(bench.status(), Some(408));
    assert_eq!(bench.part("1}", true), Action::Answered);
    assert_eq!(bench.post("known"), Action::Wait);
    bench.pass(second(10));
    bench.tick();
    assert_eq!(bench.status(), Some(408));
}

#[test]
fn the_time_for_a_body_begins_when_it_is_waited_for() {
    let mut bench = bench(&json!({"wait": "60s", "timeout": "60s"}));
    let good = bench.good();
    assert_eq!(bench.post("new"), Action::Wait);
    assert_eq!(bench.tick().len(), 1);
    bench.pass(second(20));
    bench.tick();
    assert_eq!(bench.status(), None);
    bench.answer("200", &good);
    bench.pass(second(9));
    bench.tick();
    assert_eq!(bench.status(), None);
    assert_eq!(bench.part("{\"amount\":1}", true), Action::Continue);
}

#[test]
fn requests_that_end_are_forgotten_and_their_number_is_bounded() {
    const MOST: u32 = 10_000;
    let mut bench = bench(&json!({}));
    let first = bench.requests + 1;
    for _ in 0..MOST {
        assert_eq!(bench.post("known"), Action::Wait);
    }
    assert_eq!(bench.post("known"), Action::Answered);
    let answer = bench.host.take_answer().unwrap();
    assert_eq!(answer.status, 503);
    assert!(answer.headers.contains(&("retry-after", "10".to_owned())));
    bench.filter.on_request_end(&bench.host, RequestId(first));
    assert_eq!(bench.post("known"), Action::Wait);
    for request in first..=bench.requests {
        bench.filter.on_request_end(&bench.host, RequestId(request));
    }
    assert!(bench.filter.bodies.borrow().is_empty());
}

/// Bodies of any length wait for keys, those of a limit for themselves.
#[test]
fn what_the_proxy_holds_of_all_bodies_is_bounded() {
    const PART: usize = 1024 * 1024;
    let mut bench = bench(&json!({}));
    let part = |bench: &mut Bench, id: u32, size: usize, is_whole| {
        bench.filter.on_request_body(&bench.host, RequestId(id), size, is_whole)
    };
    let most = u32::try_from(MOST_BYTES / PART).unwrap();
    for _ in 0..most {
        assert_eq!(bench.post("unknown"), Action::Wait);
        let id = bench.requests;
        assert_eq!(part(&mut bench, id, PART / 2, false), Action::Wait);
        assert_eq!(part(&mut bench, id, PART, false), Action::Wait, "what came before is in it");
    }
    // The one with which it becomes too much is answered, and waits no longer.
    assert_eq!(bench.post("unknown"), Action::Wait);
    let id = bench.requests;
    assert_eq!(part(&mut bench, id, 1, false), Action::Answered);
    assert_eq!(bench.status(), Some(503));
    assert_eq!(part(&mut bench, id, PART, true), Action::Answered);
    // One whose body is awaited is looked at no less.
    assert_eq!(bench.post("known"), Action::Wait);
    assert_eq!(bench.part("{", false), Action::Answered);
    assert_eq!(bench.status(), Some(503));
    assert_eq!(bench.post("known"), Action::Wait);
    assert_eq!(bench.part("{\"amount\":1}", true), Action::Continue, "what is decided is not held");
    // Those that end make room.
    bench.filter.on_request_end(&bench.host, RequestId(bench.requests - 5));
    assert_eq!(bench.post("known"), Action::Wait);
    assert_eq!(bench.part("{", false), Action::Wait);
    for id in 0..=bench.requests {
        bench.filter.on_request_end(&bench.host, RequestId(id));
    }
    assert!(bench.filter.bodies.borrow().is_empty());
}

/// The proxy passes on what it held of a request that goes on, however long the rest of it takes.
#[test]
fn what_was_let_go_on_is_not_held() {
    let mut bench = Bench::new(&json!({}));
    let good = bench.good();
    assert_eq!(bench.post("a"), Action::Wait);
    let part = |bench: &Bench, size: usize| {
        bench.filter.on_request_body(&bench.host, RequestId(bench.requests), size, false)
    };
    assert_eq!(part(&bench, MOST_BYTES), Action::Wait);
    assert_eq!(bench.tick().len(), 1);
    bench.answer("200", &good);
    assert!(bench.is_resumed());
    assert_eq!(bench.post("b"), Action::Wait);
    assert_eq!(part(&bench, MOST_BYTES), Action::Wait, "there is room again");
}

#[test]
fn a_raise_in_shadow_mode_holds_nothing_up_for_good() {
    let mut configuration = config(&json!({}));
    configuration["body"] = json!({"limit": LIMIT, "timeout": "10s"});
    configuration["policies"]["pay"]["raise"] = json!([
        {"name": "large", "when": "request.body.amount > 1000.0", "deny": "No.", "mode": "shadow"},
    ]);
    let mut bench = Bench::configured(&configuration);
    let good = bench.good();
    assert_eq!(bench.outcome("known", "200", &good), None);
    let counted = |bench: &Bench| bench.host.counted(Counter::RaiseInShadow);
    // A body that comes is looked at.
    for (amount, fires) in [("1", 0), ("1001", 1)] {
        let before = counted(&bench);
        assert_eq!(bench.post("known"), Action::Wait);
        let action = bench.part(&format!("{{\"amount\":{amount}}}"), true);
        assert_eq!((action, counted(&bench) - before), (Action::Continue, fires));
    }
    // One that does not come is a doubt, and the request goes on, whether or not the proxy shows it.
    for part in [None, Some("{")] {
        let before = counted(&bench);
        assert_eq!(bench.post("known"), Action::Wait);
        if let Some(part) = part {
            assert_eq!(bench.part(part, false), Action::Wait);
        }
        bench.pass(second(10));
        bench.tick();
        assert!(bench.is_resumed());
        assert_eq!(counted(&bench) - before, 1);
        assert_eq!(bench.part("x", false), Action::Continue);
    }
    // Nor does it need room.
    assert_eq!(bench.post("known"), Action::Wait);
    let request = RequestId(bench.requests);
    let action = bench.filter.on_request_body(&bench.host, request, MOST_BYTES + 1, false);
    assert_eq!(action, Action::Continue);
    for _ in 0..10_000 {
        assert_eq!(bench.post("known"), Action::Wait);
    }
    assert_eq!(bench.post("known"), Action::Continue);
}
