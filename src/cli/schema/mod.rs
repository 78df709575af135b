//! `stepup schema`: the JSON Schema of the filter's configuration, for editors.
//!
//! What the filter takes is decided by `config`; `tests/schema` holds the schema to it.

mod whole;

use std::io::Write;

use serde_json::Value;

use super::Failure;

/// As it is kept, with links into the documents, which are generated from it.
pub const SOURCE: &str = include_str!("../../config/schema.json");

const EXAMPLES: &str = "\
Examples:
  stepup schema > stepup.schema.json        for an editor; then begin a configuration with
                                            # yaml-language-server: $schema=stepup.schema.json
  stepup schema --whole-file > envoy-stepup.schema.json
                                            for an envoy.yaml, a WasmPlugin and the like

What the filter takes is told by stepup check; the schema is for completion while you write.";

/// Print the JSON Schema (draft 2020-12) of the filter's configuration
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct SchemaArguments {
    /// For files of Envoy, Istio and Envoy Gateway that hold the configuration; of the rest, it says nothing
    #[arg(long)]
    whole_file: bool,
}

pub(super) fn run(arguments: &SchemaArguments, out: &mut dyn Write) -> Result<u8, Failure> {
    let text = if arguments.whole_file { whole_file_text() } else { text() };
    out.write_all(text.as_bytes())?;
    Ok(0)
}

/// The schema for whole files, as it is printed.
pub fn whole_file_text() -> String {
    // A test reads it.
    let configuration = serde_json::from_str::<Value>(&text()).unwrap_or_default();
    format!("{:#}\n", whole::around(configuration))
}

/// The schema as it is printed: an editor can follow no link into the documents.
pub fn text() -> String {
    let mut printed = String::with_capacity(SOURCE.len());
    let mut rest = SOURCE;
    while let Some((before, found)) = rest.split_once('[') {
        printed.push_str(before);
        rest = if let Some((shown, after)) = link(found) {
            printed.push_str(shown);
            after
        } else {
            printed.push('[');
            found
        };
    }
    printed + rest
}

/// What a link into the documents shows, and what stands behind it. `[` was read already.
fn link(found: &str) -> Option<(&str, &str)> {
    let (shown, behind) = found.split_once("](")?;
    let (target, after) = behind.split_once(')')?;
    let is_elsewhere = target.contains("://");
    (!is_elsewhere && !shown.contains(['[', '"'])).then_some((shown, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes the texts for people away.
    fn bare(schema: &mut Value) {
        match schema {
            Value::Object(members) => {
                if members.get("description").is_some_and(Value::is_string) {
                    members.remove("description");
                }
                members.values_mut().for_each(bare);
            }
            Value::Array(items) => items.iter_mut().for_each(bare),
            _ => {}
        }
    }

    #[test]
    fn the_printed_schema_is_the_kept_one_without_links_into_the_documents() {
        let mut out = Vec::new();
        let arguments = SchemaArguments { whole_file: false };
        assert_eq!(run(&arguments, &mut out), Ok(0));
        let mut printed = serde_json::from_slice::<Value>(&out).unwrap();
        let shown = &printed["properties"]["dpop"]["description"];
        assert_eq!(
            shown,
            "What the proofs of tokens that are bound to a key have to be like. All of it has a \
             default."
        );
        let text = String::from_utf8(out).unwrap();
        assert!(!text.contains("](#") && !text.contains(".md)"));
        assert!(text.contains("](https://www.envoyproxy.io/"));
        let mut kept = serde_json::from_str::<Value>(SOURCE).unwrap();
        bare(&mut printed);
        bare(&mut kept);
        assert_eq!(printed, kept);
    }
}
