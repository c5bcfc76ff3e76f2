//! Plots as SVG.
//!
//! Invariant: white background and dark text, so that they can be read on any page. Both
//! axes are logarithmic: ratios look alike at every size.

use plotters::prelude::*;
use std::path::{Path, PathBuf};

/// A line.
pub(super) struct Series {
    /// Its name in the legend.
    pub(super) name: String,
    /// Places; those that are not above 0 cannot be shown.
    pub(super) points: Vec<(f64, f64)>,
}

/// A plot cannot be drawn.
#[derive(Debug, thiserror::Error)]
#[error("cannot draw {path}: {reason}")]
pub struct PlotError {
    path: PathBuf,
    // The library's error has a type parameter and borrows; its text is all that is used.
    reason: String,
}

/// Colours that colour-blind people can tell apart (Okabe and Ito), and grey.
const COLOURS: [RGBColor; 9] = [
    RGBColor(0, 0, 0),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(0, 158, 115),
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(204, 121, 167),
    RGBColor(120, 120, 120),
    RGBColor(180, 170, 60),
];

/// Lines over logarithmic axes; `axes` names x and y.
pub(super) fn lines(
    path: &Path,
    title: &str,
    axes: (&str, &str),
    series: &[Series],
) -> Result<(), PlotError> {
    draw(path, title, axes, series)
        .map_err(|error| PlotError { path: path.to_owned(), reason: error.to_string() })
}

fn draw(
    path: &Path,
    title: &str,
    (x_name, y_name): (&str, &str),
    series: &[Series],
) -> Result<(), Box<dyn std::error::Error>> {
    let shown = |points: &[(f64, f64)]| -> Vec<(f64, f64)> {
        points.iter().copied().filter(|(x, y)| *x > 0.0 && *y > 0.0).collect()
    };
    let all: Vec<_> = series.iter().flat_map(|series| shown(&series.points)).collect();
    let range = |of: fn(&(f64, f64)) -> f64| {
        let values = || all.iter().map(of);
        let (min, max) = (values().fold(f64::MAX, f64::min), values().fold(0.0, f64::max));
        if min < max { min * 0.8..max * 1.25 } else { 0.5 * max..2.0 * max.max(1.0) }
    };
    let root = SVGBackend::new(path, (900, 520)).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .caption(title, ("sans-serif", 20))
        .margin(12)
        .x_label_area_size(42)
        .y_label_area_size(72)
        .build_cartesian_2d(range(|p| p.0).log_scale(), range(|p| p.1).log_scale())?;
    chart
        .configure_mesh()
        .x_desc(x_name)
        .y_desc(y_name)
        .x_label_formatter(&|value| short(*value))
        .y_label_formatter(&|value| short(*value))
        .light_line_style(WHITE.mix(0.0))
        .draw()?;
    for (series, colour) in series.iter().zip(COLOURS.iter().cycle()) {
        let (points, style) = (shown(&series.points), colour.stroke_width(2));
        chart
            .draw_series(LineSeries::new(points.clone(), style))?
            .label(series.name.as_str())
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], style));
        chart.draw_series(points.into_iter().map(|p| Circle::new(p, 3, colour.filled())))?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE.mix(0.85))
        .border_style(RGBColor(200, 200, 200))
        .draw()?;
    root.present()?;
    Ok(())
}

/// `1.5k`, `10M`.
fn short(value: f64) -> String {
    match value {
        v if v >= 1e6 => format!("{}M", v / 1e6),
        v if v >= 1e3 => format!("{}k", v / 1e3),
        v => format!("{}", (v * 1e6).round() / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plot_names_its_lines_and_takes_any_figures() {
        let path = std::env::temp_dir().join(format!("igw-plot-{}.svg", std::process::id()));
        let series = |name: &str, points| Series { name: name.to_owned(), points };
        let cases = [
            vec![series("one", vec![(1.0, 2.0), (100.0, 5.0)]), series("other", vec![(0.0, -1.0)])],
            vec![series("one", vec![])],
            vec![series("one", vec![(1.0, 1.0)])],
        ];
        let drawn = cases.map(|series| {
            lines(&path, "title", ("x", "y"), &series)?;
            Ok::<_, PlotError>(std::fs::read_to_string(&path).unwrap())
        });
        let _ = std::fs::remove_file(&path);
        for text in drawn {
            let text = text.unwrap();
            assert!(text.starts_with("<svg") && text.contains("one"), "{text}");
        }
    }

    #[test]
    fn numbers_on_axes_are_short() {
        assert_eq!([300.0, 8_000.0, 1e7, 0.1].map(short), ["300", "8k", "10M", "0.1"]);
    }
}
