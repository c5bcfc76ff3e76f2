//! What came out, for people and as `digests.json` for programs.
//!
//! Invariant: every digest stands as a configuration wants it: 64 digits without the
//! algorithm where the field is called `sha256`.

use anyhow::{Context, Result};
use gateway_publish::{Bundle, Destination, Form, Tag};
use serde::Serialize;
use std::fs;
use std::path::Path;

#[derive(Serialize)]
struct Report {
    modules: Vec<Module>,
}

#[derive(Serialize)]
struct Module {
    name: String,
    /// Of the module itself, for plain Envoy.
    sha256: String,
    image: Wrapped,
    artifact: Wrapped,
}

#[derive(Serialize)]
struct Wrapped {
    tag: String,
    /// Of the manifest, for Istio.
    sha256: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
}

/// Prints the digests, and writes them beside the layouts.
pub(super) fn write(
    bundles: &[Bundle],
    tag: &Tag,
    to: Option<&Destination>,
    output: &Path,
) -> Result<()> {
    let report = Report { modules: bundles.iter().map(|one| module(one, tag, to)).collect() };
    let path = output.join("digests.json");
    let mut text = serde_json::to_string_pretty(&report)?;
    text.push('\n');
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    for module in &report.modules {
        print!("{}", show(module, output));
    }
    println!("\nalso in {}", path.display());
    Ok(())
}

fn module(bundle: &Bundle, tag: &Tag, to: Option<&Destination>) -> Module {
    let wrapped = |form, tag: String| Wrapped {
        sha256: bundle.form(form).digest().hex().to_owned(),
        url: to.map(|to| format!("oci://{to}/{}:{tag}", bundle.name)),
        tag,
    };
    Module {
        name: bundle.name.clone(),
        sha256: bundle.module.hex().to_owned(),
        image: wrapped(Form::Image, tag.image().to_owned()),
        artifact: wrapped(Form::Artifact, tag.artifact()),
    }
}

fn show(module: &Module, output: &Path) -> String {
    let Module { name, sha256, image, artifact } = module;
    let mut text = format!("\n{name}: layout in {}\n", output.join(name).display());
    for (what, wrapped) in [("image", image), ("artifact form", artifact)] {
        text.push_str(&format!("  # Istio, {what}, tag {}\n", wrapped.tag));
        if let Some(url) = &wrapped.url {
            text.push_str(&format!("  url: {url}\n"));
        }
        text.push_str(&format!("  sha256: {}\n", wrapped.sha256));
    }
    text.push_str(&format!("  # plain Envoy, the module itself\n  sha256: {sha256}\n"));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_stand_ready_for_their_fields() {
        let wrapped = |tag: &str, url: Option<&str>| Wrapped {
            tag: tag.to_owned(),
            sha256: "0a".to_owned(),
            url: url.map(str::to_owned),
        };
        let module = Module {
            name: "bbr-filter".to_owned(),
            sha256: "0b".to_owned(),
            image: wrapped("1", Some("oci://a.example/bbr-filter:1")),
            artifact: wrapped("1-artifact", None),
        };
        let expected = "\nbbr-filter: layout in out/bbr-filter
  # Istio, image, tag 1
  url: oci://a.example/bbr-filter:1
  sha256: 0a
  # Istio, artifact form, tag 1-artifact
  sha256: 0a
  # plain Envoy, the module itself
  sha256: 0b
";
        assert_eq!(show(&module, Path::new("out")), expected);
    }
}
