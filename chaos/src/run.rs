//! A run: rounds of faults, each judged, until the time is over.
//!
//! Invariant: a fault that fails leaves nothing to the next: that one gets a gateway of
//! its own, started anew.

use crate::fault::{Fault, Own, soak};
use crate::report::{Report, Row};
use crate::scene::{Scene, Size, setup};
use clap::ValueEnum;
use fastrand::Rng;
use gateway_tests::binary;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::runtime::Builder;
use tokio::time::timeout;

/// After so long a fault hangs: far above what any takes on a busy machine.
const HANGS: Duration = Duration::from_secs(240);

/// What to run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Decides all that is left to chance.
    pub seed: u64,
    /// Rounds begin until this is over; there is one in any case.
    pub time: Duration,
    /// How much each fault does.
    pub size: Size,
    /// How long the soak lasts, at the end of all rounds.
    pub soak: Duration,
    /// Only these faults; all if there are none.
    pub only: Vec<Fault>,
}

/// Runs it, and says on standard output how far it is.
///
/// # Panics
/// There is no Envoy, or the filters are not built.
#[must_use]
pub fn run(plan: &Plan) -> Report {
    let envoy = binary().version.to_string();
    println!("chaos on Envoy {envoy}, seed {}", plan.seed);
    let runtime = Builder::new_multi_thread().worker_threads(8).enable_all().build();
    let rows = runtime.expect("a runtime").block_on(rounds(plan));
    println!();
    Report { seed: plan.seed, envoy, rows }
}

async fn rounds(plan: &Plan) -> Vec<Row> {
    let mut rng = Rng::with_seed(plan.seed);
    let begin = Instant::now();
    let wanted = |fault: &Fault| plan.only.is_empty() || plan.only.contains(fault);
    let faults: Vec<Fault> = Fault::value_variants().iter().copied().filter(wanted).collect();
    let sharing: Vec<Fault> = faults.iter().copied().filter(|fault| fault.is_shared()).collect();
    let own: Vec<Own> = Own::all().filter(|own| faults.contains(&own.fault())).collect();
    let mut shared = Shared { size: plan.size, scene: None };
    let mut rows = Vec::new();
    while !(sharing.is_empty() && own.is_empty()) {
        let (mut order, mut alone) = (sharing.clone(), own.clone());
        rng.shuffle(&mut order);
        rng.shuffle(&mut alone);
        let alone = alone.into_iter().map(|own| (own, rng.fork())).collect();
        let alone: Alone = Arc::new(Mutex::new(alone));
        // Two gateways at once: most of the time each of them waits for something.
        let others = tokio::spawn(work_off(Arc::clone(&alone), plan.size));
        for fault in order {
            rows.push(shared.run(fault, rng.fork()).await);
        }
        rows.extend(work_off(alone, plan.size).await);
        rows.extend(others.await.expect("what can panic in it is guarded"));
        if begin.elapsed() >= plan.time {
            break;
        }
    }
    if faults.contains(&Fault::Soak) {
        rows.push(shared.soak(plan.soak, rng.fork()).await);
    }
    rows
}

/// Faults to be run that have a gateway of their own.
type Alone = Arc<Mutex<Vec<(Own, Rng)>>>;

/// Runs them one after the other until there are none.
async fn work_off(alone: Alone, size: Size) -> Vec<Row> {
    let mut rows = Vec::new();
    loop {
        let next = alone.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let Some((own, mut rng)) = next else { return rows };
        let run = async move { own.run(&mut rng, size).await };
        rows.push(guarded(&own.name(), run).await);
    }
}

/// The gateway that faults share, while it is well.
struct Shared {
    size: Size,
    scene: Option<Arc<Scene>>,
}

impl Shared {
    async fn scene(&mut self) -> Arc<Scene> {
        if let Some(scene) = &self.scene {
            return Arc::clone(scene);
        }
        let scene = Arc::new(Scene::start(setup().await, self.size).await);
        self.scene = Some(Arc::clone(&scene));
        scene
    }

    async fn run(&mut self, fault: Fault, mut rng: Rng) -> Row {
        let scene = self.scene().await;
        let run = async move {
            let row = fault.run(&scene, &mut rng).await;
            scene.gateway.check();
            row
        };
        self.keep_if_well(guarded(&fault.name(), run).await)
    }

    async fn soak(&mut self, time: Duration, mut rng: Rng) -> Row {
        let scene = self.scene().await;
        let run = async move { soak::soak(&scene, &mut rng, time).await };
        self.keep_if_well(guarded(&Fault::Soak.name(), run).await)
    }

    fn keep_if_well(&mut self, row: Row) -> Row {
        if !row.passed() {
            self.scene = None;
        }
        row
    }
}

/// Runs a fault as a task of its own: its panic is its failure.
async fn guarded(name: &str, run: impl Future<Output = Row> + Send + 'static) -> Row {
    let begin = Instant::now();
    let task = tokio::spawn(run);
    let stop = task.abort_handle();
    let mut row = match timeout(HANGS, task).await {
        Ok(Ok(row)) => row,
        Ok(Err(error)) => {
            let panic = error.try_into_panic().ok();
            let text = panic.as_ref().and_then(|panic| {
                let text = panic.downcast_ref::<String>().map(String::as_str);
                text.or_else(|| panic.downcast_ref::<&str>().copied())
            });
            let text = text.unwrap_or("it panicked").to_owned();
            Row { failure: Some(text), ..Row::default() }
        }
        Err(_) => {
            stop.abort();
            Row { failure: Some("it hangs".to_owned()), ..Row::default() }
        }
    };
    (row.name, row.took) = (name.to_owned(), begin.elapsed());
    let verdict = if row.passed() { "" } else { "  FAILED" };
    println!("  {name:<20} {:>6.1} s{verdict}", row.took.as_secs_f64());
    row
}
