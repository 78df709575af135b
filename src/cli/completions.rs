//! `stepup completions`: what a shell needs to complete the command's options.

use std::io::Write;

use clap_complete::Shell;

use super::Failure;

const EXAMPLES: &str = "\
Examples:
  source <(stepup completions bash)                             for this shell
  stepup completions bash > ~/.local/share/bash-completion/completions/stepup
  stepup completions zsh > ~/.zfunc/_stepup                     where ~/.zfunc is in fpath
  stepup completions fish > ~/.config/fish/completions/stepup.fish";

/// Print a script that completes commands and options in a shell
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct CompletionsArguments {
    /// The shell
    shell: Shell,
}

pub(super) fn run(arguments: &CompletionsArguments, out: &mut dyn Write) -> Result<u8, Failure> {
    // The generator panics where it cannot write, as to a closed pipe.
    let mut script = Vec::new();
    let mut command = super::command();
    clap_complete::generate(arguments.shell, &mut command, "stepup", &mut script);
    out.write_all(&script)?;
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ValueEnum as _;

    #[test]
    fn every_shell_gets_a_script_that_knows_every_command() {
        for shell in Shell::value_variants() {
            let mut script = Vec::new();
            let arguments = CompletionsArguments { shell: *shell };
            assert_eq!(run(&arguments, &mut script), Ok(0));
            let script = String::from_utf8(script).unwrap();
            for command in super::super::command().get_subcommands() {
                let name = command.get_name();
                assert!(script.contains(name), "the script for {shell} lacks {name}");
            }
        }
    }
}
