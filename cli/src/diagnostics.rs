//! What the user is told about the files: faults, which end the import, and notices.
//!
//! Invariant: each has the file and the line, and a fault says what to do. All faults of a
//! run are collected, so that nobody mends one only to meet the next.

mod assumption;
mod fault;
mod notice;
mod origin;
mod print;

pub use assumption::{Assumption, Doubt};
pub use fault::{Fault, FaultKind, Shape};
pub use notice::{Level, Notice, NoticeKind};
pub use origin::Origin;
pub use print::{print_faults, print_notices};
