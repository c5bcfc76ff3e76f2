//! How soon the first byte of a large body that comes slowly is at the upstream.
//!
//! Invariant: client and upstream read the same clock: both are this thread.

use crate::bodies::{Kind, Size, body};
use crate::envoys::{Stage, upstream};
use crate::gateway::Variant;
use crate::gateway::session::{LARGEST, start};
use crate::gateway::variant::Places;
use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use envoy_runner::EnvoyBinary;
use futures_util::stream::{self, StreamExt};
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::client::conn::http1;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};

/// The body.
const SIZE: Size = Size(10_000_000);
/// It comes in pieces of this many bytes,
const PIECE: usize = 100_000;
/// one each of these: 5 MB per second, a fast home connection's upload.
const PACE: Duration = Duration::from_millis(20);
/// The filters that uploads pass.
const VARIANTS: [Variant; 5] = [
    Variant::Nothing,
    Variant::Buffer,
    Variant::Complete,
    Variant::FirstModel,
    Variant::ExtProcDuplex,
];

/// What came of all uploads through one gateway.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Upload {
    /// Envoy's version.
    pub envoy: String,
    /// The filter.
    pub variant: Variant,
    /// Milliseconds from the request's begin to the first byte of its body at the upstream;
    /// by round.
    pub first_byte: Vec<f64>,
    /// Milliseconds to the answer; by round.
    pub answer: Vec<f64>,
    /// Peak of resident memory, in bytes; by round.
    pub memory: Vec<u64>,
}

/// The moment at which the upstream saw a body begin.
type Begin = Arc<Mutex<Option<Instant>>>;

/// Sends one upload after the other.
///
/// # Errors
/// An Envoy did not start, or an upload failed.
pub fn upload(
    stage: &Stage,
    binary: &EnvoyBinary,
    places: &Places,
    rounds: usize,
) -> Result<Vec<Upload>> {
    let begin = Begin::default();
    let upstream = stage.run(listen(Arc::clone(&begin)))?;
    let mut contestants = Vec::new();
    for variant in VARIANTS {
        let empty = Upload {
            envoy: binary.version.to_string(),
            variant,
            first_byte: Vec::new(),
            answer: Vec::new(),
            memory: Vec::new(),
        };
        contestants.push((start(binary, variant, places, upstream, LARGEST, None)?, empty));
    }
    for round in 0..=rounds {
        for (contestant, upload) in &mut contestants {
            let variant = upload.variant;
            contestant.forget_peak()?;
            let body = Bytes::from(body(Kind::Chat, SIZE, variant.place()));
            let expected = upstream::text(variant.model_header(), SIZE.0);
            let sent = Instant::now();
            let send = send(contestant.port, body, &expected);
            stage.run(send).with_context(|| contestant.label.clone())?;
            let answer = sent.elapsed();
            let first = begin.lock().ok().and_then(|mut begin| begin.take());
            let first = first.context("the upstream saw no body")?.duration_since(sent);
            let millis = |time: Duration| time.as_secs_f64() * 1e3;
            // The first compiles and connects.
            if round > 0 {
                println!(
                    "{:22} round {round}  first byte after {:7.1} ms, answer after {:7.1} ms",
                    contestant.label,
                    millis(first),
                    millis(answer)
                );
                upload.first_byte.push(millis(first));
                upload.answer.push(millis(answer));
                upload.memory.push(contestant.peak_memory()?);
            }
        }
    }
    Ok(contestants.into_iter().map(|(_, upload)| upload).collect())
}

async fn send(port: u16, body: Bytes, expected: &str) -> Result<()> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let pieces = body.len().div_ceil(PIECE);
    let length = body.len();
    let paced = stream::iter(0..pieces).then(move |n| {
        let piece = body.slice(n * PIECE..((n + 1) * PIECE).min(body.len()));
        async move {
            tokio::time::sleep(PACE).await;
            Ok::<_, Infallible>(Frame::data(piece))
        }
    });
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let request = Request::post("/v1/chat/completions")
        .header("host", "gateway")
        .header("content-type", "application/json")
        .header("content-length", length)
        .body(StreamBody::new(paced).boxed_unsync())?;
    let response = sender.send_request(request).await?;
    let status = response.status();
    let body = response.into_body().collect().await?.to_bytes();
    let body = String::from_utf8_lossy(&body);
    ensure!(body == expected, "expected {expected}, got {status} with {body:.200}");
    Ok(())
}

async fn listen(begin: Begin) -> std::io::Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let port = listener.local_addr()?.port();
    upstream::serve(listener, move |request| answer(request, Arc::clone(&begin)));
    Ok(port)
}

async fn answer(
    request: Request<Incoming>,
    begin: Begin,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    upstream::answer_noting(request, || {
        if let Ok(mut begin) = begin.lock() {
            begin.get_or_insert_with(Instant::now);
        }
    })
    .await
}
