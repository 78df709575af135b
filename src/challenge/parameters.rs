//! The parameters of a challenge (RFC 9110 §11.2), written as quoted strings.

/// A challenge under construction: a scheme and its parameters.
pub(super) struct Parameters {
    text: String,
    first: bool,
}

impl Parameters {
    pub(super) fn new(scheme: &str) -> Self {
        /// Most challenges are shorter, so the text need not move as it grows.
        const USUAL: usize = 384;
        let mut text = String::with_capacity(USUAL);
        text.push_str(scheme);
        Self { text, first: true }
    }

    /// Adds a parameter. Every name is added once (RFC 6750 §3).
    ///
    /// The configuration lets only visible ASCII and spaces through, so that only quotes and
    /// backslashes need escaping (RFC 9110 §5.6.4).
    pub(super) fn push(&mut self, name: &str, value: &str) {
        self.text.push_str(if self.first { " " } else { ", " });
        self.first = false;
        self.text.push_str(name);
        self.text.push_str("=\"");
        let mut rest = value;
        let is_special = |byte: u8| matches!(byte, b'"' | b'\\');
        while let Some((plain, special)) =
            rest.bytes().position(is_special).and_then(|at| rest.split_at_checked(at))
        {
            let (escaped, after) = special.split_at_checked(1).unwrap_or((special, ""));
            self.text.push_str(plain);
            self.text.push('\\');
            self.text.push_str(escaped);
            rest = after;
        }
        self.text.push_str(rest);
        self.text.push('"');
    }

    pub(super) fn finish(self) -> String {
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_quoted_and_escaped() {
        let mut parameters = Parameters::new("Bearer");
        parameters.push("realm", r#"a "b" \c"#);
        parameters.push("acr_values", "phr phrh");
        assert_eq!(parameters.finish(), r#"Bearer realm="a \"b\" \\c", acr_values="phr phrh""#);
    }
}
