//! Secrets that the filter reads from its environment, and what the proxy passes into that.

use serde_json::Value;

use super::findings::Findings;
use crate::cli::document::{Around, Configuration, Spot};

/// Where an issuer names variables.
const OF_ISSUERS: [&str; 2] =
    ["keys.introspection.client.secret.env", "keys.introspection.client.private_key_jwt.env"];
const SALT: &str = "audit.subject_salt.env";

/// A proxy passes only the variables that are listed, and the filter does not load without its own.
pub(super) fn look(configuration: &Configuration<'_>, value: &Value, findings: &mut Findings<'_>) {
    let (passed, list): (Vec<&str>, fn(&str) -> String) = match configuration.around() {
        Around::Nothing => return,
        Around::Envoy { plugin, .. } => (by_envoy(plugin), |name| {
            format!("environment_variables: {{host_env_keys: [{name}]}} into vm_config")
        }),
        Around::WasmPlugin(spec) => (by_istio(spec), |name| {
            format!("vmConfig: {{env: [{{name: {name}, valueFrom: HOST}}]}} beside pluginConfig")
        }),
        Around::ExtensionPolicy(filter) => {
            (by_envoy_gateway(filter), |name| format!("env: {{hostKeys: [{name}]}} beside config"))
        }
    };
    for (place, name) in named(value).filter(|(_, name)| !passed.contains(name)) {
        let message = format!(
            "the proxy does not pass the environment variable {name} to the filter, which does not \
             load without it; write {}",
            list(name)
        );
        findings.mistake("variable-withheld", &place, &message);
    }
}

/// The variables that a configuration names, with their places.
fn named(value: &Value) -> impl Iterator<Item = (String, &str)> {
    let issuers = value.get("issuers").and_then(Value::as_array).into_iter().flatten();
    let of_issuers = issuers.enumerate().flat_map(|(index, issuer)| {
        let names = OF_ISSUERS.into_iter().map(move |path| (path, text(issuer, path)));
        names.filter_map(move |(path, name)| Some((format!("issuers[{index}].{path}"), name?)))
    });
    of_issuers.chain(text(value, SALT).map(|name| (SALT.to_owned(), name)))
}

fn text<'v>(value: &'v Value, path: &str) -> Option<&'v str> {
    path.split('.').try_fold(value, |value, key| value.get(key))?.as_str()
}

fn texts(list: Option<Spot<'_>>) -> impl Iterator<Item = &str> {
    let items = list.map(|list| list.items().collect::<Vec<_>>()).unwrap_or_default();
    items.into_iter().filter_map(|item| item.value.as_str())
}

fn by_envoy<'d>(plugin: &Spot<'d>) -> Vec<&'d str> {
    let Some(passed) = plugin.path(&["vm_config", "environment_variables"]) else {
        return Vec::new();
    };
    let written = passed.field("key_values");
    let written = written.iter().flat_map(Spot::members).map(|(name, _)| name);
    texts(passed.field("host_env_keys")).chain(written).collect()
}

fn by_istio<'d>(spec: &Spot<'d>) -> Vec<&'d str> {
    let Some(passed) = spec.path(&["vm_config", "env"]) else { return Vec::new() };
    passed.items().filter_map(|item| item.text("name")).collect()
}

fn by_envoy_gateway<'d>(filter: &Spot<'d>) -> Vec<&'d str> {
    texts(filter.member("env").and_then(|env| env.member("hostKeys"))).collect()
}
