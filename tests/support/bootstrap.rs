//! What Envoy is started with: the filter, its routes and its clusters.

use std::{env, net::SocketAddr, path::Path, path::PathBuf};

use serde_json::{Value, json};

use super::{Algorithm, SigningKey, Upstream, folder::Folder, tokens};

/// How the filter is given its configuration.
#[derive(Clone, Debug)]
pub enum FilterConfig {
    /// A `google.protobuf.Struct`, as plain YAML in an Envoy file becomes one.
    Struct(Value),
    /// A `StringValue` with any text, as Istio sends JSON.
    Text(String),
    /// The filter is there and is given none.
    Absent,
}

impl FilterConfig {
    /// A `StringValue` with this document as JSON.
    pub fn json(document: &Value) -> Self {
        Self::Text(document.to_string())
    }

    fn message(&self) -> Option<Value> {
        match self {
            Self::Struct(document) => Some(json!({
                "@type": "type.googleapis.com/google.protobuf.Struct",
                "value": document,
            })),
            Self::Text(text) => Some(json!({
                "@type": "type.googleapis.com/google.protobuf.StringValue",
                "value": text,
            })),
            Self::Absent => None,
        }
    }
}

impl From<Value> for FilterConfig {
    fn from(document: Value) -> Self {
        Self::Struct(document)
    }
}

/// Envoy's own treatment of a path, before any filter sees it. Off, as Envoy's defaults are.
#[derive(Clone, Copy, Debug, Default)]
pub struct PathHandling {
    pub normalize: bool,
    pub merge_slashes: bool,
    pub escaped_slashes: EscapedSlashes,
}

/// What Envoy does with `%2F` and `%5C`.
#[derive(Clone, Copy, Debug, Default)]
pub enum EscapedSlashes {
    #[default]
    KeepUnchanged,
    RejectRequest,
    UnescapeAndRedirect,
    UnescapeAndForward,
}

impl EscapedSlashes {
    const fn name(self) -> &'static str {
        match self {
            Self::KeepUnchanged => "KEEP_UNCHANGED",
            Self::RejectRequest => "REJECT_REQUEST",
            Self::UnescapeAndRedirect => "UNESCAPE_AND_REDIRECT",
            Self::UnescapeAndForward => "UNESCAPE_AND_FORWARD",
        }
    }
}

/// How to start an [`Envoy`](super::Envoy) for a test.
#[derive(Clone, Debug)]
pub struct EnvoyOptions {
    whole: Option<Value>,
    pub(super) filter: Option<FilterConfig>,
    pub(super) wasm: PathBuf,
    pub(super) concurrency: u32,
    pub(super) dynamic_listener: bool,
    pub(super) log_level: String,
    paths: PathHandling,
    routes: Vec<Value>,
    clusters: Vec<(String, SocketAddr)>,
    allowed_calls: Option<Vec<String>>,
    failure_policy: String,
    allow_on_headers_stop_iteration: Option<bool>,
    transport_socket: Option<Value>,
    access_log: Option<Value>,
    has_trailers: bool,
    before: Vec<Value>,
    after: Vec<Value>,
    pub(super) variables: Vec<(String, String)>,
    stats_config: Option<Value>,
    pub(super) drain_time: Option<u32>,
}

impl EnvoyOptions {
    /// One worker and one route, named `catch-all`, to the cluster `upstream`.
    pub fn new(upstream: &Upstream, filter: impl Into<FilterConfig>) -> Self {
        Self {
            filter: Some(filter.into()),
            routes: vec![route("catch-all", &json!({"prefix": "/"}))],
            clusters: vec![("upstream".to_owned(), upstream.addr())],
            ..Self::empty()
        }
    }

    /// [`new`](Self::new) with one policy for every request: the acr `phr`, not older than 5 minutes.
    pub fn step_up(upstream: &Upstream) -> Self {
        let key = SigningKey::generate(Algorithm::Es256, "k");
        let config = json!({
            "levels": [{"name": "strong", "proven_by": [{"acr": ["phr"]}]}],
            "issuers": [{
                "issuer": "https://id.example.com",
                "audiences": ["https://api.example.com"],
                "keys": {"inline": tokens::jwks([&key])},
            }],
            "policies": {"pay": {"require": [{"level": "strong", "max_age": "5m"}]}},
            "default": "pay",
        });
        Self::new(upstream, config)
    }

    /// A whole bootstrap, such as one read from a file. Its admin interface has to listen on port 0,
    /// and its first listener on loopback.
    pub fn whole(bootstrap: Value) -> Self {
        Self { whole: Some(bootstrap), ..Self::empty() }
    }

    fn empty() -> Self {
        Self {
            whole: None,
            filter: None,
            wasm: wasm(),
            concurrency: 1,
            dynamic_listener: false,
            log_level: "wasm:debug,main:warning".to_owned(),
            paths: PathHandling::default(),
            routes: Vec::new(),
            clusters: Vec::new(),
            allowed_calls: None,
            failure_policy: "FAIL_RELOAD".to_owned(),
            allow_on_headers_stop_iteration: None,
            transport_socket: None,
            access_log: None,
            has_trailers: false,
            before: Vec::new(),
            after: Vec::new(),
            variables: Vec::new(),
            stats_config: None,
            drain_time: None,
        }
    }

