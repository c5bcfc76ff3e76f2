//! One connection to the gateway.
//!
//! Rejected: a pooling client. Tests must know which connection a request takes.

use crate::answer::Answer;
use crate::call::{Call, Upload};
use http::Response;
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::net::SocketAddr;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

/// A version of HTTP, without TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// HTTP/1.1.
    H1,
    /// HTTP/2 with prior knowledge.
    H2,
}

impl Version {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::H1, Self::H2];
}

enum Sender {
    H1(http1::SendRequest<Upload>),
    H2(http2::SendRequest<Upload>),
}

/// One connection; closed when dropped.
pub struct Client {
    address: SocketAddr,
    sender: Sender,
    connection: JoinHandle<()>,
}

impl Client {
    /// Connects.
    pub async fn connect(address: SocketAddr, version: Version) -> Self {
        let stream = TcpStream::connect(address).await.expect("the gateway listens");
        // Small pieces must leave one by one.
        stream.set_nodelay(true).expect("a socket option");
        let io = TokioIo::new(stream);
        // Errors of the connection show in the answers.
        let (sender, connection) = match version {
            Version::H1 => {
                let mut builder = http1::Builder::new();
                builder.max_headers(512);
                let (sender, connection) = builder.handshake(io).await.expect("a handshake");
                let task = tokio::spawn(async { drop(connection.await) });
                (Sender::H1(sender), task)
            }
            Version::H2 => {
                let (sender, connection) =
                    http2::handshake(TokioExecutor::new(), io).await.expect("a handshake");
                let task = tokio::spawn(async { drop(connection.await) });
                (Sender::H2(sender), task)
            }
        };
        Self { address, sender, connection }
    }

    /// Sends a request; returns when the answer's headers are there.
    ///
    /// # Errors
    /// The connection or the stream broke.
    pub async fn start(&mut self, call: Call) -> Result<Response<Incoming>, hyper::Error> {
        match &mut self.sender {
            Sender::H1(sender) => {
                sender.ready().await?;
                let request = call.into_request(self.address, false);
                sender.send_request(request).await
            }
            Sender::H2(sender) => {
                sender.ready().await?;
                let request = call.into_request(self.address, true);
                sender.send_request(request).await
            }
        }
    }

    /// Starts a request without waiting for those before it; the future reads the whole
    /// answer. HTTP/2 only.
    ///
    /// # Panics
    /// The connection is HTTP/1.1.
    pub fn begin(
        &mut self,
        call: Call,
    ) -> impl Future<Output = Result<Answer, hyper::Error>> + use<> {
        let Sender::H2(sender) = &mut self.sender else {
            panic!("one request at a time on HTTP/1.1");
        };
        let response = sender.send_request(call.into_request(self.address, true));
        async { Answer::read(response.await?).await }
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// The connection or the stream broke.
    pub async fn try_send(&mut self, call: Call) -> Result<Answer, hyper::Error> {
        Answer::read(self.start(call).await?).await
    }

    /// As [`Self::try_send`].
    ///
    /// # Panics
    /// The connection or the stream broke.
    pub async fn send(&mut self, call: Call) -> Answer {
        self.try_send(call).await.unwrap_or_else(|error| panic!("no answer: {error:?}"))
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.connection.abort();
    }
}
