//! Measures the wanted parts, keeps their figures, and writes the report.

use crate::arguments::{Arguments, Part};
use crate::envoys::Stage;
use crate::machine::Machine;
use crate::program::collect;
use crate::report::{Section, put, render};
use crate::store::{Store, Stored};
use crate::{gateway, pools, streams};
use anyhow::{Context, Result};
use envoy_runner::EnvoyBinary;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs;
use std::process::Command;
use std::time::Duration;

/// How many turns of the load one look at background work lasts: its ticks are rare.
const BACKGROUND: u32 = 4;

/// Does what the arguments say.
///
/// # Errors
/// Something could not be measured or written. What was measured before is kept.
pub fn run(arguments: &Arguments) -> Result<()> {
    let read = || {
        fs::read_to_string(&arguments.report)
            .with_context(|| format!("cannot read {}", arguments.report.display()))
    };
    // Before an hour of measuring: is there a place for what comes out?
    let text = read()?;
    for section in Section::PARTS.into_iter().chain([Section::Targets]) {
        put(&text, section, "")?;
    }
    let store = Store::new(&arguments.store);
    fs::create_dir_all(store.folder())?;
    let session = Session { arguments, store: &store };
    session.programs()?;
    session.envoys()?;
    // Read again: it may have been edited while this ran.
    let text = render(&read()?, &store)?;
    fs::write(&arguments.report, &text)
        .with_context(|| format!("cannot write {}", arguments.report.display()))?;
    println!("written: {}", arguments.report.display());
    Ok(())
}

struct Session<'a> {
    arguments: &'a Arguments,
    store: &'a Store,
}

impl Session<'_> {
    /// Measures a part, if it is wanted, and keeps its figures at once.
    fn part<T: Serialize>(&self, part: Part, measure: impl FnOnce() -> Result<T>) -> Result<()> {
        if !self.arguments.wants(part) {
            return Ok(());
        }
        let name = part.section().name();
        println!("{name}");
        let (machine, command) = (Machine::here(), self.arguments.command.clone());
        let figures = measure().with_context(|| format!("measuring {name}"))?;
        Ok(self.store.save(name, &Stored { machine, command, figures })?)
    }

    /// What needs no Envoy.
    fn programs(&self) -> Result<()> {
        self.part(Part::Picks, || self.both::<crate::picks::Row>("bench-picks"))?;
        self.part(Part::Scanner, || self.both::<crate::compare::Row>("bench-scanner"))
    }

    /// The same program natively and in Node.
    fn both<T: DeserializeOwned>(&self, program: &str) -> Result<Vec<(String, Vec<T>)>> {
        let rounds = [usize::from(self.arguments.rounds)];
        let native = collect(&mut Command::new(self.arguments.native.join(program)), &rounds)?;
        let mut node = Command::new("node");
        node.arg("--no-warnings")
            .arg(&self.arguments.wasi_runner)
            .arg(self.arguments.wasm.join(format!("{program}.wasm")));
        let wasm = collect(&mut node, &rounds)?;
        Ok(vec![("natively".to_owned(), native), ("under Wasm".to_owned(), wasm)])
    }

    fn envoys(&self) -> Result<()> {
        let parts = [
            Part::Pools,
            Part::Refresh,
            Part::Footprint,
            Part::Start,
            Part::Gateway,
            Part::Streams,
            Part::Uploads,
        ];
        if !parts.into_iter().any(|part| self.arguments.wants(part)) {
            return Ok(());
        }
        let binary = envoy_runner::obtain(None)?;
        let stage = Stage::new()?;
        self.on_pools(&stage, &binary)?;
        self.on_bodies(&stage, &binary)
    }

    fn on_pools(&self, stage: &Stage, binary: &EnvoyBinary) -> Result<()> {
        let arguments = self.arguments;
        let places = pools::Places {
            configuration: arguments.configuration.clone(),
            modules: arguments.modules.clone(),
            turn_filter: arguments.wasm.join("turn-filter.wasm"),
        };
        let (rounds, turn) = (usize::from(arguments.rounds), self.turn()?);
        let connections = &arguments.connections;
        self.part(Part::Pools, || pools::rates(stage, binary, &places, rounds, turn, connections))?;
        self.part(Part::Refresh, || {
            pools::refresh(stage, binary, &places, rounds, turn.saturating_mul(BACKGROUND))
        })?;
        self.part(Part::Footprint, || pools::footprint(stage, binary, &places, rounds))?;
        self.part(Part::Start, || pools::starts(stage, binary, &places, rounds))?;
        self.part(Part::Streams, || streams::sse(stage, binary, &places, rounds, arguments.streams))
    }

    fn on_bodies(&self, stage: &Stage, binary: &EnvoyBinary) -> Result<()> {
        let arguments = self.arguments;
        let places = gateway::Places {
            configuration: arguments.configuration.clone(),
            modules: arguments.modules.clone(),
            copy_filter: arguments.wasm.join("copy_filter.wasm"),
            ext_proc: arguments.native.join("bench-ext-proc"),
        };
        let plan = gateway::Plan {
            sizes: arguments.sizes(),
            rounds: usize::from(arguments.rounds),
            turn: self.turn()?,
            connections: arguments.connections.clone(),
            protocols: arguments.protocols.iter().map(|name| (*name).into()).collect(),
        };
        self.part(Part::Uploads, || {
            streams::upload(stage, binary, &places, usize::from(arguments.rounds))
        })?;
        self.part(Part::Gateway, || gateway::run(stage, binary, &places, &plan))
    }

    fn turn(&self) -> Result<Duration> {
        Duration::try_from_secs_f64(self.arguments.seconds).context("--seconds")
    }
}
