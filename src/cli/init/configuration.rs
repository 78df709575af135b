//! The filter's configuration, with comments for the one who finishes it.

use super::discovery::{Discovery, Keys};
use super::names;
use super::yaml::{list, scalar};

/// Stands for the API where nothing was said; no token is for it.
const PLACEHOLDER: &str = "https://api.example.com";

/// Writes it.
pub(super) fn write(discovery: &Discovery, keys: &Keys<'_>, audiences: &[String]) -> String {
    let names = level_names(discovery);
    [
        format!(
            "# Begun by stepup init from what {} says of itself.\n# See to each TODO, and run stepup check.\n\n",
            scalar(&discovery.issuer)
        ),
        levels(discovery, &names),
        issuer(discovery, keys, audiences),
        policies(discovery, &names),
        RULES.to_owned(),
    ]
    .concat()
}

/// The names of the levels, weakest first.
fn level_names(discovery: &Discovery) -> Vec<String> {
    if discovery.acr_values.is_empty() {
        vec!["password".to_owned(), "mfa".to_owned()]
    } else {
        names::of(&discovery.acr_values)
    }
}

fn levels(discovery: &Discovery, names: &[String]) -> String {
    if discovery.acr_values.is_empty() {
        return unknown_levels(discovery);
    }
    // In the wrong order, a weak login would satisfy a strong level. One level alone has no order.
    let (alone, order) = match names {
        [_] => ("", ""),
        _ => (", implies: []", ORDER),
    };
    let rows = names.iter().zip(&discovery.acr_values).map(|(name, acr)| {
        let acr = list([acr.as_str()]);
        format!("  - {{name: {}, proven_by: [{{acr: {acr}}}]{alone}}}\n", scalar(name))
    });
    format!("{LADDER}{order}levels:\n{}\n", rows.collect::<String>())
}

const LADDER: &str = "\
# The ladder of assurance, weakest first: a level also satisfies every level before it.
# TODO: name the levels for what they are, and take out those that you do not use. Values that mean the same go into
# one level: proven_by: [{acr: [a, b]}].
";

const ORDER: &str = "\
# TODO: put them in your order; the issuer's says nothing. Until then, none satisfies another: once they are in order,
# take every implies out.
";

/// What to do where the issuer tells of no acr values.
fn unknown_levels(discovery: &Discovery) -> String {
    let claims = match discovery.claims.as_slice() {
        [] => "It lists no claim that could.".to_owned(),
        claims => format!("Of the claims that could, it lists {}.", claims.join(", ")),
    };
    format!(
        "\
# The ladder of assurance, weakest first: a level also satisfies every level before it.
# TODO: the issuer does not tell its acr values. Look into its access tokens for the claim that tells how a user logged
# in. {claims} Until its values stand here, no token passes.
#   proven_by: [{{acr: [mfa]}}]                       acr is one of these values
#   proven_by: [{{amr: [pwd, otp]}}]                  amr holds all of these methods
#   proven_by: [{{claim: acrs, any_of: [c1]}}]        another claim holds one of these values
# ask_for: [...] tells clients what to ask for, where that is no acr of proven_by.
levels:
  - {{name: password, proven_by: [{{acr: [put-the-acr-of-a-password-here]}}]}}
  - {{name: mfa, proven_by: [{{acr: [put-the-acr-of-a-second-factor-here]}}]}}

"
    )
}

fn issuer(discovery: &Discovery, keys: &Keys<'_>, audiences: &[String]) -> String {
    let cluster = scalar(&keys.cluster);
    let host = scalar(keys.endpoint.authority());
    let source = match keys.uri {
        None => format!("discovery: {{cluster: {cluster}}}"),
        Some(uri) => format!("remote: {{cluster: {cluster}, uri: {}}}", scalar(uri)),
    };
    let (hint, audiences) = if audiences.is_empty() {
        ("    # TODO: what stands in aud of the access tokens for your API.\n", list([PLACEHOLDER]))
    } else {
        ("", list(audiences.iter().map(String::as_str)))
    };
    let algorithms = if discovery.algorithms.is_empty() {
        "    # algorithms: [RS256]      # what its access tokens are signed with; without it, all that are safe\n"
            .to_owned()
    } else {
        format!(
            "    # What the issuer signs ID tokens with. Where access tokens differ, mend it, or take it out for all.\n    \
             algorithms: {}\n",
            list(discovery.algorithms.iter().map(|algorithm| algorithm.name()))
        )
    };
    let introspection = discovery.introspection.as_deref().map(|uri| {
        format!(
            "    # Where its access tokens are no JWTs, it can be asked about them, in the place of fetching keys:\n    \
             #   introspection: {{cluster: ..., uri: {}, client: {{id: ..., secret: {{env: ...}}}}}}\n",
            scalar(uri)
        )
    });
    format!(
        "\
# Who signs the tokens.
issuers:
  - issuer: {issuer}
{hint}    audiences: {audiences}
    # The cluster {cluster} of Envoy leads to {host}.
    keys:
      {source}
{introspection}{algorithms}    # token_types: [at+jwt]       # where it marks its access tokens so (RFC 9068)

",
        issuer = scalar(&discovery.issuer),
        introspection = introspection.unwrap_or_default(),
    )
}

fn policies(discovery: &Discovery, names: &[String]) -> String {
    let first = names.first().map(|name| scalar(name)).unwrap_or_default();
    let last = names.last().map(|name| scalar(name)).unwrap_or_default();
    let scopes = if discovery.scopes.is_empty() {
        String::new()
    } else {
        format!(
            "  # A policy can ask for scopes too: scopes: [...]. The issuer lists {}.\n",
            list(discovery.scopes.iter().map(String::as_str))
        )
    };
    format!(
        "\
# What a request has to prove.
# TODO: what your API needs. max_age asks for a login that is no older, and needs the claim auth_time.
policies:
  open: {{public: true}}
  read: {{require: [{{level: {first}}}]}}
  change: {{require: [{{level: {last}, max_age: 15m}}]}}
{scopes}
"
    )
}

const RULES: &str = "\
# Which requests each policy is for; the first rule that matches wins.
# TODO: the paths of your API.
rules:
  - {match: {path: /healthz}, policy: open}
  - {match: {methods: [POST, PUT, PATCH, DELETE]}, policy: change}
default: read

# To try it on real requests without refusing any: each decision is told, and the request goes on.
# mode: shadow
";
