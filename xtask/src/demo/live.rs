//! The demo on a terminal: pools and endpoints as the status page sees them, and keys that
//! change what happens.
//!
//! Invariant: the terminal is as it was when this ends, however it ends; what is shown
//! comes from the gateway's own status page, so the demo shows nothing that an operator
//! could not see. Rejected: asking the simulators, which know more than any gateway.

mod load;
mod screen;
mod seen;

use super::burst::agent;
use super::gateway::Gateway;
use super::ports::Ports;
use anyhow::{Context, Result};
use load::Load;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use screen::Screen;
use seen::View;
use serde_json::json;
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::signal::unix::{SignalKind, signal};

/// Between two looks at the status page.
const LOOK: Duration = Duration::from_millis(500);

/// Between two looks at the keyboard.
const KEYS: Duration = Duration::from_millis(100);

/// Whether somebody sits in front of it.
pub(super) fn has_terminal() -> bool {
    std::io::stdout().is_terminal() && std::io::stdin().is_terminal()
}

/// Shows the demo until somebody wants no more.
pub(super) async fn run(gateway: &mut Gateway, ports: Ports, plain: u16) -> Result<()> {
    let load = Load::new(ports.gateway, plain);
    let mut terminal = ratatui::try_init().context("cannot use the terminal")?;
    let outcome = show(&mut terminal, gateway, ports, &load).await;
    ratatui::restore();
    load.stop();
    outcome
}

async fn show(
    terminal: &mut ratatui::DefaultTerminal,
    gateway: &mut Gateway,
    ports: Ports,
    load: &Load,
) -> Result<()> {
    let mut screen = Screen::new(ports);
    let mut looked: Option<Instant> = None;
    let mut adapters = 0;
    let mut terminate = signal(SignalKind::terminate())?;
    let over = tokio::spawn(async move { terminate.recv().await });
    loop {
        if over.is_finished() {
            return Ok(());
        }
        if looked.is_none_or(|last| last.elapsed() >= LOOK) {
            gateway.check()?;
            looked = Some(Instant::now());
            screen.seen(look(ports.status).ok());
        }
        screen.level = load.level();
        screen.picking = load.picks();
        terminal.draw(|frame| screen.draw(frame))?;
        if !event::poll(KEYS)? {
            continue;
        }
        let Event::Key(key) = event::read()? else { continue };
        if key.kind == KeyEventKind::Release {
            continue;
        }
        match key.code {
            KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => return Ok(()),
            KeyCode::Char('q') | KeyCode::Esc => return Ok(()),
            KeyCode::Char('+' | '=') | KeyCode::Right => load.more(),
            KeyCode::Char('-') | KeyCode::Left => load.less(),
            KeyCode::Down | KeyCode::Char('j') => screen.select(1),
            KeyCode::Up => screen.select(-1),
            KeyCode::Char('p') => load.switch(),
            KeyCode::Char('k') => {
                if let Some(address) = screen.selected() {
                    let lives = gateway.toggle(address).await?;
                    screen
                        .say(format!("{address} {}", if lives { "is back" } else { "was ended" }));
                }
            }
            KeyCode::Char('a') => {
                let pool = screen.selected_pool();
                if pool.is_empty() {
                    continue;
                }
                adapters += 1;
                let name = format!("demo-{adapters}");
                // On all of them: a gateway takes a pool's servers for equal. One that was
                // ended just now cannot be asked.
                let loaded = pool.into_iter().filter(|at| load_adapter(*at, &name).is_ok()).count();
                screen.say(format!("{loaded} servers loaded {name}; requests for it follow"));
                if loaded > 0 {
                    load.add_model(name);
                }
            }
            _ => {}
        }
    }
}

fn look(port: u16) -> Result<View> {
    let mut answer = agent().get(format!("http://127.0.0.1:{port}/status/api")).call()?;
    Ok(serde_json::from_str(&answer.body_mut().read_to_string()?)?)
}

fn load_adapter(address: SocketAddr, name: &str) -> Result<()> {
    let body = json!({"lora_name": name, "lora_path": format!("/adapters/{name}")});
    let post = agent().post(format!("http://{address}/v1/load_lora_adapter"));
    let answer = post.header("content-type", "application/json").send(body.to_string())?;
    anyhow::ensure!(answer.status().is_success(), "status {}", answer.status());
    Ok(())
}
