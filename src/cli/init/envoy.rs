//! A whole Envoy file around the filter's configuration, of the form of envoy/envoy.yaml.

use std::net::IpAddr;

use super::Failure;
use super::discovery::Keys;
use super::yaml::scalar;
use crate::policy::Host;
use crate::remote::Endpoint;

/// Where the configuration stands in [`FILE`].
const INDENT: &str = "                            ";

/// Writes it.
pub(super) fn write(keys: &Keys<'_>, configuration: &str) -> Result<String, Failure> {
    let inner = configuration.lines().map(|line| match line {
        "" => "\n".to_owned(),
        line => format!("{INDENT}{line}\n"),
    });
    let inner = inner.collect::<String>();
    Ok([HEAD, &inner, TAIL, &cluster(&keys.cluster, keys.endpoint)?].concat())
}

/// The cluster that leads to the server of the keys.
fn cluster(name: &str, endpoint: &Endpoint) -> Result<String, Failure> {
    let authority = endpoint.authority();
    let unclear = || {
        Failure(format!(
            "the host of {:?} is no name or address that Envoy could find",
            endpoint.to_string()
        ))
    };
    let host = Host::from_authority(authority.as_bytes()).ok_or_else(unclear)?;
    let port = authority.rsplit_once(':').map(|(_, port)| port).filter(|port| !port.ends_with(']'));
    let is_tls = endpoint.scheme() == "https";
    let port = match port {
        Some(port) => port.parse::<u16>().ok().filter(|port| *port != 0).ok_or_else(unclear)?,
        None if is_tls => 443,
        None => 80,
    };
    let address = host.as_str().trim_start_matches('[').trim_end_matches(']');
    let name = scalar(name);
    let socket = if is_tls { tls(address) } else { PLAIN.to_owned() };
    let address = scalar(address);
    Ok(format!(
        "    \
    # The issuer, for its keys.
    - name: {name}
      type: LOGICAL_DNS
      connect_timeout: 2s
      dns_lookup_family: V4_PREFERRED
      load_assignment:
        cluster_name: {name}
        endpoints:
          - lb_endpoints:
              - endpoint:
                  address: {{socket_address: {{address: {address}, port_value: {port}}}}}
{socket}"
    ))
}

const PLAIN: &str = "      \
      # Without TLS, anyone on the way decides who gets in: for trials on one machine only.\n";

fn tls(address: &str) -> String {
    let is_ip = address.parse::<IpAddr>().is_ok();
    let san = if is_ip { "IP_ADDRESS" } else { "DNS" };
    let address = scalar(address);
    // RFC 6066 §3: an address is no server name.
    let sni = if is_ip { String::new() } else { format!("          sni: {address}\n") };
    format!(
        "      \
      # Who can answer for the issuer decides who gets in.
      transport_socket:
        name: envoy.transport_sockets.tls
        typed_config:
          \"@type\": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext
{sni}          common_tls_context:
            validation_context:
              trusted_ca: {{filename: /etc/ssl/certs/ca-certificates.crt}}
              match_typed_subject_alt_names:
                - {{san_type: {san}, matcher: {{exact: {address}}}}}
"
    )
}

const HEAD: &str = "\
# Envoy with the step-up filter in front of an application: port 10000, the filter, http://app:8080.
#
# Check it: stepup check FILE, and: envoy --mode validate -c FILE

admin:
  # Only from this machine: who reaches it can stop Envoy.
  address: {socket_address: {address: 127.0.0.1, port_value: 9901}}

static_resources:
  listeners:
    - name: ingress
      # TODO: TLS, where nothing before this proxy ends it.
      address: {socket_address: {address: 0.0.0.0, port_value: 10000}}
      filter_chains:
        - filters:
            - name: envoy.filters.network.http_connection_manager
              typed_config:
                \"@type\": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                stat_prefix: ingress
                # True where this proxy is the edge: the address of a request is then that of its connection.
                use_remote_address: true
                # One path, one meaning: the filter, Envoy's routes and the application see the same.
                normalize_path: true
                merge_slashes: true
                path_with_escaped_slashes_action: REJECT_REQUEST
                common_http_protocol_options:
                  headers_with_underscores_action: REJECT_REQUEST
                http_filters:
                  - name: stepup
                    typed_config:
                      \"@type\": type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm
                      config:
                        name: stepup
                        root_id: stepup
                        # A crashed filter is started anew. Until then, requests get 503; none passes.
                        failure_policy: FAIL_RELOAD
                        # Lets conditions read the body of a request before anything of it goes on (Envoy 1.35).
                        allow_on_headers_stop_iteration: true
                        vm_config:
                          vm_id: stepup
                          runtime: envoy.wasm.runtime.v8
                          code: {local: {filename: /etc/envoy/envoy_stepup.wasm}}
                        configuration:
                          \"@type\": type.googleapis.com/google.protobuf.Struct
                          value:
";

const TAIL: &str = "                  \
                  - name: envoy.filters.http.router
                    typed_config:
                      \"@type\": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
                route_config:
                  name: routes
                  virtual_hosts:
                    - name: all
                      domains: [\"*\"]
                      routes:
                        - name: app
                          match: {prefix: /}
                          route: {cluster: app}

  clusters:
    # TODO: your application.
    - name: app
      type: STRICT_DNS
      connect_timeout: 2s
      load_assignment:
        cluster_name: app
        endpoints:
          - lb_endpoints:
              - endpoint:
                  address: {socket_address: {address: app, port_value: 8080}}
";
