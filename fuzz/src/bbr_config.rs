//! The configuration of the BBR filter.
//!
//! Claims: an error names a field. An accepted configuration routes every model that it
//! names: a base to itself, an adapter to its base, a rewritten name to one of its
//! targets; and all of those can be header values.

use shared::bbr::{Entropy, Settings, SplitBy};
use shared::models::{ModelName, Role};

use crate::accepted;

/// Panics if the bytes show a bug.
pub fn check(json: &[u8]) {
    let Some(settings) = accepted(Settings::from_json(json)) else { return };
    for (name, role) in settings.catalog.iter() {
        if settings.rewrites.contains_key(name) {
            continue;
        }
        let route = settings.route(name.as_str().to_owned(), entropy);
        let Ok(route) = route else { panic!("{name}: {route:?}") };
        let base = match role {
            Role::Base => name,
            Role::Adapter(base) => base,
        };
        assert_eq!((route.model.as_ref(), route.base), (name, Some(base)));
        assert!(!route.rewritten);
    }
    for (name, rewrite) in &settings.rewrites {
        let route = settings.route(name.as_str().to_owned(), entropy);
        let Ok(route) = route else { panic!("{name}: {route:?}") };
        let is_target = |target: &ModelName| target == route.model.as_ref();
        assert!(rewrite.split.targets().iter().any(|target| is_target(&target.model)));
    }
}

fn entropy(by: SplitBy) -> Entropy {
    match by {
        SplitBy::RequestId => Entropy::RequestId(b"id".to_vec()),
        SplitBy::Random => Entropy::Random(7),
    }
}
