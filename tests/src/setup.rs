//! What a gateway is started with: the guides' configuration and a test's changes.
//!
//! Invariant: the unchanged [`Setup::guides`] is `envoy-config/guides.yaml` as users run
//! it, ports apart.

use crate::modules::{dist, root};
use crate::pools::{Change, SCRIPTED};
use envoy_runner::{Bootstrap, Options, free_ports};
use serde_json::json;
use serde_yaml_ng::{Value, from_str};
use std::net::SocketAddr;

/// Where requests go that no pool's route takes.
#[derive(Clone, Copy, Debug, Default)]
pub enum Rest {
    /// To the guides' own answer: 404.
    #[default]
    NotFound,
    /// To a simulator in a pool of its own, `everything-else`.
    Simulator,
    /// To a server of the test.
    Address(SocketAddr),
}

/// A gateway to start.
pub struct Setup {
    pub(crate) bootstrap: Bootstrap,
    pub(crate) time_scale: f64,
    pub(crate) log_level: &'static str,
    pub(crate) workers: u32,
    pub(crate) change: Change,
    pub(crate) process: Process,
    pub(crate) last: Last,
}

type Process = Box<dyn FnOnce(&mut Options) + Send>;
type Last = Box<dyn FnOnce(&mut Bootstrap) + Send>;

/// The bbr filter's configuration in the guides' configuration, to be changed.
#[must_use]
pub fn guides_plugin() -> serde_json::Value {
    Bootstrap::load(root().join("envoy-config/guides.yaml"))
        .and_then(|guides| guides.plugin_configuration("bbr"))
        .expect("the guides' configuration has a bbr filter")
}

impl Setup {
    /// The guides' configuration as it is.
    #[must_use]
    pub fn guides() -> Self {
        let mut bootstrap = Bootstrap::load(root().join("envoy-config/guides.yaml"))
            .expect("the guides' configuration can be read");
        bootstrap.with_modules(&dist());
        Self::of(bootstrap)
    }

    /// The guides' configuration without the picker: for tests of the body-based router
    /// alone, since compiling both modules takes Envoy three times as long.
    ///
    /// # Panics
    /// The configuration has no picker.
    #[must_use]
    pub fn bbr() -> Self {
        let mut setup = Self::guides();
        setup.bootstrap.without_filter("picker").expect("it is there");
        setup
    }

    /// [`Self::bbr`] with bodies read on `/sim/echo`, and a simulator behind all of it.
    #[must_use]
    pub fn bbr_echo() -> Self {
        Self::bbr().echo(json!({})).rest(Rest::Simulator)
    }

    /// The guides' configuration without any of the project's filters.
    #[must_use]
    pub fn bare() -> Self {
        let mut bootstrap = Bootstrap::load(root().join("envoy-config/guides.yaml"))
            .expect("the guides' configuration can be read");
        for filter in ["bbr", "picker"] {
            bootstrap.without_filter(filter).expect("it is there");
        }
        Self::of(bootstrap)
    }

    fn of(mut bootstrap: Bootstrap) -> Self {
        let ports = free_ports(3).expect("three free ports");
        let ports = [(8080, ports[0]), (9901, ports[1]), (9902, ports[2])];
        bootstrap.with_ports(&ports).expect("the guides' ports");
        // Two workers, since one would hide what goes wrong between them.
        Self {
            bootstrap,
            time_scale: 0.0,
            log_level: "info",
            workers: 2,
            change: |_| (),
            process: Box::new(|_| ()),
            last: Box::new(|_| ()),
        }
    }

    /// Changes fields of the bbr filter's configuration: a field of `changes` replaces
    /// the guides' one, `null` removes it.
    #[must_use]
    pub fn plugin(mut self, changes: serde_json::Value) -> Self {
        let mut plugin = guides_plugin();
        let fields = plugin.as_object_mut().expect("an object");
        for (name, value) in changes.as_object().expect("an object of changes") {
            if value.is_null() {
                fields.remove(name);
            } else {
                fields.insert(name.clone(), value.clone());
            }
        }
        self.bootstrap.with_plugin_configuration("bbr", &plugin).expect("the bbr filter");
        self
    }

    /// As [`Self::plugin`], and `/sim/echo` is among the paths whose bodies are read, so
    /// that a test sees all that the upstream saw.
    #[must_use]
    pub fn echo(self, changes: serde_json::Value) -> Self {
        let mut changes = changes;
        changes["paths"] = json!(["/v1/*", "/sim/echo"]);
        self.plugin(changes)
    }

