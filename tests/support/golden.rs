//! Running the command, and comparing what it says with a file.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The root of the project.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// What the command answers, run at the root of the project.
pub fn stepup(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stepup"));
    command.current_dir(root()).args(arguments).output().expect("the command runs")
}

/// What was written to the standard output.
pub fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

/// What was written to the standard error.
pub fn errors(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("UTF-8")
}

/// Compares with `tests/golden/NAME`. With `STEPUP_RECORD_GOLDEN=1` the file is written instead.
pub fn compare(name: &str, found: &str) {
    let file = root().join("tests/golden").join(name);
    if std::env::var_os("STEPUP_RECORD_GOLDEN").is_some() {
        fs::create_dir_all(file.parent().expect("a folder")).expect("a folder to write to");
        fs::write(&file, found).expect("the file is written");
    }
    let expected = read(&file);
    assert!(
        found == expected,
        "{name} is another text now; if it is meant, run with STEPUP_RECORD_GOLDEN=1\n--- found\n{found}\n--- \
         expected\n{expected}"
    );
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}
