//! `igw check`.

use super::CommandError;
use crate::admin::{Admin, AdminUrl};
use crate::check::{self, Finding, Seen, Severity};
use crate::diagnostics::{Level, print_notices};
use crate::manifests::Input;
use anstream::{eprintln, println};
use anstyle::AnsiColor;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  # Before applying: manifests, plugin configurations, Envoy configurations, all together
  igw check manifests/ envoyfilter.yaml

  # A filter's configuration, or a whole Envoy configuration
  igw check bbr.json envoy.yaml

  # A running gateway: Envoy's admin interface, on Istio port 15000 of the gateway's pod
  kubectl port-forward deploy/inference-gateway-istio 15000 &
  igw check --admin localhost:15000

Each finding is one line on standard output. The exit code is 3 if one of them is an error.";

/// What `igw check` can be told.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Manifests, values, plugin configurations (JSON), Envoy configurations, EnvoyFilters,
    /// WasmPlugins, policies of Envoy Gateway; files, folders, or - for standard input
    #[arg(required_unless_present = "admin", value_name = "FILES")]
    files: Vec<Input>,
    /// Check the gateway whose Envoy has its admin interface here
    #[arg(long, value_name = "URL")]
    admin: Option<AdminUrl>,
    /// With --admin: the folder of the modules that should run, to compare them
    #[arg(long, value_name = "DIR", requires = "admin")]
    modules: Option<PathBuf>,
    /// The namespace of objects that have none
    #[arg(short, long, default_value = "default")]
    namespace: String,
    /// Say nothing of what was ignored or assumed, only findings
    #[arg(short, long)]
    quiet: bool,
}

/// Checks, and tells.
pub(super) fn run(arguments: &Arguments) -> Result<(), CommandError> {
    let mut findings = Vec::new();
    let mut seen = Vec::new();
    if !arguments.files.is_empty() {
        let checked = check::files(&arguments.files, &arguments.namespace);
        if !arguments.quiet {
            print_notices(&checked.notices, Level::Assumed);
        }
        findings.extend(checked.findings);
        seen.extend(checked.seen);
    }
    if let Some(url) = &arguments.admin {
        let admin = Admin::new(url);
        let running = Seen::look(&admin)?;
        findings.extend(check::running(&running, arguments.modules.as_deref()));
        let gateways = running.dump.proxy.gateways().count();
        seen.push(format!("Envoy {} with {gateways} listener(s)", running.server.version));
    }
    tell(&findings);
    let errors = findings.iter().filter(|one| one.kind.severity() == Severity::Error).count();
    let warnings = findings.len() - errors;
    if !arguments.quiet {
        let seen = seen.join(", ");
        eprintln!("checked {seen}: {errors} error(s), {warnings} warning(s)");
    }
    if errors > 0 { Err(CommandError::Findings { errors }) } else { Ok(()) }
}

fn tell(findings: &[Finding]) {
    for finding in findings {
        let (style, word) = match finding.kind.severity() {
            Severity::Error => (AnsiColor::Red.on_default().bold(), "error"),
            Severity::Warning => (AnsiColor::Yellow.on_default().bold(), "warning"),
        };
        println!("{style}{word}{style:#} {finding}");
    }
}
