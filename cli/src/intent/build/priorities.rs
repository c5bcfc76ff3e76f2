//! Objectives and the priorities of models.

use super::Builder;
use crate::diagnostics::{Doubt, FaultKind, Origin};
use crate::intent::{Criticality, ModelPriority, ObjectName, Objective};
use crate::manifests::Body;
use std::collections::BTreeMap;

impl Builder<'_> {
    pub(super) fn priorities(&mut self) {
        let manifests = self.each(|body| match body {
            Body::InferenceObjective(objective) => Some(objective.clone()),
            _ => None,
        });
        for (document, manifest) in manifests {
            let namespace = document.name.namespace.clone();
            let pool = ObjectName { namespace, name: manifest.pool_ref.name };
            let referrer = format!("InferenceObjective {}", document.name);
            self.refer(&pool, &referrer, &document.places.at("spec.poolRef"));
            let priority = manifest.priority.unwrap_or(0);
            self.understood(&document, format!("priority {priority}"));
            let (name, origin) = (document.name.clone(), document.origin());
            self.objective(Objective { name, priority, pool, origin });
        }
        let charts = self.each(|body| match body {
            Body::PoolValues(values) => Some(values.inference_objectives.clone()),
            _ => None,
        });
        for (document, objectives) in charts {
            for (index, objective) in objectives.into_iter().enumerate() {
                let namespace = document.name.namespace.clone();
                self.objective(Objective {
                    name: ObjectName { namespace, name: objective.name },
                    priority: objective.priority,
                    pool: document.name.clone(),
                    origin: document.places.at(&format!("inferenceObjectives.{index}")),
                });
            }
        }
        self.intent.objectives.sort_by(|a, b| a.name.cmp(&b.name));
        self.criticalities();
    }

    /// Requests name objectives without a namespace, so a name has one priority.
    fn objective(&mut self, objective: Objective) {
        let same = |known: &&Objective| known.name.name == objective.name.name;
        match self.intent.objectives.iter().find(same) {
            Some(known) if known.priority != objective.priority => {
                let other = known.origin.clone();
                let name = objective.name.to_string();
                let kind = FaultKind::Conflict { kind: "InferenceObjective", name, other };
                self.fault(objective.origin, kind);
            }
            Some(known) if known.name == objective.name => {}
            _ => self.intent.objectives.push(objective),
        }
    }

    /// A model's priority counts for what it is rewritten to as well, unless that has one.
    fn criticalities(&mut self) {
        let manifests = self.each(|body| match body {
            Body::InferenceModel(model) => Some(model.clone()),
            _ => None,
        });
        let mut own: BTreeMap<String, (Criticality, Origin)> = BTreeMap::new();
        let mut inherited: BTreeMap<String, (Criticality, Origin)> = BTreeMap::new();
        for (document, model) in manifests {
            let path = "spec.criticality";
            let criticality = match model.criticality.as_deref() {
                None => continue,
                Some("Critical") => Criticality::Critical,
                Some("Standard") => Criticality::Standard,
                Some("Sheddable") => Criticality::Sheddable,
                Some(other) => {
                    self.wrong(&document, path, other, "Critical, Standard or Sheddable");
                    continue;
                }
            };
            let origin = document.places.at(path);
            if let Some((known, _)) = own.get(&model.model_name)
                && *known != criticality
            {
                let subject = format!("model {:?}", model.model_name);
                let what = Doubt::TwoCriticalities;
                self.doubtful(origin.clone(), subject, what);
            }
            for target in &model.target_models {
                raise(&mut inherited, &target.name, criticality, &origin);
            }
            raise(&mut own, &model.model_name, criticality, &origin);
        }
        for (model, value) in inherited {
            own.entry(model).or_insert(value);
        }
        let all = own.into_iter();
        self.intent.model_priorities = all
            .map(|(model, (criticality, origin))| ModelPriority { model, criticality, origin })
            .collect();
    }
}

fn raise(
    map: &mut BTreeMap<String, (Criticality, Origin)>,
    model: &str,
    criticality: Criticality,
    origin: &Origin,
) {
    let entry = map.entry(model.to_owned()).or_insert_with(|| (criticality, origin.clone()));
    if criticality > entry.0 {
        *entry = (criticality, origin.clone());
    }
}