    /// The same Envoy with no wasm filter in it.
    #[must_use]
    pub fn without_filter(mut self) -> Self {
        self.filter = None;
        self
    }

    /// Another module than the one of `STEPUP_WASM` or the release build.
    #[must_use]
    pub fn wasm(mut self, module: impl AsRef<Path>) -> Self {
        module.as_ref().clone_into(&mut self.wasm);
        self
    }

    #[must_use]
    pub const fn paths(mut self, paths: PathHandling) -> Self {
        self.paths = paths;
        self
    }

    /// The routes, in place of the one that is there; [`route`] writes a simple one.
    #[must_use]
    pub fn routes(mut self, routes: impl IntoIterator<Item = Value>) -> Self {
        self.routes = routes.into_iter().collect();
        self
    }

    /// One more cluster, with one endpoint.
    #[must_use]
    pub fn cluster(mut self, name: &str, addr: SocketAddr) -> Self {
        self.clusters.push((name.to_owned(), addr));
        self
    }

    #[must_use]
    pub const fn concurrency(mut self, workers: u32) -> Self {
        self.concurrency = workers;
        self
    }

    /// Lets the filter make these host calls only.
    #[must_use]
    pub fn allow_only(mut self, calls: &[&str]) -> Self {
        self.allowed_calls = Some(calls.iter().map(|&call| call.to_owned()).collect());
        self
    }

    #[must_use]
    pub fn failure_policy(mut self, policy: &str) -> Self {
        policy.clone_into(&mut self.failure_policy);
        self
    }

    /// Lets the filter see a body while it holds back the headers. Left out otherwise, as by default.
    #[must_use]
    pub const fn allow_on_headers_stop_iteration(mut self, is_allowed: bool) -> Self {
        self.allow_on_headers_stop_iteration = Some(is_allowed);
        self
    }

    /// An environment variable of Envoy that it passes to the filter.
    #[must_use]
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// For how many seconds a listener that was replaced lives on; 600 otherwise.
    #[must_use]
    pub const fn drain_time(mut self, seconds: u32) -> Self {
        self.drain_time = Some(seconds);
        self
    }

    /// How statistics are named and told. Histograms are told each second, and not each fifth.
    #[must_use]
    pub fn stats_config(mut self, config: Value) -> Self {
        self.stats_config = Some(config);
        self
    }

    /// What the listener speaks in place of plain TCP.
    #[must_use]
    pub fn transport_socket(mut self, socket: Value) -> Self {
        self.transport_socket = Some(socket);
        self
    }

    /// The `access_log` of the connection manager. What it writes to the standard output is in the log.
    #[must_use]
    pub fn access_log(mut self, access_log: Value) -> Self {
        self.access_log = Some(access_log);
        self
    }

    /// Passes trailers on over HTTP/1.1 too, as Envoy does only when told to.
    #[must_use]
    pub const fn trailers(mut self) -> Self {
        self.has_trailers = true;
        self
    }

    /// An HTTP filter that runs before the wasm filter.
    #[must_use]
    pub fn filter_before(mut self, filter: Value) -> Self {
        self.before.push(filter);
        self
    }

    /// An HTTP filter that runs after the wasm filter.
    #[must_use]
    pub fn filter_after(mut self, filter: Value) -> Self {
        self.after.push(filter);
        self
    }

    /// The listener comes from a file that [`Envoy::reload`](super::Envoy::reload) replaces.
    #[must_use]
    pub const fn dynamic_listener(mut self) -> Self {
        self.dynamic_listener = true;
        self
    }

    /// `--component-log-level` in place of `wasm:debug,main:warning`.
    #[must_use]
    pub fn log_level(mut self, levels: &str) -> Self {
        levels.clone_into(&mut self.log_level);
        self
    }

    pub(super) fn bootstrap(&self, folder: &Folder) -> Value {
        if let Some(whole) = &self.whole {
            return whole.clone();
        }
        let clusters: Vec<_> =
            self.clusters.iter().map(|(name, addr)| self.upstream_cluster(name, *addr)).collect();
        let mut bootstrap = json!({
            "node": {"id": "test", "cluster": "test"},
            "admin": {"address": address("127.0.0.1", 0)},
            "static_resources": {"clusters": clusters},
        });
        if let Some(config) = &self.stats_config {
            bootstrap["stats_config"] = config.clone();
            bootstrap["stats_flush_interval"] = json!("1s");
        }
        if self.dynamic_listener {
            let path = folder.path(LISTENERS);
            bootstrap["dynamic_resources"] =
                json!({"lds_config": {"path_config_source": {"path": path}}});
        } else {
            bootstrap["static_resources"]["listeners"] = json!([self.listener()]);
        }
        bootstrap
    }

    fn upstream_cluster(&self, name: &str, addr: SocketAddr) -> Value {
        const OPTIONS: &str = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
        let mut cluster = cluster(name, addr);
        if self.has_trailers {
            cluster["typed_extension_protocol_options"] = json!({OPTIONS: {
                "@type": format!("type.googleapis.com/{OPTIONS}"),
                "explicit_http_config": {"http_protocol_options": {"enable_trailers": true}},
            }});
        }
        cluster
    }

