//! What the runs say, for people.

mod study;

pub use study::{COMPARED, LAYOUT, LOADS, SWEPT, Study, study};
