//! What each case cost when it was last recorded, and the judgement over what it costs now.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use crate::meter::Cost;

/// How many per cent of instructions a case may move before it counts.
const TOLERANCE: u64 = 10;

/// The variable that has the baseline written anew.
const RECORD: &str = "STEPUP_RECORD_COST";

const HOW_TO_RECORD: &str =
    "if that is meant, record it: scripts/build && STEPUP_RECORD_COST=1 cargo test --test cost";

/// The costs of all cases, by their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Baseline(BTreeMap<String, Cost>);

/// What is said of a case that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Same,
    /// So much less that a later regression would go unseen.
    Better,
}

impl Baseline {
    pub fn committed() -> Self {
        let text = fs::read_to_string(path()).unwrap_or_else(|_| "{}".to_owned());
        Self(serde_json::from_str(&text).expect("the baseline is what was recorded"))
    }

    /// Whether this run is to record.
    pub fn is_to_be_recorded() -> bool {
        std::env::var_os(RECORD).is_some_and(|value| value == "1")
    }

    pub fn get(&self, case: &str) -> Option<&Cost> {
        self.0.get(case)
    }

    /// Writes the baseline with what was found, and without cases that are gone.
    pub fn record(mut self, found: &BTreeMap<String, Cost>, cases: &[&str]) {
        self.0.extend(found.iter().map(|(name, cost)| (name.clone(), cost.clone())));
        self.0.retain(|name, _| cases.contains(&name.as_str()));
        let text = serde_json::to_string_pretty(&self.0).expect("costs are plain values");
        fs::write(path(), text + "\n").expect("the baseline can be written");
    }

    /// Holds what a case costs to what is recorded.
    ///
    /// Host calls have to be the same: each costs about as much as all instructions of a request.
    pub fn judge(&self, case: &str, found: &Cost) -> Result<Verdict, String> {
        let Some(recorded) = self.get(case) else {
            return Err(format!("{case}: no cost is recorded; {HOW_TO_RECORD}"));
        };
        let (before, now) = (recorded.instructions, found.instructions);
        let mut faults = Vec::new();
        if now * 100 > before * (100 + TOLERANCE) {
            faults.push(format!(
                "{now} instructions, {before} are recorded: {}, and {TOLERANCE} % is tolerated",
                change(before, now)
            ));
        }
        for name in recorded.host_calls.keys().chain(found.host_calls.keys()) {
            let count = |cost: &Cost| cost.host_calls.get(name).copied().unwrap_or_default();
            let fault = format!(
                "the host call {name} is made {} times, and {} is recorded",
                count(found),
                count(recorded)
            );
            if count(found) != count(recorded) && !faults.contains(&fault) {
                faults.push(fault);
            }
        }
        if !faults.is_empty() {
            return Err(format!("{case}: {}; {HOW_TO_RECORD}", faults.join("; ")));
        }
        let is_better = now * (100 + TOLERANCE) < before * 100;
        Ok(if is_better { Verdict::Better } else { Verdict::Same })
    }
}

/// The change in per cent, with its sign.
pub fn change(before: u64, now: u64) -> String {
    let tenths = i128::from(now) * 1000 / i128::from(before.max(1)) - 1000;
    let sign = if tenths < 0 { '-' } else { '+' };
    format!("{sign}{}.{} %", tenths.abs() / 10, tenths.abs() % 10)
}

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/cost/baseline.json")
}

/// Tests of the guard itself.
pub mod tests {
    use super::{Baseline, Cost, Verdict, change};

    pub const ALL: [(&str, fn()); 5] = [
        ("more than 10 % more instructions fail", more_than_the_tolerance_fails),
        ("another host call fails, whatever it saves", another_host_call_fails),
        ("fewer instructions are worth a hint", fewer_instructions_are_worth_a_hint),
        ("a case without a recorded cost fails", a_case_without_a_recorded_cost_fails),
        ("a change is told in per cent", a_change_is_told_in_per_cent),
    ];

    fn cost(instructions: u64, calls: &[&str]) -> Cost {
        let host_calls = calls.iter().map(|name| ((*name).to_owned(), 1)).collect();
        Cost { instructions, host_calls }
    }

    fn baseline() -> Baseline {
        Baseline([("a case".to_owned(), cost(1000, &["proxy_log"]))].into())
    }

    fn more_than_the_tolerance_fails() {
        assert_eq!(baseline().judge("a case", &cost(1100, &["proxy_log"])), Ok(Verdict::Same));
        let fault = baseline().judge("a case", &cost(1101, &["proxy_log"])).expect_err("too much");
        for part in ["a case", "1101", "1000", "+10.1 %", "STEPUP_RECORD_COST=1"] {
            assert!(fault.contains(part), "{fault}");
        }
    }

    fn another_host_call_fails() {
        for calls in [&["proxy_log", "proxy_done"][..], &[]] {
            let fault = baseline().judge("a case", &cost(500, calls)).expect_err("another call");
            assert!(fault.contains("the host call proxy_"), "{fault}");
        }
    }

    fn fewer_instructions_are_worth_a_hint() {
        assert_eq!(baseline().judge("a case", &cost(910, &["proxy_log"])), Ok(Verdict::Same));
        assert_eq!(baseline().judge("a case", &cost(900, &["proxy_log"])), Ok(Verdict::Better));
    }

    fn a_case_without_a_recorded_cost_fails() {
        let fault = baseline().judge("another case", &cost(1, &[])).expect_err("not recorded");
        assert!(fault.contains("no cost is recorded"), "{fault}");
    }

    fn a_change_is_told_in_per_cent() {
        assert_eq!(change(1000, 1234), "+23.4 %");
        assert_eq!(change(1000, 995), "-0.5 %");
        assert_eq!(change(1000, 1000), "+0.0 %");
    }
}
