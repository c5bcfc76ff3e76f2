//! The plots.

use std::path::Path;

use plotters::prelude::*;

use super::study::{COMPARED, LOADS, SWEPT, Study};
use super::tables::slug;
use crate::policy::{Kind, Variant};
use crate::workload::{ALL, Workload};

/// A plot could not be drawn.
#[derive(Debug, thiserror::Error)]
#[error("drawing {file}")]
pub struct PlotError {
    file: String,
    source: Box<dyn std::error::Error + Send + Sync>,
}

const SIZE: (u32, u32) = (860, 380);
const LABELS: i32 = 260;

/// Draws all plots into a folder.
///
/// # Errors
/// A file could not be written.
pub fn draw(study: &Study, folder: &Path) -> Result<(), PlotError> {
    for workload in ALL {
        let file = folder.join(format!("{}.svg", slug(workload)));
        bars(study, workload, &file).map_err(|source| error(&file, source))?;
    }
    for workload in SWEPT {
        let file = folder.join(format!("load-{}.svg", slug(workload)));
        lines(study, workload, &file).map_err(|source| error(&file, source))?;
    }
    Ok(())
}

type Source = Box<dyn std::error::Error + Send + Sync>;

fn error(file: &Path, source: Source) -> PlotError {
    PlotError { file: file.display().to_string(), source }
}

fn color(policy: Kind) -> RGBColor {
    match policy {
        Kind::Ours(Variant::Recommended) => RGBColor(0, 120, 90),
        Kind::Reference => RGBColor(190, 70, 40),
        Kind::ReferenceCentral => RGBColor(230, 150, 60),
        Kind::Oracle => RGBColor(90, 90, 200),
        _ => RGBColor(140, 140, 140),
    }
}

/// TTFT p90 of each policy, logarithmic, with confidence intervals.
fn bars(study: &Study, workload: Workload, file: &Path) -> Result<(), Source> {
    let area = SVGBackend::new(file, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let rows = Kind::ALL.len() as i32;
    let means = Kind::ALL.map(|policy| study.mean(workload, policy, 1.0, |f| f.ttft[1]));
    let most = means.iter().map(|m| m.mean + m.half).fold(100.0, f64::max) * 1.3;
    let least = means.iter().map(|m| m.mean).fold(f64::INFINITY, f64::min) * 0.5;
    let names: Vec<_> = Kind::ALL.iter().map(|policy| policy.name()).collect();
    let mut chart = ChartBuilder::on(&area)
        .caption(format!("TTFT p90, {}", workload.name()), ("sans-serif", 18))
        .margin(10)
        .x_label_area_size(36)
        .y_label_area_size(LABELS)
        .build_cartesian_2d((least..most).log_scale(), (0..rows).into_segmented())?;
    let name = |value: &SegmentValue<i32>| match value {
        SegmentValue::CenterOf(n) => names.get((rows - 1 - n) as usize).copied().unwrap_or(""),
        _ => "",
    };
    chart
        .configure_mesh()
        .disable_y_mesh()
        .y_labels(rows as usize)
        .y_label_formatter(&|value| name(value).to_owned())
        .x_desc("milliseconds, logarithmic")
        .draw()?;
    for ((n, policy), mean) in (0..rows).rev().zip(Kind::ALL).zip(means) {
        let (low, high) = (SegmentValue::Exact(n), SegmentValue::Exact(n + 1));
        let mut bar = Rectangle::new([(least, low), (mean.mean, high)], color(policy).filled());
        bar.set_margin(4, 4, 0, 0);
        chart.draw_series([bar])?;
        let interval = [(mean.mean - mean.half).max(least), mean.mean + mean.half];
        let middle = SegmentValue::CenterOf(n);
        let ends = interval.map(|at| (at, middle.clone()));
        chart.draw_series([PathElement::new(ends, BLACK)])?;
    }
    area.present()?;
    Ok(())
}

/// TTFT p90 by load, with confidence intervals.
fn lines(study: &Study, workload: Workload, file: &Path) -> Result<(), Source> {
    let area = SVGBackend::new(file, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .caption(format!("TTFT p90 by load, {}", workload.name()), ("sans-serif", 18))
        .margin(10)
        .x_label_area_size(36)
        .y_label_area_size(60)
        .build_cartesian_2d(0.3..2.1, (20.0..100_000.0).log_scale())?;
    chart
        .configure_mesh()
        .x_desc("load, relative to that of the tables")
        .y_desc("milliseconds, logarithmic")
        .draw()?;
    for policy in COMPARED {
        let style = ShapeStyle::from(&color(policy)).stroke_width(2);
        let means = LOADS.map(|load| (load, study.mean(workload, policy, load, |f| f.ttft[1])));
        let line = means.iter().map(|(load, mean)| (*load, mean.mean));
        chart
            .draw_series(LineSeries::new(line, style))?
            .label(policy.name())
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], style));
        chart.draw_series(means.iter().map(|(load, mean)| {
            let low = (mean.mean - mean.half).max(20.0);
            PathElement::new([(*load, low), (*load, mean.mean + mean.half)], style)
        }))?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK.mix(0.3))
        .draw()?;
    area.present()?;
    Ok(())
}
