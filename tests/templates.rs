//! A rule's template covers the paths that Envoy's own route with that template covers.

// A test may fail by panicking.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

mod support;

use envoy_stepup::policy::{FullRegex, template_to_regex};
use serde_json::json;
use support::{Envoy, EnvoyOptions, Request, Upstream, bootstrap};

const TEMPLATES: &[&str] = &[
    "/accounts/{id}/transfers",
    "/a/*",
    "/a/*/c",
    "/a/**",
    "/**",
    "/a/**.mpd",
    "/a/*.mpd",
    "/a/{x=b/*}/c",
    "/a/{x=**}",
    "/a/{x=b/**}",
    "/a/",
    "/a",
    "/",
];

const PATHS: &[&str] = &[
    "/",
    "/a",
    "/a/",
    "/a/b",
    "/a/b/",
    "/a/b/c",
    "/a/b/z/c",
    "/a/b/z/y/c",
    "/a/x.mpd",
    "/a/x/y.mpd",
    "/a/.mpd",
    "/a/xmpd",
    "/a/b=c",
    "/a/b=c/c",
    "/a/b*c",
    "/a/b%20c",
    "/a/b,c;d@e:f~g!$&'()+",
    "/a/b%2Fc",
    "/accounts/7/transfers",
    "/accounts/7=/transfers",
    "/accounts//transfers",
    "/accounts/7/transfers/",
    "/accounts/7/8/transfers",
];

#[test]
fn a_template_covers_what_it_covers_in_envoy() {
    let upstream = Upstream::start();
    for template in TEMPLATES {
        let matcher = json!({"path_match_policy": {
            "name": "envoy.path.match.uri_template.uri_template_matcher",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig",
                "path_template": template,
            },
        }});
        let options = EnvoyOptions::new(&upstream, json!({}))
            .without_filter()
            .routes([bootstrap::route("templated", &matcher)]);
        let envoy = Envoy::start(options);
        let ours = FullRegex::new(&template_to_regex(template).unwrap()).unwrap();
        for path in PATHS {
            let envoys = envoy.send(&Request::get(*path)).status == 200;
            assert_eq!(ours.matches(path), envoys, "{template} {path}: Envoy says {envoys}");
        }
    }
}
