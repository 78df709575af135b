//! What the bench is asked to do.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

use crate::variant::Variant;

/// Measures the filter in a real Envoy, side by side with what else there is. scripts/bench runs it.
// Each is a switch of its own.
#[allow(clippy::struct_excessive_bools)]
#[derive(Debug, Parser)]
#[command(name = "scripts/bench")]
pub struct Options {
    /// How often each variant is measured. More rounds give closer figures.
    #[arg(long, default_value_t = 9)]
    pub rounds: usize,
    /// How long a variant is measured in each round, in seconds.
    #[arg(long, default_value = "1", value_parser = seconds, value_name = "SECONDS")]
    pub time: Duration,
    /// Requests a second for latencies.
    #[arg(long, default_value_t = 4000)]
    pub rate: u32,
    /// How long latencies are measured for each variant, in seconds.
    #[arg(long, default_value = "3", value_parser = seconds, value_name = "SECONDS")]
    pub latency_time: Duration,
    /// Leave latencies out.
    #[arg(long)]
    pub no_latency: bool,
    /// Leave out what a start takes and what a filter holds in memory.
    #[arg(long)]
    pub no_startup: bool,
    /// Only the variants whose names hold one of these texts.
    #[arg(long, value_name = "TEXT")]
    only: Vec<String>,
    /// Fail where a target is missed.
    #[arg(long)]
    pub strict: bool,
    /// The folder for report.txt, report.json and report.svg.
    #[arg(long, default_value = "target/bench", value_name = "FOLDER")]
    pub out: PathBuf,
    /// What `cargo bench` says to every bench.
    #[arg(long, hide = true)]
    bench: bool,
}

impl Options {
    /// Whether a variant is to be measured. What all others are compared with always is.
    pub fn wants(&self, variant: &Variant) -> bool {
        self.only.is_empty()
            || variant.is_base()
            || self.only.iter().any(|text| variant.name.contains(text))
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(seconds @ 1..=600) => Ok(Duration::from_secs(seconds)),
        _ => Err("expected whole seconds from 1 to 600".to_owned()),
    }
}
