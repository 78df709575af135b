//! Headers that only a trusted proxy before this one may set.

use std::net::IpAddr;

use ipnet::IpNet;

/// Headers that are removed from requests, but for those from trusted addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedHeaders {
    /// Their names, in lower case.
    pub names: Vec<Box<str>>,
    /// The addresses that may set them.
    pub from: Vec<IpNet>,
}

impl TrustedHeaders {
    /// Whether a request from this address may carry them.
    pub fn may_come_from(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.from.iter().any(|network| network.contains(&address))
    }
}
