//! A request to send, with a body in the form a test wants.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full, StreamBody};
use hyper::body::Frame;
use std::convert::Infallible;
use std::net::SocketAddr;

/// A body on its way.
pub type Upload = UnsyncBoxBody<Bytes, Infallible>;

/// A request to send.
pub struct Call {
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Upload,
}

impl Call {
    /// A request without a body.
    #[must_use]
    pub fn new(method: &str, path: impl Into<String>) -> Self {
        Self {
            method: method.parse().expect("a method"),
            path: path.into(),
            headers: HeaderMap::new(),
            body: Empty::new().boxed_unsync(),
        }
    }

    /// A GET.
    #[must_use]
    pub fn get(path: impl Into<String>) -> Self {
        Self::new("GET", path)
    }

    /// A POST without a body and without a content type.
    #[must_use]
    pub fn post(path: impl Into<String>) -> Self {
        Self::new("POST", path)
    }

    /// A POST of JSON, or of what claims to be JSON.
    #[must_use]
    pub fn json(path: impl Into<String>, body: impl Into<Bytes>) -> Self {
        Self::post(path).header("content-type", "application/json").body(body)
    }

    /// Adds a header; the value may be any bytes a header can carry.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let name = HeaderName::try_from(name).expect("a header's name");
        let value = HeaderValue::from_bytes(value.as_ref()).expect("a header's value");
        self.headers.append(name, value);
        self
    }

    /// Another path.
    #[must_use]
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// A body of known length.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = Full::new(body.into()).boxed_unsync();
        self
    }

    /// A body of unknown length in these pieces: HTTP/1.1 chunks or HTTP/2 frames, each
    /// written before the next is asked for. Trailers may follow.
    #[must_use]
    pub fn pieces<B: Into<Bytes>>(
        mut self,
        pieces: impl IntoIterator<Item = B>,
        trailers: &[(&'static str, &'static str)],
    ) -> Self {
        let mut frames: Vec<Frame<Bytes>> =
            pieces.into_iter().map(|piece| Frame::data(piece.into())).collect();
        if !trailers.is_empty() {
            let map = trailers.iter().map(|(name, value)| {
                (HeaderName::from_static(name), HeaderValue::from_static(value))
            });
            frames.push(Frame::trailers(map.collect()));
            // hyper sends trailers by HTTP/1.1 only if they are announced.
            for (name, _) in trailers {
                self = self.header("trailer", name);
            }
        }
        let frames = futures_util::stream::unfold(frames.into_iter(), |mut rest| async {
            // Lets the connection write what it has: otherwise it gathers the pieces.
            tokio::task::yield_now().await;
            rest.next().map(|frame| (Ok(frame), rest))
        });
        self.upload(StreamBody::new(frames).boxed_unsync())
    }

    /// Any other body.
    #[must_use]
    pub fn upload(mut self, body: Upload) -> Self {
        self.body = body;
        self
    }

    /// A body that the test sends piece by piece while it looks at other things.
    /// Dropping the sender without [`http_body_util::channel::Sender::abort`] ends it.
    #[must_use]
    pub fn channel(self) -> (Self, http_body_util::channel::Sender<Bytes, Infallible>) {
        let (sender, body) = http_body_util::channel::Channel::new(1);
        (self.upload(body.boxed_unsync()), sender)
    }

    /// The request, with an absolute address as HTTP/2 wants it.
    pub(crate) fn into_request(self, address: SocketAddr, absolute: bool) -> Request<Upload> {
        let uri = if absolute { format!("http://{address}{}", self.path) } else { self.path };
        let mut request = Request::new(self.body);
        *request.method_mut() = self.method;
        *request.uri_mut() = uri.parse().expect("a path");
        *request.headers_mut() = self.headers;
        if !absolute {
            let host = HeaderValue::try_from(address.to_string()).expect("an address");
            request.headers_mut().entry("host").or_insert(host);
        }
        request
    }
}
