//! The `ext_proc` server of the measurement, a process of its own. `gateway-bench` starts
//! it; it ends when its standard input does.
//!
//! Arguments: the core it runs on, and whether bodies stream: `duplex` or `buffered`.

#[cfg(not(target_arch = "wasm32"))]
mod server {
    use anyhow::{Context, Result, bail};
    use std::env::args;
    use std::io::{Read, Write, stdin, stdout};
    use std::net::Ipv4Addr;
    use std::process::exit;
    use std::thread;
    use tokio::net::TcpListener;

    pub(super) fn main() -> Result<()> {
        let mut arguments = args().skip(1);
        let (cpu, mode) = (arguments.next(), arguments.next());
        let cpu = cpu.context("no core")?.parse().context("not a core")?;
        let duplex = match mode.as_deref() {
            Some("duplex") => true,
            Some("buffered") => false,
            _ => bail!("expected `duplex` or `buffered`"),
        };
        gateway_bench::envoys::pin(cpu).context("cannot run on that core")?;
        thread::spawn(|| {
            // Nothing is ever written to it; its end is the parent's.
            let _ = stdin().read(&mut [0]);
            exit(0);
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
            println!("{}", listener.local_addr()?.port());
            stdout().flush()?;
            Ok(gateway_bench::ext_proc::serve(listener, duplex).await?)
        })
    }
}

#[cfg(not(target_arch = "wasm32"))]
fn main() -> anyhow::Result<()> {
    server::main()
}

/// All programs of the package are built for Wasm where one is.
#[cfg(target_arch = "wasm32")]
fn main() {}
