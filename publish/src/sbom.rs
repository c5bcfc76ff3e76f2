//! What a module is made of, as an SBOM: CycloneDX 1.5 in JSON.
//!
//! Invariant: it lists the crates that are compiled into this module and the standard
//! library, and no others; it passes the specification's validation; and it holds
//! nothing random: the serial number comes from the module's digest.
//! Rejected: package URLs for crates of this workspace; they are in no registry, and
//! scanners would take them for other people's crates of the same names.

use crate::about::About;
use crate::blob::Blob;
use crate::crates::{Crate, Crates, Id};
use crate::module::Module;
use cyclonedx_bom::external_models::uri::UriError;
use cyclonedx_bom::models::component::Classification;
use cyclonedx_bom::models::dependency::{Dependencies, Dependency};
use cyclonedx_bom::models::external_reference::{
    ExternalReference, ExternalReferenceType, ExternalReferences,
};
use cyclonedx_bom::models::hash::{Hash, HashAlgorithm, HashValue, Hashes};
use cyclonedx_bom::models::license::{LicenseChoice, Licenses};
use cyclonedx_bom::models::tool::{Tool, Tools};
use cyclonedx_bom::prelude::{
    Bom, Component, Components, DateTime, Metadata, NormalizedString, Purl, SpdxExpression,
    SpecVersion, Uri, UrnUuid, Validate,
};

/// Why there is no SBOM.
#[derive(Debug, thiserror::Error)]
pub enum SbomError {
    /// A crate's name or version makes no package URL.
    #[error("no package URL for {name} {version}: {source}")]
    Purl {
        /// The crate's name.
        name: String,
        /// Its version.
        version: String,
        /// What is wrong with it.
        source: UriError,
    },
    /// It would not be valid.
    #[error("not valid as CycloneDX 1.5: {found:?}")]
    Invalid {
        /// What the validation found.
        found: Box<cyclonedx_bom::validation::ValidationResult>,
    },
    /// It could not be written.
    #[error("cannot write it: {0}")]
    Write(#[from] cyclonedx_bom::errors::JsonWriteError),
    /// The time in `About` is no time.
    #[error("{created} is no time")]
    Created {
        /// What it is.
        created: String,
    },
}

/// The SBOM of a module.
pub(crate) fn write(
    module: &Module,
    about: &About,
    crates: &Crates,
    compiler: &str,
) -> Result<Blob, SbomError> {
    let mut bytes = Vec::new();
    let bom = bom(module, about, crates, compiler)?;
    let found = bom.validate_version(SpecVersion::V1_5);
    if !found.passed() {
        return Err(SbomError::Invalid { found: Box::new(found) });
    }
    bom.output_as_json_v1_5(&mut bytes)?;
    Ok(Blob::new(bytes))
}

fn bom(module: &Module, about: &About, crates: &Crates, compiler: &str) -> Result<Bom, SbomError> {
    let root = crates.0.keys().find(|id| id.name == about.name);
    let mut subject = Component::new(
        Classification::Application,
        &about.name,
        &about.version,
        Some(root.map_or_else(|| about.name.clone(), |id| reference(id, true))),
    );
    subject.description = about.description.as_deref().map(NormalizedString::new);
    subject.hashes = Some(sha256(module.blob().digest().hex()));
    subject.licenses = about.license.as_deref().map(licenses);

    let std = standard_library(compiler)?;
    let std_reference = std.bom_ref.clone().into_iter();
    let mut components = vec![std];
    let mut dependencies = Vec::new();
    for (id, one) in &crates.0 {
        if Some(id) != root {
            components.push(component(id, one)?);
        }
        let needs = one
            .needs
            .iter()
            .filter_map(|need| crates.0.get(need).map(|needed| reference(need, needed.local)));
        let std = std_reference.clone().filter(|_| Some(id) == root);
        dependencies.push(Dependency {
            dependency_ref: reference(id, one.local),
            dependencies: needs.chain(std).collect(),
        });
    }
    let timestamp = about.created.as_ref().map(|created| {
        DateTime::try_from(created.clone())
            .map_err(|_| SbomError::Created { created: created.clone() })
    });
    Ok(Bom {
        serial_number: Some(serial_number(module)),
        metadata: Some(Metadata {
            timestamp: timestamp.transpose()?,
            tools: Some(Tools::List(vec![Tool {
                name: Some(NormalizedString::new("cargo xtask publish")),
                version: Some(NormalizedString::new(&about.version)),
                ..Tool::default()
            }])),
            component: Some(subject),
            ..Metadata::default()
        }),
        components: Some(Components(components)),
        dependencies: Some(Dependencies(dependencies)),
        spec_version: SpecVersion::V1_5,
        ..Bom::default()
    })
}

/// A UUID of version 8, which may hold anything (RFC 9562): the digest's beginning.
fn serial_number(module: &Module) -> UrnUuid {
    let mut bytes = [0; 16];
    for (byte, digit) in bytes.iter_mut().zip(module.blob().digest().hex().as_bytes().chunks(2)) {
        let digit = str::from_utf8(digit).unwrap_or_default();
        *byte = u8::from_str_radix(digit, 16).unwrap_or_default();
    }
    UrnUuid::from(uuid::Builder::from_custom_bytes(bytes).into_uuid())
}

fn component(id: &Id, one: &Crate) -> Result<Component, SbomError> {
    let mut component = Component::new(
        Classification::Library,
        &id.name,
        &id.version,
        Some(reference(id, one.local)),
    );
    if !one.local {
        component.purl = Some(purl("cargo", &id.name, &id.version)?);
    }
    component.licenses = one.license.as_deref().map(licenses);
    component.hashes = one.checksum.as_deref().map(sha256);
    component.external_references = one.repository.as_deref().map(|url| {
        let url = Uri::new(url);
        ExternalReferences(vec![ExternalReference::new(ExternalReferenceType::Vcs, url)])
    });
    Ok(component)
}

/// Rust's own libraries: no package of cargo, but in the module all the same.
fn standard_library(compiler: &str) -> Result<Component, SbomError> {
    let mut words = compiler.split(' ').skip_while(|word| *word != "rustc");
    let version = words.nth(1).unwrap_or("unknown");
    let reference = format!("rust-std@{version}");
    let mut component =
        Component::new(Classification::Library, "rust-std", version, Some(reference));
    component.purl = Some(purl("generic", "rust-std", version)?);
    component.description =
        Some(NormalizedString::new("Rust's standard library with the WASI libc it links"));
    component.licenses = Some(licenses("MIT OR Apache-2.0"));
    Ok(component)
}

fn purl(r#type: &str, name: &str, version: &str) -> Result<Purl, SbomError> {
    Purl::new(r#type, name, version).map_err(|source| SbomError::Purl {
        name: name.to_owned(),
        version: version.to_owned(),
        source,
    })
}

/// How components refer to a crate.
fn reference(id: &Id, local: bool) -> String {
    let origin = if local { "workspace" } else { "crates" };
    format!("{origin}:{}@{}", id.name, id.version)
}

/// An expression if it is one, old spellings with a slash included; else a name.
fn licenses(text: &str) -> Licenses {
    let choice = match SpdxExpression::parse_lax(text.to_owned()) {
        Ok(expression) => LicenseChoice::Expression(expression),
        Err(_) => LicenseChoice::license(text),
    };
    Licenses(vec![choice])
}

fn sha256(hex: &str) -> Hashes {
    Hashes(vec![Hash { alg: HashAlgorithm::SHA_256, content: HashValue(hex.to_owned()) }])
}

#[cfg(test)]
mod tests;
