//! Arguments that several commands share, and how they are read.

use super::CommandError;
use crate::diagnostics::{Level, print_notices};
use crate::intent::{self, Address, Endpoints, Intent, Settings};
use crate::manifests::{self, Input};
use crate::render::{Modules, Options, PortMap};
use std::net::SocketAddr;
use std::path::PathBuf;

/// What is read, and what is said about it.
#[derive(Debug, clap::Args)]
pub(super) struct Manifests {
    /// YAML files, folders, or - for standard input; a chart's values as RELEASE=FILE, or
    /// in a file called RELEASE.values.yaml
    #[arg(required = true, value_name = "FILES")]
    files: Vec<Input>,
    /// The namespace of objects that have none
    #[arg(short, long, default_value = "default")]
    namespace: String,
    /// Where a pool's endpoints are: POOL=IP:PORT,… or POOL=HOST:PORT,… (all addresses of
    /// the names) or POOL=eds:FILE (an Envoy ClusterLoadAssignment)
    #[arg(long, value_name = "POOL=ENDPOINTS", value_parser = endpoints)]
    endpoints: Vec<(String, Endpoints)>,
    /// Say nothing of what was understood, only warnings
    #[arg(short, long)]
    quiet: bool,
}

/// How the gateway is made.
#[derive(Debug, clap::Args)]
pub(super) struct Gateway {
    /// The folder of bbr-filter.wasm and picker-filter.wasm
    #[arg(long, default_value = "dist", value_name = "DIR")]
    pub(super) modules: PathBuf,
    /// Where platforms pull the modules from: oci://HOST/PATH
    #[arg(long, value_name = "OCI", value_parser = registry)]
    registry: Option<String>,
    /// The digest of a module's manifest, once for each: MODULE=sha256:HEX, as
    /// `cargo xtask publish` prints it
    #[arg(long = "digest", value_name = "MODULE=DIGEST", value_parser = digest)]
    digests: Vec<(String, String)>,
    /// The largest request body that is read, in bytes; larger ones are answered 413
    #[arg(long, default_value_t = Options::default().max_body_bytes, value_name = "BYTES",
          value_parser = clap::value_parser!(u32).range(1..=1 << 30))]
    max_body_bytes: u32,
    /// Answer 404 to models that nothing names, instead of leaving them to the routes
    #[arg(long)]
    reject_unknown_models: bool,
    /// Leave out the response headers x-gateway-pool and x-gateway-picker
    #[arg(long)]
    no_explain: bool,
    /// Another port than a Gateway's, for plain Envoy: FROM=TO, or TO for the lowest
    #[arg(long = "port", value_name = "[FROM=]TO", value_parser = port)]
    ports: Vec<(Option<u16>, u16)>,
    /// Port of plain Envoy's admin interface, on loopback
    #[arg(long, default_value_t = Options::default().admin_port, value_name = "PORT")]
    pub(super) admin_port: u16,
}

impl Manifests {
    /// Reads the files and says what they mean. With `assume`, undefined pools are given.
    pub(super) fn intent(&self, assume: bool) -> Result<Intent, CommandError> {
        let read =
            manifests::read(&self.files, &self.namespace).map_err(CommandError::Manifests)?;
        let settings = Settings { endpoints: self.endpoints.clone(), assume };
        let least = if self.quiet { Level::Warning } else { Level::Understood };
        let built = intent::build(read.documents, &settings);
        let mut notices = read.notices;
        let result = built.map(|(intent, more)| {
            notices.extend(more);
            intent
        });
        notices.sort();
        print_notices(&notices, least);
        result.map_err(CommandError::Manifests)
    }
}

impl Gateway {
    /// The options for rendering.
    ///
    /// # Errors
    /// `--port` names a port that no Gateway has.
    pub(super) fn options(&self, intent: &Intent) -> Result<Options, CommandError> {
        let known = intent.http_ports();
        let mut ports = PortMap::new();
        for (from, to) in &self.ports {
            let from = from.or_else(|| known.first().copied()).unwrap_or(*to);
            if !known.contains(&from) {
                return Err(CommandError::NoListener {
                    port: from,
                    known: known.into_iter().collect(),
                });
            }
            ports.insert(from, *to);
        }
        Ok(Options {
            modules: Modules {
                folder: self.modules.clone(),
                oci: self.registry.clone().unwrap_or_default(),
                digests: self.digests.iter().cloned().collect(),
            },
            max_body_bytes: self.max_body_bytes,
            reject_unknown_models: self.reject_unknown_models,
            explain: !self.no_explain,
            ports,
            admin_port: self.admin_port,
            ..Options::default()
        })
    }
}

