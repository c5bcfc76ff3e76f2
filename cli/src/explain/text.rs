//! The explanation in plain text.

use super::{Case, Destination, EndpointReport, PoolReport, Report};
use anstyle::{AnsiColor, Style};
use std::fmt;

const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default();
const QUIET: Style = Style::new().dimmed();

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { model, method, host, path, listeners } = self;
        writeln!(f, "model {model:?}, {method} {host}{path}")?;
        if listeners.is_empty() {
            writeln!(f, "\n{BAD}no listener{BAD:#} has this project's filters")?;
        }
        for one in listeners {
            writeln!(f, "\nlistener  {} {}", one.listener, one.address)?;
            for case in &one.cases {
                write_case(f, case)?;
            }
        }
        Ok(())
    }
}

fn write_case(f: &mut fmt::Formatter<'_>, case: &Case) -> fmt::Result {
    if let Some(share) = case.share {
        writeln!(f, "\nin {:.1} % of the cases:", share * 100.0)?;
    }
    for (index, says) in case.says.iter().enumerate() {
        writeln!(f, "{}{says}", if index == 0 { "bbr       " } else { "          " })?;
    }
    if let Some(status) = case.answered {
        return writeln!(f, "          {BAD}the gateway answers {status}{BAD:#}");
    }
    for header in &case.headers {
        writeln!(f, "header    {}: {}", header.name, header.value)?;
    }
    if let Some(host) = &case.virtual_host {
        writeln!(f, "host      {host}")?;
    }
    let many = case.tried.len() > MOST;
    let shown = case.tried.iter().filter(|tried| !many || tried.takes || !is_other_model(tried));
    for tried in shown {
        match &tried.why {
            None => writeln!(f, "route     {GOOD}{}{GOOD:#} takes it", tried.route)?,
            Some(why) => writeln!(f, "          {QUIET}{}: {why}{QUIET:#}", tried.route)?,
        }
    }
    match &case.destination {
        Some(Destination::Pools { pools }) => pools.iter().try_for_each(|pool| write_pool(f, pool)),
        Some(Destination::Answer { status }) => {
            writeln!(f, "answer    {BAD}Envoy answers {status}{BAD:#}")
        }
        Some(Destination::Other { how }) => writeln!(f, "goes      by {how}"),
        None => Ok(()),
    }
}

/// With more routes than this, those that are for another model are left out.
const MOST: usize = 20;

fn is_other_model(tried: &super::Tried) -> bool {
    let header = "header X-Gateway-";
    let why = tried.why.as_deref().unwrap_or_default();
    why.get(..header.len()).is_some_and(|start| start.eq_ignore_ascii_case(header))
}

fn write_pool(f: &mut fmt::Formatter<'_>, pool: &PoolReport) -> fmt::Result {
    let PoolReport { cluster, share, pool: name, endpoints } = pool;
    let share = if *share < 1.0 { format!(" ({:.1} %)", share * 100.0) } else { String::new() };
    match name {
        Some(name) if name == cluster => writeln!(f, "pool      {name}{share}")?,
        Some(name) => writeln!(f, "pool      {name}{share}, cluster {cluster}")?,
        None => writeln!(f, "cluster   {cluster}{share}, no pool of the picker: Envoy balances")?,
    }
    if endpoints.is_empty() {
        return writeln!(f, "          {BAD}no endpoints{BAD:#}");
    }
    let width =
        endpoints.iter().map(|one| one.endpoint.to_string().len()).max().unwrap_or(0).max(8);
    writeln!(
        f,
        "          {:width$}  {:>7} {:>7} {:>6} {:>9} {:>8}  state",
        "endpoint", "waiting", "running", "KV", "in flight", "age"
    )?;
    endpoints.iter().try_for_each(|one| write_endpoint(f, one, width))
}

fn write_endpoint(f: &mut fmt::Formatter<'_>, one: &EndpointReport, width: usize) -> fmt::Result {
    let number =
        |value: Option<u64>| value.map_or_else(|| "-".to_owned(), |value| value.to_string());
    let kv =
        one.kv_permille.map_or_else(|| "-".to_owned(), |kv| format!("{}.{} %", kv / 10, kv % 10));
    let age = one.age_milliseconds.map_or_else(|| "-".to_owned(), |age| format!("{age} ms"));
    let (style, state) = match one.troubles.as_slice() {
        [] => (GOOD, "ready".to_owned()),
        troubles => (BAD, troubles.join("; ")),
    };
    writeln!(
        f,
        "          {:width$}  {:>7} {:>7} {kv:>6} {:>9} {age:>8}  {style}{state}{style:#}",
        one.endpoint.to_string(),
        number(one.waiting),
        number(one.running),
        number(one.in_flight),
    )
}
