//! What the BBR filter makes of the request: the same code that runs inside it.

use super::{HeaderReport, Question};
use crate::proxy::{FilterKind, Http, Role};
use shared::bbr::{
    BASE_MODEL_HEADER, Entropy, MODEL_HEADER, Outcome, Plan, RequestHead, Settings, plan,
};
use std::collections::BTreeMap;

/// What BBR does.
pub(super) struct Asked {
    pub(super) share: Option<f64>,
    pub(super) headers: Vec<HeaderReport>,
    pub(super) says: Vec<String>,
    pub(super) answered: Option<u16>,
}

impl Asked {
    fn only(says: impl Into<String>, answered: Option<u16>) -> Vec<Self> {
        vec![Self { share: None, headers: Vec::new(), says: vec![says.into()], answered }]
    }
}

/// What may happen at `http`.
pub(super) fn cases(http: &Http, question: &Question) -> Vec<Asked> {
    let Some(plugin) = http.plugins().find(|plugin| plugin.role == Role::Bbr) else {
        let waits = http.filters.iter().any(|one| matches!(one.kind, FilterKind::Discovered));
        let says = if waits {
            "the BBR filter has not arrived, so nothing reads the model"
        } else {
            "there is no BBR filter here, so nothing reads the model"
        };
        return Asked::only(says, None);
    };
    let settings = match plugin.bbr() {
        Ok(settings) => settings,
        Err(error) => {
            return Asked::only(
                format!("the BBR filter refuses its configuration: {error}"),
                Some(503),
            );
        }
    };
    let head = RequestHead {
        method: question.method.as_bytes(),
        path: question.path.as_bytes(),
        content_type: Some(b"application/json"),
        ..RequestHead::default()
    };
    match plan(&settings, &head) {
        Plan::Read(_) => {}
        Plan::Reject(rejection) => {
            return Asked::only(rejection.to_string(), Some(rejection.status()));
        }
        Plan::Pass | Plan::ListModels | Plan::ShowModel(_) => {
            let says = "BBR does not read bodies on this path (its `paths`), so it sets no header";
            return Asked::only(says, None);
        }
    }
    let mut cases = rewritten(&settings, &question.model);
    if !plugin.holds_headers {
        let says = "allow_on_headers_stop_iteration is not set: Envoy never shows BBR the body, and a request with one is answered 500";
        for case in &mut cases {
            case.says.insert(0, says.to_owned());
            case.answered = Some(500);
        }
    }
    cases
}

/// What may happen at `http`, were the filter set up as it should be.
pub(super) fn routed(http: &Http, question: &Question) -> Vec<Asked> {
    let plugin = http.plugins().find(|plugin| plugin.role == Role::Bbr);
    let settings = plugin.and_then(|plugin| plugin.bbr().ok());
    settings.map(|settings| rewritten(&settings, &question.model)).unwrap_or_default()
}

/// Every model that the name may stand for.
fn rewritten(settings: &Settings, model: &str) -> Vec<Asked> {
    let split = settings.rewrites.iter().find(|(name, _)| name.as_str() == model);
    let Some((_, rewrite)) = split else { return vec![asked(settings, model)] };
    // Targets are not rewritten again.
    let plain = Settings { rewrites: BTreeMap::new(), ..settings.clone() };
    let live: Vec<_> = rewrite.split.targets().iter().filter(|target| target.weight > 0).collect();
    let total: u64 = live.iter().map(|target| u64::from(target.weight)).sum();
    let only = live.len() == 1;
    let case = |target: &&shared::models::RewriteTarget| {
        let mut asked = asked(&plain, target.model.as_str());
        asked.says.insert(0, format!("{model:?} is rewritten to {:?}", target.model.as_str()));
        asked.share = (!only).then(|| f64::from(target.weight) / total as f64);
        asked
    };
    live.iter().map(case).collect()
}

fn asked(settings: &Settings, model: &str) -> Asked {
    let route = match settings.route(model.to_owned(), |_| Entropy::Random(0)) {
        Ok(route) => route,
        Err(rejection) => {
            let says = vec![rejection.to_string()];
            let answered = Some(rejection.status());
            return Asked { share: None, headers: Vec::new(), says, answered };
        }
    };
    let mut headers = vec![HeaderReport { name: MODEL_HEADER, value: route.model.to_string() }];
    headers.extend(
        route.base.map(|base| HeaderReport { name: BASE_MODEL_HEADER, value: base.to_string() }),
    );
    let says = match route.outcome {
        Outcome::BaseModel => "it is a base model".to_owned(),
        Outcome::Adapter => {
            let base = route.base.map(ToString::to_string).unwrap_or_default();
            format!("it is an adapter of {base}")
        }
        _ if settings.learn_adapters => {
            "the configuration does not name it; if a model server lists it (learnAdapters), it gets the base model's header too, which does not show here".to_owned()
        }
        _ => "the configuration does not name it, so it gets no base model's header".to_owned(),
    };
    Asked { share: None, headers, says: vec![says], answered: None }
}
