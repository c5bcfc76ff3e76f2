//! `cargo xtask test`: every test, with a summary of what ran and how long it took.
//!
//! Invariant: the tests that drive Envoy run on the modules that were just built, and a
//! step that fails does not keep the others from running. Rejected: stopping at the
//! first failure; who waits ten minutes wants to see all that is wrong.

mod browser;
mod dashboards;
mod e2e;
mod tally;
mod wasm;

use crate::build;
use crate::chaos;
use crate::demo;
use crate::fuzz;
use crate::steps::Steps;
use crate::toolchain::Choice;
use crate::tools::cargo;
use anyhow::Result;
use clap::ValueEnum;
use envoy_runner::EnvoyVersion;
use std::env;
use tally::Tally;

/// The Envoys that have the Wasm runtime and are not [`EnvoyVersion::PINNED`], which the
/// workspace's tests run on.
const OTHER_ENVOYS: [EnvoyVersion; 3] =
    [EnvoyVersion::new(1, 36, 2), EnvoyVersion::new(1, 37, 0), EnvoyVersion::new(1, 39, 3)];

/// Names the user's own Envoy, which then takes the pinned one's place.
const ENVOY: &str = "IGW_ENVOY";

/// What `cargo xtask test` can be told.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Run only this step, and the build if the step needs it; may be repeated
    #[arg(long, value_enum, value_name = "STEP")]
    only: Vec<Step>,
    /// Run the step `e2e` on this Envoy instead of the older ones; may be repeated
    #[arg(long, value_name = "VERSION")]
    envoy_version: Vec<EnvoyVersion>,
    /// Print the steps and end
    #[arg(long)]
    list: bool,
    /// Which compiler builds for Wasm
    #[arg(long, value_enum, default_value_t = Choice::Auto)]
    toolchain: Choice,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Step {
    /// Build the filters
    Build,
    /// Every package's tests, end to end on the newest Envoy among them
    Workspace,
    /// The core's tests under Wasm in Node
    Wasm,
    /// The parsers' fuzz targets, each for some seconds; `cargo xtask fuzz` runs them longer
    Fuzz,
    /// The end-to-end tests on the older Envoys
    E2e,
    /// The guides' requests through the demo
    Demo,
    /// Faults under load, in little; `cargo xtask chaos` does more
    Chaos,
    /// The status page in a headless Chromium; with `IGW_BLESS` its pictures for docs/
    Browser,
    /// The dashboard and the rules against a real Prometheus that scrapes a demo
    Dashboards,
}

impl Step {
    /// Whether it drives Envoy with the built filters.
    fn needs_modules(self) -> bool {
        !matches!(self, Self::Wasm | Self::Fuzz)
    }
}

/// Runs every test, or those that were asked for.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let wanted = |step: &Step| arguments.only.is_empty() || arguments.only.contains(step);
    let wanted: Vec<Step> = Step::value_variants().iter().copied().filter(wanted).collect();
    let envoys: &[EnvoyVersion] = match arguments.envoy_version.as_slice() {
        [] => &OTHER_ENVOYS,
        versions => versions,
    };
    if arguments.list {
        list(&wanted, envoys);
        return Ok(());
    }
    let mut run = Run::new(arguments.toolchain);
    let built = !wanted.iter().any(|step| step.needs_modules()) || run.build();
    for step in wanted {
        match step {
            Step::Build => {}
            Step::Wasm => run.step("core under Wasm in Node", wasm::run),
            Step::Fuzz => match fuzz::missing() {
                None => run.step("fuzz targets", |_, _| fuzz::quick()),
                Some(reason) => run.steps.skip("fuzz targets", &reason),
            },
            Step::Workspace => run.on_modules(built, "workspace", |_, tally| workspace(tally)),
            Step::Demo => {
                run.on_modules(built, "demo", |toolchain, _| demo::once_on_free_ports(toolchain));
            }
            Step::Chaos => run.on_modules(built, "chaos", |_, _| chaos::quick()),
            Step::Browser => match browser::missing() {
                None => run.on_modules(built, "status page", |_, _| browser::run()),
                Some(reason) => run.steps.skip("status page", &reason),
            },
            Step::Dashboards => match dashboards::missing() {
                None => run.on_modules(built, "dashboards", |_, _| dashboards::run()),
                Some(reason) => run.steps.skip("dashboards", &reason),
            },
            Step::E2e => {
                for envoy in envoys {
                    let name = format!("end to end on Envoy {envoy}");
                    run.on_modules(built, &name, |_, tally| e2e::run(*envoy, tally));
                }
            }
        }
    }
    run.finish()
}

fn list(steps: &[Step], envoys: &[EnvoyVersion]) {
    for value in steps.iter().filter_map(ValueEnum::to_possible_value) {
        let help = value.get_help().map(ToString::to_string).unwrap_or_default();
        println!("{:<10} {help}", value.get_name());
    }
    if steps.contains(&Step::E2e) {
        let envoys: Vec<_> = envoys.iter().map(ToString::to_string).collect();
        println!("\ne2e runs on Envoy {}", envoys.join(", "));
    }
}

/// A run of this command: its steps and what was counted in them.
struct Run {
    toolchain: Choice,
    steps: Steps,
    tally: Tally,
}

impl Run {
    fn new(toolchain: Choice) -> Self {
        Self { toolchain, steps: Steps::default(), tally: Tally::default() }
    }

    fn build(&mut self) -> bool {
        let mut built = false;
        self.step("build the filters", |toolchain, _| {
            build::run(&build::Arguments { toolchain })?;
            built = true;
            Ok(())
        });
        built
    }

    fn step(&mut self, name: &str, step: impl FnOnce(Choice, &mut Tally) -> Result<()>) {
        let mut tally = Tally::default();
        let passed = self.steps.run(name, || step(self.toolchain, &mut tally));
        // "0 failed" must not be the last word on a step that did not get to its tests.
        if !passed && !tally.has_failures() {
            tally.add_failure();
        }
        self.tally.add(tally);
    }

    fn on_modules(
        &mut self,
        built: bool,
        name: &str,
        step: impl FnOnce(Choice, &mut Tally) -> Result<()>,
    ) {
        if built {
            self.step(name, step);
        } else {
            self.steps.skip(name, "the filters did not build");
        }
    }

    fn finish(self) -> Result<()> {
        let outcome = self.steps.finish();
        println!("\n{}", self.tally);
        outcome
    }
}

fn workspace(tally: &mut Tally) -> Result<()> {
    let mut command = cargo();
    command.args(["test", "--workspace", "--no-fail-fast"]);
    e2e::fill_cores(&mut command);
    if env::var_os(ENVOY).is_none() && env::var_os(e2e::ENVOY_VERSION).is_none() {
        command.env(e2e::ENVOY_VERSION, EnvoyVersion::PINNED.to_string());
    }
    tally.run(&mut command)
}
