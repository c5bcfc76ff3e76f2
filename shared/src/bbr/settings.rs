//! The checked configuration of the BBR filter.

use std::collections::BTreeMap;

use super::path::PathPattern;
use super::schema::{
    BbrConfig, MissingModelPolicy, RewriteConfig, RouteOn, SplitBy, UnknownModelPolicy,
};
use crate::config::{ConfigError, from_json};
use crate::models::{Catalog, ModelName, RewriteTarget, Role, Split};
use crate::prompt::DigestSettings;

/// Nothing in the filter's memory grows with a body, so this is only a guard
/// against a slip of the keyboard: 1 GiB.
const MAX_BODY_BYTES: u64 = 1 << 30;

/// The largest weight of a rewrite target, as in the InferenceModelRewrite resource.
const MAX_WEIGHT: u32 = 1_000_000;

/// What the filter goes by. Cannot be wrong: [`Settings::from_json`] checked it.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Base models and adapters.
    pub catalog: Catalog,
    /// Names that stand for other models.
    pub rewrites: BTreeMap<ModelName, Rewrite>,
    /// When the verdict falls.
    pub route_on: RouteOn,
    /// What to do with unknown models.
    pub on_unknown_model: UnknownModelPolicy,
    /// What to do without a model.
    pub on_missing_model: MissingModelPolicy,
    /// The largest body, in bytes.
    pub max_body_bytes: u64,
    /// Whose bodies are read.
    pub paths: Vec<PathPattern>,
    /// Whether adapters that model servers list count as configured.
    pub learn_adapters: bool,
    /// How prompts are digested, if they are.
    pub prompt_digest: Option<DigestSettings>,
    /// Whether `/v1/models` is answered here.
    pub serve_models: bool,
}

/// The models a name stands for, and what decides between them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rewrite {
    /// The models and their weights.
    pub split: Split,
    /// What decides.
    pub split_by: SplitBy,
}

impl Settings {
    /// Reads the plugin configuration.
    ///
    /// # Errors
    /// Names the field that is wrong and what was expected.
    pub fn from_json(json: &[u8]) -> Result<Self, ConfigError> {
        from_json::<BbrConfig>(json)?.try_into()
    }
}

impl TryFrom<BbrConfig> for Settings {
    type Error = ConfigError;

    fn try_from(config: BbrConfig) -> Result<Self, ConfigError> {
        let catalog = catalog(&config)?;
        let rewrites = rewrites(&config, &catalog)?;
        if !(1..=MAX_BODY_BYTES).contains(&config.max_body_bytes) {
            return Err(ConfigError::new(
                "maxBodyBytes",
                format!("{} is not between 1 and {MAX_BODY_BYTES}", config.max_body_bytes),
            ));
        }
        let paths = config.paths.iter().enumerate().map(|(n, path)| {
            PathPattern::parse(path).map_err(|error| {
                ConfigError::new(format!("paths[{n}]"), format!("\"{path}\" {error}"))
            })
        });
        Ok(Self {
            prompt_digest: prompt_digest(&config)?,
            catalog,
            rewrites,
            route_on: config.route_on,
            on_unknown_model: config.on_unknown_model,
            on_missing_model: config.on_missing_model,
            max_body_bytes: config.max_body_bytes,
            paths: paths.collect::<Result<_, _>>()?,
            learn_adapters: config.learn_adapters,
            serve_models: config.serve_models,
        })
    }
}

fn prompt_digest(config: &BbrConfig) -> Result<Option<DigestSettings>, ConfigError> {
    let Some(digest) = config.prompt_digest else { return Ok(None) };
    if config.route_on != RouteOn::Complete {
        let problem = "needs routeOn \"complete\": a prompt is digested when its body is read";
        return Err(ConfigError::new("promptDigest", problem));
    }
    DigestSettings::new(digest.characters_per_token, digest.block_tokens, digest.max_blocks)
        .map(Some)
        .map_err(|error| ConfigError::new(format!("promptDigest.{}", error.field), error))
}

fn model_name(field: String, name: &str) -> Result<ModelName, ConfigError> {
    ModelName::try_from(name.trim().to_owned()).map_err(|error| ConfigError::new(field, error))
}

fn catalog(config: &BbrConfig) -> Result<Catalog, ConfigError> {
    let mut catalog = Catalog::default();
    for (n, base) in config.base_models.iter().enumerate() {
        let field = format!("baseModels[{n}].name");
        let name = model_name(field.clone(), &base.name)?;
        catalog.add(name.clone(), Role::Base).map_err(|error| ConfigError::new(field, error))?;
        for (m, adapter) in base.adapters.iter().enumerate() {
            if adapter.trim().is_empty() {
                continue;
            }
            let field = format!("baseModels[{n}].adapters[{m}]");
            let adapter = model_name(field.clone(), adapter)?;
            catalog
                .add(adapter, Role::Adapter(name.clone()))
                .map_err(|error| ConfigError::new(field, error))?;
        }
    }
    Ok(catalog)
}

fn rewrites(
    config: &BbrConfig,
    catalog: &Catalog,
) -> Result<BTreeMap<ModelName, Rewrite>, ConfigError> {
    let mut rewrites = BTreeMap::new();
    for (n, rewrite) in config.model_rewrites.iter().enumerate() {
        let field = format!("modelRewrites[{n}]");
        let name = model_name(format!("{field}.model"), &rewrite.model)?;
        let split = split(&field, rewrite)?;
        if config.on_unknown_model == UnknownModelPolicy::Reject {
            let unknown = split
                .targets()
                .iter()
                .enumerate()
                .find(|(_, target)| catalog.get(target.model.as_str()).is_none());
            if let Some((m, target)) = unknown {
                return Err(ConfigError::new(
                    format!("{field}.targets[{m}].model"),
                    format!(
                        "\"{}\" is not among baseModels, and onUnknownModel is \"reject\"",
                        target.model
                    ),
                ));
            }
        }
        let rewrite = Rewrite { split, split_by: rewrite.split_by };
        if rewrites.insert(name.clone(), rewrite).is_some() {
            return Err(ConfigError::new(
                format!("{field}.model"),
                format!("\"{name}\" is already rewritten"),
            ));
        }
    }
    Ok(rewrites)
}

fn split(field: &str, rewrite: &RewriteConfig) -> Result<Split, ConfigError> {
    let weighted = rewrite.targets.iter().filter(|target| target.weight.is_some()).count();
    if weighted != 0 && weighted != rewrite.targets.len() {
        return Err(ConfigError::new(
            format!("{field}.targets"),
            "give all targets a weight, or none",
        ));
    }
    let targets = rewrite.targets.iter().enumerate().map(|(n, target)| {
        let field = format!("{field}.targets[{n}]");
        let model = model_name(format!("{field}.model"), &target.model)?;
        let weight = target.weight.unwrap_or(1);
        if weight > MAX_WEIGHT {
            return Err(ConfigError::new(
                format!("{field}.weight"),
                format!("{weight} is above {MAX_WEIGHT}"),
            ));
        }
        Ok(RewriteTarget { model, weight })
    });
    Split::new(targets.collect::<Result<_, _>>()?)
        .map_err(|error| ConfigError::new(format!("{field}.targets"), error))
}
