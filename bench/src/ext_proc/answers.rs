//! The messages that go back to Envoy.

use envoy_types::pb::envoy::config::core::v3::header_value_option::HeaderAppendAction;
use envoy_types::pb::envoy::config::core::v3::{HeaderValue, HeaderValueOption};
use envoy_types::pb::envoy::service::ext_proc::v3::{
    BodyMutation, BodyResponse, CommonResponse, HeaderMutation, HeadersResponse,
    ProcessingResponse, StreamedBodyResponse, TrailersResponse, body_mutation,
    processing_response::Response,
};
use serde::Deserialize;

/// A streamed piece of a body is at most this long: Envoy refuses messages that do not fit
/// into its buffers.
const PIECE: usize = 64 * 1024;

#[derive(Deserialize)]
struct OnlyModel {
    model: String,
}

/// The model that a whole body names.
pub(super) fn model(body: &[u8]) -> Result<String, serde_json::Error> {
    serde_json::from_slice::<OnlyModel>(body).map(|found| found.model)
}

/// To a body that Envoy holds.
pub(super) fn to_body(model: String) -> ProcessingResponse {
    message(Response::RequestBody(BodyResponse { response: Some(routed(model)) }))
}

/// To headers of which nothing is known yet.
pub(super) fn wait() -> ProcessingResponse {
    message(Response::RequestHeaders(HeadersResponse::default()))
}

/// To headers that wait for the body's end.
pub(super) fn to_headers(model: String) -> ProcessingResponse {
    message(Response::RequestHeaders(HeadersResponse { response: Some(routed(model)) }))
}

/// The body, back again.
pub(super) fn body_back(body: &[u8], end_of_stream: bool) -> Vec<ProcessingResponse> {
    let pieces = body.len().div_ceil(PIECE).max(1);
    let piece = |(n, piece): (usize, &[u8])| {
        let streamed = StreamedBodyResponse {
            body: piece.to_vec(),
            end_of_stream: end_of_stream && n + 1 == pieces,
            ..Default::default()
        };
        let mutation = Some(body_mutation::Mutation::StreamedResponse(streamed));
        let body_mutation = Some(BodyMutation { mutation });
        let response = Some(CommonResponse { body_mutation, ..Default::default() });
        message(Response::RequestBody(BodyResponse { response }))
    };
    if body.is_empty() {
        return vec![piece((0, &[]))];
    }
    body.chunks(PIECE).enumerate().map(piece).collect()
}

/// To trailers.
pub(super) fn to_trailers() -> ProcessingResponse {
    message(Response::RequestTrailers(TrailersResponse::default()))
}

fn routed(model: String) -> CommonResponse {
    let header = HeaderValue {
        key: "x-gateway-model-name".to_owned(),
        raw_value: model.into_bytes(),
        ..Default::default()
    };
    let set = HeaderValueOption {
        header: Some(header),
        append_action: HeaderAppendAction::OverwriteIfExistsOrAdd.into(),
        ..Default::default()
    };
    CommonResponse {
        header_mutation: Some(HeaderMutation { set_headers: vec![set], ..Default::default() }),
        clear_route_cache: true,
        ..Default::default()
    }
}

fn message(response: Response) -> ProcessingResponse {
    ProcessingResponse { response: Some(response), ..Default::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bodies::{Kind, MODEL, Place, Size, body};

    #[test]
    fn the_body_comes_back_in_pieces_and_ends_once() {
        for size in [0, 1, PIECE, PIECE + 1, 3 * PIECE] {
            let body = vec![7; size];
            let messages = body_back(&body, true);
            let mut ends = Vec::new();
            let mut back = Vec::new();
            for message in messages {
                let Some(Response::RequestBody(body)) = message.response else { panic!() };
                let mutation = body.response.unwrap().body_mutation.unwrap().mutation;
                let Some(body_mutation::Mutation::StreamedResponse(piece)) = mutation else {
                    panic!()
                };
                back.extend(piece.body);
                ends.push(piece.end_of_stream);
            }
            assert_eq!(back, body);
            assert_eq!(ends.iter().filter(|end| **end).count(), 1);
            assert_eq!(ends.last(), Some(&true));
        }
    }

    #[test]
    fn the_model_is_found_and_half_a_body_has_none() {
        let body = body(Kind::Chat, Size(8_000), Place::Last);
        assert_eq!(model(&body).unwrap(), MODEL);
        assert!(model(&body[..4_000]).is_err());
    }
}
