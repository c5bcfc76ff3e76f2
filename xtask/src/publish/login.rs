//! Who logs in: flags, else variables, else Docker's configuration.
//!
//! Invariant: a password is never an argument, where every user of the machine sees it.

use anyhow::{Context, Result};
use gateway_publish::Credentials;
use std::env;
use std::io;
use std::path::PathBuf;

const USERNAME: &str = "IGW_REGISTRY_USERNAME";
const PASSWORD: &str = "IGW_REGISTRY_PASSWORD";

/// The login for `registry`.
pub(super) fn find(
    registry: &str,
    username: Option<&str>,
    password_stdin: bool,
) -> Result<Credentials> {
    let username = username.map(str::to_owned).or_else(|| variable(USERNAME));
    if let Some(name) = username {
        let password = if password_stdin {
            let mut line = String::new();
            io::stdin().read_line(&mut line).context("cannot read the password")?;
            line.trim_end_matches(['\r', '\n']).to_owned()
        } else {
            variable(PASSWORD).with_context(|| {
                format!("no password for {name}: set {PASSWORD} or add --password-stdin")
            })?
        };
        return Ok(Credentials::user(name, password));
    }
    match docker() {
        Some(folder) => Ok(Credentials::docker(&folder, registry)?),
        None => Ok(Credentials::none()),
    }
}

/// The folder of Docker's configuration.
fn docker() -> Option<PathBuf> {
    let home = || Some(PathBuf::from(env::var_os("HOME")?).join(".docker"));
    env::var_os("DOCKER_CONFIG").map(PathBuf::from).or_else(home)
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}
