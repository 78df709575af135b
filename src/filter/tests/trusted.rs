//! Headers that only a trusted proxy may set, from someone else.

use super::*;

/// A request from `address` with the header that only the edge may set.
fn send(configuration: &Value, address: &str) -> (Action, MemoryHost) {
    let mut host = MemoryHost::new(Headers::new(
        [(":method", "GET"), (":path", "/"), (":authority", "a.example"), ("x_country", "DE")]
            .map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()))
            .to_vec(),
    ));
    host.properties.insert("source.address".to_owned(), Some(address.into()));
    // The route to which the header led names a policy that lets everyone through.
    let open = crate::host::value::write_pairs([("policy", "open")]);
    for (name, value) in [
        ("xds.route_metadata.filter_metadata.stepup", open),
        ("xds.route_name", b"german".to_vec()),
    ] {
        host.properties.insert(name.to_owned(), Some(value));
    }
    let filter = Filter::new(configuration.to_string().as_bytes(), &host).unwrap();
    (filter.on_request_headers(&host, RequestId(1), true), host)
}

fn configuration(changes: &Value) -> Value {
    let mut configuration = config(&json!({}));
    configuration["issuers"][0]["keys"] =
        json!({"verified_by": {"metadata": "jwt", "key": "payload"}});
    configuration["policies"]["open"] = json!({"public": true});
    configuration["trusted_headers"] = json!({"names": ["x-country"], "from": ["10.0.0.0/8"]});
    configuration.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    configuration
}

/// Removing them makes the proxy choose the route anew, and the filter sees the first choice only.
#[test]
fn where_the_route_counts_a_request_with_untrusted_headers_is_refused() {
    let by_route = json!([{"match": {"route": "german"}, "policy": "open"}]);
    let raise = json!([{"name": "r", "when": "route != 'german'", "deny": "No."}]);
    let by_condition = json!({"public": true, "raise": raise});
    for changes in [
        json!({}),
        json!({"route_metadata": false, "rules": by_route}),
        json!({"route_metadata": false, "policies": {"open": by_condition}, "default": "open"}),
    ] {
        let configuration = configuration(&changes);
        let (action, host) = send(&configuration, "192.0.2.1:5");
        assert_eq!(action, Action::Answered, "{changes}");
        assert_eq!(host.into_answer().map(|answer| answer.status), Some(400), "{changes}");
        let (action, host) = send(&configuration, "10.0.0.1:5");
        assert_eq!((action, host.take_changed_headers()), (Action::Continue, vec![]), "{changes}");
    }
}

#[test]
fn where_no_route_counts_they_are_taken_out() {
    let configuration = configuration(&json!({"route_metadata": false, "default": "open"}));
    let (action, host) = send(&configuration, "192.0.2.1:5");
    assert_eq!(action, Action::Continue);
    assert_eq!(host.take_changed_headers(), [("x_country".to_owned(), None)]);
}
