//! A set of networks.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// Networks, none within another, sorted: a look for an address is a binary search.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Networks {
    v4: Box<[Ipv4Net]>,
    v6: Box<[Ipv6Net]>,
}

/// An address or a network; `None` for any other text, and for bits beyond the prefix. Networks of
/// IPv4 in the form of IPv6 are those of IPv4.
pub(super) fn parse(text: &str) -> Option<IpNet> {
    let network = match text.parse::<IpAddr>() {
        Ok(address) => IpNet::from(address),
        Err(_) => text.parse::<IpNet>().ok()?,
    };
    if network != network.trunc() {
        return None;
    }
    Some(match network {
        IpNet::V4(_) => network,
        IpNet::V6(long) => match long.addr().to_ipv4_mapped() {
            Some(short) if long.prefix_len() >= 96 => {
                IpNet::from(Ipv4Net::new(short, long.prefix_len().saturating_sub(96)).ok()?)
            }
            _ => network,
        },
    })
}

impl Networks {
    pub(super) fn new(networks: Vec<IpNet>) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for network in networks {
            match network {
                IpNet::V4(network) => v4.push(network),
                IpNet::V6(network) => v6.push(network),
            }
        }
        let (mut v4, mut v6) = (Ipv4Net::aggregate(&v4), Ipv6Net::aggregate(&v6));
        v4.sort_unstable();
        v6.sort_unstable();
        Self { v4: v4.into(), v6: v6.into() }
    }

    pub(super) const fn len(&self) -> usize {
        self.v4.len().saturating_add(self.v6.len())
    }

    pub(super) fn contains(&self, address: IpAddr) -> bool {
        match address.to_canonical() {
            IpAddr::V4(address) => self.contains_v4(address),
            IpAddr::V6(address) => self.contains_v6(address),
        }
    }

    /// The only network that can hold an address is the last that does not begin after it.
    fn contains_v4(&self, address: Ipv4Addr) -> bool {
        let after = self.v4.partition_point(|network| network.network() <= address);
        let last = after.checked_sub(1).and_then(|at| self.v4.get(at));
        last.is_some_and(|network| network.contains(&address))
    }

    fn contains_v6(&self, address: Ipv6Addr) -> bool {
        let after = self.v6.partition_point(|network| network.network() <= address);
        let last = after.checked_sub(1).and_then(|at| self.v6.get(at));
        last.is_some_and(|network| network.contains(&address))
    }
}
