//! Defaults, bounds and examples.

use envoy_stepup::config::compile_value;
use serde_json::{Value, json};

use super::walk::{Found, keyword, replaced, walk, without};
use super::{mistakes, refusals, schema, validator, wholes};

/// The places of each part of the schema, by that part.
fn places(schema: &Value, wholes: &[Value]) -> Vec<(String, Vec<Found>)> {
    let mut places: Vec<(String, Vec<Found>)> = Vec::new();
    for found in walk(schema, wholes) {
        match places.iter_mut().find(|(pointer, _)| *pointer == found.schema) {
            Some((_, list)) => list.push(found),
            None => places.push((found.schema.clone(), vec![found])),
        }
    }
    places
}

/// What a reader and a schema have against a value in each of the places; nothing where it is
/// accepted in one of them.
fn refused_everywhere(wholes: &[Value], places: &[Found], value: &Value) -> Option<Vec<String>> {
    let validator = validator();
    let mut told = Vec::new();
    for place in places {
        let changed = replaced(&wholes[place.configuration], &place.at, value.clone());
        let refusals = [mistakes(&changed), refusals(&validator, &changed)].concat();
        if refusals.is_empty() {
            return None;
        }
        told.extend(refusals);
    }
    Some(told)
}

#[test]
fn every_example_of_the_schema_is_accepted() {
    let (schema, wholes) = (schema(), wholes());
    let mut checked = 0;
    for (pointer, places) in places(&schema, &wholes) {
        // One type of key is no example for the key of another.
        if pointer.contains("/inline/") {
            continue;
        }
        let part = schema.pointer(&pointer).unwrap();
        let constants = part["oneOf"].as_array().into_iter().flatten();
        let constants = constants.filter_map(|branch| branch.get("const"));
        let values = part["enum"].as_array().into_iter().flatten();
        let examples = part["examples"].as_array().into_iter().flatten();
        for example in examples.chain(values).chain(constants) {
            let refused = refused_everywhere(&wholes, &places, example);
            assert_eq!(refused, None, "the example {example} of {pointer}");
            checked += 1;
        }
    }
    assert!(checked > 80, "only {checked} examples were found");
}

#[test]
fn every_default_of_the_schema_is_what_the_reader_takes_for_a_missing_key() {
    let (schema, wholes) = (schema(), wholes());
    // Maps show their members in any order. The version is that of the text.
    let read = |configuration: &Value| {
        let read = compile_value(configuration).ok().map(|policies| format!("{policies:#?}"))?;
        let lines = read.lines().filter(|line| !line.starts_with("    version: "));
        let mut lines = lines.map(str::to_owned).collect::<Vec<_>>();
        lines.sort();
        Some(lines)
    };
    let mut checked = 0;
    for (pointer, places) in places(&schema, &wholes) {
        let Some(default) = keyword(&schema, schema.pointer(&pointer).unwrap(), "default") else {
            continue;
        };
        let mut same = 0;
        for place in &places {
            let whole = &wholes[place.configuration];
            let missing = read(&without(whole, &place.at));
            let written = read(&replaced(whole, &place.at, default.clone()));
            // Where another key forbids either of them, there is nothing to compare.
            if let (Some(missing), Some(written)) = (missing, written) {
                assert!(missing == written, "{pointer}: {default} is not the default");
                same += 1;
            }
        }
        assert!(same > 0, "{pointer}: its default can be written nowhere");
        checked += 1;
    }
    assert!(checked > 30, "only {checked} defaults were found");
}

#[test]
fn the_bounds_of_the_schema_are_those_of_the_reader() {
    let (schema, wholes) = (schema(), wholes());
    let mut checked = 0;
    for (pointer, places) in places(&schema, &wholes) {
        let part = schema.pointer(&pointer).unwrap();
        let bound = |name| keyword(&schema, part, name).cloned();
        let mut bounds = Vec::new();
        for (name, step) in [("minimum", -1), ("maximum", 1)] {
            if let Some(bound) = bound(name) {
                let beyond = bound.as_i64().unwrap() + step;
                bounds.push((bound, json!(beyond)));
            }
        }
        for (name, step) in [("x-minimum", -1), ("x-maximum", 1)] {
            if let Some(bound) = bound(name) {
                let beyond = seconds(&bound) + step;
                bounds.push((bound, json!(format!("{beyond}s"))));
            }
        }
        for (bound, beyond) in bounds {
            let refused = refused_everywhere(&wholes, &places, &bound);
            assert_eq!(refused, None, "{pointer}: the bound {bound}");
            for place in &places {
                let changed = replaced(&wholes[place.configuration], &place.at, beyond.clone());
                assert_ne!(mistakes(&changed), [""; 0], "{pointer}: {beyond}, beyond {bound}");
            }
            checked += 1;
        }
    }
    assert!(checked > 50, "only {checked} bounds were found");
}

/// The seconds of a duration with one unit.
fn seconds(duration: &Value) -> i64 {
    let (number, unit) =
        duration.as_str().and_then(|text| text.split_at_checked(text.len() - 1)).unwrap();
    let length = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        other => panic!("{other} is no unit"),
    };
    number.parse::<i64>().unwrap() * length
}

#[test]
fn lists_may_be_as_long_as_the_schema_says() {
    let (validator, wholes) = (validator(), wholes());
    let grown = |key: &str, count: usize| {
        let whole = wholes.iter().find(|whole| whole.get(key).is_some());
        let mut changed = whole.expect("one has it").clone();
        match changed.get_mut(key).unwrap() {
            Value::Array(items) => {
                while items.len() < count {
                    let number = items.len();
                    items.push(json!({"name": format!("l{number}"), "proven_by": [{"acr": [format!("a{number}")]}]}));
                }
            }
            Value::Object(members) => {
                while members.len() < count {
                    let name = format!("f{}", members.len());
                    members.insert(name, json!({"type": "strings", "inline": ["a"]}));
                }
            }
            _ => panic!("{key} has no length"),
        }
        (mistakes(&changed).is_empty(), refusals(&validator, &changed).is_empty())
    };
    for key in ["levels", "feeds"] {
        assert_eq!(grown(key, 64), (true, true), "{key}");
        assert_eq!(grown(key, 65), (false, false), "{key}");
    }
}
