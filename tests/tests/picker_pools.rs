//! Endpoints that belong to two pools, and endpoints that come and go.

use gateway_tests::{Gateway, Load, Setup, Version, endless, eventually, run};
use serde_json::{Value, json};
use simulator::{Config, Server};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval, sleep};

const PHI: &str = "vllm-phi4-mini-instruct";
const PHI_MODEL: &str = "microsoft/Phi-4-mini-instruct";
const GEMMA: &str = "gemma3";
const GEMMA_MODEL: &str = "google/gemma-3-4b-it";

fn setup() -> Setup {
    Setup::guides().echo(json!({})).servers(endless)
}

async fn expect_server(gateway: &Gateway, pool: &str, model: &str, server: &str) {
    for _ in 0..20 {
        let answer = gateway.echo(model).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!((answer.pool(), answer.pod()), (Some(pool), Some(server)), "{answer:?}");
        assert_eq!(answer.picker("pool"), Some(pool), "{answer:?}");
        assert_eq!(answer.picker("why"), Some("picked"), "{answer:?}");
    }
}

#[test]
fn two_pools_may_share_an_endpoint() {
    run(async {
        let setup = setup().picker_only(&[PHI, GEMMA]);
        // 8007 is the second of phi4 and the first of gemma3.
        let setup = setup.endpoints(PHI, [8006, 8007]).endpoints(GEMMA, [8007, 8009]);
        let gateway = Gateway::start(setup).await;
        gateway.wait_for_scrapes(PHI, 2).await;
        gateway.wait_for_scrapes(GEMMA, 2).await;
        let (phi, gemma) = (format!("{PHI}-0"), format!("{GEMMA}-1"));
        let shared = format!("{PHI}-1");
        // Both see the load of the shared one.
        let server = gateway.server(&shared);
        let load = Load::on(server, PHI_MODEL, 12).await;
        gateway.wait_for_load(PHI, server, 12).await;
        gateway.wait_for_load(GEMMA, server, 12).await;
        expect_server(&gateway, PHI, PHI_MODEL, &phi).await;
        expect_server(&gateway, GEMMA, GEMMA_MODEL, &gemma).await;
        drop(load);
        gateway.wait_for_load(PHI, server, 0).await;
        gateway.wait_for_load(GEMMA, server, 0).await;
        // Load elsewhere concerns only the pool it is in.
        let loaded = gateway.server(&phi);
        let load = Load::on(loaded, PHI_MODEL, 12).await;
        gateway.wait_for_load(PHI, loaded, 12).await;
        expect_server(&gateway, PHI, PHI_MODEL, &shared).await;
        let mut seen = Vec::new();
        for _ in 0..40 {
            let answer = gateway.echo(GEMMA_MODEL).await;
            assert_eq!((answer.status, answer.picker("why")), (200, Some("picked")), "{answer:?}");
            seen.push(answer.pod().unwrap().to_owned());
        }
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen, [gemma, shared], "both are idle");
        let running = gateway.picker_metric("endpoint_running", ("igw_pool", GEMMA));
        assert_eq!(running.len(), 2, "{running:?}");
        assert!(running.iter().all(|(endpoint, _)| *endpoint != loaded.addr().to_string()));
        drop(load);
        gateway.check();
    });
}

/// A file of endpoints that Envoy watches.
struct Eds {
    path: PathBuf,
    version: usize,
}

impl Eds {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("igw-eds-{}-{name}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        Self { path: folder.join("endpoints.json"), version: 0 }
    }

    fn folder(&self) -> &Path {
        self.path.parent().unwrap()
    }

    /// Replaces the file at once, as Envoy wants it.
    fn set(&mut self, endpoints: &[(&Server, &str)]) {
        self.version += 1;
        let endpoints = endpoints.iter().map(|(server, health)| {
            let (ip, port) = (server.addr().ip().to_string(), server.addr().port());
            let address = json!({"socket_address": {"address": ip, "port_value": port}});
            json!({"health_status": health, "endpoint": {"address": address}})
        });
        let endpoints: Vec<Value> = endpoints.collect();
        let text = json!({
            "version_info": self.version.to_string(),
            "resources": [{
                "@type": "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
                "cluster_name": GEMMA,
                "endpoints": [{"lb_endpoints": endpoints}]
            }]
        });
        let new = self.folder().join("new.json");
        fs::write(&new, text.to_string()).unwrap();
        fs::rename(&new, &self.path).unwrap();
    }

    fn setup(&self) -> Setup {
        let (path, folder) = (self.path.display(), self.folder().display());
        let config = json!({"eds_config": {
            "resource_api_version": "V3",
            "path_config_source": {
                "path": path.to_string(),
                "watched_directory": {"path": folder.to_string()}
            }
        }});
        let config = serde_yaml_ng::from_str(&config.to_string()).unwrap();
        setup()
            .picker_only(&[GEMMA])
            .edit(|value| {
                let node = "{id: gateway, cluster: gateway}";
                value["node"] = serde_yaml_ng::from_str(node).unwrap();
            })
            .cluster(GEMMA, |cluster| {
                let cluster = cluster.as_mapping_mut().unwrap();
                cluster.remove("load_assignment");
                cluster.insert("type".into(), "EDS".into());
                cluster.insert("eds_cluster_config".into(), config);
            })
    }
}