/// Why an argument cannot be read.
#[derive(Debug, thiserror::Error)]
enum ArgumentError {
    #[error("expected POOL=IP:PORT,… or POOL=HOST:PORT,… or POOL=eds:FILE")]
    Endpoints,
    #[error("{0:?} is neither IP:PORT nor HOST:PORT")]
    Endpoint(String),
    #[error("expected oci://HOST/PATH")]
    Registry,
    #[error("expected bbr-filter or picker-filter, =, sha256: and 64 hexadecimal digits")]
    Digest,
    #[error("expected a port from 1 to 65535, or FROM=TO")]
    Port,
}

fn endpoints(text: &str) -> Result<(String, Endpoints), ArgumentError> {
    let (pool, list) = text.split_once('=').ok_or(ArgumentError::Endpoints)?;
    if pool.is_empty() || list.is_empty() {
        return Err(ArgumentError::Endpoints);
    }
    if let Some(file) = list.strip_prefix("eds:") {
        return Ok((pool.to_owned(), Endpoints::EdsFile(file.into())));
    }
    let parts: Vec<&str> = list.split(',').map(str::trim).collect();
    let addresses: Result<Vec<SocketAddr>, _> = parts.iter().map(|part| part.parse()).collect();
    if let Ok(addresses) = addresses {
        return Ok((pool.to_owned(), Endpoints::Addresses(addresses)));
    }
    let names = parts.iter().map(|part| address(part.strip_prefix("dns:").unwrap_or(part)));
    Ok((pool.to_owned(), Endpoints::Dns(names.collect::<Result<_, _>>()?)))
}

fn registry(text: &str) -> Result<String, ArgumentError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '/' | ':');
    match text.strip_prefix("oci://") {
        Some(rest) if rest.contains('/') && rest.chars().all(plain) => Ok(text.to_owned()),
        _ => Err(ArgumentError::Registry),
    }
}

fn digest(text: &str) -> Result<(String, String), ArgumentError> {
    let (module, digest) = text.split_once('=').ok_or(ArgumentError::Digest)?;
    let hex = digest.strip_prefix("sha256:").ok_or(ArgumentError::Digest)?;
    let is_hex = hex.len() == 64 && hex.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'));
    if !is_hex || !["bbr-filter", "picker-filter"].contains(&module) {
        return Err(ArgumentError::Digest);
    }
    Ok((module.to_owned(), digest.to_owned()))
}

fn address(text: &str) -> Result<Address, ArgumentError> {
    let wrong = || ArgumentError::Endpoint(text.to_owned());
    let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
    let port = port.parse().ok().filter(|port| *port > 0).ok_or_else(wrong)?;
    let name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if host.is_empty() || !host.chars().all(name) {
        return Err(wrong());
    }
    Ok(Address { host: host.to_owned(), port })
}

fn port(text: &str) -> Result<(Option<u16>, u16), ArgumentError> {
    let number = |text: &str| {
        let number: Option<u16> = text.parse().ok();
        number.filter(|port| *port > 0).ok_or(ArgumentError::Port)
    };
    match text.split_once('=') {
        Some((from, to)) => Ok((Some(number(from)?), number(to)?)),
        None => Ok((None, number(text)?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_addresses_names_or_a_file() {
        let list = endpoints("a=10.0.0.1:80,[::1]:81").unwrap();
        assert!(
            matches!(list, (pool, Endpoints::Addresses(list)) if pool == "a" && list.len() == 2)
        );
        let names = endpoints("a=dns:b.c:80,10.0.0.1:81").unwrap().1;
        let Endpoints::Dns(names) = names else { panic!("{names:?}") };
        assert_eq!((names[0].host.as_str(), names[1].port), ("b.c", 81));
        assert_eq!(endpoints("a=eds:/f").unwrap().1, Endpoints::EdsFile("/f".into()));
        for wrong in
            ["", "a", "a=", "=1.1.1.1:1", "a=b", "a=b:0", "a=b:x", "a=b c:1", "a=1.1.1.1:1,"]
        {
            assert!(endpoints(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn ports_may_say_which_they_replace() {
        assert_eq!(port("8080").unwrap(), (None, 8080));
        assert_eq!(port("80=8080").unwrap(), (Some(80), 8080));
        for wrong in ["", "0", "80=", "=1", "65536", "a"] {
            assert!(port(wrong).is_err(), "{wrong}");
        }
    }
}
