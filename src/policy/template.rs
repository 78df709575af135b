//! Envoy's URI templates (`path.match.uri_template.v3`), turned into a regular expression.

/// What one segment of a path has to look like.
const SEGMENT: &str = r"[^/]+";
/// What `**` covers: any number of segments, or a part of one.
const REST: &str = r".*";

/// Bounds that Envoy sets.
const MAX_VARIABLES: usize = 5;
const MAX_NAME_LENGTH: usize = 16;

/// Translates a template such as `/accounts/{id}/transfers`.
///
/// `*` and `{name}` cover one segment, `**` all that follows, `{name=a/*}` a sequence. An operator
/// after `**` is refused; literal text may follow the last operator as a suffix.
///
/// # Errors
/// A sentence for the operator.
pub fn to_regex(template: &str) -> Result<String, String> {
    let Some(mut rest) = template.strip_prefix('/') else {
        return Err("has to start with '/'".to_owned());
    };
    let mut regex = String::from("/");
    let mut state = State::default();
    while !rest.is_empty() {
        rest = if let Some(after) = rest.strip_prefix('{') {
            let Some((variable, after)) = after.split_once('}') else {
                return Err("has a '{' without its '}'".to_owned());
            };
            state.variable(variable, &mut regex)?;
            after
        } else {
            let (segment, after) = split_segment(rest);
            state.segment(segment, &mut regex)?;
            after
        };
        if let Some(after) = rest.strip_prefix('/') {
            regex.push('/');
            rest = after;
        } else if !rest.is_empty() {
            // A suffix such as ".mpd": only at the very end.
            push_literal(rest, &mut regex)?;
            rest = "";
        }
    }
    Ok(regex)
}

/// Splits off one operator, or the literal text up to the next slash.
fn split_segment(rest: &str) -> (&str, &str) {
    let length = if rest.starts_with("**") {
        2
    } else if rest.starts_with('*') {
        1
    } else {
        rest.find('/').unwrap_or(rest.len())
    };
    rest.split_at_checked(length).unwrap_or((rest, ""))
}

#[derive(Default)]
struct State<'t> {
    names: Vec<&'t str>,
    rest_seen: bool,
}

impl<'t> State<'t> {
    fn segment(&mut self, segment: &str, regex: &mut String) -> Result<(), String> {
        let operator = match segment {
            "*" => SEGMENT,
            "**" => REST,
            literal => return push_literal(literal, regex),
        };
        if self.rest_seen {
            return Err("has an operator after '**', which has to be the last one".to_owned());
        }
        self.rest_seen = segment == "**";
        regex.push_str(operator);
        Ok(())
    }

    fn variable(&mut self, variable: &'t str, regex: &mut String) -> Result<(), String> {
        let (name, pattern) = variable.split_once('=').unwrap_or((variable, "*"));
        let mut letters = name.chars();
        let is_name = letters.next().is_some_and(|c| c.is_ascii_alphabetic())
            && letters.all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !is_name || name.len() > MAX_NAME_LENGTH {
            return Err(format!(
                "has the variable name {name:?}; expected a letter, then letters, digits or '_', \
                 {MAX_NAME_LENGTH} characters at most"
            ));
        }
        if self.names.contains(&name) {
            return Err(format!("has the variable name {name:?} twice"));
        }
        self.names.push(name);
        if self.names.len() > MAX_VARIABLES {
            return Err(format!("has more than {MAX_VARIABLES} variables"));
        }
        for (index, segment) in pattern.split('/').enumerate() {
            if index > 0 {
                regex.push('/');
            }
            self.segment(segment, regex)?;
        }
        Ok(())
    }
}

fn push_literal(literal: &str, regex: &mut String) -> Result<(), String> {
    if literal.is_empty() {
        return Err("has an empty segment".to_owned());
    }
    if let Some(bad) =
        literal.chars().find(|c| matches!(c, '*' | '{' | '}' | '/') || !c.is_ascii_graphic())
    {
        return Err(format!("has {bad:?} in the text {literal:?}, where no operator can stand"));
    }
    regex.push_str(&regex_lite::escape(literal));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::text::FullRegex;
    use super::*;

    fn matches(template: &str, path: &str) -> bool {
        FullRegex::new(&to_regex(template).unwrap()).unwrap().matches(path)
    }

    #[test]
    fn operators_cover_what_they_cover_in_envoy() {
        for (template, path, expected) in [
            ("/accounts/{id}/transfers", "/accounts/7/transfers", true),
            ("/accounts/{id}/transfers", "/accounts//transfers", false),
            ("/accounts/{id}/transfers", "/accounts/7/8/transfers", false),
            ("/accounts/{id}/transfers", "/accounts/7/transfers/", false),
            ("/a/*", "/a/b", true),
            ("/a/*", "/a/", false),
            ("/a/*", "/a/b/c", false),
            ("/a/**", "/a/", true),
            ("/a/**", "/a/b/c", true),
            ("/a/**", "/a", false),
            ("/**", "/", true),
            ("/a/**.mpd", "/a/b/c.mpd", true),
            ("/a/**.mpd", "/a/b/c.mp4", false),
            ("/a/{x=b/*}/c", "/a/b/z/c", true),
            ("/a/{x=b/*}/c", "/a/q/z/c", false),
            ("/a/{x=**}", "/a/b/c", true),
            ("/a.b/", "/a.b/", true),
            ("/a.b", "/aXb", false),
            ("/", "/", true),
        ] {
            assert_eq!(matches(template, path), expected, "{template} {path}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        for (template, part) in [
            ("a", "start with '/'"),
            ("/{a", "without its '}'"),
            ("/{1a}", "variable name"),
            ("/{abcdefghijklmnopq}", "variable name"),
            ("/{a}/{a}", "twice"),
            ("/{a}/{b}/{c}/{d}/{e}/{f}", "more than 5"),
            ("/**/*", "after '**'"),
            ("/**/{a}", "after '**'"),
            ("/{a=**}/*", "after '**'"),
            ("/a//b", "empty segment"),
            ("/{a=}", "empty segment"),
            ("/{a=b/}", "empty segment"),
            ("/a*b", "no operator can stand"),
            ("/a b", "no operator can stand"),
            ("/*.x/y", "no operator can stand"),
        ] {
            let error = to_regex(template).unwrap_err();
            assert!(error.contains(part), "{template}: {error}");
        }
    }
}
