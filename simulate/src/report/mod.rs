//! What the runs say, for people: tables and plots.

pub mod calibration;
mod plots;
mod study;
mod tables;

pub use plots::{PlotError, draw};
pub use study::{COMPARED, LAYOUT, LOADS, SWEPT, Study, Throughput, study};
pub use tables::{page, slug};

#[cfg(test)]
mod tests;
