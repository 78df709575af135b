//! A trie of patterns: all that a text fits are found in one walk along the text.

use super::super::glob::{Ending, Step};

/// A text along which a trie is walked.
#[derive(Clone, Copy)]
pub(super) struct Text<'t> {
    bytes: &'t [u8],
    form: Form,
}

#[derive(Clone, Copy)]
enum Form {
    Written,
    Lower,
    Backward,
}

impl<'t> Text<'t> {
    /// The text as it is.
    pub(super) const fn written(text: &'t str) -> Self {
        Self { bytes: text.as_bytes(), form: Form::Written }
    }

    /// The text with its ASCII letters in lower case.
    pub(super) const fn lower(text: &'t str) -> Self {
        Self { bytes: text.as_bytes(), form: Form::Lower }
    }

    /// The text from its end to its start.
    pub(super) const fn backward(text: &'t str) -> Self {
        Self { bytes: text.as_bytes(), form: Form::Backward }
    }

    fn at(&self, at: usize) -> Option<u8> {
        match self.form {
            Form::Written => self.bytes.get(at).copied(),
            Form::Lower => self.bytes.get(at).map(u8::to_ascii_lowercase),
            Form::Backward => {
                let after = self.bytes.len().checked_sub(at)?;
                self.bytes.get(after.checked_sub(1)?).copied()
            }
        }
    }

    fn has(&self, at: usize, label: &[u8]) -> bool {
        match self.form {
            Form::Written => self.bytes.get(at..).is_some_and(|rest| rest.starts_with(label)),
            Form::Lower | Form::Backward => {
                label.iter().zip(at..).all(|(byte, at)| self.at(at) == Some(*byte))
            }
        }
    }

    /// Where the segment ends that goes on at `at`.
    fn segment_end(&self, at: usize) -> usize {
        let rest = self.bytes.get(at..).unwrap_or_default();
        rest.iter().position(|byte| *byte == b'/').unwrap_or(rest.len()).saturating_add(at)
    }
}

/// What a walk finds.
pub(super) trait Visit<T> {
    /// Whether rules from this one on are still looked for.
    fn wants(&self, least: usize) -> bool;
    /// Looks at an item whose pattern the text fits.
    fn visit(&mut self, ending: Ending, item: &T);
}

/// A node's place.
pub(super) type NodeId = usize;

#[derive(Debug)]
pub(super) struct Trie<T> {
    nodes: Vec<Node<T>>,
}

#[derive(Debug)]
struct Node<T> {
    /// The text that leads from the node before to this one.
    label: Box<[u8]>,
    /// By the first byte of their labels, in order.
    children: Vec<(u8, NodeId)>,
    /// The node of which this is a child. What follows a segment has none.
    parent: Option<NodeId>,
    /// What follows a whole segment.
    segment: Option<NodeId>,
    /// The lowest rule here and below.
    least: usize,
    items: Vec<(Ending, T)>,
}

impl<T> Default for Trie<T> {
    fn default() -> Self {
        Self { nodes: Vec::new() }
    }
}

impl<T> Trie<T> {
    /// Adds a node for patterns to begin at. One trie holds many, so that each costs little.
    pub(super) fn add_root(&mut self) -> NodeId {
        self.add(Box::default(), usize::MAX)
    }

    /// The item at the end of a rule's pattern; a new one where there is none.
    pub(super) fn item(
        &mut self,
        root: NodeId,
        steps: &[Step<'_>],
        ending: Ending,
        rule: usize,
    ) -> Option<&mut T>
    where
        T: Default,
    {
        let mut id = root;
        for step in steps {
            id = match step {
                Step::Text(text) => self.follow_text(id, text.as_bytes(), rule)?,
                Step::Segment => self.follow_segment(id, rule)?,
            };
        }
        let node = self.nodes.get_mut(id)?;
        node.least = node.least.min(rule);
        let at = node.items.iter().position(|(other, _)| *other == ending).unwrap_or_else(|| {
            node.items.push((ending, T::default()));
            node.items.len().saturating_sub(1)
        });
        node.items.get_mut(at).map(|(_, item)| item)
    }

    /// Every item.
    pub(super) fn items_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.nodes.iter_mut().flat_map(|node| node.items.iter_mut().map(|(_, item)| item))
    }

