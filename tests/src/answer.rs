//! A whole answer.

use bytes::Bytes;
use http::{HeaderMap, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::Value;

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    /// Reads an answer to its end.
    ///
    /// # Errors
    /// It broke off.
    pub async fn read(response: Response<Incoming>) -> Result<Self, hyper::Error> {
        let (parts, body) = response.into_parts();
        Ok(Self {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: body.collect().await?.to_bytes(),
        })
    }

    /// A header's value, if it is there and is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The cluster that Envoy chose.
    #[must_use]
    pub fn pool(&self) -> Option<&str> {
        self.header("x-gateway-pool")
    }

    /// The model server that answered.
    #[must_use]
    pub fn pod(&self) -> Option<&str> {
        self.header("x-inference-pod")
    }

    /// The model header that the model server got.
    #[must_use]
    pub fn model(&self) -> Option<&str> {
        self.header("x-sim-model-header")
    }

    /// The base model header that the model server got.
    #[must_use]
    pub fn base(&self) -> Option<&str> {
        self.header("x-sim-base-model-header")
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// It is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The value of a header as `/sim/echo` says the upstream got it.
    #[must_use]
    pub fn echoed(&self, name: &str) -> Vec<String> {
        self.echoed_in("headers", name)
    }

    /// The value of a trailer as `/sim/echo` says the upstream got it.
    #[must_use]
    pub fn echoed_trailer(&self, name: &str) -> Vec<String> {
        self.echoed_in("trailers", name)
    }

    fn echoed_in(&self, part: &str, name: &str) -> Vec<String> {
        let json = self.json();
        let pairs = json[part].as_array().expect("an answer of /sim/echo");
        let values = pairs.iter().filter(|pair| pair[0] == name);
        values.map(|pair| pair[1].as_str().unwrap_or_default().to_owned()).collect()
    }
}
