//! The official OpenAI SDK for Python as a client, in `openai_sdk/test_gateway.py`.
//!
//! The virtual environment is made once for each content of `requirements.txt`, in
//! Cargo's folder for such things, and takes part in no other Python of the machine.

use gateway_tests::{Gateway, Rest, Setup, root, run, sha256};
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tokio::task::spawn_blocking;

fn folder() -> PathBuf {
    root().join("tests/openai_sdk")
}

/// Runs a command to its end.
fn succeed(command: &mut Command) -> String {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}; Python 3.9 or newer is needed"));
    let said = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} ended with {}:\n{said}", output.status);
    said
}

/// The Python of an environment that has the requirements.
fn python() -> PathBuf {
    let requirements = folder().join("requirements.txt");
    let text = fs::read(&requirements).unwrap();
    let hash = sha256(text);
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let venv = cache.join(format!("openai-sdk-{}", &hash[..16]));
    let python = venv.join("bin/python");
    let complete = venv.join("complete");
    if !complete.exists() {
        fs::create_dir_all(cache).unwrap();
        succeed(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv));
        let mut pip = Command::new(&python);
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"]);
        succeed(pip.arg(&requirements));
        fs::write(complete, "").unwrap();
    }
    python
}

#[test]
fn the_sdk_s_answers_and_exceptions() {
    run(async {
        let setup = Setup::guides().plugin(json!({"serveModels": true}));
        let gateway = Gateway::start(setup).await;
        let strict = json!({"onUnknownModel": "reject", "onMissingModel": "reject",
            "maxBodyBytes": 10_000});
        let strict = Gateway::start(Setup::guides().plugin(strict).rest(Rest::Simulator)).await;
        let url = |gateway: &Gateway| format!("http://{}", gateway.address());
        let (url, strict_url) = (url(&gateway), url(&strict));
        let said = spawn_blocking(move || {
            let mut script = Command::new(python());
            script
                .arg("-I")
                .arg(folder().join("test_gateway.py"))
                .env("GATEWAY_URL", url)
                .env("STRICT_GATEWAY_URL", strict_url)
                .env("NO_PROXY", "127.0.0.1");
            succeed(&mut script)
        });
        let said = said.await.unwrap();
        println!("{said}");
        assert!(said.contains("\nOK\n"), "{said}");
        gateway.check();
        strict.check();
    });
}
