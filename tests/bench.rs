//! What `scripts/bench` makes of its options, and of what it has measured. What it measures with is
//! tried by running it.

// A test may fail by panicking, and uses a part of the bench.
#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_errors_doc,
    clippy::panic
)]

#[path = "../benches/proxy/figures.rs"]
mod figures;
#[path = "../benches/proxy/options.rs"]
mod options;
#[path = "../benches/proxy/plot.rs"]
mod plot;
#[path = "../benches/proxy/report.rs"]
mod report;
#[path = "../benches/proxy/results.rs"]
mod results;
#[path = "../benches/proxy/setting.rs"]
mod setting;
mod support;
#[path = "../benches/proxy/target.rs"]
mod target;

use std::fs;
use std::path::Path;

use clap::{CommandFactory as _, Parser as _};
use serde_json::Value;

use crate::figures::Figure;
use crate::options::Options;
use crate::report::Report;
use crate::results::{Measured, Results, Startup};
use crate::setting::Setting;
use crate::support::folder::Folder;
use crate::target::Target;

const NAMES: [&str; 3] = ["no filter", "known token", "new token, RS256"];

fn options(arguments: &[&str]) -> Options {
    try_options(arguments).unwrap_or_else(|mistake| panic!("{arguments:?}: {mistake}"))
}

fn try_options(arguments: &[&str]) -> Result<Options, String> {
    let line = ["scripts/bench"].into_iter().chain(arguments.iter().copied());
    Options::try_parse_from(line).map_err(|mistake| mistake.to_string())
}

#[test]
fn a_number_that_measures_nothing_is_refused() {
    for option in ["--rounds", "--time", "--rate", "--latency-time"] {
        for number in ["0", "-1", "x", "99999999999"] {
            let mistake = try_options(&[&format!("{option}={number}")]).expect_err(option);
            assert!(mistake.contains(option) && mistake.contains(number), "{mistake}");
        }
        try_options(&[option, "1"]).expect(option);
    }
}

#[test]
fn options_come_in_any_order() {
    for arguments in [["--quick", "--only", "known"], ["--only", "known", "--quick"]] {
        let options = options(&arguments);
        assert_eq!(options.rounds(), 2);
        assert!(!options.measures_latency());
        assert_eq!(options.select(&NAMES), Ok(vec!["known token"]));
    }
    assert_eq!(options(&["--rounds", "3", "--quick"]).rounds(), 3);
    assert_eq!(options(&[]).rounds(), 9);
}

#[test]
fn a_text_that_no_name_holds_is_a_mistake_that_lists_the_names() {
    let mistake = options(&["--only", "known", "--only", "nknown"]).select(&NAMES);
    let mistake = mistake.expect_err("no name holds it");
    for part in ["--only", "\"nknown\"", "no filter", "known token", "new token, RS256"] {
        assert!(mistake.contains(part), "{mistake}");
    }
    assert_eq!(options(&[]).select(&NAMES), Ok(NAMES.to_vec()));
    let both = options(&["--only", "RS", "--only", "known"]).select(&NAMES);
    assert_eq!(both, Ok(vec!["known token", "new token, RS256"]));
}

#[test]
fn a_partial_run_never_takes_the_place_of_a_whole_one() {
    let place = |arguments: &[&str]| options(&[&["--out", "here"], arguments].concat()).report();
    let whole: [&[&str]; 4] = [&[], &["--rounds", "12"], &["--time", "2"], &["--strict"]];
    for arguments in whole {
        assert_eq!(place(arguments), Path::new("here/report"), "{arguments:?}");
    }
    let partial: [&[&str]; 5] =
        [&["--quick"], &["--only", "x"], &["--rounds", "8"], &["--no-latency"], &["--no-startup"]];
    for arguments in partial {
        assert_eq!(place(arguments), Path::new("here/partial"), "{arguments:?}");
        assert!(options(arguments).partial().is_some(), "{arguments:?}");
    }
    assert!(options(&[]).report().ends_with("bench/report"));
}

#[test]
fn the_script_names_every_option_in_its_help() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/bench");
    let script = fs::read_to_string(script).expect("the script");
    let named = |line: &str| line.strip_prefix("  --")?.split(' ').next().map(str::to_owned);
    let mut in_script: Vec<_> = script.lines().filter_map(named).collect();
    let command = Options::command();
    let shown = command.get_arguments().filter(|argument| !argument.is_hide_set());
    let mut in_bench: Vec<_> =
        shown.filter_map(|argument| argument.get_long()).map(str::to_owned).collect();
    in_bench.push("help".to_owned());
    in_script.sort();
    in_bench.sort();
    assert_eq!(in_script, in_bench);
}

