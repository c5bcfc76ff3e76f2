//! The model server of the measurement: reads each request to its end and says what
//! it got.
//!
//! Rejected: the simulator; what it does beside answering would take from the core
//! that the load needs.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use std::future::Future;
use std::io;
use std::time::Duration;
use tokio::net::TcpListener;

/// The header that the filters set.
const MODEL_HEADER: &str = "x-gateway-model-name";
/// How long to wait after a failed accept, so that a lack of descriptors does not spin.
const PAUSE: Duration = Duration::from_millis(10);

/// Serves on a free port of loopback for as long as the runtime runs.
pub async fn start() -> io::Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let port = listener.local_addr()?.port();
    serve(listener, answer);
    Ok(port)
}

/// Serves with any answers for as long as the runtime runs.
pub fn serve<A, F, B>(listener: TcpListener, answer: A)
where
    A: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Result<Response<B>, hyper::Error>> + Send + 'static,
    B: Body<Data = Bytes, Error: std::error::Error + Send + Sync> + Send + 'static,
{
    tokio::spawn(async move {
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                tokio::time::sleep(PAUSE).await;
                continue;
            };
            let _ = stream.set_nodelay(true);
            let service = service_fn(answer.clone());
            tokio::spawn(async move {
                // A broken connection shows at the client.
                let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
}

/// The answer to a request with this header and this many bytes.
pub fn text(model: &str, bytes: usize) -> String {
    format!("{{\"model\":\"{model}\",\"bytes\":{bytes}}}")
}

/// Reads the request to its end and says what it was.
pub async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, hyper::Error> {
    answer_noting(request, || ()).await
}

/// The same, and calls `note` with each piece of the body.
pub async fn answer_noting(
    request: Request<Incoming>,
    note: impl Fn(),
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let (head, mut body) = request.into_parts();
    let model = head.headers.get(MODEL_HEADER).and_then(|value| value.to_str().ok());
    let mut bytes = 0;
    while let Some(frame) = body.frame().await {
        note();
        bytes += frame?.data_ref().map_or(0, Bytes::len);
    }
    Ok(Response::new(Full::from(text(model.unwrap_or(""), bytes))))
}
