//! A request to explain, and what the proxy would know beside it.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value};

use crate::request::Headers;
use crate::time::Timestamp;

/// A request, and what the proxy knows beside it.
#[derive(Clone, Debug)]
pub struct Question {
    /// Its headers, pseudo-headers included.
    pub headers: Headers,
    /// Its body; empty for none.
    pub body: Vec<u8>,
    /// When it comes.
    pub at: Timestamp,
    /// Properties of the proxy by their path, joined with dots; `None` for one that cannot be handed
    /// out.
    pub properties: HashMap<String, Option<Vec<u8>>>,
    /// What its token states, where there is none in the headers, or one that says nothing itself.
    pub claims: Option<Map<String, Value>>,
    /// Whether filters before this one verified the token (`keys.verified_by`).
    pub is_verified_before: bool,
    /// The documents of feeds that are fetched, by name.
    pub feeds: BTreeMap<String, Vec<u8>>,
    /// What signals tell, by name: a number, or true or false.
    pub signals: BTreeMap<String, Value>,
}

impl Question {
    /// A request at a time, with nothing beside it.
    pub fn new(headers: Headers, at: Timestamp) -> Self {
        Self {
            headers,
            body: Vec::new(),
            at,
            properties: HashMap::new(),
            claims: None,
            is_verified_before: true,
            feeds: BTreeMap::new(),
            signals: BTreeMap::new(),
        }
    }
}
