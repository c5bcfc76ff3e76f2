//! `igw run --simulate` serves every request of the guides from their YAML, and leaves
//! nothing behind.

use super::cases;
use envoy_runner::free_ports;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::Deserialize;
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

#[derive(Deserialize)]
struct Request {
    guide: String,
    path: String,
    pool: String,
    body: serde_json::Value,
}

/// How long a gateway has to clear up; it takes some tenths of a second.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running gateway; ends with the test, whatever comes of that.
pub struct Gateway {
    child: Child,
    port: u16,
    pub admin: u16,
}

impl Gateway {
    pub fn start(folder: &str) -> Self {
        let ports = free_ports(2).unwrap();
        let (port, admin) = (ports[0], ports[1]);
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_igw"))
            .arg("run")
            .arg(cases::folder().join(folder))
            .args(["--simulate", "--quiet", "--time-scale", "0", "--modules"])
            .arg(root.join("dist"))
            .args(["--port", &port.to_string(), "--admin-port", &admin.to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let ready = lines.find(|line| line.as_ref().unwrap().starts_with("Ctrl-C ends"));
        let gateway = Self { child, port, admin };
        assert!(ready.is_some(), "it ended before it served");
        // Read on, so that it never waits for this pipe.
        std::thread::spawn(move || lines.for_each(drop));
        gateway
    }

    /// Status, `x-gateway-pool` and the answer.
    pub fn post(&self, path: &str, body: &str) -> (u16, String, serde_json::Value) {
        let config = ureq::Agent::config_builder().http_status_as_error(false).build();
        let url = format!("http://127.0.0.1:{}{path}", self.port);
        let request = ureq::Agent::new_with_config(config).post(url);
        let mut response = request.header("content-type", "application/json").send(body).unwrap();
        let pool = response.headers().get("x-gateway-pool");
        let pool = pool.map(|pool| pool.to_str().unwrap().to_owned()).unwrap_or_default();
        let text = response.body_mut().read_to_string().unwrap();
        (response.status().as_u16(), pool, serde_json::from_str(&text).unwrap())
    }

    /// What Ctrl-C does. None if it does not end.
    fn interrupt(&mut self) -> Option<ExitStatus> {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).ok()?);
        let begin = Instant::now();
        // Before it is waited for, nobody else can have its id.
        kill(pid, Signal::SIGINT).ok()?;
        while begin.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait().ok()? {
                return Some(status);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        None
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // Killed at once, it would leave its Envoy's folder behind.
        if matches!(self.child.try_wait(), Ok(None)) && self.interrupt().is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

fn requests(guide: &str) -> Vec<Request> {
    let text = std::fs::read_to_string(cases::folder().join("guides/requests.json")).unwrap();
    let all: Vec<Request> = serde_json::from_str(&text).unwrap();
    let own: Vec<Request> = all.into_iter().filter(|request| request.guide == guide).collect();
    assert!(!own.is_empty());
    own
}

fn serves_its_requests(guide: &str) {
    let mut gateway = Gateway::start(&format!("guides/{guide}"));
    for request in requests(guide) {
        let (status, pool, answer) = gateway.post(&request.path, &request.body.to_string());
        let what = format!("{} {}: {answer}", request.guide, request.body["model"]);
        assert_eq!((status, pool), (200, request.pool), "{what}");
        assert_eq!(answer["model"], request.body["model"], "{what}");
    }
    let (port, admin) = (gateway.port, gateway.admin);
    assert!(gateway.interrupt().is_some_and(|status| status.success()));
    for port in [port, admin] {
        assert!(TcpStream::connect(("127.0.0.1", port)).is_err(), "port {port} is still served");
    }
}

#[test]
fn guide_000_is_served() {
    serves_its_requests("000");
}

/// It has no requests; those its text speaks of.
#[test]
fn guide_001_is_served() {
    let examples: [(&str, &[(&str, &str)]); 2] = [
        ("example-1", &[("chatbot", "gemma3"), ("recommender", "deepseek-r1")]),
        ("example-2", &[("google/gemma-3-4b-it", "gemma3")]),
    ];
    for (example, models) in examples {
        let mut gateway = Gateway::start(&format!("guides/001/{example}"));
        for (model, pool) in models {
            let body = serde_json::json!({"model": model, "prompt": "x", "max_tokens": 1});
            let (status, served_by, answer) = gateway.post("/v1/completions", &body.to_string());
            assert_eq!((status, served_by.as_str()), (200, *pool), "{model}: {answer}");
        }
        assert!(gateway.interrupt().is_some_and(|status| status.success()));
    }
}

#[test]
fn guide_002_is_served() {
    serves_its_requests("002");
}

#[test]
fn guide_003_is_served() {
    serves_its_requests("003");
}

#[test]
fn guide_004_is_served() {
    serves_its_requests("004");
}

#[test]
fn a_policy_alone_is_enough_to_simulate_its_models() {
    let gateway = Gateway::start("guides/003/block-1.yaml");
    for request in requests("003") {
        let (status, _, answer) = gateway.post(&request.path, &request.body.to_string());
        assert_eq!(status, 200, "{answer}");
    }
    let (status, _, answer) = gateway.post("/v1/completions", r#"{"model": "x", "prompt": "y"}"#);
    assert_eq!((status, &answer["error"]["code"]), (404, &"model_not_found".into()));
}

#[test]
fn what_goes_wrong_has_its_exit_code_and_says_what_to_do() {
    let igw = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_igw"))
            .args(arguments)
            .current_dir(cases::folder())
            .output()
            .unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, said) = igw(&["import", "guides/004", "-t", "envoy"]);
    assert_eq!(code, 3);
    assert!(said.contains("deepseek-r1, gemma3") && said.contains("--endpoints"), "{said}");
    let (code, said) = igw(&["import", "nowhere.yaml", "-t", "envoy"]);
    assert_eq!(code, 3);
    assert!(said.contains("nowhere.yaml:1: cannot be read"), "{said}");
    let (code, said) = igw(&["run", "guides/000", "--simulate", "--modules", "nowhere"]);
    assert_eq!(code, 1);
    assert!(said.contains("cargo xtask build") && said.contains("--modules"), "{said}");
    let (code, said) = igw(&["import", "guides/000", "-t", "envoy", "--port", "81=8081"]);
    assert_eq!(code, 2);
    assert!(said.contains("no Gateway listens on port 81"), "{said}");
    let endpoints = ["--endpoints", "gemma3=127.0.0.1:1", "--port", "9901"];
    let (code, said) =
        igw(&[["import", "guides/000", "-t", "envoy"].as_slice(), &endpoints].concat());
    assert_eq!(code, 3);
    assert!(said.contains("port 9901 would be used twice"), "{said}");
    let (code, _) = igw(&["import", "guides/000"]);
    assert_eq!(code, 2);
    let (_, said) = igw(&["import", "guides/001", "-t", "envoy"]);
    assert!(said.contains("error guides/001/example-1/block-1.yaml:29"), "{said}");
    // No colours where standard error is no terminal.
    assert!(!said.contains('\u{1b}'), "{said}");
}
