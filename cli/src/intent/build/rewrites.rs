//! Names that stand for other models: InferenceModels with targets, InferenceModelRewrites.
//!
//! Invariant: a name is rewritten in one way. The gateway rewrites before it knows the pool,
//! so one name cannot mean different models in different pools.

use super::Builder;
use crate::diagnostics::{Doubt, FaultKind};
use crate::intent::{ObjectName, Rewrite, Target};
use crate::manifests::kinds::PoolRef;
use crate::manifests::{Body, Document};

impl Builder<'_> {
    /// Names that stand for other models: from InferenceModels with targets and from
    /// InferenceModelRewrites.
    pub(super) fn rewrites(&mut self) {
        let models = self.each(|body| match body {
            Body::InferenceModel(model) => Some(model.clone()),
            _ => None,
        });
        for (document, model) in models {
            self.understood(&document, format!("model {}", model.model_name));
            let pool = self.pool_of(&document, &model.pool_ref);
            let targets = model.target_models.into_iter();
            let targets = targets.map(|target| (target.name, target.weight)).collect();
            self.rewrite(&document, "spec.targetModels", model.model_name, targets, pool);
        }
        let rewrites = self.each(|body| match body {
            Body::InferenceModelRewrite(rewrite) => Some(rewrite.clone()),
            _ => None,
        });
        for (document, rewrite) in rewrites {
            self.understood(&document, super::count(rewrite.rules.len(), "rule"));
            let pool = self.pool_of(&document, &rewrite.pool_ref);
            for (index, rule) in rewrite.rules.into_iter().enumerate() {
                let path = format!("spec.rules.{index}");
                if rule.matches.is_empty() {
                    let subject = format!("InferenceModelRewrite {}", document.name);
                    let what = Doubt::RewriteOfAll;
                    self.doubtful(document.places.at(&path), subject, what);
                    continue;
                }
                let targets = rule.targets.into_iter().map(|one| (one.model_rewrite, one.weight));
                let targets: Vec<_> = targets.collect();
                for one in rule.matches {
                    self.rewrite(&document, &path, one.model.value, targets.clone(), pool.clone());
                }
            }
        }
        self.intent.catalog.rewrites.sort_by(|a, b| a.model.cmp(&b.model));
    }

    fn pool_of(&mut self, document: &Document, pool: &PoolRef) -> ObjectName {
        let namespace = document.name.namespace.clone();
        let pool = ObjectName { namespace, name: pool.name.clone() };
        let referrer = format!("{} {}", document.kind(), document.name);
        self.refer(&pool, &referrer, &document.places.at("spec.poolRef"));
        pool
    }

    fn rewrite(
        &mut self,
        document: &Document,
        path: &str,
        model: String,
        targets: Vec<(String, Option<u32>)>,
        pool: ObjectName,
    ) {
        let target =
            |(model, weight): (String, Option<u32>)| Target { model, weight: weight.unwrap_or(1) };
        let mut targets: Vec<Target> = targets.into_iter().map(target).collect();
        targets.sort();
        if targets.iter().all(|target| target.model == model) {
            return;
        }
        let origin = document.places.at(path);
        if targets.iter().all(|target| target.weight == 0) {
            let of = format!("{} {}: {path}", document.kind(), document.name);
            self.fault(origin.clone(), FaultKind::NoWeight { of });
        }
        let known = self.intent.catalog.rewrites.iter().find(|known| known.model == model);
        match known {
            Some(known) if known.targets == targets && known.pool == pool => {}
            Some(known) => {
                let other = known.origin.clone();
                self.fault(origin, FaultKind::RewrittenTwice { model, other });
            }
            None => {
                self.intent.catalog.rewrites.push(Rewrite { model, targets, pool, origin });
            }
        }
    }
}
