//! Every behaviour of the filter as one row of a table, run twice: against the in-memory host, and
//! through the real module in a real Envoy.

// A test may fail by panicking, and `pub` says what the other modules of this binary use.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod algorithms;
mod decisions;
mod dpop;
mod explained;
mod paths;
mod places;
mod raises;
mod routing;
mod run;
mod schema;
mod shadow;
#[path = "../support/mod.rs"]
mod support;
mod table;
mod tokens;
mod upsets;
mod verified;

use std::sync::Arc;

fn main() {
    let arguments = libtest_mimic::Arguments::from_args();
    let keys = Arc::new(table::Keys::generate());
    let suites = [
        decisions::suites(&keys),
        tokens::suites(&keys),
        places::suites(&keys),
        algorithms::suites(&keys),
        routing::suites(&keys),
        paths::suites(&keys),
        upsets::suites(&keys),
        verified::suites(&keys),
        dpop::suites(&keys),
        raises::suites(&keys),
    ];
    let rows = suites.iter().flatten().flat_map(|suite| &suite.rows);
    let left_out = rows.filter(|row| row.not_explained.is_some()).count();
    assert!(left_out <= 5, "{left_out} rows are not explained");
    let trials = suites.into_iter().flatten().flat_map(|suite| run::trials(suite, &keys));
    libtest_mimic::run(&arguments, trials.collect()).exit();
}
