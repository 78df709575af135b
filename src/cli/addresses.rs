//! Where requests come from, as the connection manager around the filter tells it.
//!
//! Envoy takes such a file: to it, an address that a client wrote is as good as another.

use serde_json::Value;

use super::document::Spot;
use super::place::Place;
use crate::condition::{Fact, Signal, Variable, Watched};
use crate::policy::PolicySet;

/// The mistake of a configuration that takes an address for something that it is not here, and the
/// place of what is wrong in the connection manager.
pub(super) fn mistake(manager: &Spot<'_>, policies: &PolicySet) -> Option<(Place, String)> {
    let trusts_headers = !policies.trusted_headers.names.is_empty();
    let readers = readers(policies);
    if let Some(detection) = detection(manager) {
        // Whether such an extension can be believed for conditions is for the operator to say.
        return trusts_headers.then(|| {
            let message = "trusted_headers go by the address of the connection, and with \
                           original_ip_detection_extensions Envoy takes another one; set \
                           use_remote_address: true in their place";
            (detection.place, message.to_owned())
        });
    }
    if !manager.is_true("use_remote_address") {
        let used = trusts_headers.then(|| "trusted_headers".to_owned());
        let used = used.into_iter().chain(readers).collect::<Vec<_>>();
        if used.is_empty() {
            return None;
        }
        let message = format!(
            "the address of a request is used by {}, and without use_remote_address: true Envoy takes \
             it from X-Forwarded-For, which anyone can write; set it here",
            used.join(", ")
        );
        let place = manager.field("use_remote_address").map(|field| field.place);
        return Some((place.unwrap_or_else(|| manager.place.clone()), message));
    }
    let hops = hops(manager).filter(|_| trusts_headers)?;
    let message = "trusted_headers go by the address of the connection, and with \
                   xff_num_trusted_hops Envoy takes the client's: the headers of the edge would go, \
                   and whoever reaches this proxy past the edge could name himself the edge; take \
                   xff_num_trusted_hops out, and let the edge tell the client's address in one of \
                   the trusted_headers";
    Some((hops.place, message.to_owned()))
}

/// The number of trusted hops, where there are any. Protobuf takes a number as text too.
fn hops<'d>(manager: &Spot<'d>) -> Option<Spot<'d>> {
    manager.field("xff_num_trusted_hops").filter(|field| match field.value {
        Value::Number(number) => number.as_u64() != Some(0),
        Value::String(text) => text != "0",
        _ => false,
    })
}

fn detection<'d>(manager: &Spot<'d>) -> Option<Spot<'d>> {
    let field = manager.field("original_ip_detection_extensions");
    field.filter(|field| field.items().next().is_some())
}

