//! Panels of the dashboard as a plot, since no Grafana runs here: `STEPUP_PLOT=docs/monitoring.svg`.

use std::env;
use std::error::Error;
use std::path::{Path, PathBuf};

use plotters::prelude::*;
use serde_json::Value;

use super::support::Prometheus;
use super::{DASHBOARD, shipped};

/// What is drawn, by the titles of panels.
const PANELS: [&str; 6] = [
    "Decisions by outcome",
    "Challenges by reason",
    "In shadow mode: what would become of requests",
    "Raises",
    "Age of keys",
    "Time of a decision",
];
/// How much of the past is drawn, in seconds.
pub(super) const SECONDS: u32 = 40;
const SIZE: (u32, u32) = (960, 780);

/// The file to draw to, if that is asked for.
pub(super) fn asked() -> Option<PathBuf> {
    env::var_os("STEPUP_PLOT").map(|file| Path::new(env!("CARGO_MANIFEST_DIR")).join(file))
}

/// Draws what Prometheus has found in the last seconds.
pub(super) fn draw(prometheus: &Prometheus, file: &Path) {
    try_draw(prometheus, file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
}

fn try_draw<'f>(prometheus: &Prometheus, file: &'f Path) -> Result<(), Box<dyn Error + 'f>> {
    let dashboard: Value = serde_json::from_str(&shipped::text(DASHBOARD))?;
    let root = SVGBackend::new(file, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    for (area, title) in root.split_evenly((3, 2)).iter().zip(PANELS) {
        let panels = dashboard["panels"].as_array().unwrap();
        let panel = panels.iter().find(|panel| panel["title"] == title);
        let panel = panel.unwrap_or_else(|| panic!("no panel {title:?}"));
        draw_panel(area, panel, prometheus)?;
    }
    root.present()?;
    Ok(())
}

fn draw_panel<'b>(
    area: &DrawingArea<SVGBackend<'b>, plotters::coord::Shift>,
    panel: &Value,
    prometheus: &Prometheus,
) -> Result<(), Box<dyn Error + 'b>> {
    let title = panel["title"].as_str().unwrap();
    let unit = panel["fieldConfig"]["defaults"]["unit"].as_str().unwrap();
    let mut lines = Vec::new();
    for target in panel["targets"].as_array().unwrap() {
        let query = target["expr"].as_str().unwrap();
        let query = query.replace("$instance", ".*").replace("$policy", ".*");
        let query = query.replace("$__rate_interval", "5s");
        for (labels, points) in prometheus.query_range(&query, SECONDS.into()) {
            let finite = points.into_iter().filter(|(_, value)| value.is_finite());
            lines.push((legend(target, &labels), finite.collect::<Vec<_>>()));
        }
    }
    let values = lines.iter().flat_map(|(_, points)| points).map(|(_, value)| *value);
    let most = values.fold(0.0, f64::max).max(0.1) * 1.15;
    let mut chart = ChartBuilder::on(area)
        .caption(format!("{title} ({unit})"), ("sans-serif", 15))
        .margin(10)
        .x_label_area_size(22)
        .y_label_area_size(42)
        .build_cartesian_2d(0.0..f64::from(SECONDS), 0.0..most)?;
    chart
        .configure_mesh()
        .max_light_lines(0)
        .x_label_formatter(&|seconds| format!("{seconds:.0} s"))
        .label_style(("sans-serif", 11))
        .draw()?;
    for (index, (name, points)) in lines.into_iter().enumerate() {
        let color = Palette99::pick(index).to_rgba();
        let line = chart.draw_series(LineSeries::new(points, color.stroke_width(2)))?;
        line.label(name).legend(move |(x, y)| PathElement::new([(x, y), (x + 12, y)], color));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE.mix(0.7))
        .label_font(("sans-serif", 10))
        .draw()?;
    Ok(())
}

/// The text of the legend for a series.
fn legend(target: &Value, labels: &Value) -> String {
    let mut text = target["legendFormat"].as_str().unwrap().to_owned();
    for (name, value) in labels.as_object().unwrap() {
        text = text.replace(&format!("{{{{{name}}}}}"), value.as_str().unwrap_or_default());
    }
    // The address of a test's proxy says nothing.
    text.split(" (127.0.0.1").next().unwrap_or_default().to_owned()
}
