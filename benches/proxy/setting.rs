//! What was measured, with what, and on which machine: figures of another setting are others.

use std::fs;
use std::process::Command;

use jiff::Timestamp;
use serde::Serialize;

use crate::options::Options;
use crate::support;

/// All that a reader needs to repeat the run.
#[derive(Debug, Serialize)]
pub struct Setting {
    /// When it ended.
    pub date: String,
    /// The commit of the sources, and whether they differ from it.
    pub commit: String,
    /// How often and for how long each variant was measured.
    pub method: String,
    /// Why the report is not a whole one.
    pub partial: Option<String>,
    /// The version of Envoy.
    pub envoy: String,
    /// The version of wrk.
    pub wrk: String,
    /// The version of oha; `None` where no latency was measured.
    pub oha: Option<String>,
    /// The compiler of the filter.
    pub rust: String,
    /// The processor.
    pub cpu: String,
}

impl Setting {
    /// Asks the tools and the system. `envoy` is what Envoy says of itself.
    pub fn of(options: &Options, envoy: &str) -> Self {
        let seconds = i64::try_from(support::now()).expect("a time of today");
        Self {
            date: Timestamp::from_second(seconds).expect("a time of today").to_string(),
            commit: commit(),
            method: options.method(),
            partial: options.partial(),
            envoy: format!("Envoy {}", envoy_version(envoy)),
            wrk: first_words(&output("wrk", &["--version"]), 2),
            oha: options.measures_latency().then(|| first_words(&output("oha", &["--version"]), 2)),
            rust: first_words(&output("rustc", &["--version"]), 2),
            cpu: cpu(),
        }
    }

    /// The same for people, by name.
    pub fn lines(&self) -> Vec<(&'static str, &str)> {
        let mut lines = vec![
            ("date", self.date.as_str()),
            ("commit", &self.commit),
            ("measured", &self.method),
            ("proxy", &self.envoy),
            ("load", &self.wrk),
        ];
        lines.extend(self.oha.as_deref().map(|oha| ("latency", oha)));
        lines.extend([("compiler", self.rust.as_str()), ("processor", &self.cpu)]);
        lines.extend(self.partial.as_deref().map(|partial| ("partial", partial)));
        lines
    }
}

/// Of `9f3c/1.40.0/Clean/RELEASE/BoringSSL`, the version.
fn envoy_version(text: &str) -> &str {
    text.split('/').nth(1).unwrap_or(text)
}

fn commit() -> String {
    let commit = output("git", &["rev-parse", "--short=12", "HEAD"]);
    if commit.is_empty() {
        return "unknown".to_owned();
    }
    let changes = output("git", &["status", "--porcelain", "--untracked-files=no"]);
    let edited = if changes.is_empty() { "" } else { ", with changes that are not committed" };
    format!("{}{edited}", commit.trim())
}

fn cpu() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
    model.unwrap_or("unknown").to_owned()
}

/// What a command says, in the folder of the project; nothing where it cannot be run.
fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .map(|output| output.stdout)
        .unwrap_or_default();
    String::from_utf8_lossy(&output).into_owned()
}

/// Such as `wrk 4.1.0`, where a licence and more follow.
fn first_words(text: &str, count: usize) -> String {
    let words: Vec<_> = text.split_whitespace().take(count).collect();
    if words.is_empty() { "unknown".to_owned() } else { words.join(" ") }
}
