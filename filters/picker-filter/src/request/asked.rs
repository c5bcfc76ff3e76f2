//! What a request asks for, as its headers and its stream say.
//!
//! All headers come in one call into Envoy, which costs as much as asking for two.

use filter_host::{Headers, StreamHost};
use shared::bbr::{BASE_MODEL_HEADER, MODEL_HEADER};
use shared::picker::{
    OBJECTIVE_HEADERS, Priority, SUBSET_HEADER, Settings, parse_subset, session_endpoint,
};
use shared::pools::{EndpointId, Millis};
use shared::prompt::{REQUEST_FACTS, RequestFacts};
use shared::scheduling::{AdapterKey, PickRequest, Prompt};
use shared::status::{Candidate, Decision};

use crate::metrics::Outcome;

/// What a request asks for.
#[derive(Debug)]
pub(super) struct Asked {
    /// The model, if BBR found that it is not its own base.
    pub(super) adapter: Option<AdapterKey>,
    subset: Option<Vec<EndpointId>>,
    session: Option<EndpointId>,
    pub(super) priority: Priority,
    /// What BBR knows of the prompt, if that is wanted and BBR told it.
    pub(super) facts: Option<RequestFacts>,
}

impl Asked {
    pub(super) fn of(host: &impl StreamHost, headers: &Headers, settings: &Settings) -> Self {
        let [model, base, subset, objective, older_objective] = headers.first([
            MODEL_HEADER,
            BASE_MODEL_HEADER,
            SUBSET_HEADER,
            OBJECTIVE_HEADERS[0],
            OBJECTIVE_HEADERS[1],
        ]);
        let session = settings.session_header.as_deref();
        let token = session.and_then(|name| headers.first([name])[0]);
        let objective = text(objective.or(older_objective));
        let hint = settings.subset_metadata.then(|| subset_in_metadata(host)).flatten();
        Self {
            adapter: adapter(model, base),
            subset: hint.or_else(|| subset.map(|_| subset_in_headers(headers))),
            session: token.and_then(session_endpoint),
            priority: settings.priority(objective, text(model)),
            facts: settings.request_facts.then(|| facts(host)).flatten(),
        }
    }

    /// A choice for this request, to be looked at later.
    pub(super) fn decision(
        &self,
        headers: &Headers,
        at: Millis,
        pool: usize,
        outcome: Outcome,
        saturation: Option<f32>,
        candidates: Vec<Candidate>,
    ) -> Decision {
        let [model, objective, older_objective] =
            headers.first([MODEL_HEADER, OBJECTIVE_HEADERS[0], OBJECTIVE_HEADERS[1]]);
        Decision {
            at,
            pool,
            model: text(model).map(str::to_owned),
            adapter: self.adapter.is_some(),
            objective: text(objective.or(older_objective)).map(str::to_owned),
            outcome: outcome.label().into(),
            saturation,
            candidates,
        }
    }

    /// The prompt, for scorers that look at it.
    pub(super) fn prompt(&self) -> Option<Prompt<'_>> {
        let RequestFacts { prompt_tokens, block_tokens, chain, .. } = self.facts.as_ref()?;
        let (prompt_tokens, block_tokens) = (*prompt_tokens, *block_tokens);
        Some(Prompt { chain, block_tokens, prompt_tokens })
    }

    /// The same for the pick.
    pub(super) fn pick(&self) -> PickRequest<'_> {
        let Self { adapter, session, .. } = *self;
        PickRequest { adapter, subset: self.subset.as_deref(), session, prompt: self.prompt() }
    }
}

/// Facts of another release count as none: the two filters are rolled out one by one.
fn facts(host: &impl StreamHost) -> Option<RequestFacts> {
    RequestFacts::decode(&host.property(&[REQUEST_FACTS])?).ok()
}

fn text(value: Option<&[u8]>) -> Option<&str> {
    str::from_utf8(value?).ok()
}

fn adapter(model: Option<&[u8]>, base: Option<&[u8]>) -> Option<AdapterKey> {
    let (model, base) = (model?, base?);
    if model == base { None } else { Some(AdapterKey::of(str::from_utf8(model).ok()?)) }
}

fn subset_in_headers(headers: &Headers) -> Vec<EndpointId> {
    let hints = headers.iter().filter(|(name, _)| *name == SUBSET_HEADER.as_bytes());
    hints.flat_map(|(_, hint)| parse_subset(hint)).collect()
}

fn subset_in_metadata(host: &impl StreamHost) -> Option<Vec<EndpointId>> {
    let path = ["metadata", "filter_metadata", "envoy.lb.subset_hint", SUBSET_HEADER];
    let hint = host.property(&path)?;
    if !hint.contains(&0) {
        return Some(parse_subset(&hint));
    }
    // A list in metadata comes in the form of headers without values.
    let hint = Headers::from_wire(hint);
    Some(hint.iter().flat_map(|(endpoint, _)| parse_subset(endpoint)).collect())
}
