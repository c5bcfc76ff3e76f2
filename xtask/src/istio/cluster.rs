//! An API server of Kubernetes with its etcd, and `kubectl` to speak to it.
//!
//! Invariant: objects are validated as strictly as the API server can: unknown fields are
//! errors, the CRDs' rules in CEL are evaluated. No controller and no kubelet runs: what
//! they would make, the trial makes. Rejected: the test tables' own reading of the schemas,
//! which knows no CEL.

use super::programs::Programs;
use crate::daemon::Daemon;
use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const ETCD: &str = "http://127.0.0.1:2379";
const API: &str = "https://127.0.0.1:6443";
const TOKEN: &str = "token-of-the-trial";

/// A running one; ends when dropped.
pub(super) struct Cluster {
    folder: PathBuf,
    path: OsString,
    // The API server first: it complains about an etcd that is gone.
    _daemons: Option<[Daemon; 2]>,
}

impl Cluster {
    /// Starts one with its state in `folder`.
    pub(super) fn start(programs: &Programs, igw: &Path, folder: &Path) -> Result<Self> {
        println!("starting etcd and kube-apiserver");
        let mut etcd = Command::new("etcd");
        let etcd = Daemon::start("etcd", etcd.arg("--data-dir").arg(folder.join("etcd")), folder)?;
        let key = folder.join("service-accounts.key");
        make_key(&key)?;
        let tokens = folder.join("tokens.csv");
        fs::write(&tokens, format!("{TOKEN},admin,admin,system:masters\n"))?;
        let certificates = folder.join("certificates");
        let kubeconfig = folder.join("kubeconfig");
        fs::write(&kubeconfig, kubeconfig_text(&certificates.join("apiserver.crt")))?;
        let mut api = Command::new(programs.kube_apiserver());
        api.args(["--etcd-servers", ETCD, "--bind-address", "127.0.0.1"])
            .args(["--advertise-address", "127.0.0.1", "--secure-port", "6443"])
            .args(["--service-cluster-ip-range", "10.96.0.0/16"])
            // Its own address as an endpoint would be refused: it is on the loopback.
            .args(["--endpoint-reconciler-type", "none"])
            // No controller makes ServiceAccounts' tokens.
            .args(["--authorization-mode", "RBAC", "--disable-admission-plugins", "ServiceAccount"])
            .args(["--service-account-issuer", "https://kubernetes.default.svc"])
            .arg("--service-account-key-file")
            .arg(&key)
            .arg("--service-account-signing-key-file")
            .arg(&key)
            .arg("--token-auth-file")
            .arg(&tokens)
            .arg("--cert-dir")
            .arg(&certificates);
        let mut api = Daemon::start("kube-apiserver", &mut api, folder)?;
        let inherited = env::var_os("PATH").unwrap_or_default();
        let folders = programs.path().into_iter().chain(igw.parent().map(Path::to_owned));
        let folders = folders.chain(env::split_paths(&inherited));
        let path = env::join_paths(folders).context("a folder's name has a colon")?;
        let mut cluster = Self { folder: folder.to_owned(), path, _daemons: None };
        let ready = || {
            let mut ask = cluster.command("kubectl", &["get", "--raw", "/readyz"]);
            let status = ask.stdout(Stdio::null()).stderr(Stdio::null()).status();
            status.is_ok_and(|status| status.success())
        };
        api.wait(ready)?;
        cluster._daemons = Some([api, etcd]);
        Ok(cluster)
    }

    /// Waits until the API server serves every kind that a CRD defines.
    pub(super) fn established(&self) -> Result<()> {
        let what = ["--for=condition=Established", "crd", "--all", "--timeout=60s"];
        self.ask("kubectl", &[&["wait"], &what[..]].concat()).map(drop)
    }

    pub(super) fn kubeconfig(&self) -> PathBuf {
        self.folder.join("kubeconfig")
    }

    /// A program that a user would have at hand, with what it needs to find this cluster.
    pub(super) fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new("env");
        command.arg(program).args(arguments).env("PATH", &self.path);
        command.env("KUBECONFIG", self.kubeconfig()).stdin(Stdio::null());
        command
    }

    /// What a program writes; an error with what it said if it fails.
    pub(super) fn ask(&self, program: &str, arguments: &[&str]) -> Result<String> {
        let output = self.command(program, arguments).output();
        written(output.with_context(|| format!("cannot run {program}"))?)
            .with_context(|| format!("{program} {}", arguments.join(" ")))
    }

    /// An object, or a list of them.
    pub(super) fn get(&self, arguments: &[&str]) -> Result<Value> {
        let text = self.ask("kubectl", &[&["get", "-o", "json"], arguments].concat())?;
        serde_json::from_str(&text).context("kubectl's answer is not JSON")
    }

    /// Applies a file, or those of a folder; how many objects it were.
    pub(super) fn apply(&self, file: &Path) -> Result<usize> {
        self.apply_with(&[], &[file.to_owned()])
    }

    /// Has the API server do all that it would to apply the files, and store nothing.
    pub(super) fn show(&self, files: &[PathBuf]) -> Result<usize> {
        self.apply_with(&["--dry-run=server"], files)
    }

    fn apply_with(&self, options: &[&str], files: &[PathBuf]) -> Result<usize> {
        let files: Vec<String> =
            files.iter().map(|file| format!("--filename={}", file.display())).collect();
        let mut arguments = vec!["apply"];
        arguments.extend(options);
        arguments.extend(["--server-side", "--force-conflicts", "--validate=strict"]);
        arguments.extend(files.iter().map(String::as_str));
        Ok(self.ask("kubectl", &arguments)?.lines().count())
    }

    /// Runs a line of the shell in a folder; all that it writes.
    pub(super) fn run_in(&self, folder: &Path, line: &str) -> Result<String> {
        let output =
            self.command("sh", &["-c", &format!("exec 2>&1; {line}")]).current_dir(folder).output();
        written(output.context("cannot run sh")?).with_context(|| line.to_owned())
    }

    /// Applies manifests that are no file.
    pub(super) fn apply_text(&self, manifests: &str) -> Result<usize> {
        let mut file = tempfile::NamedTempFile::with_suffix(".yaml")?;
        file.write_all(manifests.as_bytes())?;
        self.apply(file.path())
    }
}

fn written(output: Output) -> Result<String> {
    if !output.status.success() {
        let said = [output.stdout, output.stderr].concat();
        bail!("{}\n{}", output.status, String::from_utf8_lossy(&said).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A key that the API server would sign ServiceAccounts' tokens with.
fn make_key(file: &Path) -> Result<()> {
    let status = Command::new("openssl")
        .args(["genrsa", "-out"])
        .arg(file)
        .arg("2048")
        .stderr(Stdio::null())
        .status()
        .context("cannot run openssl")?;
    ensure!(status.success(), "openssl made no key");
    Ok(())
}

fn kubeconfig_text(authority: &Path) -> String {
    serde_json::json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "trial", "cluster": {
            "server": API,
            "certificate-authority": authority,
        }}],
        "users": [{"name": "admin", "user": {"token": TOKEN}}],
        "contexts": [{"name": "trial", "context": {"cluster": "trial", "user": "admin"}}],
        "current-context": "trial",
    })
    .to_string()
}
