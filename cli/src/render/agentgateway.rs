//! kgateway's agentgateway, which reads bodies itself: the policy of the guides, with the
//! map from models to base models as a CEL expression, and the routes that were added.
//!
//! Invariant: what is written reads back as the same base models and adapters (a test
//! imports it again). Rewrites cannot be said in it; the file names them in a comment.

use std::path::PathBuf;

use super::template::{fill, scalar};
use super::{Options, RenderError, RenderedFile, routes};
use crate::intent::{Catalog, Intent};

const POLICY: &str = include_str!("agentgateway/policy.yaml");

/// Renders `policy.yaml` and, if routes were added, `routes.yaml`.
///
/// # Errors
/// No Gateway.
pub fn render(intent: &Intent, _: &Options) -> Result<Vec<RenderedFile>, RenderError> {
    if intent.gateways.is_empty() {
        return Err(RenderError::NoListener { reason: "no manifest defines or names a Gateway" });
    }
    let mut text = "# Written by `igw import --target agentgateway`.\n".to_owned();
    for rewrite in &intent.catalog.rewrites {
        let model = scalar(&rewrite.model);
        text +=
            &format!("# Not in here: requests for {model} are not rewritten to other models.\n");
    }
    for gateway in &intent.gateways {
        let values = [
            ("NAME", scalar(&format!("igw-bbr-{}", gateway.name.name))),
            ("NAMESPACE", scalar(&gateway.name.namespace)),
            ("GATEWAY", scalar(&gateway.name.name)),
            ("BASES", bases(&intent.catalog)),
        ];
        text += &fill(POLICY, &values)?;
    }
    let policy = RenderedFile { path: PathBuf::from("policy.yaml"), text };
    Ok(std::iter::once(policy).chain(routes::implied(intent)?).collect())
}

/// The map's entries, a line each. A JSON string is a CEL string, too.
fn bases(catalog: &Catalog) -> String {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let mut lines = String::new();
    for base in &catalog.bases {
        let models = std::iter::once(&base.name).chain(&base.adapters);
        for model in models {
            lines += &format!("{}: {},\n", quoted(model), quoted(&base.name));
        }
    }
    lines
}
