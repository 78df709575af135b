//! A set of networks.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// Networks, none within another, sorted: a look for an address is a binary search. One takes 5
/// bytes, or 17 for IPv6.
#[derive(Debug, PartialEq, Eq)]
pub struct Networks {
    v4: Box<[Ipv4Net]>,
    v6: Box<[Ipv6Net]>,
}

/// Networks as they come.
#[derive(Debug, Default)]
pub(super) struct Unsorted {
    v4: Vec<Ipv4Net>,
    v6: Vec<Ipv6Net>,
}

/// The prefix below which IPv6 holds all of IPv4 (RFC 4291 §2.5.5.2).
const MAPPED: u8 = 96;

/// Reads an address or a network. Networks of IPv4 in the form of IPv6 are those of IPv4.
pub(crate) fn parse_network(text: &str) -> Result<IpNet, String> {
    let network = match text.parse::<IpAddr>() {
        Ok(address) => IpNet::from(address),
        Err(_) => text.parse::<IpNet>().map_err(|_| {
            format!(
                "found {}; expected an address or a network, such as \"192.0.2.1\" or \
                 \"2001:db8::/32\"",
                shown(text)
            )
        })?,
    };
    let whole = network.trunc();
    if network != whole {
        return Err(format!("{text:?} has bits beyond its prefix; did you mean \"{whole}\"?"));
    }
    Ok(match network {
        IpNet::V6(long) => as_v4(long).map_or(network, IpNet::V4),
        IpNet::V4(_) => network,
    })
}

impl Unsorted {
    /// Adds an address or a network.
    pub(super) fn add(&mut self, text: &str) -> Result<(), String> {
        match parse_network(text)? {
            IpNet::V4(network) => self.v4.push(network),
            IpNet::V6(network) => self.v6.push(network),
        }
        Ok(())
    }

    /// Puts together what overlaps or adjoins.
    pub(super) fn sort(self) -> Networks {
        Networks {
            v4: Ipv4Net::aggregate(&self.v4).into(),
            v6: Ipv6Net::aggregate(&self.v6).into(),
        }
    }
}

fn as_v4(network: Ipv6Net) -> Option<Ipv4Net> {
    let length = network.prefix_len().checked_sub(MAPPED)?;
    Ipv4Net::new(network.addr().to_ipv4_mapped()?, length).ok()
}

/// A text as an operator recognises it in a message.
fn shown(text: &str) -> String {
    const LONGEST: usize = 60;
    let start = text.chars().take(LONGEST).collect::<String>();
    let is_cut = start.len() < text.len();
    format!("{start:?}{}", if is_cut { "…" } else { "" })
}

impl Networks {
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

    /// The bytes that it takes.
    #[cfg(test)]
    pub(super) fn memory(&self) -> usize {
        size_of_val(&*self.v4).saturating_add(size_of_val(&*self.v6))
    }
}
