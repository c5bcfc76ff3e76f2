//! What to try: one curl command per model, ready to paste.

use crate::intent::{Intent, PathMatch};
use crate::render::Options;
use std::collections::BTreeSet;

/// The page that is printed when the gateway serves.
pub(super) fn page(intent: &Intent, options: &Options) -> String {
    let port = options.ports.values().min().copied().unwrap_or(80);
    let mut models = BTreeSet::new();
    for base in &intent.catalog.bases {
        models.insert(base.name.as_str());
        models.extend(base.adapters.iter().map(String::as_str));
    }
    models.extend(intent.catalog.rewrites.iter().map(|rewrite| rewrite.model.as_str()));
    let mut page = String::new();
    for model in models {
        let name = serde_json::Value::from(model);
        let body = format!(r#"{{"model": {name}, "prompt": "Hello", "max_tokens": 16}}"#);
        let path = path(intent, model);
        // A single quote cannot stand inside single quotes in a shell.
        let body = body.replace('\'', r"'\''");
        page += &format!(
            "curl -i localhost:{port}{path} -H 'Content-Type: application/json' -d '{body}'\n"
        );
    }
    page += &format!("curl -s localhost:{port}/v1/models\n\n");
    for (from, to) in &options.ports {
        page += &format!("gateway   http://127.0.0.1:{to} (port {from} of the Gateway)\n");
    }
    page += &format!("admin     http://127.0.0.1:{}\n\n", options.admin_port);
    page + "Ctrl-C ends the gateway and everything it started."
}

/// A path that the model's route takes.
fn path(intent: &Intent, model: &str) -> String {
    let base = intent.catalog.base_of(model).unwrap_or(model);
    let matches = intent.ordered_matches();
    let own = matches.iter().find(|one| one.when.fits(model, base));
    match own.map(|one| &one.when.path) {
        Some(PathMatch::Exact(path)) => path.clone(),
        Some(PathMatch::Prefix(path)) if path != "/" && !"/v1/completions".starts_with(path) => {
            format!("{path}/v1/completions")
        }
        _ => "/v1/completions".to_owned(),
    }
}
