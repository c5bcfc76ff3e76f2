//! The configuration of a Wasm plugin, wherever it stands: in a bootstrap, in an
//! EnvoyFilter, in an EnvoyPatchPolicy, in a dump.

use super::{Locate, is_type, text};
use crate::diagnostics::Origin;
use serde_json::Value;
use shared::config::ConfigError;
use std::fmt;

/// Which filter a plugin is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The body-based router.
    Bbr,
    /// The endpoint picker.
    Picker,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bbr => "bbr",
            Self::Picker => "picker",
        })
    }
}

/// A plugin of this project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plugin {
    /// Which filter.
    pub role: Role,
    /// Where it is configured.
    pub origin: Origin,
    /// Its name in Envoy's statistics.
    pub name: String,
    /// Its configuration, JSON.
    pub text: String,
    /// `allow_on_headers_stop_iteration`.
    pub holds_headers: bool,
    /// `failure_policy`, such as `FAIL_RELOAD`.
    pub failure_policy: Option<String>,
    /// `vm_config.vm_id`.
    pub vm_id: String,
    /// The module: a file or a URL.
    pub module: String,
    /// Whether the module's content is fixed: a file, or a URL with a digest.
    pub pinned: bool,
}

impl Plugin {
    /// The BBR filter's settings.
    ///
    /// # Errors
    /// The filter would refuse them.
    pub fn bbr(&self) -> Result<shared::bbr::Settings, ConfigError> {
        shared::bbr::Settings::from_json(self.text.as_bytes())
    }

    /// The picker filter's settings.
    ///
    /// # Errors
    /// The filter would refuse them.
    pub fn picker(&self) -> Result<shared::picker::Settings, ConfigError> {
        shared::picker::Settings::from_json(self.text.as_bytes())
    }
}

/// Which filter has a configuration with such fields.
#[must_use]
pub fn role_of(configuration: &Value) -> Option<Role> {
    const BBR: [&str; 9] = [
        "baseModels",
        "modelRewrites",
        "routeOn",
        "onUnknownModel",
        "onMissingModel",
        "maxBodyBytes",
        "paths",
        "learnAdapters",
        "serveModels",
    ];
    const PICKER: [&str; 10] = [
        "pools",
        "scrape",
        "objectives",
        "models",
        "sessionHeader",
        "subsetMetadata",
        "explain",
        "accessLog",
        "explainFor",
        "status",
    ];
    let has = |keys: &[&str]| keys.iter().any(|key| configuration.get(key).is_some());
    if has(&BBR) { Some(Role::Bbr) } else { has(&PICKER).then_some(Role::Picker) }
}

/// Which filter names such as these mean.
pub(crate) fn role_by_name<'a>(names: impl IntoIterator<Item = &'a str>) -> Option<Role> {
    names.into_iter().find_map(|name| {
        let name = name.to_ascii_lowercase();
        if name.contains("bbr") || name.contains("body-based") {
            Some(Role::Bbr)
        } else {
            name.contains("picker").then_some(Role::Picker)
        }
    })
}

/// All plugins of this project below `value`.
pub(crate) fn find(value: &Value, path: &str, locate: Locate<'_>, found: &mut Vec<Plugin>) {
    match value {
        Value::Object(map) => {
            if map.get("vm_config").is_some_and(Value::is_object) {
                found.extend(read(value, locate(path, "plugin")));
                return;
            }
            for (key, inner) in map {
                find(inner, &join(path, key), locate, found);
            }
        }
        Value::Array(items) => {
            for (index, inner) in items.iter().enumerate() {
                find(inner, &join(path, &index.to_string()), locate, found);
            }
        }
        _ => {}
    }
}

fn join(path: &str, part: &str) -> String {
    if path.is_empty() { part.to_owned() } else { format!("{path}.{part}") }
}

/// Reads a `PluginConfig`; none if it is another project's.
pub(crate) fn read(config: &Value, origin: Origin) -> Option<Plugin> {
    let (json, own) = configuration(config);
    let file = text(config, "/vm_config/code/local/filename");
    let url = text(config, "/vm_config/code/remote/http_uri/uri");
    let module = file.or(url).unwrap_or_default();
    let names = [module, text(config, "/root_id").unwrap_or_default()];
    let name = text(config, "/name").unwrap_or_default();
    let by_name = || role_by_name(names.into_iter().chain([name]));
    let role = own.as_ref().and_then(role_of).or_else(by_name)?;
    let sha = text(config, "/vm_config/code/remote/sha256").is_some_and(|sha| !sha.is_empty());
    let flag = config.get("allow_on_headers_stop_iteration");
    let open = config.get("fail_open").and_then(Value::as_bool).unwrap_or(false);
    Some(Plugin {
        role,
        origin,
        name: name.to_owned(),
        text: json,
        holds_headers: flag.and_then(Value::as_bool).unwrap_or(false),
        failure_policy: text(config, "/failure_policy")
            .map(str::to_owned)
            .or_else(|| open.then(|| "FAIL_OPEN".to_owned())),
        vm_id: text(config, "/vm_config/vm_id").unwrap_or_default().to_owned(),
        module: module.to_owned(),
        pinned: url.is_none() || sha || module.contains("@sha256:"),
    })
}

/// The configuration as text, and as JSON if it is.
fn configuration(config: &Value) -> (String, Option<Value>) {
    let Some(wrapper) = config.get("configuration") else {
        return (String::new(), None);
    };
    let inner = wrapper.get("value");
    if let Some(inner) = inner.and_then(Value::as_str) {
        return (inner.to_owned(), serde_json::from_str(inner).ok());
    }
    // A Struct is handed to the filter as JSON text.
    let structure = inner.filter(|_| is_type(wrapper, "Struct")).or_else(|| wrapper.get("value"));
    let structure = structure.cloned().unwrap_or_default();
    (structure.to_string(), Some(structure))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn origin() -> Origin {
        Origin { file: "f".into(), line: 1 }
    }

    #[test]
    fn a_filter_is_known_by_its_configuration_or_its_module() {
        let with = |configuration: &str, file: &str| {
            let config = json!({
                "vm_config": {"code": {"local": {"filename": file}}},
                "configuration": {"@type": "x/google.protobuf.StringValue", "value": configuration},
            });
            read(&config, origin()).map(|plugin| plugin.role)
        };
        assert_eq!(with(r#"{"baseModels": []}"#, "a.wasm"), Some(Role::Bbr));
        assert_eq!(with(r#"{"pools": []}"#, "bbr-filter.wasm"), Some(Role::Picker));
        assert_eq!(with("not JSON", "dist/bbr-filter.wasm"), Some(Role::Bbr));
        assert_eq!(with("", "dist/picker-filter.wasm"), Some(Role::Picker));
        assert_eq!(with(r#"{"rules": []}"#, "waf.wasm"), None);
    }

    #[test]
    fn a_struct_and_a_text_are_the_same_configuration() {
        let config = json!({
            "vm_config": {"code": {"remote": {"http_uri": {"uri": "oci://r/bbr-filter:1"}}}},
            "configuration": {"@type": "x/google.protobuf.Struct", "value": {"serveModels": true}},
            "fail_open": true,
        });
        let plugin = read(&config, origin()).unwrap();
        assert!(plugin.bbr().unwrap().serve_models && !plugin.pinned && !plugin.holds_headers);
        assert_eq!(plugin.failure_policy.as_deref(), Some("FAIL_OPEN"));
    }
}