fn measured(name: &'static str, note: Option<&'static str>, added: f64) -> Measured {
    let (cpu, added) = (Figure::of([16.0 + added]), Figure::of([added]));
    Measured { name, note, cpu, added, requests: 1000, latency: None }
}

/// Two rounds, of which the second was slower for all.
fn results(header: [f64; 2]) -> Results {
    let (known, with_header) = ("known token", "known token, condition on a header");
    Results {
        variants: vec![
            measured(known, None, 2.5),
            Measured { latency: Some((120.4, 330.6)), ..measured(with_header, None, 5.0) },
            measured("new token, EdDSA", Some("checked in WebAssembly"), 109.28),
        ],
        startup: Some(Startup {
            rules_ms: 80.0,
            module_bytes: 2_363_607,
            idle_bytes: 1024.0,
            full_bytes: 1024.0,
        }),
        added: [("empty filter", vec![1.0, 2.0]), (known, vec![2.0, 3.0])]
            .into_iter()
            .chain([(with_header, header.to_vec())])
            .collect(),
    }
}

fn find<'a>(targets: &'a [Target], case: &str) -> &'a Target {
    targets.iter().find(|target| target.case == case).unwrap_or_else(|| panic!("no target {case}"))
}

#[test]
fn a_condition_on_a_header_may_cost_eight_microseconds() {
    for (header, found, holds) in [([9.0, 11.0], 7.5, true), ([10.5, 12.0], 8.75, false)] {
        let targets = target::judge(&results(header));
        let target = find(&targets, "one header condition");
        assert!((target.found - found).abs() < 1e-9, "{target:?}");
        assert_eq!(target.holds, holds, "{target:?}");
    }
}

#[test]
fn a_target_of_what_was_not_measured_is_left_out() {
    let targets = target::judge(&results([5.0, 5.0]));
    assert!(!targets.iter().any(|target| target.case == "against ext_authz"));
    let known = find(&targets, "known token");
    assert!((known.found - 1.75).abs() < 1e-9 && !known.holds, "{known:?}");
}

#[test]
fn a_report_says_what_was_measured_with_what() {
    let setting = Setting {
        date: "2026-11-24T15:36:37Z".to_owned(),
        commit: "b47f5d4".to_owned(),
        method: options(&[]).method(),
        partial: None,
        envoy: "Envoy 1.40.0".to_owned(),
        wrk: "wrk 4.1.0".to_owned(),
        oha: Some("oha 1.16.0".to_owned()),
        rust: "rustc 1.95.0".to_owned(),
        cpu: "AMD EPYC".to_owned(),
    };
    let results = results([5.0, 5.0]);
    let targets = target::judge(&results);
    let report = Report { setting: &setting, results: &results, targets: &targets };
    let folder = Folder::new();
    let files = report.write(&folder.path("new/report.of")).expect("a report");
    let names: Vec<_> = files.iter().filter_map(|file| file.file_name()?.to_str()).collect();
    assert_eq!(names, ["report.of.txt", "report.of.md", "report.of.json", "report.of.svg"]);
    let [text, markdown, json, svg] = &files[..] else { panic!("{files:?}") };
    let read = |file| fs::read_to_string(file).expect("a file");

    let facts = [
        "2026-11-24T15:36:37Z",
        "b47f5d4",
        "9 rounds of 1 s for each variant, latencies for 3 s at 4000 requests a second",
        "Envoy 1.40.0",
        "wrk 4.1.0",
        "oha 1.16.0",
        "rustc 1.95.0",
        "AMD EPYC",
    ];
    for file in [text, markdown, json] {
        let content = read(file);
        for fact in facts.into_iter().chain(["checked in WebAssembly"]) {
            assert!(content.contains(fact), "{}: no {fact} in {content}", file.display());
        }
    }
    let json: Value = serde_json::from_str(&read(json)).expect("JSON");
    assert_eq!(json["results"]["variants"][2]["added"]["median"], 109.28);
    assert!(read(svg).contains("known token"));

    let markdown = read(markdown);
    for row in [
        "| known token | 18.5 | 2.50 | 2.50 to 2.50 | 1.75 |  |  |  |",
        "| known token, condition on a header | 21.0 | 5.00 | 5.00 to 5.00 | 3.75 | 120 | 331 |  |",
        "| known token | known token / empty filter | 1.10 | 1.75 | no |",
        "| one header condition | known token, condition on a header − known token, µs | 8.00 | 2.50 | yes |",
        "| module, with conditions | bytes | 1,600,000 | 2,363,607 | no |",
    ] {
        assert!(markdown.lines().any(|line| line == row), "no {row} in {markdown}");
    }
    assert!(read(text).lines().any(|line| line.ends_with("2,363,607  MISSED")), "{}", read(text));
}
