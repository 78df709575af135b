//! docs/configuration.md says what the schema says.

use std::fs;

use envoy_stepup::cli::schema;
use serde_json::Value;

use super::ordered::Ordered;
use super::walk::objects;
use super::{root, text};

/// The documents with parts that are generated.
const DOCUMENTS: [&str; 2] = ["docs/configuration.md", "docs/signals.md"];
const BEGIN: &str = "<!-- generated: ";
const END: &str = "<!-- end -->";
/// Writes the parts anew, in the place of holding them to the schema.
const RECORD: &str = "STEPUP_RECORD_DOCS";

#[test]
fn the_reference_is_what_the_schema_makes_of_it() {
    let schema = Schema(serde_json::from_str(schema::SOURCE).unwrap());
    for document in DOCUMENTS {
        let file = root().join(document);
        let found = text(&file);
        let expected = generate(&schema, &found);
        if std::env::var_os(RECORD).is_some() {
            fs::write(&file, expected).unwrap();
            continue;
        }
        for (number, (found, expected)) in (1..).zip(found.lines().zip(expected.lines())) {
            assert_eq!(
                found, expected,
                "{document}:{number} is not what the schema says; mend src/config/schema.json, and \
                 run {RECORD}=1 cargo test --test schema"
            );
        }
        assert_eq!(found, expected, "{document}: run {RECORD}=1 cargo test --test schema");
    }
}

#[test]
fn every_key_of_the_schema_has_its_place_in_the_reference() {
    let texts = DOCUMENTS.map(|document| text(&root().join(document)));
    for (pointer, _) in objects(&super::schema()) {
        let name = match pointer.strip_prefix("/$defs/") {
            // What stands within another table has its rows there.
            Some(name) => name.split('/').next().unwrap(),
            None => "configuration",
        };
        // One text, or an object with one key that the description shows.
        if name == "regex" {
            continue;
        }
        let marker = format!("{BEGIN}keys {name} -->");
        assert!(texts.iter().any(|text| text.contains(&marker)), "{marker} is nowhere");
    }
}

/// The document with every generated part made anew.
fn generate(schema: &Schema, document: &str) -> String {
    let mut lines = document.lines();
    let mut made = String::new();
    while let Some(line) = lines.next() {
        made.push_str(line);
        made.push('\n');
        let Some(what) = line.strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(" -->")) else {
            continue;
        };
        assert!(lines.by_ref().any(|line| line == END), "{line} has no {END}");
        let part = match what.split_once(' ') {
            Some(("lead", key)) => schema.lead(key),
            Some(("keys", name)) => schema.keys(name, document),
            Some(("values", name)) => schema.values(name),
            _ => panic!("{line} says neither lead, keys nor values"),
        };
        made.extend(["\n", &part, "\n", END, "\n"]);
    }
    made
}

/// The schema, with its members in order.
struct Schema(Ordered);

impl Schema {
    /// A definition, or a key at the top, or a key of either after a dot.
    fn named(&self, name: &str) -> &Ordered {
        let (name, key) =
            name.split_once('.').map_or((name, None), |(name, key)| (name, Some(key)));
        let named =
            ["$defs", "properties"].into_iter().find_map(|part| self.0.get(part)?.get(name));
        let named = named.unwrap_or_else(|| panic!("the schema has no {name}"));
        match key {
            Some(key) => named.get("properties").and_then(|keys| keys.get(key)).expect(key),
            None => named,
        }
    }

    /// A keyword of a part, or of what it refers to.
    fn keyword<'s>(&'s self, part: &'s Ordered, name: &str) -> Option<&'s Ordered> {
        part.get(name).or_else(|| self.keyword(self.referred(part)?, name))
    }

    fn referred(&self, part: &Ordered) -> Option<&Ordered> {
        Some(self.named(part.get("$ref")?.as_str()?.strip_prefix("#/$defs/")?))
    }

    fn text<'s>(&'s self, part: &'s Ordered, name: &str) -> &'s str {
        self.keyword(part, name).and_then(Ordered::as_str).unwrap_or_default()
    }

    /// What a section begins with.
    fn lead(&self, key: &str) -> String {
        let part = self.0.get("properties").and_then(|keys| keys.get(key)).expect(key);
        wrapped(self.text(part, "description"))
    }

    /// The values of a key that has a few, and their meanings.
    fn values(&self, name: &str) -> String {
        let values = self.keyword(self.named(name), "oneOf").and_then(Ordered::as_array);
        let rows = values.expect(name).iter().map(|value| {
            let constant = value.get("const").and_then(Ordered::as_str).expect("a constant");
            vec![code(constant), self.text(value, "description").to_owned()]
        });
        let name = name.split('.').next_back().unwrap();
        table(&[&code(name), "meaning"], &rows.collect::<Vec<_>>())
    }

