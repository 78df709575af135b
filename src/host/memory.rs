//! A proxy in memory, for tests and for the command.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::SystemTime;

use super::{Host, NotOffered, PropertyError};
use crate::challenge::Response;
use crate::request::Headers;
use crate::time::Timestamp;

/// Answers every host call from its fields.
#[derive(Debug)]
pub struct MemoryHost {
    /// What the clock shows.
    pub now: Timestamp,
    /// The request's headers.
    pub headers: Headers,
    /// Properties by their path, joined with dots. `None` for one that cannot be handed out.
    pub properties: HashMap<String, Option<Vec<u8>>>,
    /// What was answered, if anything.
    answer: RefCell<Option<Response>>,
}

impl MemoryHost {
    /// A host with a request, at the time of this machine.
    pub fn new(headers: Headers) -> Self {
        Self {
            now: SystemTime::now().into(),
            headers,
            properties: HashMap::new(),
            answer: RefCell::default(),
        }
    }

    /// What was answered, if anything.
    pub fn into_answer(self) -> Option<Response> {
        self.answer.into_inner()
    }
}

impl Host for MemoryHost {
    fn now(&self) -> Timestamp {
        self.now
    }

    fn request_headers(&self) -> Headers {
        self.headers.clone()
    }

    fn property(&self, path: &[&str]) -> Result<Option<Vec<u8>>, PropertyError> {
        match self.properties.get(&path.join(".")) {
            None => Ok(None),
            Some(None) => Err(PropertyError),
            Some(value) => Ok(value.clone()),
        }
    }

    fn call_foreign_function(&self, _: &str, _: &[u8]) -> Result<Vec<u8>, NotOffered> {
        Err(NotOffered)
    }

    fn respond(&self, response: &Response) {
        *self.answer.borrow_mut() = Some(response.clone());
    }
}
