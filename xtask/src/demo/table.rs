//! The table `--once` prints: request, headers set, pool, endpoint, status.

use super::judge;
use super::requests::Request;
use super::send::Seen;

const HEAD: [&str; 8] = [
    "guide",
    "request",
    "path",
    "X-Gateway-Model-Name",
    "X-Gateway-Base-Model-Name",
    "pool",
    "endpoint",
    "status",
];

/// The rows in columns as wide as they need to be.
pub(super) fn draw(rows: &[(Request, Seen)]) -> String {
    let mut lines = vec![HEAD.map(str::to_owned)];
    lines.extend(rows.iter().map(|(request, seen)| cells(request, seen)));
    let mut widths = [0; HEAD.len()];
    for line in &lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = (*width).max(cell.chars().count());
        }
    }
    lines.insert(1, widths.map(|width| "-".repeat(width)));
    let line = |cells: &[String; HEAD.len()]| {
        let padded: Vec<_> =
            cells.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        padded.join("  ").trim_end().to_owned()
    };
    lines.iter().map(|cells| line(cells) + "\n").collect()
}

fn cells(request: &Request, seen: &Seen) -> [String; HEAD.len()] {
    let show = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
    let status = match &seen.status {
        Ok(status) => status.to_string(),
        Err(_) => "none".to_owned(),
    };
    let mark = if judge::one(request, seen).is_empty() { "" } else { "  <- wrong" };
    [
        request.guide.to_owned(),
        request.model.to_owned(),
        request.path().to_owned(),
        show(&seen.model),
        show(&seen.base),
        show(&seen.pool),
        show(&seen.endpoint),
        status + mark,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::requests;

    #[test]
    fn a_wrong_row_is_marked_and_columns_are_aligned() {
        let request = requests::all()[0];
        let text = draw(&[(request, Seen::nothing("refused".to_owned()))]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 3);
        assert_eq!(lines[0].find("status"), lines[2].find("none  <- wrong"), "{text}");
    }
}
