//! The filter in a real Envoy, side by side with what else there is: what each costs.
//!
//! One Envoy with one worker on one core has a listener for each variant; the load is on another
//! core. Variants are measured in turn, in short rounds, and compared within a round: machines are
//! noisy, and slower in one minute than in the next.

// A bench may fail by panicking, prints, and counts with floats.
#![allow(
    missing_docs,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    unreachable_pub
)]

mod authz;
mod bootstrap;
mod figures;
mod load;
mod options;
mod process;
mod report;
mod run;
#[path = "../../tests/support/mod.rs"]
mod support;
mod target;
mod variant;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::{env, fs};

use clap::Parser as _;

use crate::options::Options;
use crate::variant::Modules;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let options = Options::parse();
    let empty = env::var_os("STEPUP_EMPTY_WASM").map(PathBuf::from);
    let modules = Modules {
        stepup: support::bootstrap::wasm(),
        empty: empty.ok_or("STEPUP_EMPTY_WASM is not set; run scripts/bench")?,
    };
    let results = run::all(&options, &modules);
    let targets = target::judge(&results);
    let machine = machine(&options);
    print!("{}", report::text(&results, &targets, &machine));
    report::write(&options.out, &results, &targets, &machine)?;
    println!("\nWritten to {}: report.txt, report.json, report.svg", options.out.display());
    let missed = targets.iter().any(|target| !target.holds);
    Ok(if options.strict && missed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// What was measured on, and how.
fn machine(options: &Options) -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
    format!(
        "{} rounds of {} s for each variant on {}",
        options.rounds,
        options.time.as_secs(),
        model.unwrap_or("an unknown processor")
    )
}
