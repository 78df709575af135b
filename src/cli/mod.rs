//! The `stepup` command.
