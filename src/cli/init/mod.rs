//! `stepup init`: a configuration to begin with, from what an issuer says of itself.
//!
//! The document comes from somebody else: what is taken out of it is checked, and quoted.

mod configuration;
mod discovery;
mod envoy;
mod names;
mod yaml;

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde_json::Value;

use self::discovery::Discovery;
use super::{Failure, name_of, printable, read_text};
use crate::config;

const EXAMPLES: &str = "\
Examples:
  curl https://id.example.com/.well-known/openid-configuration | stepup init --discovery -
                                            the filter's configuration
  stepup init --discovery metadata.json --audience https://api.example.com --envoy --output envoy.yaml
                                            a whole Envoy file around it

What it writes is good for stepup check, and says TODO where it needs you.

Exit code:
  0  written
  2  nothing was written: the document cannot be used, or the output is there already";

/// Write a configuration to begin with, from an issuer's discovery document
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct InitArguments {
    /// What the issuer answers at /.well-known/openid-configuration; - is the standard input
    #[arg(long, value_name = "FILE")]
    discovery: PathBuf,

    /// What stands in aud of the tokens for your API; may be repeated
    #[arg(long, value_name = "VALUE")]
    audience: Vec<String>,

    /// The cluster of Envoy through which the issuer is reached
    #[arg(long, value_name = "NAME", default_value = "idp")]
    cluster: String,

    /// Write a whole Envoy file: a listener, the filter, the issuer's cluster and one for an application
    #[arg(long)]
    envoy: bool,

    /// Write to this file, which must not be there yet; without it, to the standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(super) fn run(
    arguments: &InitArguments,
    out: &mut dyn Write,
    notes: &mut dyn Write,
) -> Result<u8, Failure> {
    let in_file = |error: String| Failure(format!("{}: {error}", name_of(&arguments.discovery)));
    let discovery = Discovery::read(&read_text(&arguments.discovery)?).map_err(in_file)?;
    let text = begin(&discovery, &arguments.audience, &arguments.cluster, arguments.envoy)?;
    match &arguments.output {
        Some(file) => create(file, &text)?,
        None => out.write_all(text.as_bytes())?,
    }
    for note in discovery.notes() {
        writeln!(notes, "note: {}", printable(note))?;
    }
    Ok(0)
}

/// The configuration, or the Envoy file around it.
fn begin(
    discovery: &Discovery,
    audiences: &[String],
    cluster: &str,
    envoy: bool,
) -> Result<String, Failure> {
    let keys = discovery.keys(cluster);
    let configuration = configuration::write(discovery, &keys, audiences);
    // What the options hold, and how the parts of the document go together, shows only here.
    let value = serde_saphyr::from_str::<Value>(&configuration)
        .map_err(|error| Failure(format!("the values given make no YAML: {error}")))?;
    config::compile_value(&value).map_err(|mistakes| {
        Failure(format!("the values given make no configuration: {}", printable_all(&mistakes)))
    })?;
    if envoy { envoy::write(&keys, &configuration) } else { Ok(configuration) }
}

fn printable_all(mistakes: &config::Mistakes) -> String {
    let mistakes = mistakes.as_slice().iter().map(|mistake| printable(&mistake.to_string()));
    mistakes.collect::<Vec<_>>().join("; ")
}

/// Writes a file that is not there yet: an operator may have worked on one that is.
fn create(file: &Path, text: &str) -> Result<(), Failure> {
    let opened = OpenOptions::new().write(true).create_new(true).open(file);
    let written = opened.and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| {
        let why = match error.kind() {
            io::ErrorKind::AlreadyExists => {
                "is there already; name another, or take it away".to_owned()
            }
            _ => format!("cannot be written: {error}"),
        };
        Failure(format!("{}: {why}", name_of(file)))
    })
}

#[cfg(test)]
mod tests;
