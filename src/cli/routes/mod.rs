//! `stepup routes`: what each path demands, at a glance, and what a change makes of it.

mod compare;
mod envoy;
mod render;
mod requests;
mod samples;
mod settings;
mod strictness;
mod table;

use std::io::Write;
use std::path::PathBuf;

use clap::ValueEnum;

use self::compare::Comparison;
use self::table::Table;
use super::layout::write_json;
use super::single::Single;
use super::{Failure, MISTAKES};

const EXAMPLES: &str = "\
Examples:
  stepup routes --config envoy.yaml
                                            the table, in the order in which rules are tried
  stepup routes --config envoy.yaml --format markdown
                                            the same for a pull request
  git show main:envoy.yaml | stepup routes --config envoy.yaml --compare - --fail-on looser
                                            what a branch makes stricter, and what looser

Exit code:
  0  told
  1  there is a change that --fail-on names
  2  a file cannot be read, or has mistakes";

/// Show what each path demands, or what changes between two configurations
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct RoutesArguments {
    /// The configuration: any file that stepup check takes; - is the standard input
    #[arg(long, value_name = "FILE")]
    config: PathBuf,

    /// Show what changes from this older configuration
    #[arg(long, value_name = "FILE")]
    compare: Option<PathBuf>,

    /// End with 1 after a change that is, or may be, looser; or after any change
    #[arg(long, value_name = "KIND", requires = "compare")]
    fail_on: Option<FailOn>,

    /// How it is written
    #[arg(long, default_value = "text")]
    format: Format,
}

/// After which changes the command fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FailOn {
    /// Those that let pass what did not pass before, or may do so
    Looser,
    /// All
    Any,
}

/// How a table is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For a terminal
    Text,
    /// For a pull request
    Markdown,
    /// For programs
    Json,
}

pub(super) fn run(arguments: &RoutesArguments, out: &mut dyn Write) -> Result<u8, Failure> {
    let single = Single::read(&arguments.config)?;
    let Some(older) = &arguments.compare else {
        let table = Table::new(&single);
        match arguments.format {
            Format::Text => render::text(&table, out)?,
            Format::Markdown => render::as_markdown(&table, out)?,
            Format::Json => write_json(&table, out)?,
        }
        return Ok(0);
    };
    let older = Single::read(older)?;
    let comparison = Comparison::new(&older, &single);
    match arguments.format {
        Format::Text => comparison.write_text(out)?,
        Format::Markdown => comparison.write_markdown(out)?,
        Format::Json => write_json(&comparison, out)?,
    }
    let fails = match arguments.fail_on {
        None => false,
        Some(FailOn::Looser) => comparison.may_be_looser(),
        Some(FailOn::Any) => comparison.has_changes(),
    };
    Ok(if fails { MISTAKES } else { 0 })
}
