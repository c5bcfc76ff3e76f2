//! What the terminal shows.

use super::super::ports::Ports;
use super::seen::{Decision, Endpoint, Pool, View};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Style, Stylize};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Cell, Paragraph, Row, Table};
use std::net::SocketAddr;
use std::time::Instant;

/// Cells of a bar.
const BAR: usize = 12;
/// A queue of this length fills its bar.
const LONG_QUEUE: f32 = 10.0;

pub(super) struct Screen {
    ports: Ports,
    view: Option<View>,
    /// Picks of all pools at the last look, and when that was.
    before: Option<(u64, Instant)>,
    per_second: f64,
    place: usize,
    said: String,
    /// Requests at once.
    pub(super) level: usize,
    /// Whether requests go through the picker.
    pub(super) picking: bool,
}

impl Screen {
    pub(super) fn new(ports: Ports) -> Self {
        let said = String::new();
        let (view, before, per_second, place) = (None, None, 0.0, 0);
        Self { ports, view, before, per_second, place, said, level: 0, picking: true }
    }

    /// Takes over what the status page says; none if it did not answer.
    pub(super) fn seen(&mut self, view: Option<View>) {
        let Some(view) = view else { return };
        let picks = view.pools.iter().flat_map(|pool| pool.outcomes.values()).sum();
        let now = Instant::now();
        if let Some((before, at)) = self.before {
            let seconds = now.duration_since(at).as_secs_f64().max(0.001);
            // Workers report once a second, so single looks jump.
            let rate = u64::saturating_sub(picks, before) as f64 / seconds;
            self.per_second += (rate - self.per_second) * 0.3;
        }
        self.before = Some((picks, now));
        self.view = Some(view);
    }

    pub(super) fn say(&mut self, text: String) {
        self.said = text;
    }

    pub(super) fn select(&mut self, step: isize) {
        let count = self.endpoints().count().max(1);
        self.place = (self.place + count).saturating_add_signed(step) % count;
    }

    pub(super) fn selected(&self) -> Option<SocketAddr> {
        self.endpoints().nth(self.place)?.endpoint.parse().ok()
    }

    /// All endpoints of the pool of the chosen one.
    pub(super) fn selected_pool(&self) -> Vec<SocketAddr> {
        let chosen = self.endpoints().nth(self.place).map(|endpoint| endpoint.endpoint.as_str());
        let pools = self.view.iter().flat_map(|view| &view.pools);
        let is_in =
            |pool: &&Pool| pool.endpoints.iter().any(|e| Some(e.endpoint.as_str()) == chosen);
        let pool = pools.filter(is_in).take(1).flat_map(|pool| &pool.endpoints);
        pool.filter_map(|endpoint| endpoint.endpoint.parse().ok()).collect()
    }

    fn endpoints(&self) -> impl Iterator<Item = &Endpoint> {
        self.view.iter().flat_map(|view| &view.pools).flat_map(|pool| &pool.endpoints)
    }

    pub(super) fn draw(&self, frame: &mut Frame<'_>) {
        let rows = [
            Constraint::Length(3),
            Constraint::Min(5),
            Constraint::Length(5),
            Constraint::Length(3),
        ];
        let [top, middle, why, bottom] = Layout::vertical(rows).areas(frame.area());
        frame.render_widget(self.head(), top);
        match &self.view {
            Some(view) => {
                self.pools(frame, middle, view);
                frame.render_widget(latest(view.decisions.first()), why);
            }
            None => frame.render_widget("waiting for the gateway", middle),
        }
        let keys = [
            ("+ -", "load"),
            ("\u{2191} \u{2193}", "choose"),
            ("k", "kill or revive"),
            ("a", "load an adapter"),
            ("p", "picker off or on"),
            ("q", "end"),
        ];
        let keys = keys.into_iter().flat_map(|(key, what)| {
            [Span::styled(format!(" {key} "), Style::new().reversed()), format!(" {what}  ").into()]
        });
        let lines = vec![Line::from(keys.collect::<Vec<_>>()), Line::from(self.said.as_str())];
        frame.render_widget(Paragraph::new(lines), bottom);
    }