    /// Ends building.
    pub(super) fn finish(&mut self) {
        self.nodes.shrink_to_fit();
        for id in 0..self.nodes.len() {
            let node = self.nodes.get_mut(id);
            let children = node.map(|node| std::mem::take(&mut node.children)).unwrap_or_default();
            for (_, child) in &children {
                if let Some(child) = self.nodes.get_mut(*child) {
                    child.parent = Some(id);
                }
            }
            if let Some(node) = self.nodes.get_mut(id) {
                node.children = children;
            }
        }
    }

    /// Visits what the text fits, from the root on.
    pub(super) fn walk(&self, root: NodeId, text: Text<'_>, visitor: &mut impl Visit<T>) {
        self.walk_from(root, 0, text, visitor);
    }

    fn walk_from(&self, id: NodeId, mut at: usize, text: Text<'_>, visitor: &mut impl Visit<T>) {
        let Some(mut node) = self.nodes.get(id).filter(|node| visitor.wants(node.least)) else {
            return;
        };
        while let Some(child) = text.at(at).and_then(|byte| node.child(byte))
            && let Some(child) = self.nodes.get(child)
            && visitor.wants(child.least)
            && text.has(at, &child.label)
        {
            at = at.saturating_add(child.label.len());
            node = child;
        }
        // Back from the longest text: rules for it mostly come before those for shorter ones, which
        // then need no look.
        loop {
            for (ending, item) in &node.items {
                let fits = match ending {
                    Ending::Here => text.at(at).is_none(),
                    Ending::Boundary => matches!(text.at(at), None | Some(b'/')),
                    Ending::Anywhere | Ending::Unsure => true,
                };
                if fits {
                    visitor.visit(*ending, item);
                }
            }
            // Calls nest as deep as patterns have segment operators, not as deep as the trie.
            if let Some(segment) = node.segment {
                let end = text.segment_end(at);
                if end > at {
                    self.walk_from(segment, end, text, visitor);
                }
            }
            let Some(parent) = node.parent.and_then(|parent| self.nodes.get(parent)) else {
                return;
            };
            at = at.saturating_sub(node.label.len());
            node = parent;
        }
    }

    fn add(&mut self, label: Box<[u8]>, least: usize) -> NodeId {
        self.nodes.push(Node {
            label,
            children: Vec::new(),
            parent: None,
            segment: None,
            least,
            items: Vec::new(),
        });
        self.nodes.len().saturating_sub(1)
    }

    fn follow_segment(&mut self, id: NodeId, rule: usize) -> Option<NodeId> {
        let node = self.nodes.get_mut(id)?;
        node.least = node.least.min(rule);
        if let Some(segment) = node.segment {
            return Some(segment);
        }
        let new = self.add(Box::default(), rule);
        self.nodes.get_mut(id)?.segment = Some(new);
        Some(new)
    }

    fn follow_text(&mut self, mut id: NodeId, mut text: &[u8], rule: usize) -> Option<NodeId> {
        loop {
            let node = self.nodes.get_mut(id)?;
            node.least = node.least.min(rule);
            let Some(first) = text.first() else { return Some(id) };
            match node.children.binary_search_by_key(first, |(byte, _)| *byte) {
                Err(place) => {
                    let new = self.add(text.into(), rule);
                    self.nodes.get_mut(id)?.children.insert(place, (*first, new));
                    return Some(new);
                }
                Ok(place) => {
                    id = node.children.get(place)?.1;
                    let label = &self.nodes.get(id)?.label;
                    let common = label.iter().zip(text).take_while(|(a, b)| a == b).count();
                    if common < label.len() {
                        self.part(id, common)?;
                    }
                    text = text.get(common..)?;
                }
            }
        }
    }

    /// Parts a node in two, of which the first keeps its place and `length` bytes of its label.
    fn part(&mut self, id: NodeId, length: usize) -> Option<()> {
        let new = self.nodes.len();
        let node = self.nodes.get_mut(id)?;
        let (start, rest) = node.label.split_at_checked(length)?;
        let (start, rest): (Box<[u8]>, Box<[u8]>) = (start.into(), rest.into());
        let first = Node {
            label: start,
            children: vec![(*rest.first()?, new)],
            parent: None,
            segment: None,
            least: node.least,
            items: Vec::new(),
        };
        let second = std::mem::replace(node, first);
        self.nodes.push(Node { label: rest, ..second });
        Some(())
    }
}

impl<T> Node<T> {
    fn child(&self, byte: u8) -> Option<NodeId> {
        let place = self.children.binary_search_by_key(&byte, |(first, _)| *first).ok()?;
        self.children.get(place).map(|(_, id)| *id)
    }
}
