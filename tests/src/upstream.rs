//! A model server that a test plays itself, step by step.

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::channel::{Channel, Sender};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// The body of an answer that the test writes.
pub type Script = Sender<Bytes, Infallible>;

/// What it says when it is asked for its metrics: no load.
const METRICS: &str = "vllm:num_requests_waiting 0\nvllm:num_requests_running 0\n";

/// Answers each request with headers at once, and hands the body to the test. Those for
/// `/metrics` it answers itself.
pub struct ScriptedUpstream {
    address: SocketAddr,
    requests: mpsc::UnboundedReceiver<Script>,
    task: JoinHandle<()>,
}

impl ScriptedUpstream {
    /// Listens on a free port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (announce, requests) = mpsc::unbounded_channel();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_nodelay(true).expect("a socket option");
                let announce = announce.clone();
                let service = service_fn(move |request: Request<Incoming>| {
                    let (mut script, body) = Channel::<Bytes, Infallible>::new(1);
                    let mut response = Response::new(body);
                    let kind = "text/event-stream".parse().expect("a value");
                    response.headers_mut().insert("content-type", kind);
                    if request.uri().path() == "/metrics" {
                        let page = Bytes::from_static(METRICS.as_bytes());
                        tokio::spawn(async move { script.send_data(page).await });
                    } else {
                        let _ = announce.send(script);
                    }
                    async { Ok::<_, Infallible>(response) }
                });
                let server = hyper::server::conn::http1::Builder::new();
                let connection = server.serve_connection(TokioIo::new(stream), service);
                tokio::spawn(async { drop(connection.await) });
            }
        });
        Self { address, requests, task }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The next request's answer, to be written.
    pub async fn next(&mut self) -> Script {
        self.requests.recv().await.expect("the server runs")
    }
}

impl Drop for ScriptedUpstream {
    fn drop(&mut self) {
        self.task.abort();
    }
}
