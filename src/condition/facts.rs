//! What is known of a request, gathered for the conditions that read it.

use std::collections::HashMap;
use std::net::SocketAddr;

use cel::Context;
use cel::common::types::{CelBool, CelInt, CelList, CelMap, CelMapKey, CelString};
use cel::common::value::Val;
use serde_json::Value;

use super::names::METADATA;
use super::signals::{Signals, Told};
use super::values::{Address, Feed, Instant, Unclear, value_of};
use super::{Doubt, Fact, Family, Variable};
use crate::body::parse_query;
use crate::feeds::Feeds;
use crate::host::{Host, source_address, value};
use crate::policy::{
    EncodedSlashes, Host as RequestHost, Ladder, LevelId, MAX_LEVELS, PathReadings,
};
use crate::request::{Headers, split_target};
use crate::token::{Evidence, headers_alike, parameters_alike};

/// What there is to know of a request.
#[derive(Clone, Copy)]
pub struct Facts<'f> {
    /// Its headers.
    pub headers: &'f Headers,
    /// What becomes of `%2F` in its path.
    pub encoded_slashes: EncodedSlashes,
    /// Its body, once that was read: `Err` where it cannot be read in one way.
    pub body: Option<Result<&'f Value, ()>>,
    /// What its token proves.
    pub evidence: Option<&'f Evidence>,
    /// The levels.
    pub levels: &'f Ladder,
    /// The response's headers, once it has come.
    pub response: Option<&'f Headers>,
    /// The lists.
    pub feeds: &'f Feeds,
    /// What the proxy counts and remembers.
    pub signals: &'f Signals,
    /// The proxy.
    pub host: &'f dyn Host,
}

type Members<'v> = HashMap<CelMapKey<'v>, Box<dyn Val + 'v>>;

