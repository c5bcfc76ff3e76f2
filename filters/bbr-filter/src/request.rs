//! One request's way through the filter.

use std::rc::Rc;
use std::time::Duration;

use filter_host::{Flow, StreamHost, StreamId};
use shared::bbr::{
    BASE_MODEL_HEADER, BodyKind, BodyReader, Entropy, Found, MODEL_HEADER, MissingModelPolicy,
    Named, Outcome, Plan, Progress, Rejection, RequestHead, Route, RouteOn, SplitBy, plan,
    plan_without_body,
};
use shared::prompt::{PromptDigest, REQUEST_FACTS};

use crate::policy::Policy;
use crate::splice::{Splice, splice};

/// The state machine of one request.
#[derive(Debug)]
pub struct Request<H> {
    host: H,
    id: StreamId,
    policy: Rc<Policy>,
    state: State,
    /// Bytes of the body seen so far.
    read: u64,
    content_length: Option<u64>,
    /// How long reading took so far, if this request is measured.
    scan_time: Option<Duration>,
}

#[derive(Debug)]
enum State {
    /// Headers and body are held; no model yet.
    Reading(BodyReader),
    /// Released at the first model; the rest is checked as it streams through.
    Watching(BodyReader, Outcome),
    /// Nothing is left to do: passed on, or answered and counted.
    Over,
}

/// What Envoy has received of a request, headers and body, in bytes.
pub fn received(host: &impl StreamHost) -> u64 {
    host.number(&["request", "total_size"]).unwrap_or(0)
}

impl<H: StreamHost> Request<H> {
    /// A request whose headers have not come yet.
    pub fn new(host: H, id: StreamId, policy: Rc<Policy>) -> Self {
        Self {
            host,
            id,
            policy,
            state: State::Over,
            read: 0,
            content_length: None,
            scan_time: None,
        }
    }

    /// The headers came; `end` if nothing follows.
    pub fn on_headers(&mut self, end: bool) -> Flow {
        let headers = self.host.headers();
        let head = RequestHead::from_headers(headers.iter());
        // Only what the filter itself finds may stand there, also where it finds nothing.
        if head.has_model_header {
            self.host.remove_header(MODEL_HEADER);
        }
        if head.has_base_model_header {
            self.host.remove_header(BASE_MODEL_HEADER);
        }
        self.content_length = head.body_length();
        let settings = &self.policy.settings;
        let plan = if end { plan_without_body(settings, &head) } else { plan(settings, &head) };
        match plan {
            Plan::Pass => self.pass(Outcome::Passed),
            Plan::Read(kind) => self.start_reading(kind),
            Plan::ListModels => self.answer_models(self.policy.models_json()),
            Plan::ShowModel(id) => match self.policy.model_json(&id) {
                Some(json) => self.answer_models(json),
                None => self.reject(&Rejection::UnknownModel { model: id }),
            },
            Plan::Reject(rejection) => self.reject(&rejection),
        }
    }

    /// A part of the body came. `held` is what the host holds of the body now:
    /// all of it while reading, the new part alone after the release.
    pub fn on_body(&mut self, held: usize, end: bool) -> Flow {
        if matches!(self.state, State::Over) {
            return Flow::Continue;
        }
        self.policy.watch.body_came();
        let started = self.scan_time.map(|_| self.host.now());
        let flow = match self.read_body(held, end) {
            Ok(flow) => flow,
            Err(rejection) => self.reject(&rejection),
        };
        if let (Some(time), Some(started)) = (&mut self.scan_time, started) {
            *time = time.saturating_add(self.host.now().saturating_sub(started));
        }
        if matches!(self.state, State::Over) {
            self.record_sizes();
        }
        flow
    }

    /// The trailers came: they end the body.
    pub fn on_trailers(&mut self) -> Flow {
        if matches!(self.state, State::Over) {
            return Flow::Continue;
        }
        self.policy.watch.body_came();
        let flow = match self.end() {
            Ok(flow) => flow,
            Err(rejection) => self.reject(&rejection),
        };
        self.record_sizes();
        flow
    }

