//! The checked configuration of the status page, and of whom is told why.
//!
//! Invariant: a status page is private: without a route of its own or a header that only
//! operators know, anybody could see models, endpoints and loads, so that is an error.

use super::schema::{HeaderConfig, StatusConfig};
use crate::config::ConfigError;

/// Where the status page is, and who may see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusSettings {
    /// Its path, without a slash at its end.
    pub path: String,
    /// The route that leads to it.
    pub route: Option<String>,
    /// The header that requests for it carry.
    pub header: Option<RequiredHeader>,
}

/// A header with the value it must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequiredHeader {
    /// Its name, in lower case.
    pub name: String,
    value: String,
}

/// What is asked for at the status page's path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusResource {
    /// The page.
    Page,
    /// Its data.
    Api,
}

impl StatusSettings {
    /// What a request's path, query and all, asks for.
    #[must_use]
    pub fn resource(&self, path: &[u8]) -> Option<StatusResource> {
        let path = path.split(|byte| *byte == b'?').next()?;
        match path.strip_prefix(self.path.as_bytes())? {
            b"" | b"/" => Some(StatusResource::Page),
            b"/api" => Some(StatusResource::Api),
            _ => None,
        }
    }

    pub(super) fn from_config(config: &StatusConfig) -> Result<Self, ConfigError> {
        let path = config.path.trim_end_matches('/').to_owned();
        if !config.path.starts_with('/') || config.path.contains(['?', '#']) {
            return Err(ConfigError::new("status.path", "must start with \"/\" and have no query"));
        }
        let route = config.route.as_ref().map(|route| route.trim().to_owned());
        if route.as_ref().is_some_and(String::is_empty) {
            return Err(ConfigError::new("status.route", "must not be empty"));
        }
        let header = RequiredHeader::from_config("status.header", config.header.as_ref())?;
        if route.is_none() && header.is_none() {
            let problem = "anybody could read it: expected a \"route\" of its own, or a \"header\"";
            return Err(ConfigError::new("status", problem));
        }
        Ok(Self { path, route, header })
    }
}

impl RequiredHeader {
    /// Whether a header's value is this one. Takes the same time wherever they differ.
    #[must_use]
    pub fn is_met_by(&self, value: Option<&[u8]>) -> bool {
        let Some(value) = value else { return false };
        let expected = self.value.as_bytes();
        let differs = value.iter().zip(expected).fold(0, |differs, (a, b)| differs | (a ^ b));
        value.len() == expected.len() && differs == 0
    }

    pub(super) fn from_config(
        field: &str,
        config: Option<&HeaderConfig>,
    ) -> Result<Option<Self>, ConfigError> {
        let Some(HeaderConfig { name, value }) = config else { return Ok(None) };
        let name = name.trim().to_ascii_lowercase();
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if name.is_empty() || !name.bytes().all(is_token) {
            return Err(ConfigError::new(format!("{field}.name"), "expected a header's name"));
        }
        if value.is_empty() || value.trim() != value || value.chars().any(char::is_control) {
            let problem = "expected a header's value, without white space around it";
            return Err(ConfigError::new(format!("{field}.value"), problem));
        }
        Ok(Some(Self { name, value: value.clone() }))
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;
    use crate::picker::Settings;

    fn status(json: &str) -> Result<StatusSettings, String> {
        let json = format!(r#"{{"status": {json}}}"#);
        let settings = Settings::from_json(json.as_bytes()).map_err(|error| error.to_string())?;
        Ok(settings.status.expect("it is there"))
    }

    #[test]
    fn a_page_that_anybody_could_read_is_refused() {
        let error = status(r#"{"path": "/status"}"#).expect_err("it has no lock");
        assert!(error.starts_with("status: anybody could read it"), "{error}");
        assert!(status(r#"{"route": "igw-status"}"#).is_ok());
        assert!(status(r#"{"header": {"name": "x-ops", "value": "secret"}}"#).is_ok());
    }

    #[test]
    fn what_is_wrong_is_named_with_its_field() {
        for (json, field) in [
            (r#"{"path": "status", "route": "r"}"#, "status.path: "),
            (r#"{"path": "/a?b", "route": "r"}"#, "status.path: "),
            (r#"{"route": " "}"#, "status.route: "),
            (r#"{"header": {"name": "a b", "value": "v"}}"#, "status.header.name: "),
            (r#"{"header": {"name": "a", "value": ""}}"#, "status.header.value: "),
            (r#"{"header": {"name": "a", "value": " v"}}"#, "status.header.value: "),
            (r#"{"route": "r", "port": 1}"#, "status"),
        ] {
            let error = status(json).expect_err(json);
            assert!(error.starts_with(field), "{json}: {error}");
        }
    }

    #[test]
    fn only_the_page_s_own_paths_are_its() {
        let settings = status(r#"{"path": "/igw/status/", "route": "r"}"#).expect("right");
        for (path, expected) in [
            ("/igw/status", Some(StatusResource::Page)),
            ("/igw/status/", Some(StatusResource::Page)),
            ("/igw/status?x=/api", Some(StatusResource::Page)),
            ("/igw/status/api?x", Some(StatusResource::Api)),
            ("/igw/status/apis", None),
            ("/igw/statuses", None),
            ("/igw", None),
            ("", None),
        ] {
            assert_eq!(settings.resource(path.as_bytes()), expected, "{path}");
        }
    }

    #[test]
    fn a_header_is_met_by_exactly_its_value() {
        let settings = status(r#"{"header": {"name": "X-Ops", "value": "secret"}}"#);
        let header = settings.expect("right").header.expect("it is there");
        assert_eq!(header.name, "x-ops");
        assert!(header.is_met_by(Some(b"secret")));
        for value in [None, Some(&b""[..]), Some(b"secre"), Some(b"secrets"), Some(b"Secret")] {
            assert!(!header.is_met_by(value), "{value:?}");
        }
    }
}
