//! Figures with their spread.

use serde::Serialize;

/// The median of some measurements, and the half of them that is nearest to it.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Figure {
    /// A quarter is below this.
    pub low: f64,
    /// Half is below this.
    pub median: f64,
    /// A quarter is above this.
    pub high: f64,
}

impl Figure {
    /// Of at least one measurement.
    pub fn of(measured: impl IntoIterator<Item = f64>) -> Self {
        let mut measured: Vec<_> = measured.into_iter().collect();
        measured.sort_by(f64::total_cmp);
        Self {
            low: quantile(&measured, 0.25),
            median: quantile(&measured, 0.5),
            high: quantile(&measured, 0.75),
        }
    }
}

/// Between two measurements, the value in between.
fn quantile(sorted: &[f64], part: f64) -> f64 {
    let place = part * (sorted.len() - 1) as f64;
    let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    below + (above - below) * place.fract()
}
