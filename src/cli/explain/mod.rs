//! `stepup explain`: what becomes of a request, and why.
//!
//! It runs the filter itself, in memory: there is no second decision that could differ from the
//! proxy's.

mod arguments;
mod claims;
mod credentials;
mod question;
mod record;
mod signature;
mod simulate;
mod text;

use std::io::Write;

use serde_json::{Value, json};

pub use self::question::Question;
pub use self::record::{Found, RaiseRecord, Record, Required};
pub use self::simulate::explain;

pub(super) use self::arguments::{
    ExplainArguments, Request as RequestLine, header, parse_source, parse_time,
};
pub(super) use self::claims::complete as complete_claims;
pub(super) use self::simulate::remote_feeds;
pub(super) use self::text::{Context, sentences};

use self::arguments::Format;
use super::layout::write_json;
use super::single::Single;
use super::{Failure, printable};
use crate::challenge::Response;

/// What becomes of a request, and why.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// What the filter tells of its decision; `None` where it decides over nothing.
    pub record: Option<Record>,
    /// What is answered; `None` where the request goes on.
    pub answer: Option<Response>,
    /// What the upstream gets otherwise than it was sent.
    pub changes: Vec<Change>,
    /// What is not as it would be in the proxy.
    pub notes: Vec<String>,
}

/// A header that is set, or removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its name.
    pub name: String,
    /// Its value; `None` where it is removed.
    pub value: Option<Vec<u8>>,
}

pub(super) fn run(arguments: &ExplainArguments, out: &mut dyn Write) -> Result<u8, Failure> {
    let single = Single::read(&arguments.config)?;
    let (question, notes) = arguments.question(&single)?;
    let mut explanation = explain(&single.value, &question)?;
    explanation.notes.splice(0..0, notes);
    let context = Context { value: &single.value, policies: &single.policies };
    match arguments.format {
        Format::Text => text::write(&explanation, &question, &context, out)?,
        Format::Json => write_json(&as_json(&explanation, &question, &context), out)?,
    }
    Ok(0)
}

/// The explanation for programs.
fn as_json(explanation: &Explanation, question: &Question, context: &Context<'_>) -> Value {
    let answer = explanation.answer.as_ref().map(|answer| {
        let headers = answer.headers.iter().map(|(name, value)| json!([name, value]));
        json!({
            "status": answer.status,
            "headers": headers.collect::<Vec<_>>(),
            "body": serde_json::from_slice(&answer.body).unwrap_or(Value::Null),
        })
    });
    let changes = explanation.changes.iter().map(|change| {
        let value =
            change.value.as_deref().map(|value| String::from_utf8_lossy(value).into_owned());
        json!({"name": change.name, "value": value})
    });
    json!({
        "at": text::instant(question.at),
        "decision": explanation.record,
        "sentences": sentences(explanation, question, context),
        "answer": answer,
        "upstream": explanation.answer.is_none().then(|| json!({"headers": changes.collect::<Vec<_>>()})),
        "notes": explanation.notes,
    })
}

/// An answer as it goes over the wire, line by line.
pub(super) fn wire(answer: &Response) -> Vec<String> {
    let phrase = match answer.status {
        400 => " Bad Request",
        401 => " Unauthorized",
        403 => " Forbidden",
        408 => " Request Timeout",
        500 => " Internal Server Error",
        503 => " Service Unavailable",
        _ => "",
    };
    let mut lines = vec![format!("HTTP/1.1 {}{phrase}", answer.status)];
    let headers = answer.headers.iter();
    lines.extend(headers.map(|(name, value)| format!("{name}: {}", printable(value))));
    lines.push(String::new());
    lines.push(printable(&String::from_utf8_lossy(&answer.body)));
    lines
}
