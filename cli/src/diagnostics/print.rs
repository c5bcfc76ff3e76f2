//! Puts notices and faults on standard error, in colour where that is a terminal.

use super::{Fault, Level, Notice};
use anstream::eprintln;
use anstyle::{AnsiColor, Style};

const GOOD: Style = AnsiColor::Green.on_default();
const NOTE: Style = AnsiColor::Cyan.on_default();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const ERROR: Style = AnsiColor::Red.on_default().bold();
const PLACE: Style = Style::new().dimmed();

/// Prints notices; those below `least` are left out.
pub fn print_notices(notices: &[Notice], least: Level) {
    for notice in notices.iter().filter(|notice| notice.kind.level() >= least) {
        let (style, word) = match notice.kind.level() {
            Level::Understood => (GOOD, "understood"),
            Level::Assumed => (NOTE, "assumed"),
            Level::Warning => (WARNING, "warning"),
        };
        eprintln!("{style}{word}{style:#} {PLACE}{}{PLACE:#}: {}", notice.origin, notice.kind);
    }
}

/// Prints faults, each with what to do.
pub fn print_faults(faults: &[Fault]) {
    for fault in faults {
        eprintln!("{ERROR}error{ERROR:#} {PLACE}{}{PLACE:#}: {}", fault.origin, fault.kind);
        if let Some(help) = fault.kind.help() {
            eprintln!("  {help}");
        }
    }
}
