//! Texts that are looked up.

/// Texts, each with a value, sorted: a look for one is a binary search. All texts are in one piece of
/// memory, as every worker has its own copy and there can be a million.
#[derive(Debug, PartialEq, Eq)]
pub struct Table<T> {
    text: Box<str>,
    rows: Box<[Row<T>]>,
}

/// Where a text stands, and its value.
#[derive(Debug, PartialEq, Eq)]
struct Row<T> {
    begin: u32,
    end: u32,
    value: T,
}

impl<T> Row<T> {
    fn of<'t>(&self, text: &'t str) -> &'t str {
        let place = usize::try_from(self.begin).ok().zip(usize::try_from(self.end).ok());
        // Rows are made from places in this text.
        place.and_then(|(begin, end)| text.get(begin..end)).unwrap_or_default()
    }
}

/// A [`Table`] before it is sorted.
#[derive(Debug)]
pub(super) struct Unsorted<T> {
    text: String,
    rows: Vec<Row<T>>,
}

impl<T> Default for Unsorted<T> {
    fn default() -> Self {
        Self { text: String::new(), rows: Vec::new() }
    }
}

impl<T> Unsorted<T> {
    /// Adds a text. `None` where all of them together are too long, which no document is.
    pub(super) fn add(&mut self, text: &str, value: T) -> Option<()> {
        let begin = u32::try_from(self.text.len()).ok()?;
        let end = begin.checked_add(u32::try_from(text.len()).ok()?)?;
        self.text.push_str(text);
        self.rows.push(Row { begin, end, value });
        Some(())
    }

    /// Sorts what was added. Of equal texts one is kept, and one that stood there twice is told.
    pub(super) fn sort(mut self) -> (Table<T>, Option<String>) {
        let text = self.text.into_boxed_str();
        self.rows.sort_unstable_by(|one, other| one.of(&text).cmp(other.of(&text)));
        let mut repeated = None;
        self.rows.dedup_by(|later, earlier| {
            let is_same = later.of(&text) == earlier.of(&text);
            if is_same && repeated.is_none() {
                repeated = Some(later.of(&text).to_owned());
            }
            is_same
        });
        (Table { text, rows: self.rows.into() }, repeated)
    }
}

impl<T> Table<T> {
    pub(super) const fn len(&self) -> usize {
        self.rows.len()
    }

    /// The value of a text.
    pub(super) fn get(&self, text: &str) -> Option<&T> {
        let at = self.rows.binary_search_by(|row| row.of(&self.text).cmp(text)).ok()?;
        self.rows.get(at).map(|row| &row.value)
    }

    /// The bytes that it takes.
    #[cfg(test)]
    pub(super) fn memory(&self) -> usize {
        self.text.len().saturating_add(size_of_val(&*self.rows))
    }
}
