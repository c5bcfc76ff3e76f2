//! The charts: the guides' commands work, and what they make is what `igw import` makes.
//!
//! Helm comes from `IGW_HELM`, the PATH, the project's cache, or Go's module proxy. Without
//! any of them the tests say that they were skipped, and why.

use super::cases;
use super::crds::faults;
use super::platform::documents;
use envoy_runner::cache_dir;
use igw::intent::{Intent, Pool, Route, Settings, build};
use igw::manifests::{Source, parse};
use igw::render::Target;
use serde_json::{Value, json};
use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

const VERSION: &str = "3.19.0";

/// Helm; an error says why there is none.
fn helm() -> Result<&'static Path, &'static str> {
    static HELM: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    HELM.get_or_init(obtain).as_deref().map_err(String::as_str)
}

fn obtain() -> Result<PathBuf, String> {
    let runs = |helm: &Path| {
        let mut command = Command::new(helm);
        command.arg("version").stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    let named = env::var_os("IGW_HELM").map(PathBuf::from);
    if let Some(found) = named.into_iter().chain([PathBuf::from("helm")]).find(|one| runs(one)) {
        return Ok(found);
    }
    let folder = cache_dir().map_err(|error| error.to_string())?;
    let folder = folder.join("tools").join(format!("helm-{VERSION}")).join("bin");
    let helm = folder.join("helm");
    if runs(&helm) {
        return Ok(helm);
    }
    let module = format!("helm.sh/helm/v3/cmd/helm@v{VERSION}");
    eprintln!("building {module} into the cache; once, about three minutes");
    let mut go = Command::new("go");
    go.args(["install", &module]).env("GOBIN", &folder).stdin(Stdio::null());
    match go.output() {
        Err(error) => Err(format!("there is no helm, and no Go to build it with ({error})")),
        Ok(output) if output.status.success() => Ok(helm),
        Ok(output) => Err(format!("go install: {}", String::from_utf8_lossy(&output.stderr))),
    }
}

/// Helm, or the test is skipped.
macro_rules! need_helm {
    () => {
        match helm() {
            Ok(helm) => helm,
            Err(reason) => {
                eprintln!("skipped: {reason}");
                return;
            }
        }
    };
}

fn chart(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("charts").join(name)
}

/// What `helm template` prints, or what it says is wrong.
fn template(
    helm: &Path,
    release: &str,
    name: &str,
    arguments: &[String],
) -> Result<String, String> {
    let mut command = Command::new(helm);
    command.args(["template", release]).args(arguments).arg(chart(name));
    let output = command.stdin(Stdio::null()).output().unwrap();
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let text = String::from_utf8(output.stdout).unwrap();
    for object in documents(&text) {
        assert_eq!(faults(&object).unwrap_or_default(), [""; 0], "{object}");
    }
    Ok(text)
}

/// A command of a guide.
#[derive(Debug)]
struct GuideLine {
    release: String,
    chart: String,
    arguments: Vec<String>,
}

impl GuideLine {
    fn provider(&self) -> &str {
        let set = self.arguments.iter().find_map(|one| one.strip_prefix("provider.name="));
        set.unwrap_or_default()
    }
}

fn guide_lines() -> Vec<GuideLine> {
    let text = std::fs::read_to_string(cases::folder().join("charts/guides.sh")).unwrap();
    let mut provider = "";
    let mut lines = Vec::new();
    for block in text.split("\n\n").filter(|block| block.contains("\nhelm ")) {
        for line in block.lines() {
            provider = line.strip_prefix("export GATEWAY_PROVIDER=").unwrap_or(provider);
        }
        let commands =
            block.lines().filter(|line| !line.starts_with('#') && !line.starts_with("export"));
        let command = commands.collect::<Vec<_>>().join(" ").replace('\\', " ");
        let command = command
            .replace("$GATEWAY_PROVIDER", provider)
            .replace("$IGW_CHART_VERSION", "v0")
            .replace("$CHART_VERSION", "v0");
        let mut words = command.split_whitespace().map(str::to_owned).skip(2);
        let release = words.next().unwrap();
        let (charts, arguments): (Vec<_>, Vec<_>) =
            words.partition(|word| word.starts_with("oci://"));
        let chart = charts[0].rsplit('/').next().unwrap().to_owned();
        lines.push(GuideLine { release, chart, arguments });
    }
    lines
}

fn intent(text: &str) -> Intent {
    let source = Source { name: "helm".into(), release: None, text: text.to_owned() };
    let manifests =
        parse(&[source], "default").unwrap_or_else(|faults| panic!("{faults:?}: {text}"));
    build(manifests.documents, &Settings::default()).unwrap().0
}

#[test]
fn helm_finds_no_fault_in_the_charts() {
    let helm = need_helm!();
    for (name, set) in [
        ("body-based-routing", "provider.name=istio"),
        ("inferencepool", "inferencePool.modelServers.matchLabels.app=a"),
    ] {
        let output =
            Command::new(helm).args(["lint", "--strict", "--set", set]).arg(chart(name)).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
}

#[test]
fn every_command_of_the_guides_renders_objects_that_are_understood() {
    let helm = need_helm!();
    let lines = guide_lines();
    assert_eq!(lines.len(), 18, "{lines:#?}");
    for line in lines {
        let text = template(helm, &line.release, &line.chart, &line.arguments).unwrap();
        let kinds: Vec<String> =
            documents(&text).iter().map(|one| one["kind"].as_str().unwrap().to_owned()).collect();
        if line.chart == "inferencepool" {
            let intent = intent(&text);
            assert_eq!(intent.pools[0].name.name, line.release);
            let routed =
                line.arguments.iter().any(|one| one == "experimentalHttpRoute.enabled=true");
            assert_eq!(kinds.contains(&"HTTPRoute".to_owned()), routed, "{line:?}");
        } else if line.provider() == "istio" {
            assert_eq!(kinds, ["EnvoyFilter", "EnvoyFilter", "WasmPlugin"]);
        } else {
            assert_eq!(kinds, ["ConfigMap"]);
        }
    }
}

/// Without the places in files, and the picker that nobody asks.
fn plain(pool: &Pool, route: Option<&Route>) -> (Value, String) {
    let pool = json!({"name": pool.name.to_string(), "selector": pool.selector, "ports": pool.ports,
        "mode": format!("{:?}{:?}", pool.failure_mode, pool.app_protocol)});
    let rule = |route: &Route| {
        let rules = route.rules.iter().map(|rule| (&rule.matches, &rule.backends, rule.timeouts));
        format!("{} {:?} {:?}", route.name, route.parents, rules.collect::<Vec<_>>())
    };
    (pool, route.map(rule).unwrap_or_default())
}

#[test]
fn the_pool_chart_makes_what_the_import_understands_of_its_values() {
    let helm = need_helm!();
    for guide in ["guides/002", "guides/003"] {
        for source in cases::sources(guide).iter().filter(|source| source.name.contains(".values."))
        {
            let release = source.release.clone().unwrap();
            if release == "body-based-router" {
                continue;
            }
            let file = cases::folder().join(&*source.name).display().to_string();
            let text =
                template(helm, &release, "inferencepool", &["--values".to_owned(), file]).unwrap();
            let made = intent(&text);
            let parsed = parse(std::slice::from_ref(source), "default").unwrap();
            let meant = build(parsed.documents, &Settings::default()).unwrap().0;
            let own = |intent: &Intent| {
                let route = intent.routes.iter().find(|route| !route.implied);
                plain(&intent.pools[0], route)
            };
            assert_eq!(own(&made), own(&meant), "{}", source.name);
        }
    }
}

/// A document with every configuration of a plugin as JSON, its module's place left out.
fn comparable(mut document: Value) -> Value {
    if let Some(metadata) = document["metadata"].as_object_mut() {
        metadata.remove("labels");
    }
    let patches = document.pointer_mut("/spec/configPatches").and_then(Value::as_array_mut);
    for patch in patches.into_iter().flatten() {
        let text = patch.pointer_mut("/patch/value/typed_config/config/configuration/value");
        if let Some(text) = text {
            *text = serde_json::from_str(text.as_str().unwrap()).unwrap();
        }
    }
    document
}

#[test]
fn the_gateway_chart_makes_the_same_objects_as_the_import_for_istio() {
    let helm = need_helm!();
    let (intent, _) = cases::intent(&cases::sources("guides/003"));
    let bases = intent.catalog.bases.iter();
    let bases: Vec<Value> =
        bases.map(|base| json!({"name": base.name, "adapters": base.adapters})).collect();
    let server = |pool: &Pool| match format!("{:?}", pool.servers.kind).as_str() {
        "Vllm" => json!({"name": pool.id, "server": "vllm"}),
        _ => json!({"name": pool.id}),
    };
    let pools: Vec<Value> = intent.pools.iter().map(server).collect();
    let digest = |digit: &str| format!("sha256:{}", digit.repeat(64));
    let values = json!({
        "provider": {"name": "istio"},
        "modules": {
            "registry": "oci://registry.example.com/igw",
            "digests": {"bbrFilter": digest("1"), "pickerFilter": digest("2")},
        },
        "bbr": {"baseModels": bases},
        "picker": {"pools": pools},
    });
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("values.json");
    std::fs::write(&file, values.to_string()).unwrap();
    let arguments = ["--values".to_owned(), file.display().to_string()];
    let text = template(helm, "body-based-router", "body-based-routing", &arguments).unwrap();
    let made: Vec<Value> = documents(&text).into_iter().map(comparable).collect();
    let files = cases::rendered(&intent, Target::Istio);
    let gateway = files.iter().filter(|file| !file.path.ends_with("routes.yaml"));
    let rendered: Vec<Value> =
        gateway.flat_map(|file| documents(&file.text)).map(comparable).collect();
    assert_eq!(made.len(), rendered.len());
    for rendered in rendered {
        let name = |one: &Value| (one["kind"].clone(), one["metadata"]["name"].clone());
        let own = made.iter().find(|one| name(one) == name(&rendered)).unwrap();
        assert_eq!(*own, rendered);
    }
}

#[test]
fn values_that_mean_nothing_are_refused_with_what_may_stand_there() {
    let helm = need_helm!();
    let refused = |sets: &[&str]| {
        let sets = sets.iter().flat_map(|set| ["--set".to_owned(), (*set).to_owned()]);
        template(helm, "p", "inferencepool", &sets.collect::<Vec<_>>()).unwrap_err()
    };
    let label = "inferencePool.modelServers.matchLabels.app=a";
    assert!(refused(&[]).contains("inferencePool.modelServers.matchLabels is missing"));
    assert!(refused(&[label, "inferencePool.modelServerType=x"]).contains("is not vllm, sglang"));
    assert!(refused(&[label, "inferencePool.failureMode=x"]).contains("FailOpen or FailClose"));
    assert!(
        refused(&[label, "inferencePool.apiVersion=v2"]).contains("inference.networking.k8s.io/v1")
    );
}

#[test]
fn older_spellings_and_objectives_are_rendered() {
    let helm = need_helm!();
    let sets = [
        "inferencePool.modelServers.matchLabels.app=a",
        "inferencePool.apiVersion=inference.networking.x-k8s.io/v1alpha2",
        "inferencePool.targetPortNumber=8080",
        "inferencePool.modelServerType=triton-tensorrt-llm",
        "inferencePool.failureMode=FailOpen",
        "inferenceObjectives[0].name=batch",
        "inferenceObjectives[0].priority=-1",
    ];
    let sets = sets.iter().flat_map(|set| ["--set".to_owned(), (*set).to_owned()]);
    let text = template(helm, "p", "inferencepool", &sets.collect::<Vec<_>>()).unwrap();
    let intent = intent(&text);
    assert_eq!(
        (intent.pools[0].ports.as_slice(), intent.objectives[0].priority),
        (&[8080][..], -1)
    );
    assert_eq!(intent.pools[0].failure_mode, igw::intent::FailureMode::Open);
    assert!(text.contains("inference.networking.k8s.io/model-server: triton-tensorrt-llm"));
}