    /// The answer of a listener discovery service.
    pub(super) fn discovery(&self) -> Value {
        let mut listener = self.listener();
        listener["@type"] = json!("type.googleapis.com/envoy.config.listener.v3.Listener");
        json!({"resources": [listener]})
    }

    fn listener(&self) -> Value {
        let mut manager = json!({
            "name": "envoy.filters.network.http_connection_manager",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
                "stat_prefix": "ingress",
                "codec_type": "AUTO",
                "normalize_path": self.paths.normalize,
                "merge_slashes": self.paths.merge_slashes,
                "path_with_escaped_slashes_action": self.paths.escaped_slashes.name(),
                "max_request_headers_kb": 96,
                "http_filters": self.http_filters(),
                "route_config": {
                    "name": "routes",
                    "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": self.routes}],
                },
            },
        });
        if self.has_trailers {
            manager["typed_config"]["http_protocol_options"] = json!({"enable_trailers": true});
        }
        if let Some(access_log) = &self.access_log {
            manager["typed_config"]["access_log"] = access_log.clone();
        }
        let mut chain = json!({"filters": [manager]});
        if let Some(socket) = &self.transport_socket {
            chain["transport_socket"] = socket.clone();
        }
        json!({
            "name": "ingress",
            "address": address("127.0.0.1", 0),
            "filter_chains": [chain],
        })
    }

    fn http_filters(&self) -> Vec<Value> {
        let router = json!({
            "name": "envoy.filters.http.router",
            "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"},
        });
        let stepup = self.filter.as_ref().map(|config| self.wasm_filter(config));
        let before = self.before.iter().cloned();
        before.chain(stepup).chain(self.after.iter().cloned()).chain([router]).collect()
    }

    fn wasm_filter(&self, config: &FilterConfig) -> Value {
        let mut plugin = json!({
            "name": "stepup",
            "root_id": "stepup",
            "failure_policy": self.failure_policy,
            "vm_config": {
                "vm_id": "stepup",
                "runtime": "envoy.wasm.runtime.v8",
                "code": {"local": {"filename": self.wasm}},
            },
        });
        if let Some(message) = config.message() {
            plugin["configuration"] = message;
        }
        if let Some(is_allowed) = self.allow_on_headers_stop_iteration {
            plugin["allow_on_headers_stop_iteration"] = json!(is_allowed);
        }
        if !self.variables.is_empty() {
            let names = self.variables.iter().map(|(name, _)| name).collect::<Vec<_>>();
            plugin["vm_config"]["environment_variables"] = json!({"host_env_keys": names});
        }
        if let Some(calls) = &self.allowed_calls {
            let calls = calls
                .iter()
                .map(|call| (call.clone(), json!({})))
                .collect::<serde_json::Map<_, _>>();
            plugin["capability_restriction_config"] = json!({"allowed_capabilities": calls});
        }
        json!({
            "name": "envoy.filters.http.wasm",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
                "config": plugin,
            },
        })
    }
}

/// The name of the file that a dynamic listener comes from.
pub(super) const LISTENERS: &str = "listeners.json";

/// A named route to the cluster `upstream`.
pub fn route(name: &str, matching: &Value) -> Value {
    json!({"name": name, "match": matching, "route": {"cluster": "upstream"}})
}

/// A named route whose metadata names a policy.
pub fn route_with_policy(name: &str, matching: &Value, policy: &Value) -> Value {
    let mut route = route(name, matching);
    route["metadata"] = json!({"filter_metadata": {"stepup": {"policy": policy}}});
    route
}

/// The module under test: `STEPUP_WASM`, else what `scripts/build` makes.
pub fn wasm() -> PathBuf {
    module("STEPUP_WASM", "envoy_stepup.wasm")
}

/// The module that panics when a request carries [`CRASH`]: `STEPUP_CRASH_WASM`, else where
/// `scripts/test` builds it.
pub fn crash_wasm() -> PathBuf {
    module("STEPUP_CRASH_WASM", "test-crash/wasm32-wasip1/release/envoy_stepup.wasm")
}

/// The module that `variable` names, else this file below Cargo's folder.
fn module(variable: &str, file: &str) -> PathBuf {
    let built = || {
        let target = env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
        Path::new(env!("CARGO_MANIFEST_DIR")).join(target).join(file)
    };
    env::var_os(variable).map_or_else(built, PathBuf::from)
}

/// The header that makes the module of [`crash_wasm`] panic.
pub const CRASH: &str = "x-stepup-test-crash";

fn cluster(name: &str, addr: SocketAddr) -> Value {
    let endpoint = json!({"endpoint": {"address": address(&addr.ip().to_string(), addr.port())}});
    json!({
        "name": name,
        "type": "STATIC",
        "connect_timeout": "5s",
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [endpoint]}],
        },
    })
}

fn address(host: &str, port: u16) -> Value {
    json!({"socket_address": {"address": host, "port_value": port}})
}
