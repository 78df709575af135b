//! The targets of the project, and whether a run meets them.

use serde::Serialize;

use crate::results::Results;

/// A target with what was measured.
#[derive(Debug, Serialize)]
pub struct Target {
    /// What it is about.
    pub case: &'static str,
    /// What is compared with what.
    pub what: String,
    /// The greatest figure that meets it.
    pub most: f64,
    /// The figure that was measured.
    pub found: f64,
    /// Whether it is met.
    pub holds: bool,
}

/// Added cost of one variant over that of another.
struct Ratio {
    case: &'static str,
    variant: &'static str,
    reference: &'static str,
    most: f64,
}

const RATIOS: [Ratio; 13] = [
    Ratio { case: "known token", variant: "known token", reference: "empty filter", most: 1.1 },
    Ratio {
        case: "known token, stacked",
        variant: "known token, 8 in a row",
        reference: "empty filter, 8 in a row",
        most: 1.4,
    },
    Ratio {
        case: "known token, stacked",
        variant: "known token, 8 in a row",
        reference: "jwt_authn with cache, 8 in a row",
        most: 2.3,
    },
    Ratio {
        case: "public route, stacked",
        variant: "public route, 8 in a row",
        reference: "empty filter, 8 in a row",
        most: 1.15,
    },
    Ratio {
        case: "new token, RS256",
        variant: "new token, RS256",
        reference: "jwt_authn, new RS256",
        most: 1.0,
    },
    Ratio {
        case: "new token, ES256",
        variant: "new token, ES256",
        reference: "jwt_authn, new ES256",
        most: 1.0,
    },
    Ratio {
        case: "challenged",
        variant: "challenged",
        reference: "jwt_authn with cache + RBAC, refused",
        most: 1.5,
    },
    Ratio {
        case: "forged tokens",
        variant: "forged token, RS256",
        reference: "jwt_authn, forged RS256",
        most: 1.1,
    },
    Ratio { case: "against ext_authz", variant: "known token", reference: "ext_authz", most: 0.1 },
    Ratio { case: "1,000 rules", variant: "1,000 rules", reference: "10 rules", most: 1.2 },
    Ratio { case: "10,000 rules", variant: "10,000 rules", reference: "10 rules", most: 1.2 },
    Ratio {
        case: "50 issuers, known token",
        variant: "50 issuers, known token",
        reference: "known token",
        most: 1.1,
    },
    Ratio {
        case: "50 issuers, new token",
        variant: "50 issuers, new RS256",
        reference: "new token, RS256",
        most: 1.1,
    },
];

/// Holds the results against every target. A target that the run did not measure is left out.
pub fn judge(results: &Results) -> Vec<Target> {
    let ratios = RATIOS.iter().filter_map(|ratio| {
        let found = results.ratio(ratio.variant, ratio.reference)?.median;
        let what = format!("{} / {}", ratio.variant, ratio.reference);
        Some(target(ratio.case, what, ratio.most, found))
    });
    let (header, known) = ("known token, condition on a header", "known token");
    let conditions = results.difference(header, known).into_iter().map(|more| {
        target("one header condition", format!("{header} − {known}, µs"), 8.0, more.median)
    });
    let sizes = results.startup.as_ref().into_iter().flat_map(|startup| {
        let mega = 1024.0 * 1024.0;
        [
            target("10,000 rules to ready", "ms per VM".into(), 300.0, startup.rules_ms),
            target(
                "module, with conditions",
                "bytes".into(),
                1_600_000.0,
                startup.module_bytes as f64,
            ),
            target("memory of a VM, idle", "MiB".into(), 4.0, startup.idle_bytes / mega),
            target("memory of a VM, full cache", "MiB".into(), 16.0, startup.full_bytes / mega),
        ]
    });
    ratios.chain(conditions).chain(sizes).collect()
}

fn target(case: &'static str, what: String, most: f64, found: f64) -> Target {
    Target { case, what, most, found, holds: found <= most }
}
