//! The documents, and what stands in them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::root;

/// A fenced block of a document, and where it begins.
pub(crate) struct Block {
    pub(crate) place: String,
    pub(crate) language: String,
    pub(crate) text: String,
}

/// A document of a block of YAML.
pub(crate) struct Example {
    pub(crate) place: String,
    pub(crate) value: Value,
}

/// README.md and its neighbours, and everything in docs/.
pub(crate) fn documents() -> Vec<PathBuf> {
    let entries = |folder: &Path| {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        entries.collect::<Vec<_>>()
    };
    let mut files = entries(&root());
    files.retain(|path| path.is_file());
    let mut folders = vec![root().join("docs")];
    while let Some(folder) = folders.pop() {
        let (inner, found): (Vec<_>, Vec<_>) =
            entries(&folder).into_iter().partition(|path| path.is_dir());
        folders.extend(inner);
        files.extend(found);
    }
    files.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    files.sort();
    files
}

/// The fenced blocks of a document.
pub(crate) fn blocks(file: &Path) -> Vec<Block> {
    let text = fs::read_to_string(file).unwrap();
    let mut blocks = Vec::new();
    let mut block: Option<Block> = None;
    for (number, line) in (1..).zip(text.lines()) {
        match (&mut block, line.strip_prefix("```")) {
            (None, Some(language)) => {
                let place = format!("{}:{number}", file.display());
                block = Some(Block { place, language: language.to_owned(), text: String::new() });
            }
            (None, None) => {}
            (Some(_), Some(_)) => blocks.extend(block.take()),
            (Some(block), None) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
        }
    }
    blocks
}

/// The documents in a text of YAML.
pub(crate) fn values(place: &str, text: &str) -> Vec<Example> {
    let values = serde_saphyr::from_multiple(text);
    let values: Vec<Value> = values.unwrap_or_else(|error| panic!("{place}: is no YAML: {error}"));
    values.into_iter().map(|value| Example { place: place.to_owned(), value }).collect()
}

pub(crate) fn examples(file: &Path) -> Vec<Example> {
    let blocks = blocks(file).into_iter().filter(|block| block.language == "yaml");
    blocks.flat_map(|block| values(&block.place, &block.text)).collect()
}

pub(crate) fn all_examples() -> Vec<Example> {
    documents().iter().flat_map(|file| examples(file)).collect()
}

/// Where the links of a text lead.
pub(crate) fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("](").skip(1).filter_map(|rest| rest.split(')').next())
}

/// The names of the headings of a document, as a repository's page and the book make them.
pub(crate) fn anchors(text: &str) -> BTreeSet<String> {
    let headings = without_blocks(text);
    let headings = headings.lines().filter(|line| line.starts_with('#'));
    let name = |heading: &str| {
        let heading = heading.trim_start_matches('#').trim().to_lowercase();
        heading
            .chars()
            .filter(|letter| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_'))
            .map(|letter| if letter == ' ' { '-' } else { letter })
            .collect()
    };
    headings.map(name).collect()
}

/// A document without its fenced blocks.
pub(crate) fn without_blocks(text: &str) -> String {
    let outside = text.split("\n```").step_by(2);
    outside.collect::<Vec<_>>().join("\n")
}
