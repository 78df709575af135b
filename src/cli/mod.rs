//! The `stepup` command: everything that an operator runs beside the proxy.
//!
//! It runs the filter's own code, so that what it says is what the proxy will do.

mod addresses;
mod check;
mod clusters;
mod completions;
pub mod document;
pub mod explain;
mod init;
pub mod key;
mod layout;
pub mod place;
mod policy_tests;
mod proof;
mod routes;
pub mod schema;
mod single;
mod strength;
pub mod token;
mod words;

use std::fmt;
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

use self::check::CheckArguments;
use self::completions::CompletionsArguments;
use self::explain::ExplainArguments;
use self::init::InitArguments;
use self::policy_tests::TestArguments;
use self::proof::ProofArguments;
use self::routes::RoutesArguments;
use self::schema::SchemaArguments;
use self::token::TokenArguments;

/// The outcome of a command that found mistakes in what it looked at.
const MISTAKES: u8 = 1;
/// The outcome of a command that could not do its work. Wrong options end so too.
const FAILED: u8 = 2;

const EXAMPLES: &str = "\
Examples:
  stepup check envoy.yaml
  stepup routes --config envoy.yaml
  stepup explain --config envoy.yaml --path /accounts/7
  stepup test policy-tests.yaml
  stepup token --key test.jwk --acr phr

More of them: stepup COMMAND --help";

/// Step-up authentication at the gateway: check configurations, make test tokens and proofs.
#[derive(Debug, Parser)]
#[command(name = "stepup", version, arg_required_else_help = true, after_help = EXAMPLES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Init(InitArguments),
    Check(CheckArguments),
    Routes(RoutesArguments),
    Explain(Box<ExplainArguments>),
    Test(TestArguments),
    Schema(SchemaArguments),
    Completions(CompletionsArguments),
    Token(Box<TokenArguments>),
    Proof(ProofArguments),
}

/// Why a command could not do its work: a sentence for the person who runs it.
#[derive(Debug, PartialEq, Eq)]
pub struct Failure(String);

impl Failure {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }

    /// Tells each of its lines as an error of its own; nothing where nobody reads any more.
    fn tell(&self, notes: &mut dyn Write) -> io::Result<()> {
        self.0.lines().try_for_each(|line| writeln!(notes, "error: {line}"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failure {}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        // Who reads with head, or leaves a pager, has seen enough.
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self(String::new());
        }
        Self(format!("the output cannot be written: {error}"))
    }
}

/// The command line's definition, for what has to agree with it.
pub fn command() -> clap::Command {
    Arguments::command()
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let (mut out, mut notes) = (io::stdout().lock(), io::stderr());
    match run(&arguments.command, &mut out, &mut notes) {
        Ok(code) => code.into(),
        Err(failure) => {
            // Where even this cannot be written, the exit code has to do.
            let _ = failure.tell(&mut notes);
            FAILED.into()
        }
    }
}

fn run(command: &Command, out: &mut dyn Write, notes: &mut dyn Write) -> Result<u8, Failure> {
    match command {
        Command::Check(arguments) => check::run(arguments, out, notes),
        Command::Explain(arguments) => explain::run(arguments, out),
        Command::Test(arguments) => policy_tests::run(arguments, out),
        Command::Routes(arguments) => routes::run(arguments, out),
        Command::Token(arguments) => token::run(arguments, out, notes),
        Command::Proof(arguments) => proof::run(arguments, out),
        Command::Init(arguments) => init::run(arguments, out, notes),
        Command::Schema(arguments) => schema::run(arguments, out),
        Command::Completions(arguments) => completions::run(arguments, out),
    }
}

/// Stands for the standard input in the place of a file.
const STANDARD_INPUT: &str = "-";

/// What a message calls a file.
fn name_of(file: &Path) -> String {
    if file == Path::new(STANDARD_INPUT) {
        "standard input".to_owned()
    } else {
        printable(&file.to_string_lossy())
    }
}

/// Text that cannot steer a terminal: what shows nothing is escaped. Names of files, and what stands
/// in them, may come from somebody else.
fn printable(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut shown, letter| {
        if matches!(letter, '"' | '\'' | '\\') {
            shown.push(letter);
        } else {
            shown.extend(letter.escape_debug());
        }
        shown
    })
}

/// The text of a file, or of the standard input.
fn read_text(file: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    let read = if file == Path::new(STANDARD_INPUT) {
        io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        std::fs::read_to_string(file)
    };
    read.map_err(|error| Failure(format!("{}: cannot be read: {error}", name_of(file))))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_command_line_is_consistent() {
        super::command().debug_assert();
    }

    #[test]
    fn what_could_steer_a_terminal_is_escaped() {
        for (text, shown) in [
            ("é \"a\" 'b' \\c", "é \"a\" 'b' \\c"),
            ("a\u{1b}[31mb\n\u{9b}c", "a\\u{1b}[31mb\\n\\u{9b}c"),
            ("\u{202e}a", "\\u{202e}a"),
        ] {
            assert_eq!(super::printable(text), shown);
            assert_eq!(super::name_of(std::path::Path::new(text)), shown);
        }
        let file = std::path::Path::new("\u{1b}[2J/missing");
        let failure = super::read_text(file).unwrap_err().to_string();
        assert!(failure.starts_with("\\u{1b}[2J/missing: cannot be read"), "{failure}");
    }
}
