//! One gateway for all tests of a program that want the same one.
//!
//! Invariant: a gateway lives on a runtime that outlives every test, from the first test
//! that wants it until no test is running, so that its files are removed as well; a test
//! that comes later starts it anew. If the process is killed, its Envoy ends too (the
//! runner sees to that: statics are never dropped).
//!
//! Rejected: an Envoy per test, which costs a second and 100 MB each; stopping a gateway
//! with its own last user, which started every fourth one anew.

use crate::gateway::Gateway;
use crate::setup::Setup;
use std::future::Future;
use std::sync::{Arc, LazyLock, Mutex as Lock, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Mutex;
use tokio::time::{sleep, timeout};

/// After this long a test hangs. Far above what any takes, so that a busy machine
/// fails none.
const HANGS: Duration = Duration::from_secs(120);

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
});

/// The tests that are running, and the gateways kept for them.
static KEPT: Lock<Kept> = Lock::new(Kept { tests: 0, gateways: Vec::new() });

struct Kept {
    tests: usize,
    gateways: Vec<Arc<Gateway>>,
}

fn kept() -> MutexGuard<'static, Kept> {
    KEPT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs a test's future to its end.
///
/// # Panics
/// It hangs.
pub fn run<T>(test: impl Future<Output = T>) -> T {
    let _running = Running::new();
    RUNTIME.block_on(async {
        let ended = timeout(HANGS, test).await;
        ended.unwrap_or_else(|_| panic!("the test hangs"))
    })
}

/// A test that is running; the last one stops the shared gateways.
struct Running;

impl Running {
    fn new() -> Self {
        kept().tests += 1;
        Self
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut kept = kept();
        kept.tests -= 1;
        if kept.tests > 0 {
            return;
        }
        let unused = std::mem::take(&mut kept.gateways);
        drop(kept);
        // All at once, and not on a thread that panics: they would show their logs.
        thread::scope(|scope| {
            for gateway in unused {
                scope.spawn(move || drop(gateway));
            }
        });
    }
}

/// Asks again and again until there is an answer.
///
/// # Panics
/// There never is one.
pub async fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    for _ in 0..6000 {
        if let Some(answer) = ask() {
            return answer;
        }
        sleep(Duration::from_millis(10)).await;
    }
    panic!("{what} never came about");
}

/// A gateway for all tests of a program.
pub struct Shared {
    setup: fn() -> Setup,
    running: Mutex<Weak<Gateway>>,
}

impl Shared {
    /// A gateway that is started when a test first wants it.
    #[must_use]
    pub const fn new(setup: fn() -> Setup) -> Self {
        Self { setup, running: Mutex::const_new(Weak::new()) }
    }

    /// Runs a test on the gateway and checks afterwards that no filter trapped.
    pub fn run(&'static self, test: impl AsyncFnOnce(&Gateway)) {
        run(async {
            let user = User(self.gateway().await);
            test(&user.0).await;
            user.0.check();
        });
    }

    async fn gateway(&self) -> Arc<Gateway> {
        let mut running = self.running.lock().await;
        if let Some(gateway) = running.upgrade() {
            return gateway;
        }
        let setup = self.setup;
        let gateway = Arc::new(Gateway::start(setup()).await);
        *running = Arc::downgrade(&gateway);
        kept().gateways.push(Arc::clone(&gateway));
        gateway
    }
}

/// A test that uses a gateway; shows Envoy's log if it fails.
struct User(Arc<Gateway>);

impl Drop for User {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.show_log();
        }
    }
}
