//! What the bench is asked to do.

use std::path::PathBuf;
use std::time::Duration;
use std::{env, fmt::Write as _};

use clap::{Parser, value_parser};

/// The rounds of a whole run.
const ROUNDS: u32 = 9;
/// The rounds of `--quick`.
const QUICK_ROUNDS: u32 = 2;

/// Measures the filter in a real Envoy, side by side with what else there is. scripts/bench runs it.
// Each is a switch of its own.
#[allow(clippy::struct_excessive_bools)]
#[derive(Debug, Parser)]
#[command(name = "scripts/bench", bin_name = "scripts/bench")]
pub struct Options {
    /// Two rounds, no latencies: a first look, not a measurement.
    #[arg(long)]
    quick: bool,
    /// How often each variant is measured, 9 times if not said. More rounds give closer figures.
    #[arg(long, value_parser = value_parser!(u32).range(1..=1000))]
    rounds: Option<u32>,
    /// How long a variant is measured in each round, in seconds.
    #[arg(long, default_value = "1", value_parser = seconds, value_name = "SECONDS")]
    pub time: Duration,
    /// Requests a second for latencies.
    #[arg(long, default_value_t = 4000, value_parser = value_parser!(u32).range(1..=1_000_000))]
    pub rate: u32,
    /// How long latencies are measured for each variant, in seconds.
    #[arg(long, default_value = "3", value_parser = seconds, value_name = "SECONDS")]
    pub latency_time: Duration,
    /// Leave latencies out.
    #[arg(long)]
    no_latency: bool,
    /// Leave out what a start takes and what a filter holds in memory.
    #[arg(long)]
    pub no_startup: bool,
    /// Only the variants whose names hold this text, and what they are compared with. Can be given
    /// several times.
    #[arg(long, value_name = "TEXT")]
    only: Vec<String>,
    /// Fail where a target is missed.
    #[arg(long)]
    pub strict: bool,
    /// The folder for the reports; target/bench if not said.
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Only say what is wrong with the options.
    #[arg(long, hide = true)]
    pub check: bool,
    /// What `cargo bench` says to every bench.
    #[arg(long, hide = true)]
    bench: bool,
}

impl Options {
    /// How often each variant is measured.
    pub fn rounds(&self) -> u32 {
        self.rounds.unwrap_or(if self.quick { QUICK_ROUNDS } else { ROUNDS })
    }

    /// Whether latencies are measured.
    pub const fn measures_latency(&self) -> bool {
        !self.no_latency && !self.quick
    }

    /// How it is measured, for the report.
    pub fn method(&self) -> String {
        let (rounds, seconds) = (self.rounds(), self.time.as_secs());
        let plural = if rounds == 1 { "" } else { "s" };
        let mut text = format!("{rounds} round{plural} of {seconds} s for each variant");
        if self.measures_latency() {
            let (seconds, rate) = (self.latency_time.as_secs(), self.rate);
            let _ = write!(text, ", latencies for {seconds} s at {rate} requests a second");
        }
        text
    }

    /// What makes the run less than a whole one, if anything does.
    pub fn partial(&self) -> Option<String> {
        let mut less = Vec::new();
        if !self.only.is_empty() {
            less.push("some variants only".to_owned());
        }
        if self.rounds() < ROUNDS {
            less.push(format!("fewer than {ROUNDS} rounds"));
        }
        if !self.measures_latency() {
            less.push("no latencies".to_owned());
        }
        if self.no_startup {
            less.push("nothing of a start".to_owned());
        }
        (!less.is_empty()).then(|| less.join(", "))
    }

    /// Where a report goes, without the ending of its name. One of a partial run never takes the
    /// place of a whole one.
    pub fn report(&self) -> PathBuf {
        let name = if self.partial().is_some() { "partial" } else { "report" };
        self.out.clone().unwrap_or_else(default_folder).join(name)
    }

    /// Of all variants by name, those that are asked for.
    ///
    /// # Errors
    ///
    /// A text that no name holds, with the names that there are.
    pub fn select<'a>(&self, names: &[&'a str]) -> Result<Vec<&'a str>, String> {
        if let Some(text) = self.only.iter().find(|text| !names.iter().any(|n| n.contains(*text))) {
            return Err(format!(
                "no variant has {text:?} in its name, as --only asks for; there are:\n  {}",
                names.join("\n  ")
            ));
        }
        let wanted = |name: &&str| self.only.iter().any(|text| name.contains(text));
        Ok(names.iter().copied().filter(|n| self.only.is_empty() || wanted(n)).collect())
    }
}

fn default_folder() -> PathBuf {
    let target = env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(target).join("bench")
}

fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(seconds @ 1..=600) => Ok(Duration::from_secs(seconds)),
        _ => Err("expected whole seconds from 1 to 600".to_owned()),
    }
}
