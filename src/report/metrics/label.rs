//! Names from the configuration as parts of the names of metrics.

use std::collections::HashSet;

/// The longest label, in characters.
const LONGEST: usize = 64;

/// A label for each name, all of them different. A label holds letters and digits of ASCII, `_` and `-`
/// only: a proxy takes metrics' names apart at their dots, and a name can be any text.
pub(crate) fn labels<'n>(names: impl IntoIterator<Item = &'n str>) -> Vec<String> {
    let mut taken = HashSet::new();
    let unique = |name: &str| {
        let label = label(name);
        if taken.insert(label.clone()) {
            return label;
        }
        let numbered = (2_usize..).map(|number| {
            let number = format!("-{number}");
            let rest = LONGEST.saturating_sub(number.len());
            label.chars().take(rest).chain(number.chars()).collect::<String>()
        });
        // The numbers do not come to an end, and names do.
        numbered.into_iter().find(|label| taken.insert(label.clone())).unwrap_or_default()
    };
    names.into_iter().map(unique).collect()
}

fn label(name: &str) -> String {
    let name = name.strip_prefix("https://").unwrap_or(name);
    let fits =
        |character: char| character.is_ascii_alphanumeric() || matches!(character, '_' | '-');
    let fitting = |character| if fits(character) { character } else { '_' };
    let label = name.chars().map(fitting).take(LONGEST).collect::<String>();
    if label.is_empty() { "_".to_owned() } else { label }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_holds_nothing_that_a_proxy_takes_apart() {
        for (name, label) in [
            ("pay", "pay"),
            ("Pay_2-b", "Pay_2-b"),
            ("a.b/c d\\e", "a_b_c_d_e"),
            ("https://id.example.com/realms/x", "id_example_com_realms_x"),
            ("http://id.example.com", "http___id_example_com"),
            ("päy 支払い \u{7f}\n", "p_y_______"),
            ("", "_"),
            ("https://", "_"),
            ("=\"{}|;,", "_______"),
        ] {
            assert_eq!(labels([name]), [label], "{name:?}");
        }
    }

    #[test]
    fn labels_differ_however_alike_the_names_are() {
        assert_eq!(
            labels(["a.b", "a_b", "a b", "a_b-2", "c"]),
            ["a_b", "a_b-2", "a_b-3", "a_b-2-2", "c"]
        );
        let long = |end: &str| format!("{}{end}", "x".repeat(70));
        let (one, other) = (long("1"), long("2"));
        let found = labels([&*one, &*other]);
        assert_ne!(found[0], found[1]);
        assert!(found.iter().all(|label| label.len() == LONGEST), "{found:?}");
    }
}