    /// The keys of an object.
    fn keys(&self, name: &str, document: &str) -> String {
        let heads = ["key", "default", "bounds", "meaning"];
        if name != "configuration" {
            let mut rows = Vec::new();
            self.rows("", self.named(name), &mut rows);
            return table(&heads, &rows);
        }
        let mut rows = Vec::new();
        for (key, part) in self.0.get("properties").and_then(Ordered::as_object).expect("the keys")
        {
            // Where it has a section, its name leads there.
            let has_section = document.contains(&format!("\n## {key}\n"));
            let name = if has_section { format!("[{}](#{key})", code(key)) } else { code(key) };
            let title = self.text(part, "title").to_owned();
            rows.push(vec![name, self.default(key, part, &self.0), String::new(), title]);
        }
        table(&heads, &rows)
    }

    fn rows(&self, prefix: &str, object: &Ordered, rows: &mut Vec<Vec<String>>) {
        let keys = object.get("properties").and_then(Ordered::as_object).expect("the keys");
        for (key, part) in keys {
            rows.push(vec![
                code(&format!("{prefix}{key}")),
                self.default(key, part, object),
                self.bounds(part),
                self.text(part, "description").to_owned(),
            ]);
            // Another definition has a table of its own.
            let is_listed = part.get("additionalProperties").is_some_and(|more| !more.is_true());
            if part.get("properties").is_some() && is_listed {
                self.rows(&format!("{prefix}{key}."), part, rows);
            }
        }
    }

    fn default(&self, key: &str, part: &Ordered, object: &Ordered) -> String {
        let required = object.get("required").and_then(Ordered::as_array).unwrap_or_default();
        if required.iter().any(|name| name.as_str() == Some(key)) {
            return "*needed*".to_owned();
        }
        match (self.keyword(part, "x-needed"), self.keyword(part, "default")) {
            (Some(when), _) => format!("*needed* {}", when.as_str().expect("a text")),
            (None, Some(default)) if self.is_all(part, default) => "all".to_owned(),
            (None, Some(default)) => code(&default.to_yaml()),
            (None, None) => String::new(),
        }
    }

    /// Whether a default is everything that there is.
    fn is_all(&self, part: &Ordered, default: &Ordered) -> bool {
        let Some(all) = part.get("items").and_then(|items| self.keyword(items, "enum")) else {
            return false;
        };
        let (all, default) = (all.as_array().expect("a list"), default.as_array().expect("a list"));
        // The algorithm with two names stands in it by one of them.
        default.len() + 1 >= all.len() && default.iter().all(|value| all.contains(value))
    }

    fn bounds(&self, part: &Ordered) -> String {
        let bound = |name: &str| {
            let names = [name.to_owned(), format!("x-{name}")];
            let bound = names.iter().find_map(|name| self.keyword(part, name));
            bound.map(|bound| code(&bound.to_yaml()))
        };
        match (bound("minimum"), bound("maximum")) {
            (Some(least), Some(most)) => format!("{least} to {most}"),
            (Some(least), None) => format!("{least} at least"),
            (None, Some(most)) => format!("{most} at most"),
            (None, None) => String::new(),
        }
    }
}

fn code(text: &str) -> String {
    format!("`{text}`")
}

/// A table without the columns in which nothing stands.
fn table(heads: &[&str], rows: &[Vec<String>]) -> String {
    let used = (0..heads.len()).filter(|column| rows.iter().any(|row| !row[*column].is_empty()));
    let used = used.collect::<Vec<_>>();
    let line = |cells: Vec<&str>| {
        let cells = cells.into_iter().map(|cell| match cell.replace('|', "\\|") {
            cell if cell.is_empty() => " |".to_owned(),
            cell => format!(" {cell} |"),
        });
        format!("|{}\n", cells.collect::<String>())
    };
    let head = line(used.iter().map(|column| heads[*column]).collect());
    let rule = line(used.iter().map(|_| "---").collect());
    let rows = rows.iter().map(|row| line(used.iter().map(|column| &*row[*column]).collect()));
    [head, rule].into_iter().chain(rows).collect()
}

/// Lines of the length that the documents have.
fn wrapped(text: &str) -> String {
    const LONGEST: usize = 110;
    let mut made = String::new();
    let mut length = 0;
    for word in text.split(' ') {
        if length > 0 && length + word.len() >= LONGEST {
            made.push('\n');
            length = 0;
        } else if length > 0 {
            made.push(' ');
            length += 1;
        }
        made.push_str(word);
        length += word.len();
    }
    made.push('\n');
    made
}

#[test]
fn every_sentence_of_the_schema_can_stand_in_a_table() {
    fn check(part: &Value) {
        match part {
            Value::Object(members) => {
                for text in ["title", "description"].map(|key| members.get(key)) {
                    if let Some(text) = text.and_then(Value::as_str) {
                        assert!(!text.contains(['\n', '|']), "{text}");
                    }
                }
                members.values().for_each(check);
            }
            Value::Array(items) => items.iter().for_each(check),
            _ => {}
        }
    }
    check(&super::schema());
}