    /// The request is over, for whatever reason.
    pub fn on_done(&mut self) {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Over => {}
            State::Reading(_) if self.policy.watch.release(self.id) => {
                self.count(Rejection::BodyWithheld.outcome());
            }
            State::Reading(_) => self.count(Outcome::Aborted),
            State::Watching(_, outcome) => self.count(outcome),
        }
    }

    fn start_reading(&mut self, kind: BodyKind) -> Flow {
        match BodyReader::new(kind, self.policy.settings.prompt_digest) {
            Some(reader) => {
                self.state = State::Reading(reader);
                self.scan_time = self.policy.metrics.sampler.take().then_some(Duration::ZERO);
                if self.policy.watch.is_waiting() {
                    self.policy.watch.hold(self.id, self.host.now(), received(&self.host));
                }
                Flow::Hold
            }
            None => self.pass(Outcome::Passed),
        }
    }

    fn read_body(&mut self, held: usize, end: bool) -> Result<Flow, Rejection> {
        let start = match self.state {
            // The last part may come twice (envoy issue 46237): then nothing is new.
            State::Reading(_) => usize::try_from(self.read).unwrap_or(usize::MAX).min(held),
            State::Watching(..) | State::Over => 0,
        };
        let new = held.saturating_sub(start);
        if !self.is_undecided() {
            self.check_length(new)?;
        }
        if new > 0 {
            let chunk = self.host.body(start, new).ok_or(Rejection::Host)?;
            self.read = self.read.saturating_add(chunk.len() as u64);
            if let Some(flow) = self.feed(&chunk)? {
                return Ok(flow);
            }
            // Only now it is known that the body is to be read.
            self.check_length(0)?;
        }
        if end {
            return self.end();
        }
        Ok(match self.state {
            State::Reading(_) => Flow::Hold,
            State::Watching(..) | State::Over => Flow::Continue,
        })
    }

    /// Whether the body may still turn out to be none of the filter's business.
    fn is_undecided(&self) -> bool {
        matches!(self.state, State::Reading(BodyReader::Sniff(_)))
    }

    /// Refuses a body that is, or is announced to be, above the limit.
    fn check_length(&self, new: usize) -> Result<(), Rejection> {
        let limit = self.policy.settings.max_body_bytes;
        let length = self.read.saturating_add(new as u64).max(self.content_length.unwrap_or(0));
        if length > limit { Err(Rejection::BodyTooLarge { limit }) } else { Ok(()) }
    }

    /// Reads a chunk; the flow, if that decided it.
    fn feed(&mut self, chunk: &[u8]) -> Result<Option<Flow>, Rejection> {
        let (State::Reading(reader) | State::Watching(reader, _)) = &mut self.state else {
            return Ok(None);
        };
        let progress = reader.feed(chunk)?;
        match (progress, &self.state, self.policy.settings.route_on) {
            (Progress::NotOurs, ..) => Ok(Some(self.pass(Outcome::Passed))),
            (Progress::Named, State::Reading(_), RouteOn::FirstModel) => {
                self.release().map(|()| None)
            }
            _ => Ok(None),
        }
    }

    /// Routes by the first model and lets the rest stream.
    fn release(&mut self) -> Result<(), Rejection> {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Reading(reader) => {
                if let Some(named) = reader.model() {
                    let outcome = self.route(named, None)?;
                    self.state = State::Watching(reader, outcome);
                } else {
                    self.state = State::Reading(reader);
                }
            }
            other => self.state = other,
        }
        Ok(())
    }

    /// The body is complete.
    fn end(&mut self) -> Result<Flow, Rejection> {
        let outcome = match std::mem::replace(&mut self.state, State::Over) {
            State::Over => return Ok(Flow::Continue),
            State::Watching(reader, outcome) => {
                reader.finish()?;
                outcome
            }
            State::Reading(reader) => {
                let (found, digest) = reader.finish()?;
                match found {
                    Found::Model(named) => self.route(named, digest.as_ref())?,
                    Found::NotOurs => Outcome::Passed,
                    Found::NoModel => match self.policy.settings.on_missing_model {
                        MissingModelPolicy::Pass => {
                            self.tell(digest.as_ref(), "");
                            Outcome::MissingModel
                        }
                        MissingModelPolicy::Reject => return Err(Rejection::MissingModel),
                    },
                }
            }
        };
        Ok(self.pass(outcome))
    }

    /// Sets the headers, and the model in the body if it is another one.
    fn route(&mut self, named: Named, digest: Option<&PromptDigest>) -> Result<Outcome, Rejection> {
        let Named { name, place } = named;
        let policy = Rc::clone(&self.policy);
        // Only a rewrite is counted by the name asked for.
        let asked = (!policy.settings.rewrites.is_empty()).then(|| name.clone());
        let Route { model, base, rewritten, outcome } =
            policy.settings.route(name, |split_by| self.entropy(split_by))?;
        self.host.set_header(MODEL_HEADER, model.as_str().as_bytes());
        if let Some(base) = base {
            self.host.set_header(BASE_MODEL_HEADER, base.as_str().as_bytes());
        }
        if rewritten {
            let Splice { added, removed } =
                splice(&self.host, &place, &model).map_err(|_| Rejection::Host)?;
            if let Some(length) = self.content_length {
                let length = length.saturating_add(added).saturating_sub(removed);
                self.host.set_header("content-length", length.to_string().as_bytes());
            }
            asked.iter().for_each(|asked| policy.metrics.count_rewrite(asked));
        }
        policy.metrics.count_model(&model);
        self.tell(digest, model.as_str());
        Ok(outcome)
    }

    /// Leaves what is known of the prompt to the filters behind, for the model that will
    /// read it.
    fn tell(&self, digest: Option<&PromptDigest>, model: &str) {
        if let Some(facts) = digest.and_then(|digest| digest.facts(model)) {
            self.host.keep(REQUEST_FACTS, &facts.encode());
        }
    }

    fn entropy(&self, split_by: SplitBy) -> Entropy {
        let id = match split_by {
            SplitBy::RequestId => self.host.header("x-request-id"),
            SplitBy::Random => None,
        };
        id.map_or_else(
            || {
                Entropy::Random(
                    u64::from(self.host.now().subsec_nanos()) ^ self.host.now().as_secs(),
                )
            },
            Entropy::RequestId,
        )
    }

    fn pass(&mut self, outcome: Outcome) -> Flow {
        self.count(outcome);
        self.state = State::Over;
        Flow::Continue
    }

    fn answer_models(&mut self, json: Vec<u8>) -> Flow {
        self.count(Outcome::ServedModels);
        self.host.respond(200, &[], &json);
        Flow::Hold
    }

    fn reject(&mut self, rejection: &Rejection) -> Flow {
        self.state = State::Over;
        self.count(rejection.outcome());
        let error = rejection.error_object();
        let id = self.host.header("x-request-id").unwrap_or_default();
        let id = id.get(..64).unwrap_or(&id).escape_ascii();
        // Neither the model nor the parser's words: both may quote the client.
        match rejection {
            Rejection::NotJson(at) => {
                self.host.warn(&format!(
                    "request {id}: {} {}: {at}",
                    rejection.status(),
                    error.code
                ));
            }
            _ => self.host.warn(&format!("request {id}: {} {}", rejection.status(), error.code)),
        }
        self.host.respond(rejection.status(), &[], &error.to_json());
        Flow::Hold
    }

    fn count(&self, outcome: Outcome) {
        self.policy.metrics.count_outcome(outcome);
    }

    fn record_sizes(&self) {
        let Some(scan_time) = self.scan_time else { return };
        let metrics = &self.policy.metrics;
        if let Some(histogram) = metrics.body_bytes {
            self.host.record(histogram, self.read);
        }
        if let Some(histogram) = metrics.scan_microseconds {
            self.host.record(histogram, u64::try_from(scan_time.as_micros()).unwrap_or(u64::MAX));
        }
    }
}
