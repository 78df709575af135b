//! `issuers[].keys.introspection`: an authorization server that is asked about each token.

use std::time::Duration;

use super::keys::{self, Setting, TIMEOUT, WAIT};
use super::node::Node;
use super::one_of;
use super::variable::read_variable;
use crate::introspection::{ClientMethod, ClientSettings, IntrospectionSettings};

const KEYS: [&str; 8] = [
    "cluster",
    "uri",
    "timeout",
    "wait",
    "cache_for",
    "opaque_tokens",
    "require_audience",
    "client",
];
const METHODS: [&str; 2] = ["secret", "private_key_jwt"];
const CLIENT: &str = "an object such as {id: gateway, secret: {env: INTROSPECTION_SECRET}}";

const CACHE_FOR: Setting = Setting {
    key: "cache_for",
    default: Duration::from_mins(1),
    least: Duration::ZERO,
    most: Duration::from_hours(1),
};

pub(super) fn read(node: &Node<'_>) -> Option<IntrospectionSettings> {
    let object = node.object("an object such as {cluster: idp, uri: …, client: …}", &KEYS)?;
    let cluster = keys::read_cluster(&object);
    let endpoint = object
        .required("uri", "the URL of the introspection endpoint")
        .and_then(|node| keys::read_url(&node));
    let [timeout, wait, cache_for] =
        [&TIMEOUT, &WAIT, &CACHE_FOR].map(|setting| keys::read_duration(&object, setting));
    let opaque_tokens = object.get("opaque_tokens").map_or(Some(true), |node| node.boolean());
    let require_audience = object.get("require_audience").map_or(Some(true), |node| node.boolean());
    let client = object.required("client", CLIENT).and_then(|node| read_client(&node));
    Some(IntrospectionSettings {
        cluster: cluster?,
        endpoint: endpoint?,
        timeout: timeout?,
        wait: wait?,
        cache_for: cache_for?,
        opaque_tokens: opaque_tokens?,
        require_audience: require_audience?,
        client: client?,
    })
}

fn read_client(node: &Node<'_>) -> Option<ClientSettings> {
    let client = node.object(CLIENT, &["id", METHODS[0], METHODS[1]])?;
    let id = client.required("id", "the filter's client_id").and_then(|node| {
        let id = node.text("the filter's client_id")?;
        Some(id.into())
    });
    let method = one_of(&client, &METHODS).and_then(|method| {
        let node = client.get(method)?;
        if !node.value().is_object() {
            // It may be the secret itself, so it is not repeated.
            node.mistake(format!(
                "expected {{env: NAME}}: the {} is read from an environment variable, and never \
                 stands in the configuration",
                if method == "secret" { "secret" } else { "key" }
            ));
            return None;
        }
        if method == "secret" {
            let secret = node.object("{env: NAME}", &["env"])?;
            read_variable(&secret, "the secret").map(ClientMethod::Secret)
        } else {
            read_key(&node)
        }
    });
    Some(ClientSettings { id: id?, method: method? })
}

fn read_key(node: &Node<'_>) -> Option<ClientMethod> {
    let object = node.object("{env: NAME, audience: …}", &["env", "audience", "kid"])?;
    let key = read_variable(&object, "the private key in PEM");
    let expected =
        "what the server takes for itself in aud, often its issuer or its token endpoint";
    let audience =
        object.required("audience", expected).and_then(|node| node.text(expected).map(Box::from));
    let kid = match object.get("kid") {
        Some(node) => node.text("the key's name").map(|kid| Some(kid.into())),
        None => Some(None),
    };
    Some(ClientMethod::PrivateKeyJwt { key: key?, audience: audience?, kid: kid? })
}
