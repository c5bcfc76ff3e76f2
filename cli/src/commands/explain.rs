//! `igw explain`.

use super::CommandError;
use crate::admin::{Admin, AdminUrl};
use crate::explain::{self, Question, Running};
use anstream::{print, println};

const EXAMPLES: &str = "\
Examples:
  igw explain --admin localhost:9901 --model food-review-1

  # Another path and host, for programs
  igw explain --admin localhost:15000 --model chatbot --path /v1/embeddings \\
    --host api.example.com --output json

Nothing is sent to a model server. The exit code is 3 if no pool would get the request.";

/// What `igw explain` can be told.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// The admin interface of the gateway's Envoy
    #[arg(long, value_name = "URL")]
    admin: AdminUrl,
    /// The model, as a client names it
    #[arg(short, long, value_name = "NAME")]
    model: String,
    /// The request's path
    #[arg(long, default_value = "/v1/chat/completions", value_parser = path)]
    path: String,
    /// The request's method
    #[arg(long, default_value = "POST")]
    method: String,
    /// The request's host
    #[arg(long, default_value = "localhost")]
    host: String,
    /// A further header of the client
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE", value_parser = header)]
    headers: Vec<(String, String)>,
    /// Only the listener of this name or port
    #[arg(long, value_name = "NAME|PORT")]
    listener: Option<String>,
    /// How to answer
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Output {
    /// For people
    Text,
    /// For programs
    Json,
}

#[derive(Debug, thiserror::Error)]
enum ArgumentError {
    #[error("expected NAME: VALUE")]
    Header,
    #[error("a path begins with /")]
    Path,
}

fn header(text: &str) -> Result<(String, String), ArgumentError> {
    let (name, value) = text.split_once(':').ok_or(ArgumentError::Header)?;
    let name = name.trim();
    if name.is_empty() {
        return Err(ArgumentError::Header);
    }
    Ok((name.to_owned(), value.trim().to_owned()))
}

fn path(text: &str) -> Result<String, ArgumentError> {
    if text.starts_with('/') { Ok(text.to_owned()) } else { Err(ArgumentError::Path) }
}

/// Asks, and tells.
pub(super) fn run(arguments: &Arguments) -> Result<(), CommandError> {
    let admin = Admin::new(&arguments.admin);
    let (dump, hosts, stats) = (admin.configuration()?, admin.hosts()?, admin.stats()?);
    let running = Running { proxy: &dump.proxy, hosts: &hosts, stats: &stats };
    let question = Question {
        model: arguments.model.clone(),
        path: arguments.path.clone(),
        method: arguments.method.to_ascii_uppercase(),
        host: arguments.host.clone(),
        headers: arguments.headers.clone(),
    };
    let report = explain::explain(running, &question, arguments.listener.as_deref());
    match arguments.output {
        Output::Text => print!("{report}"),
        Output::Json => {
            let json = serde_json::to_string_pretty(&report)
                .map_err(CommandError::outside("cannot write the report"))?;
            println!("{json}");
        }
    }
    if report.reaches_endpoints() { Ok(()) } else { Err(CommandError::Unreached) }
}
