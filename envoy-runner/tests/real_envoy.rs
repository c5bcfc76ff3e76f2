//! The runner on a real Envoy: fetched if this machine has none.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "the helpers beside the tests are tests too"
)]

use envoy_runner::{
    Bootstrap, Envoy, EnvoyBinary, EnvoyVersion, Options, ReadyError, ValidateError, free_ports,
    obtain, validate,
};
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

const YAML: &str = r#"
admin: {address: {socket_address: {address: 127.0.0.1, port_value: 9901}}}
static_resources:
  listeners:
  - name: hello
    address: {socket_address: {address: 127.0.0.1, port_value: 8080}}
    filter_chains:
    - filters:
      - name: hello
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.direct_response.v3.Config
          response: {inline_string: hello}
"#;

/// Plenty for a machine that also compiles; the tests end as soon as they can.
const PATIENCE: Duration = Duration::from_secs(60);

fn binary() -> EnvoyBinary {
    obtain(None).unwrap()
}

fn bootstrap(listener: u16, admin: u16) -> Bootstrap {
    let mut bootstrap = Bootstrap::parse(YAML).unwrap();
    bootstrap.with_ports(&[(8080, listener), (9901, admin)]).unwrap();
    bootstrap
}

fn ports() -> (u16, u16) {
    let ports = free_ports(2).unwrap();
    (ports[0], ports[1])
}

fn is_running(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // A zombie waits for init to collect it; it runs no more.
    stat.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with('Z'))
}

#[test]
fn starts_answers_and_stops() {
    let (listener, admin) = ports();
    let mut envoy =
        Envoy::start(&binary(), &bootstrap(listener, admin), Options::default()).unwrap();
    envoy.wait_ready(PATIENCE).unwrap();
    assert!(envoy.admin_get("/stats").unwrap().contains("server.live: 1"));
    assert!(envoy.admin_get("no-such-page").is_err());
    assert!(envoy.log().contains("starting main dispatch loop"), "{}", envoy.log());
    let (pid, dir) = (envoy.pid(), envoy.dir().to_owned());
    assert!(envoy.stop().unwrap().success());
    assert!(envoy.stop().unwrap().success(), "stopping twice is no error");
    drop(envoy);
    assert!(!is_running(pid));
    assert!(!dir.exists(), "the temporary folder is removed");
}

#[test]
fn dropping_the_handle_ends_envoy() {
    let (listener, admin) = ports();
    let folder = tempfile::tempdir().unwrap();
    let options = Options { dir: Some(folder.path().to_owned()), ..Options::default() };
    let mut envoy = Envoy::start(&binary(), &bootstrap(listener, admin), options).unwrap();
    envoy.wait_ready(PATIENCE).unwrap();
    let pid = envoy.pid();
    drop(envoy);
    assert!(!is_running(pid));
    assert!(folder.path().join("envoy.log").exists(), "a named folder is kept");
}

#[test]
fn a_busy_port_is_noticed_at_once_and_the_log_says_why() {
    let (listener, admin) = ports();
    let _server = TcpListener::bind((Ipv4Addr::LOCALHOST, listener)).unwrap();
    let mut envoy =
        Envoy::start(&binary(), &bootstrap(listener, admin), Options::default()).unwrap();
    match envoy.wait_ready(PATIENCE) {
        Err(ReadyError::Exited { log, .. }) => {
            assert!(log.contains(&listener.to_string()), "{log}")
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn another_envoy_on_the_admin_port_is_not_taken_for_ours() {
    let (listener, admin) = ports();
    let (other_listener, _) = ports();
    let binary = binary();
    let mut first = Envoy::start(&binary, &bootstrap(listener, admin), Options::default()).unwrap();
    first.wait_ready(PATIENCE).unwrap();
    let mut second =
        Envoy::start(&binary, &bootstrap(other_listener, admin), Options::default()).unwrap();
    let found = second.wait_ready(PATIENCE);
    assert!(matches!(found, Err(ReadyError::Exited { .. })), "{found:?}");
}

#[test]
fn validation_tells_a_good_configuration_from_a_bad_one() {
    let binary = binary();
    let mut bootstrap = Bootstrap::parse(YAML).unwrap();
    validate(&binary, &bootstrap).unwrap();
    bootstrap.edit(|value| value["static_resources"]["listeners"][0]["colour"] = "red".into());
    match validate(&binary, &bootstrap) {
        Err(ValidateError::Refused { log }) => assert!(log.contains("colour"), "{log}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_demanded_version_is_the_one_that_runs() {
    let found = obtain(Some(EnvoyVersion::PINNED)).unwrap();
    assert_eq!(found.version, EnvoyVersion::PINNED);
}

/// Not a test of its own: the parent that `dies_with_its_parent` kills.
#[test]
#[ignore = "started by dies_with_its_parent"]
fn parent_to_be_killed() {
    let (listener, admin) = ports();
    let dir = PathBuf::from(std::env::var_os("RUNNER_TEST_DIR").unwrap());
    let options = Options { dir: Some(dir), ..Options::default() };
    let mut envoy = Envoy::start(&binary(), &bootstrap(listener, admin), options).unwrap();
    envoy.wait_ready(PATIENCE).unwrap();
    println!("\nenvoy-pid {}", envoy.pid());
    thread::sleep(PATIENCE);
}

#[cfg(target_os = "linux")]
#[test]
fn dies_with_its_parent() {
    let folder = tempfile::tempdir().unwrap();
    let mut parent = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "parent_to_be_killed", "--ignored", "--nocapture"])
        .env("RUNNER_TEST_DIR", folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(parent.stdout.take().unwrap()).lines();
    let pid = lines
        .map(Result::unwrap)
        .find_map(|line| line.strip_prefix("envoy-pid ").map(|pid| pid.parse::<u32>().unwrap()))
        .unwrap();
    assert!(is_running(pid) && Path::new(&format!("/proc/{pid}")).exists());
    parent.kill().unwrap();
    parent.wait().unwrap();
    let ended = (0..500).any(|_| {
        thread::sleep(Duration::from_millis(20));
        !is_running(pid)
    });
    assert!(ended, "Envoy {pid} outlived its parent");
}
