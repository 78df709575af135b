//! The `stepup` command.
fn main() {}
