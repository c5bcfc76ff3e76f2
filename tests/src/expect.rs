//! What tests expect of answers, with messages that show the whole answer.

use crate::answer::Answer;
use crate::gateway::Gateway;
use crate::seen::sha256;

impl Answer {
    /// The answer came from `pool`, and its server got these headers.
    #[track_caller]
    pub fn expect_route(&self, pool: &str, model: Option<&str>, base: Option<&str>) -> &Self {
        assert_eq!(self.pool(), Some(pool), "pool: {self:?}");
        let pod = self.pod().unwrap_or_default();
        let number = pod.strip_prefix(pool).and_then(|rest| rest.strip_prefix('-'));
        let number = number.and_then(|number| number.parse::<u16>().ok());
        assert!(number.is_some(), "a server of {pool}: {self:?}");
        assert_eq!(self.model(), model, "model header: {self:?}");
        assert_eq!(self.base(), base, "base model header: {self:?}");
        self
    }

    /// The model server got exactly these bytes.
    #[track_caller]
    pub fn expect_body(&self, sent: impl AsRef<[u8]>) -> &Self {
        let sent = sent.as_ref();
        let length = sent.len().to_string();
        assert_eq!(self.header("x-sim-body-bytes"), Some(&*length), "{self:?}");
        assert_eq!(self.header("x-sim-body-sha256"), Some(&*sha256(sent)), "{self:?}");
        self
    }

    /// The gateway refused the request with an OpenAI error object.
    #[track_caller]
    pub fn expect_error(&self, status: u16, code: &str, param: Option<&str>) -> &Self {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("content-type"), Some("application/json"), "{self:?}");
        assert_eq!(self.pod(), None, "answered by a model server: {self:?}");
        let json = self.json();
        let error = &json["error"];
        assert_eq!(json.as_object().map(|o| o.len()), Some(1), "only an error: {json}");
        assert_eq!(error.as_object().map(|o| o.len()), Some(4), "four fields: {json}");
        assert_eq!(error["code"], code, "{json}");
        assert_eq!(error["param"].as_str(), param, "{json}");
        assert_eq!(error["param"].is_null(), param.is_none(), "{json}");
        assert_eq!(error["type"], "invalid_request_error", "{json}");
        let message = error["message"].as_str().unwrap_or_default();
        assert!(!message.is_empty(), "{json}");
        self
    }
}

impl Gateway {
    /// No model server saw a request with this path.
    #[track_caller]
    pub fn expect_unseen(&self, path: &str) {
        let seen = self.seen(path);
        assert!(seen.is_empty(), "forwarded: {seen:?}");
    }
}
