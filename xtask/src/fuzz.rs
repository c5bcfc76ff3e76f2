//! `cargo xtask fuzz`: the fuzz targets of `fuzz/` on libFuzzer, each for a bounded time.
//!
//! Invariant: it needs no compiler but the one that builds the project. libFuzzer comes
//! with `libfuzzer-sys`; what it needs of rustc (coverage counters, AddressSanitizer) is
//! in the stable compiler and unlocked by `RUSTC_BOOTSTRAP`, as `cargo fuzz` would do it
//! with nightly. Rejected: `cargo fuzz` itself, which insists on nightly; engines without
//! compiler support (`bolero`'s default, proptest), which do not see what an input covers.

use crate::project;
use crate::tools::{cargo, on_path};
use anyhow::{Context, Result, bail, ensure};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

const PACKAGE: &str = "gateway-fuzz";

/// What libFuzzer needs the compiler to add to every function.
const COVERAGE: &str = "--cfg fuzzing -Cpasses=sancov-module -Ccodegen-units=1 \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares \
    -Zsanitizer=address";

/// Bounds of one input: 4 KiB is more than any state of the parsers spans, 10 s is a hang.
const BOUNDS: [&str; 5] = [
    "-max_len=4096",
    "-timeout=10",
    "-rss_limit_mb=2048",
    // No input of 4 KiB is worth more.
    "-malloc_limit_mb=64",
    "-print_final_stats=1",
];

/// The most files of a corpus in the repository; `fuzz/tests/replay.rs` allows some more.
const MOST_FILES: usize = 56;
/// The longest input that is taken into the repository, in bytes.
const MOST_BYTES: u64 = 1024;

/// How long each target runs as a part of the tests, in seconds. Their corpora are where
/// longer runs got to, so this looks around there.
const QUICK: u32 = 3;

/// What `cargo xtask fuzz` can be told.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How long each target runs, in seconds
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    seconds: u32,
    /// Run only this target; may be repeated
    #[arg(long, value_name = "NAME")]
    target: Vec<String>,
    /// Run one file through the target named by --target, and do not fuzz
    #[arg(long, value_name = "FILE")]
    reproduce: Option<PathBuf>,
    /// Then take into fuzz/corpus/ the fewest found inputs that cover what was covered
    #[arg(long)]
    keep: bool,
    /// Print the targets and end
    #[arg(long)]
    list: bool,
}

/// Fuzzes, or runs one file.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let known = targets()?;
    if arguments.list {
        known.iter().for_each(|target| println!("{target}"));
        return Ok(());
    }
    if let Some(unknown) = arguments.target.iter().find(|target| !known.contains(*target)) {
        let known = known.into_iter().collect::<Vec<_>>().join(", ");
        bail!("no target is called {unknown}; there are {known}");
    }
    let wanted: Vec<&String> = known
        .iter()
        .filter(|target| arguments.target.is_empty() || arguments.target.contains(target))
        .collect();
    if let Some(file) = &arguments.reproduce {
        let [target] = wanted.as_slice() else { bail!("--reproduce needs one --target") };
        ensure!(file.is_file(), "{} is no file", file.display());
        let programs = build()?;
        let status = Command::new(programs.join(target)).arg(file).status()?;
        ensure!(status.success(), "{} is a finding: {status}", file.display());
        println!("{} is no finding", file.display());
        return Ok(());
    }
    fuzz(wanted, arguments.seconds, arguments.keep)
}

/// The bounded form: every target, for some seconds each.
pub(crate) fn quick() -> Result<()> {
    fuzz(&targets()?, QUICK, false)
}

/// Why it cannot run here; none if it can.
pub(crate) fn missing() -> Option<String> {
    let missing = on_path("c++").is_none();
    missing.then(|| "no c++ on the PATH (Debian: apt-get install g++)".to_owned())
}

fn fuzz<'t>(wanted: impl IntoIterator<Item = &'t String>, seconds: u32, keep: bool) -> Result<()> {
    let programs = build()?;
    let mut found = Vec::new();
    for target in wanted {
        let fuzzed = Fuzzed { target, program: programs.join(target) };
        match fuzzed.run(seconds)? {
            Some(finding) => found.push((target, finding)),
            None if keep => fuzzed.keep()?,
            None => {}
        }
    }
    for (target, finding) in &found {
        eprintln!("\n{target}: see {}", log_of(target).display());
        if let Some(file) = finding {
            let file = file.display();
            eprintln!("  again:  cargo xtask fuzz --target {target} --reproduce {file}");
            eprintln!("  keep:   cp {file} fuzz/corpus/{target}/ && cargo test -p {PACKAGE}");
        }
    }
    ensure!(found.is_empty(), "{} of the targets found something", found.len());
    Ok(())
}

/// The names of the targets: those of their programs' files.
fn targets() -> Result<BTreeSet<String>> {
    let folder = project::root().join("fuzz/fuzz_targets");
    let files = fs::read_dir(&folder).with_context(|| format!("reading {}", folder.display()))?;
    let name = |file: fs::DirEntry| Some(file.path().file_stem()?.to_str()?.to_owned());
    Ok(files.filter_map(Result::ok).filter_map(name).collect())
}

/// Where fuzzing works: the programs, the inputs found, the findings.
fn folder() -> PathBuf {
    project::target_dir().join("fuzz")
}

fn log_of(target: &str) -> PathBuf {
    folder().join("logs").join(format!("{target}.log"))
}

