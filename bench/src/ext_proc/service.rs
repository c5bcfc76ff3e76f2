//! The gRPC service: one stream per request.

use super::answers::{body_back, model, to_body, to_headers, to_trailers, wait};
use envoy_types::pb::envoy::service::ext_proc::v3::external_processor_server::{
    ExternalProcessor, ExternalProcessorServer,
};
use envoy_types::pb::envoy::service::ext_proc::v3::{
    ProcessingRequest, ProcessingResponse, processing_request::Request as Asked,
};
use futures_util::Stream;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status, Streaming};

/// The largest message: more than the largest body.
const LARGEST: usize = 64 << 20;
/// HTTP/2 windows, so that no body waits for them.
const WINDOW: u32 = 24 << 20;
/// Answers that may wait for Envoy, of one stream.
const WAITING: usize = 16;

/// Serves for as long as nothing goes wrong.
///
/// # Errors
/// The server could not go on.
pub async fn serve(listener: TcpListener, duplex: bool) -> Result<(), tonic::transport::Error> {
    let service = ExternalProcessorServer::new(Server { duplex })
        .max_decoding_message_size(LARGEST)
        .max_encoding_message_size(LARGEST);
    tonic::transport::Server::builder()
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .add_service(service)
        // Else each answer waits for the acknowledgement of the one before, 40 ms.
        .serve_with_incoming(TcpIncoming::from(listener).with_nodelay(Some(true)))
        .await
}

#[derive(Debug)]
struct Server {
    duplex: bool,
}

#[tonic::async_trait]
impl ExternalProcessor for Server {
    type ProcessStream = Answers;

    async fn process(
        &self,
        request: Request<Streaming<ProcessingRequest>>,
    ) -> Result<Response<Answers>, Status> {
        let (sender, answers) = mpsc::channel(WAITING);
        let (questions, duplex) = (request.into_inner(), self.duplex);
        tokio::spawn(async move {
            if let Err(status) = answer(questions, &sender, duplex).await {
                // A stream that has ended needs no answer.
                let _ = sender.send(Err(status)).await;
            }
        });
        Ok(Response::new(Answers(answers)))
    }
}

type Sender = mpsc::Sender<Result<ProcessingResponse, Status>>;

async fn answer(
    mut questions: Streaming<ProcessingRequest>,
    sender: &Sender,
    duplex: bool,
) -> Result<(), Status> {
    let invalid = |error: serde_json::Error| Status::invalid_argument(error.to_string());
    let mut body = Vec::new();
    while let Some(question) = questions.message().await? {
        let answers = match question.request {
            Some(Asked::RequestBody(chunk)) if duplex => {
                body.extend_from_slice(&chunk.body);
                if !chunk.end_of_stream {
                    continue;
                }
                let headers = to_headers(model(&body).map_err(invalid)?);
                [vec![headers], body_back(&body, true)].concat()
            }
            Some(Asked::RequestBody(chunk)) => {
                vec![to_body(model(&chunk.body).map_err(invalid)?)]
            }
            Some(Asked::RequestTrailers(_)) => vec![to_trailers()],
            // Envoy goes on to the body only after an answer, but holds the headers.
            Some(Asked::RequestHeaders(_)) if !duplex => vec![wait()],
            // Headers are answered when the body has ended.
            _ => continue,
        };
        for answer in answers {
            if sender.send(Ok(answer)).await.is_err() {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// The answers of one stream.
#[derive(Debug)]
struct Answers(mpsc::Receiver<Result<ProcessingResponse, Status>>);

impl Stream for Answers {
    type Item = Result<ProcessingResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(cx)
    }
}