impl Drop for Eds {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(self.folder());
    }
}

async fn server(name: &str) -> Server {
    let model = GEMMA_MODEL.to_owned();
    let mut config = Config { name: name.to_owned(), model, ..Config::default() };
    endless(&mut config);
    Server::start(config).await.unwrap()
}

#[test]
fn endpoints_come_and_go_under_load_without_a_failure() {
    run(async {
        let (a, b, c) = (server("a").await, server("b").await, server("c").await);
        let mut eds = Eds::new("come-and-go");
        eds.set(&[(&a, "HEALTHY"), (&b, "HEALTHY")]);
        let gateway = Arc::new(Gateway::start(eds.setup()).await);
        gateway.wait_for_scrapes(GEMMA, 2).await;
        let ends = Arc::new(AtomicBool::new(false));
        // 50 requests per second until told to end; all must succeed.
        let traffic = tokio::spawn({
            let (gateway, ends) = (Arc::clone(&gateway), Arc::clone(&ends));
            async move {
                let mut clients = Vec::new();
                for n in 0..6 {
                    clients.push(gateway.connect(Version::BOTH[n % 2]).await);
                }
                let mut ticks = interval(Duration::from_millis(20));
                ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
                let mut sent = 0;
                while !ends.load(Ordering::Relaxed) {
                    ticks.tick().await;
                    let answer = clients[sent % 6].send(Gateway::echo_call(GEMMA_MODEL)).await;
                    assert_eq!(answer.status, 200, "{answer:?}");
                    assert_eq!(answer.pool(), Some(GEMMA), "{answer:?}");
                    sent += 1;
                }
                sent
            }
        });
        let alive = |what: &str| assert!(!traffic.is_finished(), "a request failed: {what}");
        let gets = async |server: &Server| {
            server.forget_requests();
            let what = format!("traffic on {}", server.name());
            eventually(&what, || {
                alive(&what);
                (server.requests().len() >= 5).then_some(())
            })
            .await;
        };
        // Quiet for a second of traffic on the others.
        let quiet = async |server: &Server, other: &Server| {
            for n in 0.. {
                assert!(n < 60, "{} still gets requests", server.name());
                server.forget_requests();
                other.forget_requests();
                eventually("traffic elsewhere", || {
                    alive("elsewhere");
                    (other.requests().len() >= 15).then_some(())
                })
                .await;
                if server.requests().is_empty() {
                    break;
                }
            }
        };
        gets(&a).await;
        gets(&b).await;
        for _ in 0..3 {
            eds.set(&[(&a, "HEALTHY"), (&b, "HEALTHY"), (&c, "HEALTHY")]);
            gets(&c).await;
            eds.set(&[(&b, "HEALTHY"), (&c, "HEALTHY")]);
            quiet(&a, &c).await;
            eds.set(&[(&a, "HEALTHY"), (&b, "DRAINING"), (&c, "HEALTHY")]);
            gets(&a).await;
            quiet(&b, &a).await;
            eds.set(&[(&a, "HEALTHY"), (&b, "HEALTHY")]);
            gets(&b).await;
            quiet(&c, &b).await;
        }
        ends.store(true, Ordering::Relaxed);
        let sent = traffic.await.unwrap();
        assert!(sent > 200, "{sent}");
        // The gauge of the one that left says so.
        let left = c.addr().to_string();
        eventually("not ready", || {
            let ready = gateway.picker_metric("endpoint_ready", ("igw_endpoint", &left));
            (ready == [(left.clone(), 0)]).then_some(())
        })
        .await;
        gateway.check();
    });
}

#[test]
fn an_endpoint_that_came_later_is_picked_by_its_load() {
    run(async {
        let (a, b) = (server("a").await, server("b").await);
        let mut eds = Eds::new("later");
        eds.set(&[(&a, "HEALTHY")]);
        let gateway = Gateway::start(eds.setup()).await;
        gateway.wait_for_scrapes(GEMMA, 1).await;
        let load = Load::on(&a, GEMMA_MODEL, 12).await;
        gateway.wait_for_load(GEMMA, &a, 12).await;
        expect_server(&gateway, GEMMA, GEMMA_MODEL, "a").await;
        eds.set(&[(&a, "HEALTHY"), (&b, "HEALTHY")]);
        gateway.wait_for_scrapes(GEMMA, 2).await;
        sleep(Duration::from_millis(500)).await;
        expect_server(&gateway, GEMMA, GEMMA_MODEL, "b").await;
        drop(load);
        gateway.check();
    });
}
