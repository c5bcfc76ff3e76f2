//! What is rendered for agentgateway says what the manifests said.

use super::cases;
use igw::intent::{Intent, Settings, build};
use igw::manifests::{Source, parse};
use igw::render::Target;
use std::sync::Arc;

#[test]
fn the_policy_reads_back_as_the_same_base_models_and_adapters() {
    let models = |intent: &Intent| {
        let bases = intent.catalog.bases.iter();
        bases.map(|base| (base.name.clone(), base.adapters.clone())).collect::<Vec<_>>()
    };
    let mut seen = 0;
    for case in cases::all() {
        let (intent, _) = cases::intent(&cases::sources(&case));
        if intent.gateways.is_empty() || intent.catalog.bases.is_empty() {
            continue;
        }
        let policy = cases::rendered(&intent, Target::Agentgateway).remove(0);
        let source = Source { name: Arc::from("policy.yaml"), text: policy.text, release: None };
        let manifests = parse(&[source], "default").unwrap_or_else(|faults| panic!("{faults:?}"));
        let (again, _) = build(manifests.documents, &Settings::default())
            .unwrap_or_else(|faults| panic!("{case}: {faults:?}"));
        assert_eq!(models(&again), models(&intent), "{case}");
        seen += 1;
    }
    assert!(seen > 5, "{seen}");
}
