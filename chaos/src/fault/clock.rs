//! The machine's clock jumps, forth and back, while requests go on.
//!
//! Only Envoy's clock: a few lines of C between it and the system (`clock.c`) add what
//! stands in a file. The monotonic clock, by which Envoy's own timers run, stays, as it
//! does when a real machine's clock is set.

use crate::outcome::Told;
use crate::report::Row;
use crate::scene::{Scene, Size, setup};
use fastrand::Rng;
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a jump may measure, in milliseconds: within a lease, above it, above the time
/// after which a worker counts as gone, an hour, a day.
const MILLIS: [i64; 5] = [300, 2_500, 45_000, 3_600_000, 86_400_000];

/// What Envoy's clock is ahead of the machine's.
struct Offset(fs::File);

impl Offset {
    fn new(path: &Path) -> Self {
        let offset = Self(
            fs::File::options()
                .read(true)
                .write(true)
                .create_new(true)
                .open(path)
                .expect("a temporary file"),
        );
        offset.0.set_len(16).expect("a temporary file");
        offset
    }

    /// How often Envoy has looked at its clock.
    fn looks(&self) -> u64 {
        let mut looks = [0; 8];
        self.0.read_exact_at(&mut looks, 8).expect("the library keeps count");
        u64::from_ne_bytes(looks)
    }

    /// All at once: Envoy has mapped the file.
    fn set(&self, millis: i64) {
        let nanos = millis * 1_000_000;
        self.0.write_all_at(&nanos.to_ne_bytes(), 0).expect("a temporary file");
    }
}

/// Compiles the library; what is wrong if it cannot.
fn library(folder: &Path) -> Result<PathBuf, String> {
    let (source, library) = (folder.join("clock.c"), folder.join("clock.so"));
    fs::write(&source, include_str!("../clock.c")).expect("a temporary file");
    let compiler = Command::new("cc")
        .args(["-shared", "-fPIC", "-O2", "-o"])
        .args([&library, &source])
        .output()
        .map_err(|error| format!("no C compiler: cc: {error}"))?;
    assert!(compiler.status.success(), "{}", String::from_utf8_lossy(&compiler.stderr));
    Ok(library)
}

pub(crate) async fn jumps(rng: &mut Rng, size: Size) -> Row {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let library = match library(folder.path()) {
        Ok(library) => library,
        Err(why) => return Row::skipped(why),
    };
    let file = folder.path().join("offset");
    let clock = Offset::new(&file);
    let (setup, admin) = setup().await;
    let setup = setup.process(move |options| {
        options.env.push(("LD_PRELOAD".into(), library.into()));
        options.env.push(("CHAOS_CLOCK".into(), file.into()));
    });
    let scene = Scene::start((setup, admin), size).await;
    let load = scene.load(rng);
    scene.calm(&load).await;
    let (mut offset, mut slowest, mut told) = (0, 0, Vec::new());
    for _ in 0..size.jumps() {
        let size = rng.choice(MILLIS).expect("there are five");
        let jump = if rng.bool() { size } else { -size };
        offset += jump;
        let looks = clock.looks();
        clock.set(offset);
        told.push(format!("{:+}", jump as f64 / 1e3));
        let from = load.ended();
        let picked = || {
            load.look(from, |sent| {
                let last = sent.iter().rev().take(20);
                let why = |why| move |told: &Told| told.why.as_deref() == Some(why);
                sent.len() >= 20 && last.clone().all(|sent| sent.told().is_some_and(why("picked")))
            })
        };
        slowest = slowest.max(scene.until("choices by fresh metrics", picked).await);
        scene.refreshed(3).await;
        assert!(clock.looks() > looks, "Envoy asks another clock");
        scene.calm(&load).await;
    }
    let (judged, _) = scene.judge(load, &[]).await;
    scene.gateway.check();
    Row::new(judged, slowest).note(format!("seconds: {}", told.join(", ")))
}
