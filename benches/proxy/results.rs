//! What a run found.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::figures::Figure;

/// What was measured, by variant.
#[derive(Debug, Serialize)]
pub struct Results {
    /// In the order of the tables.
    pub variants: Vec<Measured>,
    /// What a start takes, and what a running filter holds.
    pub startup: Option<Startup>,
    /// What each variant adds, by round.
    #[serde(skip)]
    pub added: BTreeMap<&'static str, Vec<f64>>,
}

/// One variant.
#[derive(Debug, Serialize)]
pub struct Measured {
    /// Its name.
    pub name: &'static str,
    /// What has to be known to read its figures.
    pub note: Option<&'static str>,
    /// CPU time of the proxy for each request, in microseconds.
    pub cpu: Figure,
    /// That less the time without a filter in the same round, for each copy of the filter.
    pub added: Figure,
    /// Requests that were measured.
    pub requests: u64,
    /// Latency at a fixed rate, in microseconds: the median and the 99th of a hundred.
    pub latency: Option<(f64, f64)>,
}

/// What a start takes, and what a running filter holds.
#[derive(Debug, Serialize)]
pub struct Startup {
    /// From a configuration of 10,000 rules to a filter that is ready, in milliseconds for each VM.
    pub rules_ms: f64,
    /// The size of the module.
    pub module_bytes: u64,
    /// Memory that one more worker takes with the filter, less what it takes without.
    pub idle_bytes: f64,
    /// The same with a cache full of tokens.
    pub full_bytes: f64,
}

impl Results {
    /// What one variant adds, as a multiple of what another adds; `None` where either is missing.
    pub fn ratio(&self, variant: &str, reference: &str) -> Option<Figure> {
        self.compare(variant, reference, |over, under| over / under)
    }

    /// What one variant adds, less what another adds; `None` where either is missing.
    pub fn difference(&self, variant: &str, reference: &str) -> Option<Figure> {
        self.compare(variant, reference, |over, under| over - under)
    }

    fn compare(&self, one: &str, other: &str, how: fn(f64, f64) -> f64) -> Option<Figure> {
        let (one, other) = (self.added.get(one)?, self.added.get(other)?);
        // Of one round, so that both met the same machine.
        Some(Figure::of(one.iter().zip(other).map(|(one, other)| how(*one, *other))))
    }
}
