//! What the log was told already.

use std::collections::HashSet;

/// Sentences that were told. Whoever sends requests must not be able to fill the log, or the memory.
#[derive(Debug, Default)]
pub(super) struct Told(HashSet<Box<str>>);

impl Told {
    /// The most sentences that are remembered. Beyond them, none is new.
    const MOST: usize = 256;

    /// Whether the sentence is told for the first time.
    pub(super) fn is_new(&mut self, sentence: &str) -> bool {
        self.0.len() < Self::MOST && !self.0.contains(sentence) && self.0.insert(sentence.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_is_new_once_and_there_is_a_bound() {
        let mut told = Told::default();
        assert!(told.is_new("a"));
        assert!(!told.is_new("a"));
        for index in 1..Told::MOST {
            assert!(told.is_new(&index.to_string()));
        }
        assert!(!told.is_new("one too many"));
        assert!(!told.is_new("a"));
    }
}
