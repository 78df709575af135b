//! Clusters that a configuration names, and the Envoy file around it does not have.
//!
//! Envoy takes such a file: it looks for the cluster with the first call only.

use serde_json::Value;

use super::document::Spot;
use crate::config::{Mistake, suggestion};

/// The ways to an issuer's keys that go through a cluster.
const SOURCES: [&str; 3] = ["remote", "discovery", "introspection"];

/// The mistakes of a configuration that stands in this document. None where the document is no whole
/// Envoy file, or where clusters come from elsewhere too.
pub(super) fn mistakes(document: &Spot<'_>, configuration: &Value) -> Vec<Mistake> {
    let Some(resources) = document.field("static_resources") else { return Vec::new() };
    if document.path(&["dynamic_resources", "cds_config"]).is_some() {
        return Vec::new();
    }
    let clusters = resources.list("clusters").collect::<Vec<_>>();
    let known = clusters.iter().filter_map(|cluster| cluster.text("name")).collect::<Vec<_>>();
    let mut named = Vec::new();
    let issuers = configuration.get("issuers").and_then(Value::as_array);
    for (index, issuer) in issuers.into_iter().flatten().enumerate() {
        for source in SOURCES {
            named.push((
                format!("issuers[{index}].keys.{source}"),
                issuer.pointer(&format!("/keys/{source}")),
            ));
        }
    }
    let feeds = configuration.get("feeds").and_then(Value::as_object);
    for (name, feed) in feeds.into_iter().flatten() {
        named.push((format!("feeds.{name}.remote"), feed.get("remote")));
    }
    let mut mistakes = Vec::new();
    for (place, source) in named {
        let Some(name) = source.and_then(|source| source.get("cluster")?.as_str()) else {
            continue;
        };
        if !known.contains(&name) {
            mistakes.push(Mistake {
                path: format!("{place}.cluster"),
                message: format!(
                    "static_resources of this file has no cluster {name:?}, so that no call gets \
                     out{}",
                    suggestion(name, known.iter().copied())
                ),
            });
        }
    }
    mistakes
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn found(document: &Value) -> Vec<String> {
        let cluster = |source: &str, cluster: &str| json!({"keys": {source: {"cluster": cluster}}});
        let configuration = json!({"issuers": [
            cluster("inline", "nosuch"),
            cluster("discovery", "idp"),
            cluster("remote", "idpp"),
            cluster("introspection", "nosuch"),
        ], "feeds": {
            "inline": {"inline": []},
            "good": {"remote": {"cluster": "idp"}},
            "bad": {"remote": {"cluster": "app2"}},
        }});
        mistakes(&Spot::root(document), &configuration).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_cluster_that_is_not_in_the_file_is_told() {
        let expected = [
            "issuers[2].keys.remote.cluster: static_resources of this file has no cluster \"idpp\", \
             so that no call gets out; did you mean \"idp\"?",
            "issuers[3].keys.introspection.cluster: static_resources of this file has no cluster \
             \"nosuch\", so that no call gets out; expected one of app, idp",
            "feeds.bad.remote.cluster: static_resources of this file has no cluster \"app2\", so \
             that no call gets out; did you mean \"app\"?",
        ];
        let clusters = json!({"clusters": [{"name": "app"}, {"name": "idp"}]});
        assert_eq!(found(&json!({"static_resources": clusters})), expected);
        assert_eq!(found(&json!({"staticResources": clusters})), expected);
        assert_eq!(found(&json!({"static_resources": {}})).len(), 5);
    }

    #[test]
    fn nothing_is_told_where_clusters_can_come_from_elsewhere() {
        let cds = json!({"ads": {}});
        for document in [
            json!({"static_resources": {}, "dynamic_resources": {"cds_config": cds}}),
            json!({"staticResources": {}, "dynamicResources": {"cdsConfig": cds}}),
            json!({"resources": []}),
            json!({"kind": "WasmPlugin"}),
        ] {
            assert_eq!(found(&document), [""; 0], "{document}");
        }
        let lds = json!({"static_resources": {}, "dynamic_resources": {"lds_config": {}}});
        assert_eq!(found(&lds).len(), 5);
    }
}