    /// Where requests go that no pool takes.
    #[must_use]
    pub fn rest(mut self, rest: Rest) -> Self {
        let port = match rest {
            Rest::NotFound => return self,
            // A port that the simulator's replaces; the guides have none like it.
            Rest::Simulator => 7999,
            Rest::Address(address) => address.port(),
        };
        let name = match rest {
            Rest::Address(_) => SCRIPTED,
            _ => "everything-else",
        };
        let cluster = yaml(&format!(
            "{{name: {name}, type: STATIC, connect_timeout: 2s, load_assignment: \
             {{cluster_name: {name}, endpoints: [{{lb_endpoints: [{{endpoint: {{address: \
             {{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}}}}}]}}]}}}}"
        ));
        let route = yaml(&format!(
            "{{name: {name}, match: {{prefix: /}}, route: {{cluster: {name}, timeout: 300s}}, \
             response_headers_to_add: [{{header: {{key: x-gateway-pool, value: {name}}}}}]}}"
        ));
        self.bootstrap.edit(|value| {
            let clusters = &mut value["static_resources"]["clusters"];
            clusters.as_sequence_mut().expect("clusters").push(cluster);
            let host = &mut manager(value)["route_config"]["virtual_hosts"][0];
            let routes = host["routes"].as_sequence_mut().expect("routes");
            *routes.last_mut().expect("the guides' last route") = route;
        });
        self
    }

    /// How many bytes of a request Envoy buffers. HTTP/2 goes by its own windows.
    #[must_use]
    pub fn buffer_limit(mut self, bytes: u32) -> Self {
        self.bootstrap.with_buffer_limit(bytes);
        self.connection_manager(|manager| {
            manager["http2_protocol_options"] = yaml(&format!(
                "{{initial_stream_window_size: {bytes}, initial_connection_window_size: {bytes}}}"
            ));
        })
    }

    /// Trailers of HTTP/1.1 requests are kept, and upstream connections are HTTP/2, so
    /// that they arrive.
    #[must_use]
    pub fn trailers(mut self) -> Self {
        let options = yaml(
            "{envoy.extensions.upstreams.http.v3.HttpProtocolOptions: {'@type': \
             type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions, \
             explicit_http_config: {http2_protocol_options: {}}}}",
        );
        self.bootstrap.edit(|value| {
            manager(value)["http_protocol_options"] = yaml("{enable_trailers: true}");
            let clusters = &mut value["static_resources"]["clusters"];
            for cluster in clusters.as_sequence_mut().expect("clusters") {
                cluster["typed_extension_protocol_options"] = options.clone();
            }
        });
        self
    }

    /// Any change to the HTTP connection manager.
    #[must_use]
    pub fn connection_manager(mut self, change: impl FnOnce(&mut Value)) -> Self {
        self.bootstrap.edit(|value| change(manager(value)));
        self
    }

    /// Factor on the simulators' times; 0 (unless told) answers at once.
    #[must_use]
    pub fn time_scale(mut self, factor: f64) -> Self {
        self.time_scale = factor;
        self
    }

    /// Envoy's worker threads instead of 2.
    #[must_use]
    pub fn workers(mut self, count: u32) -> Self {
        self.workers = count;
        self
    }

    /// Any change to the simulators' configurations.
    #[must_use]
    pub fn servers(mut self, change: fn(&mut simulator::Config)) -> Self {
        self.change = change;
        self
    }

    /// Any change to Envoy's configuration.
    #[must_use]
    pub fn edit(mut self, change: impl FnOnce(&mut Value)) -> Self {
        self.bootstrap.edit(change);
        self
    }

    /// The last change to Envoy's configuration, when all ports in it are those of this
    /// run.
    #[must_use]
    pub fn edit_last(mut self, change: impl FnOnce(&mut Bootstrap) + Send + 'static) -> Self {
        self.last = Box::new(change);
        self
    }

    /// Any change to how Envoy's process is started.
    #[must_use]
    pub fn process(mut self, change: impl FnOnce(&mut Options) + Send + 'static) -> Self {
        self.process = Box::new(change);
        self
    }

    /// Envoy's log level instead of `info`.
    #[must_use]
    pub fn log_level(mut self, level: &'static str) -> Self {
        self.log_level = level;
        self
    }

    /// The Envoy configuration.
    #[must_use]
    pub fn into_bootstrap(self) -> Bootstrap {
        self.bootstrap
    }
}

fn manager(value: &mut Value) -> &mut Value {
    &mut value["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
}

fn yaml(text: &str) -> Value {
    from_str(text).expect("the harness writes YAML")
}
