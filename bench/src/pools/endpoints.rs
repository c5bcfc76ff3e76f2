//! Many model servers on loopback: one port, an address each.
//!
//! Rejected: one server with many ports; an endpoint that shares an address with others is
//! not what a pool of pods looks like, neither to Envoy nor to the picker.

use crate::envoys::upstream;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue};
use hyper::{Method, Request, Response};
use std::fmt::Write;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use tokio::net::TcpListener;

/// What a vLLM server prints: the families that the picker looks for, and some others.
const PAGE: &str = include_str!("../../../shared/src/server_metrics/pages/vllm.txt");
/// Endpoints differ in their load; so many pages in all.
const PAGES: u16 = 16;

/// Serving endpoints.
#[derive(Clone, Debug)]
pub struct Endpoints {
    /// Their addresses.
    pub addresses: Vec<SocketAddr>,
}

/// Starts endpoints that serve for as long as the runtime runs. Their `/metrics` have
/// `page` bytes, or a little more; `keep` says whether connections outlive a scrape.
///
/// # Errors
/// There are no free ports, or not enough descriptors.
pub async fn start(count: u16, page: usize, keep: bool) -> io::Result<Endpoints> {
    let pages: Vec<Bytes> = (0..PAGES).map(|n| Bytes::from(metrics(n, page))).collect();
    let (endpoints, listeners) = listen(count).await?;
    for (listener, page) in listeners.into_iter().zip(pages.iter().cycle()) {
        let page = page.clone();
        upstream::serve(listener, move |request| answer(request, page.clone(), keep));
    }
    Ok(endpoints)
}

/// Endpoints, and what listens there.
pub async fn listen(count: u16) -> io::Result<(Endpoints, Vec<TcpListener>)> {
    let (mut addresses, mut listeners) = (Vec::new(), Vec::new());
    let mut port = 0;
    for n in 0..count {
        let [high, low] = n.to_be_bytes();
        // 127.0.0.1 is taken by all that runs here.
        let address = SocketAddr::from((Ipv4Addr::new(127, 1, high, low), port));
        let listener = TcpListener::bind(address).await?;
        port = listener.local_addr()?.port();
        addresses.push(listener.local_addr()?);
        listeners.push(listener);
    }
    Ok((Endpoints { addresses }, listeners))
}

async fn answer(
    request: Request<Incoming>,
    page: Bytes,
    keep: bool,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    if request.method() == Method::GET && request.uri().path() == "/metrics" {
        request.into_body().collect().await?;
        let mut response = Response::new(Full::new(page));
        if !keep {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        return Ok(response);
    }
    upstream::answer(request).await
}

/// A page with the load of endpoint `n`, filled up to `size` bytes with histograms.
pub fn metrics(n: u16, size: usize) -> String {
    const RUNNING: &str =
        "vllm:num_requests_running{engine=\"0\",model_name=\"meta-llama/Llama-3.1-8B-Instruct\"}";
    let mut text = PAGE.replace(&format!("{RUNNING} 5.0"), &format!("{RUNNING} {n}.0"));
    for family in 0.. {
        if text.len() >= size {
            break;
        }
        // Writing into a `String` cannot fail.
        let name = format!("vllm:bench_{family}_seconds");
        let _ = writeln!(text, "# HELP {name} Histogram of a part of a request's time in seconds.");
        let _ = writeln!(text, "# TYPE {name} histogram");
        for bucket in 0..20 {
            let _ = writeln!(
                text,
                "{name}_bucket{{engine=\"0\",le=\"{bucket}.5\",model_name=\"meta-llama/Llama-3.1-8B-Instruct\"}} {}.0",
                bucket * 1_000 + n,
            );
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::server_metrics::{MetricNames, MetricsReader, ServerKind};

    #[test]
    fn a_page_has_its_size_and_says_the_endpoint_s_load() {
        for (n, size) in [(0, 0), (7, 60_000)] {
            let page = metrics(n, size);
            assert!((size..size.max(PAGE.len()) + 4_000).contains(&page.len()), "{}", page.len());
            let names = MetricNames::new(ServerKind::Vllm);
            let mut reader = MetricsReader::new(&names);
            reader.feed(page.as_bytes());
            let metrics = reader.finish().metrics;
            assert_eq!((metrics.running, metrics.waiting), (Some(n.into()), Some(2)));
        }
    }

    #[tokio::test]
    async fn every_endpoint_has_an_address_of_its_own() {
        let mut addresses = start(300, 0, true).await.unwrap().addresses;
        addresses.dedup_by_key(|address| address.ip());
        assert_eq!(addresses.len(), 300);
    }
}
