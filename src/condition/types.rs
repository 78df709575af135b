//! The types of what a condition reads and computes, as far as they can be told beforehand.

use crate::feeds::FeedType;

/// A type of CEL, or one of this filter's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// `true` or `false`.
    Bool,
    /// A whole number of 64 bits.
    Int,
    /// A whole number of 64 bits that is not negative, written `5u`.
    Uint,
    /// A floating-point number, as all numbers of JSON are.
    Double,
    /// Text.
    String,
    /// Bytes, written `b"…"`.
    Bytes,
    /// `null`.
    Null,
    /// A list.
    List,
    /// A map.
    Map,
    /// A point in time.
    Timestamp,
    /// A decimal number without rounding.
    Decimal,
    /// An IP address.
    Address,
    /// An IP network.
    Network,
    /// A list that the configuration loads; of any type where that could not be read.
    Feed(Option<FeedType>),
    /// It shows with each request.
    Dyn,
}

impl Type {
    /// The name, with its article, for messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bool => "a bool",
            Self::Int => "an int",
            Self::Uint => "a uint",
            Self::Double => "a double",
            Self::String => "a string",
            Self::Bytes => "bytes",
            Self::Null => "null",
            Self::List => "a list",
            Self::Map => "a map",
            Self::Timestamp => "a timestamp",
            Self::Decimal => "a decimal",
            Self::Address => "an ip",
            Self::Network => "a cidr",
            Self::Feed(None) => "a feed",
            Self::Feed(Some(FeedType::Networks)) => "a feed of networks",
            Self::Feed(Some(FeedType::Strings)) => "a feed of strings",
            Self::Feed(Some(FeedType::NotBefore)) => "a feed of type not_before",
            Self::Dyn => "a value of any type",
        }
    }

    /// Whether a value of this type can be one of the other.
    pub fn may_be(self, other: Self) -> bool {
        match (self, other) {
            (Self::Dyn, _) | (_, Self::Dyn) => true,
            (Self::Feed(one), Self::Feed(other)) => {
                one.is_none() || other.is_none() || one == other
            }
            (one, other) => one == other,
        }
    }

    pub(super) const fn is_number(self) -> bool {
        matches!(self, Self::Int | Self::Uint | Self::Double | Self::Dyn)
    }

    /// Whether `==` makes sense between the two. Numbers compare by value, and anything with `null`.
    pub(super) fn equates_with(self, other: Self) -> bool {
        // Maps are the same to one reader and not to another. Feeds are looked into.
        let has_none = |t| matches!(t, Self::Map | Self::Feed(_));
        !has_none(self)
            && !has_none(other)
            && (self.may_be(other)
                || (self.is_number() && other.is_number())
                || self == Self::Null
                || other == Self::Null)
    }

    /// Whether `<` makes sense between the two.
    pub(super) fn compares_with(self, other: Self) -> bool {
        let has_order = |t| {
            !matches!(
                t,
                Self::Null | Self::List | Self::Map | Self::Address | Self::Network | Self::Feed(_)
            )
        };
        has_order(self)
            && has_order(other)
            && (self.may_be(other) || (self.is_number() && other.is_number()))
    }
}
