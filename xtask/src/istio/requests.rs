//! The guides' requests, sent to the gateway, and where each went.
//!
//! Invariant: the picker's word, the model server's own word and the address are all
//! compared: a request that reached a right pool by Envoy's own choice is wrong.

use super::pods::Pod;
use crate::daemon::eventually;
use crate::demo::requests::{self, Request};
use crate::http;
use anyhow::{Result, ensure};
use simulator::Server;
use std::time::Duration;
use ureq::Agent;
use ureq::http::HeaderMap;

const TIMEOUT: Duration = Duration::from_secs(30);
const GATEWAY: &str = "http://127.0.0.1:80";

/// Sends all of them; how many it were.
pub(super) fn send(pods: &[Pod], servers: &[Server]) -> Result<usize> {
    let agent = http::agent(TIMEOUT);
    let all = requests::all();
    for request in &all {
        // The first of a pool may come before its endpoints' first metrics.
        eventually(&format!("{} is not picked for", request.model), || {
            let picker = post(&agent, request)?.1;
            let known = picker.contains("why=picked;");
            Ok(known.then_some(()))
        })?;
        let (status, picker, pod, model) = post(&agent, request)?;
        let wrong = wrong(request, status, &picker, &pod, &model, pods, servers);
        ensure!(wrong.is_none(), "{}: {}", request.model, wrong.unwrap_or_default());
    }
    Ok(all.len())
}

/// The status; what the picker says; the model server's name; the model as it saw it.
type Answer = (u16, String, String, String);

fn post(agent: &Agent, request: &Request) -> Result<Answer> {
    let url = format!("{GATEWAY}{}", request.path());
    let post = agent.post(&url).header("content-type", "application/json");
    let mut answer = post.send(request.body()?)?;
    answer.body_mut().read_to_vec()?;
    let header = |name: &str| text(answer.headers(), name);
    let (picker, pod) = (header("x-gateway-picker"), header("x-inference-pod"));
    Ok((answer.status().as_u16(), picker, pod, header("x-sim-model-header")))
}

fn text(headers: &HeaderMap, name: &str) -> String {
    let value = headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()));
    value.unwrap_or_default().into_owned()
}

/// What is wrong with an answer; none: nothing.
fn wrong(
    request: &Request,
    status: u16,
    picker: &str,
    pod: &str,
    model: &str,
    pods: &[Pod],
    servers: &[Server],
) -> Option<String> {
    let served = servers.iter().find(|server| server.name() == pod);
    let address = served.map(|server| server.addr().to_string()).unwrap_or_default();
    let mut in_pool = pods.iter().filter(|one| one.pool == request.pool);
    let facts = [
        ("its status", status == 200),
        ("X-Gateway-Model-Name", model == request.model),
        ("the picker's pool", field(picker, "pool") == Some(request.pool)),
        ("the endpoint's pool", in_pool.any(|one| one.address.to_string() == address)),
        ("the endpoint", first_candidate(picker) == Some(&address)),
    ];
    let wrong: Vec<&str> =
        facts.iter().filter(|(_, right)| !right).map(|(name, _)| *name).collect();
    let wrong = (!wrong.is_empty()).then(|| wrong.join(", "))?;
    Some(format!("{wrong}: {status}, served by {pod} at {address}, picker: {picker}"))
}

fn field<'a>(picker: &'a str, name: &str) -> Option<&'a str> {
    let mut fields = picker.split("; ").filter_map(|field| field.split_once('='));
    fields.find(|(key, _)| *key == name).map(|(_, value)| value)
}

fn first_candidate(picker: &str) -> Option<&str> {
    field(picker, "candidates")?.split(',').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_picker_s_word_is_read() {
        let picker = "pool=gemma3; why=picked; score=5.000; candidates=10.0.0.1:80,10.0.0.2:80";
        assert_eq!(field(picker, "pool"), Some("gemma3"));
        assert_eq!(first_candidate(picker), Some("10.0.0.1:80"));
        assert_eq!(first_candidate("pool=gemma3; why=not_known_yet"), None);
    }

    #[test]
    fn a_request_that_nobody_picked_for_is_wrong() {
        let request = requests::all()[0];
        let said = wrong(&request, 200, "", "", request.model, &[], &[]).unwrap();
        assert!(
            said.starts_with("the picker's pool, the endpoint's pool, the endpoint:"),
            "{said}"
        );
    }
}
