//! A `docker-registry` of one test.

use super::Programs;
use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;
use tempfile::TempDir;

/// How often, and how far apart, the port is tried until the registry listens.
const TRIES: u32 = 200;
const PAUSE: Duration = Duration::from_millis(50);

/// `me` with the password `open-sesame`, as `htpasswd -B` writes it.
const USERS: &str = "me:$2b$05$abcdefghijklmnopqrstuutXu9KzOt.1yBoZUeFWoT/914/JfszCO\n";

/// A running registry; it ends with this value.
pub struct Server {
    process: Child,
    folder: TempDir,
    port: u16,
}

impl Server {
    /// Lets everybody in.
    pub fn open(programs: &Programs) -> Self {
        Self::start(programs, |_| String::new())
    }

    /// Lets `me` in.
    pub fn guarded(programs: &Programs) -> Self {
        Self::start(programs, |folder| {
            let users = folder.join("users");
            fs::write(&users, USERS).unwrap();
            format!("auth:\n  htpasswd:\n    realm: test\n    path: {}\n", users.display())
        })
    }

    /// Speaks TLS; with it comes its certificate, in PEM.
    pub fn tls(programs: &Programs) -> (Self, String) {
        let own = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let certificate = own.cert.pem();
        let server = Self::start(programs, |folder| {
            let (public, secret) = (folder.join("public"), folder.join("secret"));
            fs::write(&public, &certificate).unwrap();
            fs::write(&secret, own.signing_key.serialize_pem()).unwrap();
            let (public, secret) = (public.display(), secret.display());
            format!("  tls:\n    certificate: {public}\n    key: {secret}\n")
        });
        (server, certificate)
    }

    /// `more` is put behind the section `http`.
    fn start(programs: &Programs, more: impl FnOnce(&Path) -> String) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = envoy_runner::free_ports(1).unwrap()[0];
        let more = more(folder.path());
        let data = folder.path().join("data");
        let config = folder.path().join("config.yml");
        let text = format!(
            "version: 0.1\nlog:\n  level: warn\nstorage:\n  filesystem:\n    rootdirectory: {}\n\
             http:\n  addr: 127.0.0.1:{port}\n{more}",
            data.display()
        );
        fs::write(&config, text).unwrap();
        let log = File::create(folder.path().join("log")).unwrap();
        let process = Command::new(&programs.registry)
            .arg("serve")
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut server = Self { process, folder, port };
        server.wait();
        server
    }

    fn wait(&mut self) {
        for _ in 0..TRIES {
            if TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok() {
                return;
            }
            if let Ok(Some(status)) = self.process.try_wait() {
                panic!("the registry ended with {status}: {}", self.log());
            }
            sleep(PAUSE);
        }
        panic!("the registry does not listen: {}", self.log());
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Host and port.
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A port that nobody listens on.
pub fn closed_port() -> u16 {
    envoy_runner::free_ports(1).unwrap()[0]
}