/// The conditions and signals that read the address of a request, in words.
fn readers(policies: &PolicySet) -> Vec<String> {
    let reads = |variables: &[Variable]| {
        let is_address = |variable: &Variable| {
            matches!(variable, Variable::Fact(Fact::SourceIp | Fact::SourceAddress))
        };
        variables.iter().any(is_address)
    };
    let signal_reads = |signal: &Signal| {
        let watched = match &signal.what {
            Watched::Events { event, .. } => event.reads(),
            Watched::Values { value, .. } => value.reads(),
        };
        reads(watched) || reads(signal.per.reads())
    };
    let raises = policies.policies.iter().flat_map(|policy| {
        let raises = policy.raises.iter().filter(|raise| reads(raise.when.reads()));
        raises.map(|raise| format!("the raise {:?} of the policy {:?}", raise.name, policy.name))
    });
    let signals = policies.signals.iter().filter(|signal| signal_reads(signal));
    raises.chain(signals.map(|signal| format!("the signal {:?}", signal.name))).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::cli::check::check_documents;
    use crate::cli::document::Documents;

    /// What is said of a configuration with `parts` in a connection manager with `fields`.
    fn told(parts: &Value, fields: &Value) -> String {
        let mut configuration = json!({
            "policies": {"open": {"public": true}},
            "default": "open",
        });
        extend(&mut configuration, parts);
        let mut manager = json!({
            "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
            "http_filters": [{"typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
                "config": {"configuration": {
                    "@type": "type.googleapis.com/google.protobuf.Struct", "value": configuration,
                }},
            }}],
        });
        extend(&mut manager, fields);
        let documents = Documents::parse(&json!({"resources": [manager]}).to_string()).unwrap();
        let report = check_documents(&documents);
        assert_eq!(report.good, report.lines[0].starts_with("good"));
        report.lines.join("\n")
    }

    fn extend(object: &mut Value, with: &Value) {
        object.as_object_mut().unwrap().extend(with.as_object().unwrap().clone());
    }

    fn trusted() -> Value {
        json!({"trusted_headers": {"names": ["x-country"], "from": ["10.0.0.0/8"]}})
    }

    fn raise(when: &str) -> Value {
        json!({"policies": {"open": {
            "public": true, "raise": [{"name": "blocked", "when": when, "deny": "No."}],
        }}})
    }

    fn signal(signal: &Value) -> Value {
        json!({"signals": {"failures": signal}})
    }

    #[test]
    fn an_address_that_anyone_can_write_is_told_with_all_that_uses_it() {
        let count = |count: &str, per: &str| json!({"count": count, "per": per, "window": "1m"});
        let seen = json!({"first_seen": "source.ip", "per": "claims.sub", "window": "1m"});
        let (of_raise, of_signal) =
            ("the raise \"blocked\" of the policy \"open\"", "the signal \"failures\"");
        for (parts, user) in [
            (trusted(), "trusted_headers"),
            (raise("source.ip == ip('10.0.0.1')"), of_raise),
            (raise("source.address.startsWith('10.')"), of_raise),
            (signal(&count("true", "source.ip")), of_signal),
            (signal(&count("source.ip == ip('::1')", "request.host")), of_signal),
            (signal(&seen), of_signal),
        ] {
            let expected = format!(
                ": the address of a request is used by {user}, and without use_remote_address: true \
                 Envoy takes it from X-Forwarded-For, which anyone can write; set it here"
            );
            let hops = json!({"use_remote_address": false, "xff_num_trusted_hops": 1});
            for fields in [json!({}), json!({"useRemoteAddress": null}), hops] {
                let told = told(&parts, &fields);
                assert!(told.starts_with("resources[0]") && told.ends_with(&expected), "{told}");
            }
            for name in ["use_remote_address", "useRemoteAddress"] {
                assert!(told(&parts, &json!({name: true})).starts_with("good"), "{parts}");
            }
        }
        let mut both = trusted();
        extend(&mut both, &raise("source.ip == ip('10.0.0.1')"));
        assert!(told(&both, &json!({})).contains(&format!("by trusted_headers, {of_raise}, and")));
        assert!(told(&raise("request.path == '/'"), &json!({})).starts_with("good"));
        assert!(told(&signal(&count("true", "request.host")), &json!({})).starts_with("good"));
    }

    #[test]
    fn headers_are_not_trusted_by_an_address_behind_the_connection() {
        for (name, is_mistake) in
            [("xff_num_trusted_hops", true), ("xffNumTrustedHops", true), ("x", false)]
        {
            for hops in [json!(1), json!("2")] {
                let fields = json!({"use_remote_address": true, name: hops});
                assert_eq!(told(&trusted(), &fields).contains("xff_num_trusted_hops"), is_mistake);
                // A condition may ask for the client's address.
                assert!(told(&raise("source.ip == ip('::1')"), &fields).starts_with("good"));
            }
        }
        for none in [json!(0), json!("0"), json!(null)] {
            let fields = json!({"use_remote_address": true, "xff_num_trusted_hops": none});
            assert!(told(&trusted(), &fields).starts_with("good"), "{fields}");
        }
    }

    #[test]
    fn headers_are_not_trusted_by_an_address_that_an_extension_found() {
        let fields = json!({"original_ip_detection_extensions": [{"name": "xff"}]});
        assert!(
            told(&trusted(), &fields)
                .starts_with("resources[0].original_ip_detection_extensions: ")
        );
        assert!(told(&raise("source.ip == ip('::1')"), &fields).starts_with("good"));
        let none = json!({"use_remote_address": true, "original_ip_detection_extensions": []});
        assert!(told(&trusted(), &none).starts_with("good"));
    }
}
