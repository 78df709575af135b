//! What Envoy is started with.

use std::net::SocketAddr;
use std::path::Path;

use serde_json::{Value, json};

use crate::variant::Variant;

/// An Envoy with a listener for each variant, all on free ports. `authz` is the allow-all server.
pub fn bootstrap(variants: &[Variant], authz: SocketAddr) -> Value {
    let listeners: Vec<_> = variants.iter().enumerate().map(listener).collect();
    let endpoint = json!({"endpoint": {"address": address(authz.port())}});
    json!({
        "node": {"id": "bench", "cluster": "bench"},
        "admin": {"address": address(0)},
        "static_resources": {
            "listeners": listeners,
            "clusters": [{
                "name": "authz",
                "type": "STATIC",
                "load_assignment": {
                    "cluster_name": "authz",
                    "endpoints": [{"lb_endpoints": [endpoint]}],
                },
            }],
        },
    })
}

fn listener((index, variant): (usize, &Variant)) -> Value {
    let mut filters = variant.filters.clone();
    for (place, filter) in filters.iter_mut().enumerate() {
        filter["name"] = json!(format!("{}-{place}", filter["name"].as_str().unwrap_or("filter")));
        // A virtual machine for each listener, as an operator has one; copies share it.
        if let Some(vm) = filter.pointer_mut("/typed_config/config/vm_config") {
            vm["vm_id"] = json!(format!("vm-{index}"));
        }
    }
    filters.push(filter("router", "envoy.extensions.filters.http.router.v3.Router", json!({})));
    // Envoy itself answers: what an upstream costs is the same for all, and would only add noise.
    let mut route = json!({
        "match": {"prefix": "/"},
        "direct_response": {"status": 200, "body": {"inline_string": "ok"}},
    });
    if let Some(policy) = variant.route_policy {
        route["metadata"] = json!({"filter_metadata": {"stepup": {"policy": policy}}});
    }
    json!({
        "name": format!("v{index}"),
        "address": address(0),
        "filter_chains": [{"filters": [{
            "name": "hcm",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
                "stat_prefix": format!("v{index}"),
                "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]},
                "http_filters": filters,
            },
        }]}],
    })
}

fn address(port: u16) -> Value {
    json!({"socket_address": {"address": "127.0.0.1", "port_value": port}})
}

/// An HTTP filter with a configuration of this message.
pub fn filter(name: &str, message: &str, mut config: Value) -> Value {
    config["@type"] = json!(format!("type.googleapis.com/{message}"));
    json!({"name": name, "typed_config": config})
}

/// A wasm filter of this module.
pub fn wasm(module: &Path, config: &Value) -> Value {
    filter(
        "wasm",
        "envoy.extensions.filters.http.wasm.v3.Wasm",
        json!({"config": {
            "name": "bench",
            "root_id": "bench",
            "failure_policy": "FAIL_RELOAD",
            // Else no body ever comes (docs/configuration.md).
            "allow_on_headers_stop_iteration": true,
            "vm_config": {
                "vm_id": "bench",
                "runtime": "envoy.wasm.runtime.v8",
                "code": {"local": {"filename": module}},
            },
            "configuration": {
                "@type": "type.googleapis.com/google.protobuf.Struct",
                "value": config,
            },
        }}),
    )
}

/// Envoy's RBAC filter, which lets tokens with this acr pass. It checks no age and asks for nothing.
pub fn rbac(acr: &str) -> Value {
    let principal = json!({"metadata": {
        "filter": "envoy.filters.http.jwt_authn",
        "path": [{"key": "payload"}, {"key": "acr"}],
        "value": {"string_match": {"exact": acr}},
    }});
    filter(
        "envoy.filters.http.rbac",
        "envoy.extensions.filters.http.rbac.v3.RBAC",
        json!({"rules": {
            "action": "ALLOW",
            "policies": {"acr": {"permissions": [{"any": true}], "principals": [principal]}},
        }}),
    )
}

/// What operators write today: the same routes and one claim, in Lua.
pub fn lua() -> Value {
    let code = r#"
local rules = {
  {path = "/healthz", public = true},
  {pattern = "^/accounts/[^/]+/transfers$", acr = {phr = true, phrh = true}},
}
local default = {acr = {["2"] = true, phr = true, phrh = true}, max_age = 28800}

function envoy_on_request(handle)
  local path = handle:headers():get(":path"):match("^[^?]*")
  local rule = default
  for _, candidate in ipairs(rules) do
    if candidate.path == path or (candidate.pattern and path:find(candidate.pattern)) then
      rule = candidate
      break
    end
  end
  if rule.public then return end
  local metadata = handle:streamInfo():dynamicMetadata():get("envoy.filters.http.jwt_authn")
  local claims = metadata and metadata["payload"]
  local fresh = claims and claims["auth_time"] and os.time() - claims["auth_time"] <= (rule.max_age or 28800)
  if not claims or not rule.acr[claims["acr"]] or not fresh then
    handle:respond({[":status"] = "401", ["www-authenticate"] = 'Bearer error="insufficient_user_authentication"'}, "")
  end
end
"#;
    filter(
        "envoy.filters.http.lua",
        "envoy.extensions.filters.http.lua.v3.Lua",
        json!({"default_source_code": {"inline_string": code}}),
    )
}

/// Asks a server that allows everything.
pub fn ext_authz() -> Value {
    filter(
        "envoy.filters.http.ext_authz",
        "envoy.extensions.filters.http.ext_authz.v3.ExtAuthz",
        json!({"http_service": {
            "server_uri": {"uri": "http://127.0.0.1", "cluster": "authz", "timeout": "2s"},
        }}),
    )
}

/// Holds a request until its body is there. Without it, Envoy would answer at once, and close the
/// connection as the request is not at its end yet.
pub fn buffer() -> Value {
    filter(
        "envoy.filters.http.buffer",
        "envoy.extensions.filters.http.buffer.v3.Buffer",
        json!({"max_request_bytes": 65536}),
    )
}
