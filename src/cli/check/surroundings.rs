//! What stands around a configuration: the plugin, the filters beside it, the connection manager.
//!
//! The proxy takes all of this. It is the filter that is of no use then, or lets requests past.

use serde_json::Value;

use super::findings::Findings;
use crate::cli::addresses;
use crate::cli::document::{Around, Configuration, Spot};
use crate::config::suggestion;
use crate::policy::PolicySet;

/// The namespace in which `jwt_authn` leaves claims.
const JWT_AUTHN_METADATA: &str = "envoy.filters.http.jwt_authn";
const JWT_AUTHN: &str = "envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication";
const ROUTER: &str = "envoy.extensions.filters.http.router.v3.Router";

pub(super) fn look(
    configuration: &Configuration<'_>,
    value: &Value,
    policies: Option<&PolicySet>,
    findings: &mut Findings<'_>,
) {
    let reads_body = policies.is_some_and(|policies| policies.policies.read_body());
    match configuration.around() {
        Around::Nothing => {}
        Around::Envoy { plugin, manager } => {
            open_plugin(plugin, findings);
            if reads_body && !plugin.is_true("allow_on_headers_stop_iteration") {
                let message = "a condition reads request.body, and the proxy withholds bodies; set \
                               allow_on_headers_stop_iteration: true beside vm_config, which needs \
                               Envoy 1.35";
                findings.mistake_around("bodies-withheld", &plugin.place, message);
            }
            if let Some(manager) = manager {
                if let Some((place, message)) =
                    policies.and_then(|policies| addresses::mistake(manager, policies))
                {
                    findings.mistake_around("forged-address", &place, &message);
                }
                paths(manager, value, findings);
                order(manager, configuration, value, findings);
            }
        }
        Around::WasmPlugin(spec) => {
            wasm_plugin(spec, value, findings);
            no_bodies(
                spec,
                reads_body,
                "use an EnvoyFilter, as in envoy/istio/envoyfilter.yaml",
                findings,
            );
        }
        Around::ExtensionPolicy(filter) => {
            if filter.is_true("failOpen") {
                let message = "is true: requests pass unchecked while the filter cannot run; write \
                               false, or take it out";
                findings.mistake_around("fail-open", &filter.place.key("failOpen"), message);
            }
            let instead = "an EnvoyPatchPolicy can set it in the filter's typed_config.config";
            no_bodies(filter, reads_body, instead, findings);
        }
    }
}

/// A resource that has no field to show bodies.
fn no_bodies(spot: &Spot<'_>, reads_body: bool, instead: &str, findings: &mut Findings<'_>) {
    if reads_body {
        let message = format!(
            "a condition reads request.body, and a resource of this kind has no field for \
             allow_on_headers_stop_iteration, so that each such request would be answered with 500; \
             {instead}"
        );
        findings.mistake_around("bodies-withheld", &spot.place, &message);
    }
}

/// A plugin that lets requests past while it cannot run.
fn open_plugin(plugin: &Spot<'_>, findings: &mut Findings<'_>) {
    if let Some(policy) = plugin.field("failure_policy")
        // The number of FAIL_OPEN.
        && (policy.value == "FAIL_OPEN" || policy.value == 3)
    {
        let message = "is FAIL_OPEN: requests pass unchecked while the filter cannot run; write \
                       FAIL_RELOAD, which answers 503 and starts it anew";
        findings.mistake_around("fail-open", &policy.place, message);
    }
    if let Some(open) = plugin.field("fail_open").filter(|open| open.value == true) {
        let message = "is true: requests pass unchecked while the filter cannot run; take it out, \
                       and write failure_policy: FAIL_RELOAD";
        findings.mistake_around("fail-open", &open.place, message);
    }
}

/// The issuers that a filter before verifies, with their places: namespace and key.
fn verified_by(value: &Value) -> impl Iterator<Item = (usize, &str, &str)> {
    let issuers = value.get("issuers").and_then(Value::as_array).into_iter().flatten();
    issuers.enumerate().filter_map(|(index, issuer)| {
        let by = issuer.pointer("/keys/verified_by")?;
        Some((index, by.get("metadata")?.as_str()?, by.get("key")?.as_str()?))
    })
}

/// Istio's plugin: where it stands, and what becomes of requests without it.
fn wasm_plugin(spec: &Spot<'_>, value: &Value, findings: &mut Findings<'_>) {
    if let Some(strategy) = spec.member("failStrategy").filter(|s| s.value == "FAIL_OPEN") {
        let message = "is FAIL_OPEN: requests pass unchecked while the filter cannot run; write \
                       FAIL_RELOAD, which answers 503 and starts it anew";
        findings.mistake_around("fail-open", &strategy.place, message);
    }
    if let Some(phase) = spec.member("phase").filter(|phase| phase.value == "AUTHN")
        && let Some((index, namespace, _)) = verified_by(value).next()
    {
        let message = format!(
            "is AUTHN, which is before Istio verifies tokens, and issuers[{index}] is verified_by \
             {namespace:?}: no token of it would pass; write AUTHZ"
        );
        findings.mistake_around("filter-order", &phase.place, &message);
    }
}