    fn head(&self) -> Paragraph<'_> {
        let picker = if self.picking {
            Span::styled(" picker on ", Style::new().black().on_green())
        } else {
            Span::styled(" picker off: Envoy's least_request ", Style::new().black().on_yellow())
        };
        let first = Line::from(vec![
            "Inference gateway  ".bold(),
            picker,
            format!("  {} requests at once, {:.0} picks/s", self.level, self.per_second).into(),
        ]);
        let Ports { gateway, status, .. } = self.ports;
        let second = format!(
            "clients: http://127.0.0.1:{gateway}   status page: http://127.0.0.1:{status}/status"
        );
        Paragraph::new(vec![first, Line::from(second).dim()])
    }

    fn pools(&self, frame: &mut Frame<'_>, area: Rect, view: &View) {
        let mut rows = Vec::new();
        let mut place = 0;
        for pool in &view.pools {
            rows.push(pool_row(pool));
            for endpoint in &pool.endpoints {
                let row = endpoint_row(endpoint);
                rows.push(if place == self.place { row.reversed() } else { row });
                place += 1;
            }
        }
        let widths = [
            Constraint::Min(24),
            Constraint::Length(10),
            Constraint::Length(17),
            Constraint::Length(8),
            Constraint::Length(8),
            Constraint::Length(19),
            Constraint::Length(6),
            Constraint::Length(15),
            Constraint::Fill(1),
        ];
        let head = [
            "pool, endpoint",
            "health",
            "queue",
            "running",
            "flying",
            "KV cache",
            "share",
            "TTFT p50 p90",
            "adapters",
        ];
        let table = Table::new(rows, widths).header(Row::new(head).bold()).block(Block::new());
        frame.render_widget(table, area);
    }
}

fn pool_row(pool: &Pool) -> Row<'_> {
    let saturation = pool.saturation.map_or("-".to_owned(), |s| format!("saturation {s:.2}"));
    let cells = [
        Cell::from(pool.name.as_str()),
        "".into(),
        saturation.into(),
        "".into(),
        "".into(),
        "".into(),
        "".into(),
        times(pool.minute.ttft_p50_ms, pool.minute.ttft_p90_ms).into(),
    ];
    Row::new(cells).bold()
}

fn endpoint_row(endpoint: &Endpoint) -> Row<'_> {
    let number = |value: Option<u32>| value.map_or("-".to_owned(), |value| value.to_string());
    let color = if endpoint.health == "ready" { Color::Green } else { Color::Red };
    let queue = endpoint.waiting.map(|waiting| waiting as f32 / LONG_QUEUE);
    let kv = endpoint.kv.map_or("-".to_owned(), |kv| format!("{:.0} %", kv * 100.0));
    let mut adapters = endpoint.adapters.running.clone();
    adapters.extend(endpoint.adapters.remembered.iter().cloned());
    adapters.sort_unstable();
    adapters.dedup();
    Row::new([
        Cell::from(format!("  {}", endpoint.endpoint)),
        Cell::from(endpoint.health.as_str()).fg(color),
        bar(queue, &number(endpoint.waiting)),
        number(endpoint.running).into(),
        endpoint.in_flight.to_string().into(),
        bar(endpoint.kv, &kv),
        endpoint.share.map_or("-".to_owned(), |share| format!("{:.0} %", share * 100.0)).into(),
        times(endpoint.minute.ttft_p50_ms, endpoint.minute.ttft_p90_ms).into(),
        adapters.join(" ").into(),
    ])
}

