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
mod plot;
mod process;
mod report;
mod results;
mod run;
mod setting;
#[path = "../../tests/support/mod.rs"]
mod support;
mod target;
mod variant;
mod workshop;

use std::env;
use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser as _;

use crate::options::Options;
use crate::report::Report;
use crate::setting::Setting;
use crate::workshop::{Modules, Workshop};

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let options = Options::parse();
    let empty = env::var_os("STEPUP_EMPTY_WASM").map(PathBuf::from);
    let modules =
        Modules { stepup: support::bootstrap::wasm(), empty: empty.clone().unwrap_or_default() };
    let workshop = Workshop::new(modules);
    let variants = variant::all(&workshop);
    let names: Vec<_> = variants.iter().map(|variant| variant.name).collect();
    let wanted = match options.select(&names) {
        Ok(wanted) => wanted,
        Err(mistake) => {
            eprintln!("error: {mistake}");
            return Ok(ExitCode::from(2));
        }
    };
    if options.check {
        return Ok(ExitCode::SUCCESS);
    }
    empty.ok_or("STEPUP_EMPTY_WASM is not set; run scripts/bench")?;
    let variants = variant::with_bases(variants, &wanted);
    let (results, envoy) = run::all(&options, &workshop, &variants);
    let targets = target::judge(&results);
    let setting = Setting::of(&options, &envoy);
    let report = Report { setting: &setting, results: &results, targets: &targets };
    print!("{}", report.text());
    println!("\nWritten:");
    for file in report.write(&options.report())? {
        println!("  {}", file.display());
    }
    let missed = targets.iter().any(|target| !target.holds);
    Ok(if options.strict && missed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
