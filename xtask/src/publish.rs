//! `cargo xtask publish`: the filters as OCI artifacts, on disk and in a registry.
//!
//! Invariant: nothing is pushed that was not built here, now, from these sources; that
//! holds a path of this machine; or whose pull by Istio's rules brings anything else.
//! Rejected: publishing what lies in `dist/`; its provenance would be a guess.

mod facts;
mod login;
mod rebuild;
mod report;

use crate::toolchain::{Choice, Target, Toolchain};
use crate::{build, project, remap, tools};
use anyhow::{Context, Result, bail};
use facts::Facts;
use gateway_publish::provenance::{Build, LOCAL_BUILDER};
use gateway_publish::registry::{Authority, Options};
use gateway_publish::{
    About, Bundle, Crates, Destination, Digest, Module, Registry, Release, Tag, layout,
};
use std::fs;
use std::path::PathBuf;

/// What `cargo xtask publish` can be told.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  cargo xtask publish                                        # an image layout in dist/oci
  cargo xtask publish --to registry.example/team/gateway
  cargo xtask publish --to 127.0.0.1:5000/igw --plain-http --tag v1 --rebuild

The login comes from --username with --password-stdin or IGW_REGISTRY_PASSWORD; else from
IGW_REGISTRY_USERNAME and IGW_REGISTRY_PASSWORD; else from Docker's configuration.
docs/publish.md has the details.")]
pub(crate) struct Arguments {
    /// Registry and path to push to; each filter gets a repository below
    #[arg(long, value_name = "HOST[:PORT]/PATH")]
    to: Option<Destination>,
    /// Tag of the image; the artifact form's is TAG-artifact [default: the version]
    #[arg(long)]
    tag: Option<Tag>,
    /// The registry speaks no TLS
    #[arg(long, requires = "to")]
    plain_http: bool,
    /// Certificate of an authority to trust, in PEM, beside the system's
    #[arg(long, value_name = "FILE", requires = "to")]
    ca: Vec<PathBuf>,
    /// Who to log in as
    #[arg(long, value_name = "NAME", requires = "to")]
    username: Option<String>,
    /// Read the password from standard input
    #[arg(long, requires = "username")]
    password_stdin: bool,
    /// Folder of the image layouts [default: dist/oci]
    #[arg(long, short, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Where these sources are published, for annotations and provenance
    #[arg(long, value_name = "URL")]
    source: Option<String>,
    /// Who builds, for the provenance
    #[arg(long, value_name = "URI", default_value = LOCAL_BUILDER)]
    builder: String,
    /// Build once more in other folders, and stop if the modules differ
    #[arg(long)]
    rebuild: bool,
    /// Which compiler builds for Wasm
    #[arg(long, value_enum, default_value_t = Choice::Auto)]
    toolchain: Choice,
}

/// Builds, wraps, writes and, if asked to, pushes the filters.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    // Everything that can be wrong with the arguments shows before the build.
    let registry = arguments.to.as_ref().map(|to| connect(arguments, to)).transpose()?;
    let facts = Facts::gather(arguments.source.as_deref())?;
    let tag = match &arguments.tag {
        Some(tag) => tag.clone(),
        None => facts.version()?.parse()?,
    };
    build::run(&build::Arguments { toolchain: arguments.toolchain })?;
    let toolchain = Toolchain::choose(Target::Wasip1, arguments.toolchain)?;
    if arguments.rebuild {
        rebuild::compare(&toolchain)?;
    }

    let bundles = assemble(arguments, &facts, &toolchain)?;
    let output = arguments.output.clone().unwrap_or_else(|| project::dist().join("oci"));
    for bundle in &bundles {
        layout::write(bundle, &tag, &output.join(&bundle.name))?;
    }
    if let Some(registry) = &registry {
        push(registry, &bundles, &tag)?;
    }
    report::write(&bundles, &tag, arguments.to.as_ref(), &output)
}

fn connect(arguments: &Arguments, to: &Destination) -> Result<Registry> {
    let read = |path: &PathBuf| {
        let pem = fs::read(path).with_context(|| format!("no {}", path.display()))?;
        Authority::pem(pem).with_context(|| format!("cannot use {}", path.display()))
    };
    let options = Options {
        plain_http: arguments.plain_http,
        authorities: arguments.ca.iter().map(read).collect::<Result<_>>()?,
    };
    let username = arguments.username.as_deref();
    let credentials = login::find(to.registry(), username, arguments.password_stdin)?;
    Ok(Registry::new(to.clone(), credentials, options)?)
}

fn assemble(arguments: &Arguments, facts: &Facts, toolchain: &Toolchain) -> Result<Vec<Bundle>> {
    let lock = project::root().join("Cargo.lock");
    let lock = fs::read_to_string(&lock).with_context(|| format!("no {}", lock.display()))?;
    let triple = Target::Wasip1.triple();
    let packages: Vec<_> = build::modules().map(|(package, _)| package).collect();
    let all = Crates::ask(tools::cargo(), &packages, triple, &lock)?;
    let mut bundles = Vec::new();
    for (package, file) in build::modules() {
        let path = project::dist().join(file);
        let bytes = fs::read(&path).with_context(|| format!("no {}", path.display()))?;
        if let Some(path) = remap::leak(&bytes, &project::root(), toolchain.target_dir()) {
            let path = path.display();
            bail!("dist/{file} holds the path {path}; on another machine it would differ");
        }
        let module = Module::new(bytes).with_context(|| format!("dist/{file}"))?;
        let about: About = facts.about(package)?;
        let build = Build {
            package: package.to_owned(),
            target: triple.to_owned(),
            profile: build::PROFILE.to_owned(),
            compiler: toolchain.name().to_owned(),
            builder: arguments.builder.clone(),
            lock: Digest::of(lock.as_bytes()),
        };
        let crates = all.within(package)?;
        let release = Release { module: &module, about: &about, crates: &crates, build: &build };
        bundles.push(Bundle::assemble(release)?);
    }
    Ok(bundles)
}

fn push(registry: &Registry, bundles: &[Bundle], tag: &Tag) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    for bundle in bundles {
        println!("pushing {} to {}", bundle.name, registry.destination());
        runtime.block_on(async {
            registry.push(bundle, tag).await?;
            registry.verify(bundle, tag).await.context("the check of what was pushed failed")
        })?;
    }
    Ok(())
}
