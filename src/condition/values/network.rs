//! IP addresses and networks.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use cel::ExecutionError;
use cel::common::traits::Container;
use cel::common::types::CelString;
use cel::common::value::Val;
use ipnet::IpNet;

use super::plain_value;
use crate::feeds::parse_network;

/// An IP address. One of IPv4 in the form of IPv6 is one of IPv4.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::condition) struct Address(pub(in crate::condition) IpAddr);

plain_value!(Address, ADDRESS, "ip");

/// An IP network.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::condition) struct Network(IpNet);

plain_value!(
    Network,
    NETWORK,
    "cidr",
    fn as_container(&self) -> Option<&dyn Container> {
        Some(self)
    }
);

/// Text that is no address, or no network.
#[derive(Debug)]
pub(in crate::condition) struct NotOne;

impl FromStr for Address {
    type Err = NotOne;

    fn from_str(text: &str) -> Result<Self, NotOne> {
        text.parse::<IpAddr>().map(|address| Self(address.to_canonical())).map_err(|_| NotOne)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Network {
    type Err = NotOne;

    /// Bits beyond the prefix are a slip.
    fn from_str(text: &str) -> Result<Self, NotOne> {
        parse_network(text).map(Self).map_err(|_| NotOne)
    }
}

/// A value as an address, where it is one, or its text.
pub(super) fn address_of(value: &dyn Val) -> Option<IpAddr> {
    let text = || value.downcast_ref::<CelString<'_>>()?.inner().parse::<Address>().ok();
    value.downcast_ref::<Address>().cloned().or_else(text).map(|Address(address)| address)
}

impl Network {
    /// Whether the value is an address in this network; `None` where it is no address.
    pub(in crate::condition) fn has(&self, value: &dyn Val) -> Option<bool> {
        address_of(value).map(|address| self.0.contains(&address))
    }
}

impl Container for Network {
    fn contains(&self, value: &dyn Val) -> Result<bool, ExecutionError> {
        self.has(value).ok_or_else(|| {
            let found = value.get_type().name().to_owned();
            ExecutionError::no_such_overload("@in", vec![found, "cidr".to_owned()])
        })
    }
}
