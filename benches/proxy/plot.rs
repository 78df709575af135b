//! What a run found, as a plot.

use std::error::Error;
use std::path::Path;

use plotters::prelude::*;

use crate::results::{Measured, Results};

/// A bar for what each variant adds, with the half of the rounds around its median. The axis is
/// logarithmic: a token that is checked anew costs twenty times one that is known.
pub fn draw(file: &Path, results: &Results) -> Result<(), Box<dyn Error>> {
    const ROW: u32 = 24;
    const LEAST: f64 = 0.5;
    let shown: Vec<_> = results.variants.iter().filter(|one| one.added.median > LEAST).collect();
    let count = u32::try_from(shown.len())?;
    let most = shown.iter().map(|one| one.added.high).fold(LEAST * 2.0, f64::max) * 1.3;
    let root = SVGBackend::new(file, (960, 90 + count * ROW)).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .caption("CPU time added to a request, µs", ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(28)
        .y_label_area_size(290)
        .build_cartesian_2d((LEAST..most).log_scale(), (0..count).into_segmented())?;
    let name = |place: &SegmentValue<u32>| match place {
        SegmentValue::CenterOf(row) => count
            .checked_sub(row + 1)
            .and_then(|row| shown.get(row as usize))
            .map_or_else(String::new, |one| one.name.to_owned()),
        _ => String::new(),
    };
    chart
        .configure_mesh()
        .disable_y_mesh()
        .y_labels(shown.len())
        .y_label_formatter(&name)
        .x_label_formatter(&|value| format!("{value:.1}"))
        .label_style(("sans-serif", 13))
        .draw()?;
    for (row, one) in (0..count).rev().zip(&shown) {
        let Measured { added, name, .. } = one;
        let others = ["empty", "jwt_authn", "ext_authz", "no filter"];
        let color =
            if others.iter().any(|other| name.starts_with(other)) { &GREY } else { &BLUE_700 };
        let (bottom, top) = (SegmentValue::Exact(row), SegmentValue::Exact(row + 1));
        let mut bar = Rectangle::new([(LEAST, bottom), (added.median, top)], color.filled());
        bar.set_margin(4, 4, 0, 0);
        chart.draw_series([bar])?;
        let center = SegmentValue::CenterOf(row);
        let line = [(added.low, center.clone()), (added.high, center)];
        chart.draw_series([PathElement::new(line, BLACK)])?;
        let label = format!("{:.2}", added.median);
        let place = (added.high * 1.03, SegmentValue::CenterOf(row));
        let style = ("sans-serif", 12).into_font().color(&BLACK);
        let style = style.pos(plotters::style::text_anchor::Pos::new(
            plotters::style::text_anchor::HPos::Left,
            plotters::style::text_anchor::VPos::Center,
        ));
        chart.draw_series([Text::new(label, place, style)])?;
    }
    root.present()?;
    Ok(())
}

const GREY: RGBColor = RGBColor(158, 158, 158);
const BLUE_700: RGBColor = RGBColor(25, 118, 210);
