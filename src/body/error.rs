//! Why a body is not read.

use std::fmt;

use super::{MAX_DEPTH, MAX_VALUES};

/// Why a body says nothing. It holds nothing of the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyError {
    /// The request has none.
    Missing,
    /// It is longer than configured.
    TooLarge,
    /// The proxy does not hand it out.
    NotHandedOut,
    /// It has a `content-encoding`, such as gzip.
    Encoded,
    /// It has no `content-type`, or several.
    NoType,
    /// Its `content-type` is neither JSON nor a form.
    WrongType,
    /// Its `content-type` names another charset than UTF-8.
    WrongCharset,
    /// It is not UTF-8, before or after percent-decoding.
    NotUtf8,
    /// It begins with a byte order mark (RFC 8259 §8.1).
    ByteOrderMark,
    /// It is no JSON.
    NotJson,
    /// It is no form.
    NotForm,
    /// It names a member, or a field, twice.
    Duplicate,
    /// It has a name that some readers take for another one.
    OddName,
    /// It is a form, and the query has a parameter of the name of a field.
    AlsoInQuery,
    /// It is nested too deep.
    TooDeep,
    /// It holds too many values.
    TooManyValues,
    /// It holds a number that readers round.
    InexactNumber,
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "there is no body",
            Self::TooLarge => "the body is longer than body.limit",
            Self::NotHandedOut => "the proxy does not hand out the body",
            Self::Encoded => "the body has a content-encoding",
            Self::NoType => "the body does not have exactly one content-type",
            Self::WrongType => "the body's content-type is neither JSON nor a form",
            Self::WrongCharset => "the body's content-type names another charset than utf-8",
            Self::NotUtf8 => "the body is not UTF-8",
            Self::ByteOrderMark => "the body begins with a byte order mark",
            Self::NotJson => "the body is not JSON",
            Self::NotForm => "the body is not a form that everyone reads in one way",
            Self::Duplicate => "the body names a member twice",
            Self::OddName => "the body has a name that some readers take for another one",
            Self::AlsoInQuery => "the query names a field of the body too",
            Self::TooDeep => return write!(f, "the body is nested deeper than {MAX_DEPTH} levels"),
            Self::TooManyValues => {
                return write!(f, "the body holds more than {MAX_VALUES} values");
            }
            Self::InexactNumber => {
                "the body holds a number that is not kept exactly: more than 15 digits, or beyond \
                 the range of a double"
            }
        })
    }
}
