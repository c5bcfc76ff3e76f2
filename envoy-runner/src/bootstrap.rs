//! A static Envoy configuration, fitted to one run: other ports, the place of the
//! Wasm modules, a filter's configuration.
//!
//! Invariant: the file it came from is never changed, and an edit that finds nothing
//! to edit is an error, so that a test cannot run on a configuration it did not mean.
//! Rejected: a template with placeholders; the files in `envoy-config/` must run as
//! they are.

mod walk;

use serde_yaml_ng::{Mapping, Value};
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// How Envoy's Wasm plugin takes its configuration: text in a wrapper message.
const STRING_VALUE: &str = "type.googleapis.com/google.protobuf.StringValue";

/// Why a configuration cannot be used or edited.
#[derive(Debug, thiserror::Error)]
pub enum BootstrapError {
    /// The file could not be read.
    #[error("cannot read the Envoy configuration {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
    /// The instance's file could not be written.
    #[error("cannot write the Envoy configuration {path}")]
    Write {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
    /// The text is not YAML.
    #[error("the Envoy configuration is not YAML")]
    Yaml(#[from] serde_yaml_ng::Error),
    /// A plugin's configuration is not JSON, or the whole cannot be written as JSON.
    #[error("not JSON")]
    Json(#[from] serde_json::Error),
    /// No `port_value` has this number.
    #[error("the Envoy configuration has no port {port}")]
    NoPort {
        /// The port looked for.
        port: u16,
    },
    /// No Wasm filter has this name.
    #[error("the Envoy configuration has no Wasm filter named {filter}")]
    NoFilter {
        /// The name looked for.
        filter: String,
    },
    /// There is no `admin.address.socket_address` with an IP address and a port.
    #[error("the Envoy configuration has no admin address with an IP and a port above 0")]
    NoAdmin,
}

/// A static Envoy configuration in memory.
#[derive(Clone, Debug, PartialEq)]
pub struct Bootstrap {
    value: Value,
}

impl Bootstrap {
    /// Reads a YAML file.
    ///
    /// # Errors
    /// The file cannot be read or is not YAML.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, BootstrapError> {
        let path = path.as_ref();
        let text = fs::read_to_string(path)
            .map_err(|source| BootstrapError::Read { path: path.to_owned(), source })?;
        Self::parse(&text)
    }

    /// Reads YAML text.
    ///
    /// # Errors
    /// The text is not YAML.
    pub fn parse(text: &str) -> Result<Self, BootstrapError> {
        Ok(Self { value: serde_yaml_ng::from_str(text)? })
    }

    /// The whole configuration, to look at.
    #[must_use]
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// Any change, for tests.
    pub fn edit(&mut self, change: impl FnOnce(&mut Value)) -> &mut Self {
        change(&mut self.value);
        self
    }

    /// Replaces every `port_value: from` by `to`.
    ///
    /// # Errors
    /// No port has the value `from`.
    pub fn with_port(&mut self, from: u16, to: u16) -> Result<&mut Self, BootstrapError> {
        self.with_ports(&[(from, to)])
    }

    /// Replaces ports all at once, so that one pair's new port is not taken for
    /// another pair's old one.
    ///
    /// # Errors
    /// An old port does not occur; then nothing is changed.
    pub fn with_ports(&mut self, pairs: &[(u16, u16)]) -> Result<&mut Self, BootstrapError> {
        let mut edited = self.value.clone();
        let mut seen = vec![false; pairs.len()];
        walk::mappings(&mut edited, &mut |mapping| {
            let Some(port) = mapping.get_mut("port_value") else {
                return;
            };
            let hit = pairs
                .iter()
                .zip(&mut seen)
                .find(|((from, _), _)| port.as_u64() == Some(u64::from(*from)));
            if let Some(((_, to), seen)) = hit {
                *seen = true;
                *port = Value::from(*to);
            }
        });
        if let Some((&(port, _), _)) = pairs.iter().zip(&seen).find(|(_, seen)| !**seen) {
            return Err(BootstrapError::NoPort { port });
        }
        self.value = edited;
        Ok(self)
    }

    /// Makes every `filename: dist/<module>` point into the folder `modules`.
    pub fn with_modules(&mut self, modules: &Path) -> &mut Self {
        walk::mappings(&mut self.value, &mut |mapping| {
            let Some(Value::String(file)) = mapping.get_mut("filename") else {
                return;
            };
            if let Some(module) = file.strip_prefix("dist/") {
                *file = modules.join(module).display().to_string();
            }
        });
        self
    }

    /// How many bytes of one connection's request Envoy buffers, on every listener
    /// (`per_connection_buffer_limit_bytes`).
    pub fn with_buffer_limit(&mut self, bytes: u32) -> &mut Self {
        let listeners = walk::path(&mut self.value, &["static_resources", "listeners"]);
        for listener in listeners.and_then(Value::as_sequence_mut).into_iter().flatten() {
            if let Value::Mapping(listener) = listener {
                listener.insert("per_connection_buffer_limit_bytes".into(), bytes.into());
            }
        }
        self
    }

    /// The JSON configuration of the Wasm filter named `filter` (such as `bbr`).
    ///
    /// # Errors
    /// No such filter, or its configuration is not JSON text.
    pub fn plugin_configuration(&self, filter: &str) -> Result<serde_json::Value, BootstrapError> {
        let mut copy = self.value.clone();
        let mut found = None;
        walk::wasm_filters(&mut copy, filter, &mut |plugin| {
            let text = plugin.get("configuration").and_then(|c| c.get("value"));
            found = Some(text.and_then(Value::as_str).unwrap_or("").to_owned());
        });
        let text = found.ok_or_else(|| BootstrapError::NoFilter { filter: filter.to_owned() })?;
        Ok(serde_json::from_str(&text)?)
    }

    /// Gives the Wasm filter named `filter` another configuration.
    ///
    /// # Errors
    /// No such filter.
    pub fn with_plugin_configuration(
        &mut self,
        filter: &str,
        configuration: &serde_json::Value,
    ) -> Result<&mut Self, BootstrapError> {
        self.with_plugin_text(filter, &configuration.to_string())
    }

    /// As [`Self::with_plugin_configuration`], with text that need not be JSON.
    ///
    /// # Errors
    /// No such filter.
    pub fn with_plugin_text(
        &mut self,
        filter: &str,
        text: &str,
    ) -> Result<&mut Self, BootstrapError> {
        let mut found = false;
        walk::wasm_filters(&mut self.value, filter, &mut |plugin| {
            found = true;
            let mut wrapper = Mapping::new();
            wrapper.insert("@type".into(), STRING_VALUE.into());
            wrapper.insert("value".into(), text.into());
            plugin.insert("configuration".into(), wrapper.into());
        });
        if found { Ok(self) } else { Err(BootstrapError::NoFilter { filter: filter.to_owned() }) }
    }

    /// Takes the HTTP filter named `filter` out of every filter chain.
    ///
    /// # Errors
    /// No such filter.
    pub fn without_filter(&mut self, filter: &str) -> Result<&mut Self, BootstrapError> {
        let mut found = false;
        walk::mappings(&mut self.value, &mut |mapping| {
            if let Some(Value::Sequence(filters)) = mapping.get_mut("http_filters") {
                let before = filters.len();
                filters.retain(|f| f.get("name").and_then(Value::as_str) != Some(filter));
                found |= filters.len() != before;
            }
        });
        if found { Ok(self) } else { Err(BootstrapError::NoFilter { filter: filter.to_owned() }) }
    }

    /// Has every cluster balanced in turn that has a policy of its own.
    pub fn with_round_robin(&mut self) -> &mut Self {
        let clusters = walk::path(&mut self.value, &["static_resources", "clusters"]);
        for cluster in clusters.and_then(Value::as_sequence_mut).into_iter().flatten() {
            if let Value::Mapping(cluster) = cluster
                && cluster.remove("load_balancing_policy").is_some()
            {
                cluster.insert("lb_policy".into(), "ROUND_ROBIN".into());
            }
        }
        self
    }

    /// Where Envoy's admin interface listens.
    ///
    /// # Errors
    /// There is none, or it has no fixed port.
    pub fn admin_address(&self) -> Result<SocketAddr, BootstrapError> {
        let socket = ["admin", "address", "socket_address"]
            .iter()
            .try_fold(&self.value, |value, key| value.get(key));
        let ip = socket.and_then(|s| s.get("address")).and_then(Value::as_str);
        let port = socket.and_then(|s| s.get("port_value")).and_then(Value::as_u64);
        let ip = ip.and_then(|ip| ip.parse().ok());
        let port = port.and_then(|port| u16::try_from(port).ok()).filter(|port| *port > 0);
        ip.zip(port).map(|(ip, port)| SocketAddr::new(ip, port)).ok_or(BootstrapError::NoAdmin)
    }

    /// Writes `envoy.json` into `folder`. JSON, because what YAML writers leave
    /// unquoted (`on`, `y`, `0o7`) Envoy's reader may take for something else.
    pub(crate) fn write(&self, folder: &Path) -> Result<PathBuf, BootstrapError> {
        let path = folder.join("envoy.json");
        let text = serde_json::to_string_pretty(&self.value)?;
        fs::write(&path, text)
            .map_err(|source| BootstrapError::Write { path: path.clone(), source })?;
        Ok(path)
    }
}

#[cfg(test)]
mod tests;
