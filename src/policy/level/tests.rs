//! What proves a level, and what a level satisfies.

use serde_json::json;

use super::*;
use crate::token::Issuer;

const ISSUER: &str = "https://id.example.com";

fn evidence(claims: Value) -> Evidence {
    Evidence::for_test(Issuer::for_test(), claims)
}

fn texts(texts: &[&str]) -> Vec<Box<str>> {
    texts.iter().map(|&text| text.into()).collect()
}

fn acr(values: &[&str]) -> ClaimProof {
    ClaimProof::Acr(texts(values))
}

fn amr(methods: &[&str]) -> ClaimProof {
    ClaimProof::Amr(texts(methods))
}

fn claim(name: &str, any_of: &[&str]) -> ClaimProof {
    ClaimProof::Claim { name: name.into(), any_of: texts(any_of) }
}

#[test]
fn a_proof_holds_for_exactly_what_it_names() {
    for (proof, claims, expected) in [
        (acr(&["2", "3"]), json!({"acr": "2"}), true),
        (acr(&["2", "3"]), json!({"acr": "3"}), true),
        (acr(&["2"]), json!({"acr": "1"}), false),
        (acr(&["2"]), json!({"acr": "2 3"}), false),
        (acr(&["2"]), json!({"acr": ["2"]}), false),
        (acr(&["2"]), json!({"acr": 2}), false),
        (acr(&["2"]), json!({"ACR": "2"}), false),
        (acr(&["urn:a"]), json!({"acr": "URN:a"}), false),
        (acr(&["2"]), json!({}), false),
        (amr(&["pwd", "otp"]), json!({"amr": ["otp", "pwd"]}), true),
        (amr(&["pwd", "otp"]), json!({"amr": ["otp", "hwk", "pwd"]}), true),
        (amr(&["pwd", "otp"]), json!({"amr": ["pwd"]}), false),
        (amr(&["pwd", "otp"]), json!({"amr": ["pwd", "OTP"]}), false),
        (amr(&["pwd", "otp"]), json!({"amr": ["pwd otp"]}), false),
        // A malformed list proves nothing, not even what stands in it.
        (amr(&["pwd"]), json!({"amr": ["pwd", 1]}), false),
        (amr(&["pwd"]), json!({"amr": ["pwd", null]}), false),
        (amr(&["pwd"]), json!({"amr": "pwd"}), false),
        (amr(&["pwd"]), json!({"amr": {"pwd": true}}), false),
        (amr(&["pwd"]), json!({"amr": [["pwd"]]}), false),
        (amr(&["pwd"]), json!({"amr": []}), false),
        (amr(&["pwd"]), json!({}), false),
        (claim("acrs", &["c1", "c2"]), json!({"acrs": ["c2"]}), true),
        (claim("acrs", &["c1"]), json!({"acrs": ["c0", "c1"]}), true),
        (claim("acrs", &["c1"]), json!({"acrs": "c1"}), true),
        (claim("acrs", &["c1"]), json!({"acrs": "c1 c2"}), false),
        (claim("acrs", &["c1"]), json!({"acrs": ["C1"]}), false),
        (claim("acrs", &["c1"]), json!({"acrs": ["c1", 2]}), false),
        (claim("acrs", &["1"]), json!({"acrs": 1}), false),
        (claim("acrs", &["true"]), json!({"acrs": true}), false),
        (claim("a.b", &["x"]), json!({"a": {"b": "x"}}), false),
        (claim("a.b", &["x"]), json!({"a.b": "x"}), true),
    ] {
        let shown = format!("{proof:?} {claims}");
        let proof = Proof { issuer: None, claim: proof };
        assert_eq!(proof.holds(&evidence(claims)), expected, "{shown}");
    }
}

#[test]
fn a_proof_of_one_issuer_counts_for_its_tokens_only() {
    for (issuer, expected) in [
        (None, true),
        (Some(ISSUER), true),
        (Some("https://other.example.com"), false),
        (Some("https://id.example.com/"), false),
    ] {
        let proof = Proof { issuer: issuer.map(Into::into), claim: acr(&["high"]) };
        assert_eq!(proof.holds(&evidence(json!({"acr": "high"}))), expected, "{issuer:?}");
    }
}

/// Levels as a configuration gives them: name, the acr that proves it, and what it implies.
fn ladder(levels: &[(&str, &str, Option<&[&str]>)]) -> Ladder {
    let levels = levels.iter().map(|(name, acr, implies)| {
        let mut level = json!({"name": name, "proven_by": [{"acr": [acr]}]});
        if let Some(implies) = implies {
            level["implies"] = json!(implies);
        }
        level
    });
    let document = json!({
        "levels": levels.collect::<Vec<_>>(),
        "policies": {"open": {"public": true}},
        "default": "open",
    });
    crate::config::compile_value(&document).unwrap().levels
}

fn satisfied(ladder: &Ladder, claims: Value) -> Vec<&str> {
    let set = ladder.satisfied(&evidence(claims));
    let ids = (0..MAX_LEVELS).filter_map(LevelId::new);
    ids.filter(|id| set.contains(*id)).map(|id| ladder.name(id)).collect()
}

#[test]
fn a_level_satisfies_the_one_before_it_or_what_it_names() {
    let default = ladder(&[("a", "1", None), ("b", "2", None), ("c", "3", None)]);
    let beside = ladder(&[
        ("a", "1", None),
        ("b", "2", Some(&[])),
        ("c", "3", None),
        ("d", "4", Some(&["a"])),
    ]);
    let joined = ladder(&[("a", "1", None), ("b", "2", Some(&[])), ("c", "3", Some(&["a", "b"]))]);
    for (ladder, acr, expected) in [
        (&default, "1", vec!["a"]),
        (&default, "2", vec!["a", "b"]),
        (&default, "3", vec!["a", "b", "c"]),
        (&default, "4", vec![]),
        (&beside, "2", vec!["b"]),
        (&beside, "3", vec!["b", "c"]),
        (&beside, "4", vec!["a", "d"]),
        (&joined, "2", vec!["b"]),
        (&joined, "3", vec!["a", "b", "c"]),
    ] {
        assert_eq!(satisfied(ladder, json!({"acr": acr})), expected, "{acr}");
    }
}

#[test]
fn the_highest_level_is_the_last_of_the_ladder() {
    let level = |index| LevelId::new(index).unwrap();
    let mut set = LevelSet::default();
    assert_eq!(set.highest(), None);
    for index in [0, 5, 3, 63] {
        set.insert(level(index));
    }
    assert_eq!(set.highest(), Some(level(63)));
    assert!(set.contains(level(5)) && !set.contains(level(4)));
    let mut low = LevelSet::default();
    low.insert(level(0));
    assert_eq!(low.highest(), Some(level(0)));
    assert_eq!(low.union(set), set);
    assert_eq!(LevelId::new(MAX_LEVELS), None);
}