/// Builds all programs; the folder they lie in.
fn build() -> Result<PathBuf> {
    let host = host()?;
    println!("building the targets with AddressSanitizer");
    let status = cargo()
        .args(["build", "--release", "--package", PACKAGE, "--features", "engine", "--bins"])
        // Flags reach build scripts and macros unless a target is named.
        .args(["--target", &host, "--target-dir"])
        .arg(folder())
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTFLAGS", COVERAGE)
        .env("CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS", "true")
        .env("CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS", "true")
        .stdin(Stdio::null())
        .status()
        .context("cannot run cargo")?;
    ensure!(
        status.success(),
        "the targets do not build; libFuzzer needs a C++ compiler (Debian: apt-get install g++)"
    );
    Ok(folder().join(host).join("release"))
}

/// The triple of the compiler's host.
fn host() -> Result<String> {
    let output = Command::new("rustc").arg("-vV").output().context("cannot run rustc")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc -vV names no host")?.to_owned())
}

/// A target that is built.
struct Fuzzed<'a> {
    target: &'a str,
    program: PathBuf,
}

impl Fuzzed<'_> {
    /// Runs it; what it found, with the input if it left one.
    fn run(&self, seconds: u32) -> Result<Option<Option<PathBuf>>> {
        let (inputs, findings) = (self.inputs(), folder().join("findings").join(self.target));
        let log = log_of(self.target);
        for folder in [Some(inputs.as_path()), Some(&findings), log.parent()] {
            folder.map(fs::create_dir_all).transpose().context("making folders")?;
        }
        let before = files(&findings)?;
        let begin = Instant::now();
        let status = Command::new(&self.program)
            // What it finds goes into the first folder; it starts from both.
            .args([&inputs, &self.corpus()])
            .args(BOUNDS)
            .arg(format!("-max_total_time={seconds}"))
            .arg(format!("-artifact_prefix={}/", findings.display()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log).context("making the log")?)
            .status()
            .with_context(|| format!("cannot run {}", self.program.display()))?;
        let text = String::from_utf8_lossy(&fs::read(&log)?).into_owned();
        let took = begin.elapsed().as_secs();
        let runs = statistic(&text, "number_of_executed_units").unwrap_or("0");
        println!("{:<16} {took:>5} s {runs:>12} inputs  {status}", self.target);
        if status.success() {
            return Ok(None);
        }
        let input = files(&findings)?.into_iter().find(|file| !before.contains(file));
        Ok(Some(input))
    }

    /// Takes inputs into the repository: the fewest that cover what all of them cover,
    /// the short ones first.
    fn keep(&self) -> Result<()> {
        let fewest = tempfile::tempdir().context("making a folder")?;
        let status = Command::new(&self.program)
            .args(["-set_cover_merge=1", "-max_len=1024"])
            .args([fewest.path(), &self.corpus(), &self.inputs()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()?;
        ensure!(status.success(), "{}: merging ended with {status}", self.target);
        let known: BTreeSet<Vec<u8>> =
            files(&self.corpus())?.iter().map(fs::read).collect::<Result<_, _>>()?;
        let mut new = Vec::new();
        for file in files(fewest.path())? {
            let bytes = fs::read(&file)?;
            if bytes.len() as u64 <= MOST_BYTES && !known.contains(&bytes) {
                new.push((bytes.len(), file));
            }
        }
        new.sort();
        let room = MOST_FILES.saturating_sub(known.len());
        for (_, file) in new.iter().take(room) {
            if let Some(name) = file.file_name() {
                fs::copy(file, self.corpus().join(name))?;
            }
        }
        println!("{:<16} keeps {} of {} new inputs", self.target, room.min(new.len()), new.len());
        Ok(())
    }

    /// The inputs in the repository.
    fn corpus(&self) -> PathBuf {
        project::root().join("fuzz/corpus").join(self.target)
    }

    /// The inputs found on this machine.
    fn inputs(&self) -> PathBuf {
        folder().join("inputs").join(self.target)
    }
}

fn files(folder: &Path) -> Result<BTreeSet<PathBuf>> {
    let files = fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))?;
    Ok(files.filter_map(Result::ok).map(|file| file.path()).collect())
}

/// A figure from libFuzzer's last lines, `stat::name: figure`.
fn statistic<'t>(log: &'t str, name: &str) -> Option<&'t str> {
    let mut figures = log.lines().filter_map(|line| line.strip_prefix("stat::")?.split_once(':'));
    figures.find_map(|(of, figure)| (of == name).then_some(figure.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_targets_are_those_with_a_corpus() {
        let corpora = files(&project::root().join("fuzz/corpus")).unwrap();
        let corpora: BTreeSet<String> = corpora
            .iter()
            .map(|folder| folder.file_name().unwrap().to_str().unwrap().to_owned())
            .collect();
        assert!(corpora.contains("scanner"));
        assert_eq!(targets().unwrap(), corpora);
    }

    #[test]
    fn a_target_that_is_not_there_is_an_error_that_names_those_that_are() {
        let target = vec!["scaner".to_owned()];
        let arguments = Arguments { seconds: 1, target, reproduce: None, keep: false, list: false };
        let error = run(&arguments).unwrap_err().to_string();
        assert!(error.contains("scaner") && error.contains("scanner"), "{error}");
    }

    #[test]
    fn libfuzzer_s_figures_are_read_by_name() {
        let log = "#12 DONE\nstat::number_of_executed_units: 4711\nstat::peak_rss_mb:  44\n";
        assert_eq!(statistic(log, "number_of_executed_units"), Some("4711"));
        assert_eq!(statistic(log, "peak_rss_mb"), Some("44"));
        assert_eq!(statistic("", "peak_rss_mb"), None);
    }
}
