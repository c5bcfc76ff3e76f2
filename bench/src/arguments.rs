//! What `cargo xtask bench` tells the measuring program.

use crate::bodies::Size;
use crate::envoys::Protocol;
use crate::report::Section;
use clap::{Parser, ValueEnum};
use std::path::PathBuf;

/// A part that can be measured alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// Picks, natively and under Wasm.
    Picks,
    /// Request rates among endpoints.
    Pools,
    /// The cost of refreshing metrics.
    Refresh,
    /// Memory per endpoint.
    Footprint,
    /// Starting VMs.
    Start,
    /// The body scanner, natively and under Wasm.
    Scanner,
    /// Reading bodies in Envoy.
    Gateway,
    /// Responses that stream.
    Streams,
    /// Slow uploads.
    Uploads,
    /// Nothing: only write the report from what was measured.
    Report,
}

impl Part {
    /// The part's place in the report.
    #[must_use]
    pub fn section(self) -> Section {
        match self {
            Self::Picks => Section::Picks,
            Self::Pools => Section::Pools,
            Self::Refresh => Section::Refresh,
            Self::Footprint => Section::Footprint,
            Self::Start => Section::Start,
            Self::Scanner => Section::Scanner,
            Self::Gateway => Section::Gateway,
            Self::Streams => Section::Streams,
            Self::Uploads => Section::Uploads,
            Self::Report => Section::Targets,
        }
    }
}

/// A protocol by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ProtocolName {
    /// HTTP/1.1.
    H1,
    /// HTTP/2.
    H2,
}

impl From<ProtocolName> for Protocol {
    fn from(name: ProtocolName) -> Self {
        match name {
            ProtocolName::H1 => Self::H1,
            ProtocolName::H2 => Self::H2,
        }
    }
}

/// The arguments.
#[derive(Debug, Parser)]
#[command(about = "Use `cargo xtask bench`, which builds what this needs")]
pub struct Arguments {
    /// These parts alone
    #[arg(long, value_enum, value_delimiter = ',')]
    pub only: Vec<Part>,
    /// Rounds; at least 1
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    pub rounds: u16,
    /// How long each contestant is under load in a round, in seconds
    #[arg(long)]
    pub seconds: f64,
    /// Sizes of the gateway's bodies, in bytes, 200 to 10000000
    #[arg(long, value_delimiter = ',')]
    pub sizes: Vec<usize>,
    /// Connections of the gateway's loads; the first is that of the pools too
    #[arg(long, value_delimiter = ',')]
    pub connections: Vec<usize>,
    /// Protocols of the gateway's loads
    #[arg(long, value_enum, value_delimiter = ',')]
    pub protocols: Vec<ProtocolName>,
    /// Responses that stream at once
    #[arg(long)]
    pub streams: usize,
    /// The folder with this program's siblings
    #[arg(long)]
    pub native: PathBuf,
    /// The folder with the programs and filters of this package that are built for WASI
    #[arg(long)]
    pub wasm: PathBuf,
    /// Runs WASI programs in Node
    #[arg(long)]
    pub wasi_runner: PathBuf,
    /// The guides' Envoy configuration
    #[arg(long)]
    pub configuration: PathBuf,
    /// The folder with the built filters
    #[arg(long)]
    pub modules: PathBuf,
    /// The file to write the tables into
    #[arg(long)]
    pub report: PathBuf,
    /// The folder for figures and plots
    #[arg(long)]
    pub store: PathBuf,
    /// What the user typed
    #[arg(long)]
    pub command: String,
}

impl Arguments {
    /// Whether a part is to be measured.
    #[must_use]
    pub fn wants(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }

    /// The sizes of the gateway's bodies.
    #[must_use]
    pub fn sizes(&self) -> Vec<Size> {
        self.sizes.iter().copied().map(Size).collect()
    }
}
