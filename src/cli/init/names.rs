//! Names for levels, made of the acr values that prove them.

/// A name for each value, of its own: the last segment of a URI, and more of it where others end the same.
pub(super) fn of(values: &[String]) -> Vec<String> {
    let segments = values.iter().map(|value| segments(value)).collect::<Vec<_>>();
    let longest = segments.iter().map(Vec::len).max().unwrap_or_default();
    let mut names: Vec<Option<String>> = vec![None; values.len()];
    for count in 1..=longest {
        let ends = segments.iter().map(|segments| end(segments, count)).collect::<Vec<_>>();
        for (index, (name, candidate)) in names.iter_mut().zip(&ends).enumerate() {
            let is_only = ends.iter().enumerate().all(|(at, end)| at == index || end != candidate);
            if name.is_none() && is_only {
                *name = Some(candidate.clone());
            }
        }
    }
    // As many numbers as levels: one of them is free.
    let count = values.len();
    let mut taken: Vec<String> = Vec::new();
    for name in names {
        let name = name.filter(|name| !name.is_empty()).map(|name| {
            // A number alone tells nothing.
            let is_number = name.starts_with(|first: char| first.is_ascii_digit());
            if is_number { format!("level-{name}") } else { name }
        });
        let is_free = |name: &String| !taken.contains(name);
        let numbered = || (1..=count).map(|number| format!("level-number-{number}")).find(is_free);
        let name = name.filter(is_free).or_else(numbered).unwrap_or_default();
        taken.push(name);
    }
    taken
}

/// The parts of a value between what is neither a letter nor a digit, in lower case.
fn segments(value: &str) -> Vec<String> {
    let parts = value.split([':', '/', '#', '?', '=']);
    let word = |part: &str| {
        let letters = part.chars().map(|letter| match letter.to_ascii_lowercase() {
            letter if letter.is_ascii_alphanumeric() => letter,
            _ => '-',
        });
        letters.collect::<String>().trim_matches('-').to_owned()
    };
    parts.map(word).filter(|part| !part.is_empty()).collect()
}

fn end(segments: &[String], count: usize) -> String {
    let from = segments.len().saturating_sub(count);
    segments.get(from..).unwrap_or_default().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_name_is_as_much_of_the_value_as_tells_it_from_the_others() {
        for (values, names) in [
            (vec!["phr", "phrh"], vec!["phr", "phrh"]),
            (vec!["1", "2"], vec!["level-1", "level-2"]),
            (
                vec!["urn:okta:loa:1fa:any", "urn:okta:loa:1fa:pwd", "urn:okta:loa:2fa:any"],
                vec!["level-1fa-any", "pwd", "level-2fa-any"],
            ),
            (vec!["http://a/b/multi-factor"], vec!["multi-factor"]),
            (vec!["urn:mace:incommon:iap:silver", "Silver"], vec!["iap-silver", "silver"]),
            (vec!["a b", "a-b", "***"], vec!["level-number-1", "level-number-2", "level-number-3"]),
        ] {
            let values = values.into_iter().map(str::to_owned).collect::<Vec<_>>();
            assert_eq!(of(&values), names, "{values:?}");
        }
    }

    proptest! {
        #[test]
        fn no_two_levels_have_one_name(values in proptest::collection::vec("[a:/1 é-]{0,6}", 0..8)) {
            let names = of(&values);
            prop_assert_eq!(names.len(), values.len());
            for (index, name) in names.iter().enumerate() {
                prop_assert!(!name.is_empty() && !names[..index].contains(name), "{:?}", names);
            }
        }
    }
}