impl<'f> Facts<'f> {
    /// Gives an expression what it reads.
    pub(super) fn bind<'c>(
        &'c self,
        reads: &'c [Variable],
        context: &mut Context<'_, 'c>,
    ) -> Result<(), Doubt> {
        let mut families: HashMap<&str, Members<'c>> = HashMap::new();
        let mut namespaces: HashMap<&str, Members<'c>> = HashMap::new();
        for variable in reads {
            match variable {
                Variable::Fact(fact) => {
                    let value = self.fact(*fact)?.ok_or(Doubt::Missing)?;
                    context.add_variable_as_val(fact.name(), value);
                }
                Variable::Member(family, name) => {
                    let members = families.entry(family.name()).or_default();
                    if let Some(value) = self.member(*family, name)? {
                        members.insert(CelMapKey::from(&**name), value);
                    }
                }
                Variable::Metadata(namespace, key) => {
                    let members = namespaces.entry(namespace).or_default();
                    let path = ["metadata", "filter_metadata", namespace, key];
                    if let Some(text) = self.text_property(&path)? {
                        members.insert(CelMapKey::from(&**key), text);
                    }
                }
            }
        }
        for (family, members) in families {
            context.add_variable_as_val(family, Box::new(CelMap::from(members)));
        }
        if !namespaces.is_empty() {
            let all = namespaces.into_iter().map(|(name, members)| {
                let members: Box<dyn Val + 'c> = Box::new(CelMap::from(members));
                (CelMapKey::from(name), members)
            });
            context.add_variable_as_val(
                METADATA,
                Box::new(CelMap::from(all.collect::<Members<'c>>())),
            );
        }
        Ok(())
    }

    /// A fact; `None` where it is not there.
    fn fact(&self, fact: Fact) -> Result<Option<Box<dyn Val + '_>>, Doubt> {
        let text = |found: Option<&'f [u8]>| match found.map(std::str::from_utf8) {
            Some(Ok(found)) => Ok(Some(string(found.to_owned()))),
            Some(Err(_)) => Err(Doubt::WrongType),
            None => Ok(None),
        };
        let header = |name| text(self.headers.single(name));
        Ok(match fact {
            Fact::Method => header(":method")?,
            Fact::Scheme => header(":scheme")?,
            Fact::Host => {
                let authority = self.headers.single(":authority").unwrap_or_default();
                RequestHost::from_authority(authority).map(|host| string(host.as_str().to_owned()))
            }
            Fact::Path => {
                let target = self.headers.single(":path").unwrap_or_default();
                PathReadings::new(target, self.encoded_slashes).ok().map(|path| {
                    let mut readings = path.iter();
                    match (readings.next(), readings.next()) {
                        (Some(only), None) => string(only.to_owned()),
                        // The upstream may take another one than the condition.
                        _ => boxed(Unclear),
                    }
                })
            }
            Fact::Size => {
                let length = self.headers.single("content-length");
                let length = length.and_then(|text| std::str::from_utf8(text).ok()?.parse().ok());
                length.map(int)
            }
            Fact::Time => self.seconds().and_then(Instant::from_seconds).map(boxed),
            Fact::Body => match self.body {
                Some(Ok(body)) => Some(value_of(body)),
                Some(Err(())) => return Err(Doubt::Body),
                None => None,
            },
            Fact::SourceIp => self.peer()?.map(|peer| boxed(Address(peer.ip().to_canonical()))),
            Fact::SourcePort => self.peer()?.map(|peer| int(i64::from(peer.port()))),
            Fact::SourceAddress => self.text_property(&["source", "address"])?,
            Fact::Mtls => match self.host.property(&["connection", "mtls"]) {
                Ok(Some(found)) => match found.as_slice() {
                    [0] => Some(boxed(CelBool::from(false))),
                    [1] => Some(boxed(CelBool::from(true))),
                    _ => return Err(Doubt::WrongType),
                },
                _ => None,
            },
            Fact::Subject => self.text_property(&["connection", "subject_peer_certificate"])?,
            Fact::Sni => self.text_property(&["connection", "requested_server_name"])?,
            Fact::Level => {
                let level = self.levels.satisfied(self.evidence.ok_or(Doubt::Missing)?).highest();
                // Nothing proven is the empty name, which no level has.
                Some(string(level.map_or("", |level| self.levels.name(level)).to_owned()))
            }
            Fact::Satisfied => {
                let satisfied = self.levels.satisfied(self.evidence.ok_or(Doubt::Missing)?);
                let all = (0..MAX_LEVELS).filter_map(LevelId::new);
                let names = all.filter(|level| satisfied.contains(*level));
                let names = names.map(|level| string(self.levels.name(level).to_owned()));
                Some(boxed(CelList::from(names.collect::<Vec<_>>())))
            }
            Fact::AuthAge => {
                let evidence = self.evidence.ok_or(Doubt::Missing)?;
                let auth_time = evidence.auth_time().map_err(|_| Doubt::Missing)?;
                let now = self.host.now();
                if auth_time > now.plus(evidence.clock_skew()) {
                    return Err(Doubt::NotComputable);
                }
                let age = now.since(auth_time).unwrap_or_default().as_secs();
                i64::try_from(age).ok().map(int)
            }
            Fact::Route => self.text_property(&["xds", "route_name"])?,
            Fact::Status => match self.response {
                Some(response) => {
                    let status = response.single(":status");
                    let status =
                        status.and_then(|text| std::str::from_utf8(text).ok()?.parse().ok());
                    status.map(int)
                }
                // It never came. What is compared with it is in doubt, and the rest of a condition is not.
                None => Some(boxed(Unclear)),
            },
        })
    }

    /// A member of a family; `None` where it is not there.
    fn member(&self, family: Family, name: &str) -> Result<Option<Box<dyn Val + '_>>, Doubt> {
        let only = |headers: &Headers| {
            let mut found = headers_alike(headers, name);
            let value = match (found.next(), found.next()) {
                (None, _) => return Ok(None),
                (Some((spelled, value)), None) if spelled == name.as_bytes() => value,
                _ => return Err(Doubt::Ambiguous(family)),
            };
            let text = std::str::from_utf8(value).map_err(|_| Doubt::Ambiguous(family))?;
            Ok(Some(text.to_owned()))
        };
        match family {
            Family::Headers => Ok(only(self.headers)?.map(string)),
            Family::ResponseHeaders => match self.response {
                Some(response) => Ok(only(response)?.map(string)),
                None => Ok(None),
            },
            Family::Query => {
                let target = self.headers.single(":path").unwrap_or_default();
                Ok(parameter(target, name)?.map(string))
            }
            Family::Claims => {
                let evidence = self.evidence.ok_or(Doubt::Missing)?;
                Ok(evidence.claim(name).map(value_of))
            }
            Family::Feeds => {
                Ok(self.feeds.entries(name, self.host).map(|entries| boxed(Feed(entries))))
            }
            Family::Signals => Ok(Some(match self.signals.tell(name, self)? {
                Told::Count(count) => int(i64::try_from(count).unwrap_or(i64::MAX)),
                Told::New(is_new) => boxed(CelBool::from(is_new)),
            })),
        }
    }

    fn seconds(&self) -> Option<i64> {
        let now = self.host.now();
        if now.is_known() { i64::try_from(now.since_epoch().as_secs()).ok() } else { None }
    }

    fn peer(&self) -> Result<Option<SocketAddr>, Doubt> {
        source_address(self.host).map_err(|_| Doubt::WrongType)
    }

    /// A property that is text. Numbers and truth values come as bytes that cannot be told from it,
    /// but hold control characters, which no text here has.
    fn text_property(&self, path: &[&str]) -> Result<Option<Box<dyn Val + '_>>, Doubt> {
        let Some(bytes) = self.host.property(path).map_err(|_| Doubt::WrongType)? else {
            return Ok(None);
        };
        let text = value::text(&bytes).filter(|text| !text.chars().any(char::is_control));
        text.map(|text| Some(string(text.to_owned()))).ok_or(Doubt::WrongType)
    }
}

/// The parameter of this name in the query of a target, read as strictly as a form: servers differ in
/// all else.
fn parameter(target: &[u8], name: &str) -> Result<Option<String>, Doubt> {
    let (path, query) = split_target(target);
    // To servers that decode before they cut, the query begins or ends elsewhere.
    let cuts = |at: &[u8]| matches!(at, b"%3F" | b"%3f" | b"%23");
    let query = query.unwrap_or_default();
    if path.windows(3).any(cuts) || query.contains(&b'#') {
        return Err(Doubt::Ambiguous(Family::Query));
    }
    let parameters = parse_query(query).map_err(|_| Doubt::Ambiguous(Family::Query))?;
    let found = parameters.get(name).and_then(Value::as_str).map(str::to_owned);
    // One that some server takes for it counts alone too.
    if parameters_alike(query, name).count() > usize::from(found.is_some()) {
        return Err(Doubt::Ambiguous(Family::Query));
    }
    Ok(found)
}

fn string<'v>(text: String) -> Box<dyn Val + 'v> {
    boxed(CelString::from(text))
}

fn int<'v>(number: i64) -> Box<dyn Val + 'v> {
    boxed(CelInt::from(number))
}

fn boxed<'v, V: Val + 'v>(value: V) -> Box<dyn Val + 'v> {
    Box::new(value)
}