fn bar(share: Option<f32>, text: &str) -> Cell<'static> {
    let share = share.unwrap_or(0.0).clamp(0.0, 1.0);
    let full = ((share * BAR as f32).ceil() as usize).min(BAR);
    let color = if share > 0.8 { Color::Yellow } else { Color::Blue };
    let line = vec![
        Span::styled("\u{2588}".repeat(full), Style::new().fg(color)),
        Span::styled("\u{2591}".repeat(BAR - full), Style::new().dim()),
        format!(" {text}").into(),
    ];
    Cell::from(Line::from(line))
}

fn times(p50: Option<f64>, p90: Option<f64>) -> String {
    let one = |ms: Option<f64>| match ms {
        None => "-".to_owned(),
        Some(ms) if ms < 1_000.0 => format!("{ms:.0}ms"),
        Some(ms) => format!("{:.1}s", ms / 1_000.0),
    };
    format!("{} {}", one(p50), one(p90))
}

fn latest(decision: Option<&Decision>) -> Paragraph<'_> {
    let Some(decision) = decision else { return Paragraph::new("no request yet") };
    let model = decision.model.as_deref().unwrap_or("no model");
    let mut lines = vec![Line::from(format!("latest: {model}: {}", decision.reason)).bold()];
    for candidate in decision.candidates.iter().take(3) {
        let parts = candidate.parts.iter().map(|part| {
            let name = part.scorer.trim_end_matches("-scorer");
            format!("{name} {:.2}\u{d7}{}", part.score, part.weight)
        });
        let parts = parts.collect::<Vec<_>>().join("  ");
        lines.push(format!("  {} {:.3}  {parts}", candidate.endpoint, candidate.score).into());
    }
    Paragraph::new(lines)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;
    use serde_json::json;

    fn view() -> View {
        let endpoint = |n: u8, health: &str| {
            json!({
                "endpoint": format!("10.0.0.{n}:8000"), "health": health, "waiting": 12,
                "running": 3, "kv": 0.5, "inFlight": 4, "share": 0.5,
                "minute": {"ttftP50Ms": 120.0, "ttftP90Ms": 1500.0},
                "adapters": {"running": ["food"], "remembered": ["food", "ski"]},
            })
        };
        serde_json::from_value(json!({
            "pools": [{
                "name": "llama", "saturation": 0.25, "outcomes": {"picked": 7},
                "endpoints": [endpoint(1, "ready"), endpoint(2, "dead")],
                "minute": {"ttftP50Ms": null, "ttftP90Ms": null},
            }],
            "decisions": [{"model": "food", "reason": "picked", "candidates": [{
                "endpoint": "10.0.0.1:8000", "score": 5.5,
                "parts": [{"scorer": "load-scorer", "score": 1.0, "weight": 3.0}],
            }]}],
        }))
        .unwrap()
    }

    fn text(screen: &Screen, width: u16) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, 20)).unwrap();
        terminal.draw(|frame| screen.draw(frame)).unwrap();
        terminal.backend().to_string()
    }

    #[test]
    fn pools_endpoints_and_the_latest_choice_are_shown() {
        let mut screen = Screen::new(Ports::free().unwrap());
        assert!(text(&screen, 150).contains("waiting for the gateway"));
        screen.seen(Some(view()));
        screen.picking = false;
        let text = text(&screen, 150);
        for part in [
            "llama",
            "10.0.0.2:8000",
            "dead",
            "50 %",
            "120ms 1.5s",
            "food ski",
            "picker off",
            "load 1.00\u{d7}3",
        ] {
            assert!(text.contains(part), "{part}:\n{text}");
        }
    }

    #[test]
    fn the_choice_goes_round_and_a_small_terminal_is_no_trouble() {
        let mut screen = Screen::new(Ports::free().unwrap());
        screen.select(1);
        assert_eq!(screen.selected(), None);
        screen.seen(Some(view()));
        screen.select(-1);
        assert_eq!(screen.selected(), "10.0.0.2:8000".parse().ok());
        screen.select(1);
        assert_eq!(screen.selected(), "10.0.0.1:8000".parse().ok());
        assert_eq!(screen.selected_pool().len(), 2);
        text(&screen, 8);
    }
}