/// How the proxy reads paths, beside how the filter does.
fn paths(manager: &Spot<'_>, value: &Value, findings: &mut Findings<'_>) {
    let keeps = value.get("encoded_slashes").and_then(Value::as_str) == Some("keep");
    let action = if keeps { "KEEP_UNCHANGED" } else { "REJECT_REQUEST" };
    let found = manager.text("path_with_escaped_slashes_action").unwrap_or_default();
    // The unescaping ones end in one reading too, but for slashes that the filter is to keep.
    let is_told = !found.is_empty() && found != "IMPLEMENTATION_SPECIFIC_DEFAULT";
    let action_is_good =
        if keeps || !is_told { found == action } else { found != "KEEP_UNCHANGED" };
    let missing = [
        (!manager.is_true("normalize_path")).then(|| "normalize_path: true".to_owned()),
        (!manager.is_true("merge_slashes")).then(|| "merge_slashes: true".to_owned()),
        (!action_is_good).then(|| format!("path_with_escaped_slashes_action: {action}")),
    ];
    let missing = missing.into_iter().flatten().collect::<Vec<_>>();
    if !missing.is_empty() {
        let message = format!(
            "the proxy chooses routes by paths as clients spell them, and the filter decides by \
             their one canonical form; set {} here",
            missing.join(", ")
        );
        findings.warn_around("path-normalization", &manager.place, &message);
    }
}

/// The filters before and after ours.
fn order(
    manager: &Spot<'_>,
    configuration: &Configuration<'_>,
    value: &Value,
    findings: &mut Findings<'_>,
) {
    let filters = manager.list("http_filters").collect::<Vec<_>>();
    let Some(own) = filters.iter().position(|f| f.place.holds(&configuration.place)) else {
        return;
    };
    let Some(ours) = filters.get(own) else { return };
    if ours.is_true("disabled") {
        let message = "the filter is off but where a route switches it on: requests on all other \
                       routes pass unchecked";
        findings.warn_around("filter-disabled", &ours.place.key("disabled"), message);
    }
    let at = |end: &str| filters.iter().position(|filter| is_filter(filter, end));
    if at(ROUTER).is_some_and(|router| router < own) {
        let message = "the filter stands behind the router, which sends requests upstream: none \
                       reaches it; move it before the router";
        findings.mistake_around("filter-order", &ours.place, message);
    }
    let by_jwt_authn =
        verified_by(value).filter(|(_, namespace, _)| *namespace == JWT_AUTHN_METADATA);
    let by_jwt_authn = by_jwt_authn.collect::<Vec<_>>();
    let Some((index, ..)) = by_jwt_authn.first() else { return };
    let verifier = at(JWT_AUTHN).and_then(|index| Some((index, filters.get(index)?)));
    match verifier {
        Some((verifier, _)) if verifier > own => {
            let message = format!(
                "issuers[{index}] is verified_by jwt_authn, which stands behind the filter, at \
                 http_filters[{verifier}]: no token of it would pass; move this filter behind it"
            );
            findings.mistake_around("filter-order", &ours.place, &message);
        }
        Some((_, verifier)) => payloads(verifier, &by_jwt_authn, findings),
        // What is discovered may be one.
        None if filters.iter().any(|filter| filter.field("config_discovery").is_some()) => {}
        None => {
            let message = format!(
                "issuers[{index}] is verified_by jwt_authn, and no such filter stands before this \
                 one: no token of it would pass; add it, or let keys name where the issuer's keys \
                 are"
            );
            findings.mistake_around("filter-order", &ours.place, &message);
        }
    }
}

/// Whether `jwt_authn` leaves claims where the filter looks for them.
fn payloads(verifier: &Spot<'_>, issuers: &[(usize, &str, &str)], findings: &mut Findings<'_>) {
    let Some(providers) = verifier.path(&["typed_config", "providers"]) else { return };
    let keys = providers.members().filter_map(|(_, p)| p.text("payload_in_metadata"));
    let keys = keys.collect::<Vec<_>>();
    for (index, _, key) in issuers.iter().filter(|(.., key)| !keys.contains(key)) {
        let message = format!(
            "no provider of jwt_authn has payload_in_metadata: {key}, so that no token of this issuer \
             would pass{}",
            suggestion(key, keys.iter().copied())
        );
        let place = format!("issuers[{index}].keys.verified_by.key");
        findings.mistake("filter-order", &place, &message);
    }
}

/// Whether an HTTP filter is of this type, be it written as a struct.
fn is_filter(filter: &Spot<'_>, end: &str) -> bool {
    filter.field("typed_config").is_some_and(|config| {
        config.is_type(end) || config.text("type_url").is_some_and(|name| name.ends_with(end))
    })
}
