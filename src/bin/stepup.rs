//! The `stepup` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    envoy_stepup::cli::main()
}
