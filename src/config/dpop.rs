//! `dpop`: what DPoP proofs have to be like.

use std::time::Duration;

use super::node::{Node, Object};
use super::{all, issuers};
use crate::possession::{DpopSettings, Origin};

const KEYS: [&str; 8] = [
    "required",
    "advertise",
    "algorithms",
    "window",
    "clock_skew",
    "origins",
    "nonce",
    "proofs_per_key",
];

/// A proof that is good for longer is worth stealing, and has to be remembered for as long.
const GREATEST_WINDOW: Duration = Duration::from_mins(5);
const PROOFS_BOUNDS: (u64, u64) = (256, 1024 * 1024);

pub(super) fn read(object: &Object<'_>) -> Option<DpopSettings> {
    let default = DpopSettings::default();
    let Some(node) = object.get("dpop") else { return Some(default) };
    let expected = format!("an object with {}", KEYS.join(", "));
    let dpop = node.object(&expected, &KEYS)?;
    let boolean = |key| dpop.get(key).map_or(Some(false), |node: Node<'_>| node.boolean());
    let duration = |key, least: Duration, default| match dpop.get(key) {
        Some(node) => read_duration(&node, least),
        None => Some(default),
    };
    let required = boolean("required");
    let advertise = boolean("advertise");
    let algorithms = match dpop.get("algorithms") {
        Some(node) => issuers::read_algorithms(&node),
        None => Some(default.algorithms),
    };
    let window = duration("window", Duration::from_secs(1), default.window);
    let clock_skew = duration("clock_skew", Duration::ZERO, default.clock_skew);
    let origins = match dpop.get("origins") {
        Some(node) => read_origins(&node),
        None => Some(Vec::new()),
    };
    let nonce = boolean("nonce");
    let proofs_per_key = match dpop.get("proofs_per_key") {
        Some(node) => {
            let (least, most) = PROOFS_BOUNDS;
            node.integer(least, most).and_then(|number| usize::try_from(number).ok())
        }
        None => Some(default.proofs_per_key),
    };
    Some(DpopSettings {
        required: required?,
        advertise: advertise?,
        algorithms: algorithms?,
        window: window?,
        clock_skew: clock_skew?,
        origins: origins?,
        nonce: nonce?,
        proofs_per_key: proofs_per_key?,
    })
}

fn read_duration(node: &Node<'_>, least: Duration) -> Option<Duration> {
    let duration = node.seconds()?;
    if duration < least || duration > GREATEST_WINDOW {
        node.unexpected(&format!(
            "from {}s to {}s; a proof that is good for longer is worth stealing",
            least.as_secs(),
            GREATEST_WINDOW.as_secs()
        ));
        return None;
    }
    Some(duration)
}

fn read_origins(node: &Node<'_>) -> Option<Vec<Origin>> {
    const EXPECTED: &str = "an origin such as \"https://api.example.com\", without a path";
    all(node.filled_list("a list of origins")?.map(|item| {
        let origin = Origin::parse(item.text(EXPECTED)?);
        if origin.is_none() {
            item.unexpected(EXPECTED);
        }
        origin
    }))
}
