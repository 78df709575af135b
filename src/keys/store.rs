//! The keys of all issuers, as one worker holds them.

use std::collections::HashMap;
use std::sync::Arc;

use super::KeySet;
use super::remote::{Jwks, RemoteKeys};
use crate::host::{CallId, CalloutAnswer, Host};
use crate::introspection::IntrospectionSettings;
use crate::remote::{Lookup, RemoteSettings};
use crate::report::labels;

/// Where an issuer's keys come from.
#[derive(Debug)]
pub enum KeySource {
    /// They are written into the configuration.
    Inline(Arc<KeySet>),
    /// They are fetched from the issuer.
    Remote(RemoteSettings),
    /// There are none: a filter before this one verifies the tokens.
    VerifiedBy(VerifiedBy),
    /// There are none: the issuer's authorization server is asked about each token.
    Introspection(Arc<IntrospectionSettings>),
}

/// Where a filter before this one leaves the claims of a token that it verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedBy {
    /// The namespace of the dynamic metadata.
    pub namespace: Box<str>,
    /// The key within.
    pub key: Box<str>,
}

/// The keys that are fetched, by issuer.
#[derive(Debug, Default)]
pub struct KeyStore(HashMap<Box<str>, RemoteKeys>);

impl KeyStore {
    /// Starts to keep the keys of these sources.
    pub fn new<'s>(sources: impl Iterator<Item = &'s KeySource>, host: &dyn Host) -> Self {
        let remote = sources.filter_map(|source| match source {
            KeySource::Inline(_) | KeySource::VerifiedBy(_) | KeySource::Introspection(_) => None,
            KeySource::Remote(settings) => Some(settings),
        });
        let remote = remote.collect::<Vec<_>>();
        let labels = labels(remote.iter().map(|settings| &*settings.name));
        let keys = remote.into_iter().zip(labels).map(|(settings, label)| {
            (settings.name.clone(), RemoteKeys::new(Jwks, settings.clone(), &label, host))
        });
        Self(keys.collect())
    }

    /// Whether no keys are fetched, so that nothing is to be done in ticks.
    pub fn is_idle(&self) -> bool {
        self.0.is_empty()
    }

    /// The keys of a source as they stand.
    pub fn lookup(&mut self, source: &KeySource, host: &dyn Host) -> Lookup<KeySet> {
        match source {
            KeySource::Inline(keys) => Lookup::Ready(Arc::clone(keys), 0),
            KeySource::VerifiedBy(_) => Lookup::Ready(Arc::default(), 0),
            KeySource::Remote(settings) => match self.0.get_mut(&settings.name) {
                Some(keys) => keys.lookup(host),
                // Every source of the configuration is in the store.
                None => Lookup::Unavailable(settings.wait),
            },
            // No key is ever looked for.
            KeySource::Introspection(settings) => Lookup::Unavailable(settings.wait),
        }
    }

    /// The keys of a source after a token named one that is not among them. `None` when nothing
    /// newer is to be had.
    pub fn lookup_newer(&mut self, source: &KeySource, host: &dyn Host) -> Option<Lookup<KeySet>> {
        match source {
            KeySource::Inline(_) | KeySource::VerifiedBy(_) | KeySource::Introspection(_) => None,
            KeySource::Remote(settings) => self.0.get_mut(&settings.name)?.lookup_newer(host),
        }
    }

    /// Does what is due for each issuer.
    ///
    /// Says whether there is news for requests that wait.
    pub fn on_tick(&mut self, host: &dyn Host) -> bool {
        let with_news = self.0.values_mut().filter_map(|keys| keys.on_tick(host).then_some(()));
        with_news.count() > 0
    }

    /// Tells operators how the keys stand.
    pub fn tell(&self, host: &dyn Host) {
        self.0.values().for_each(|keys| keys.tell(host));
    }

    /// Tells them that nobody looks after the keys any more.
    pub fn retire(&self, host: &dyn Host) {
        self.0.values().for_each(|keys| keys.retire(host));
    }

    /// Takes the answer to a call of [`KeyStore::on_tick`].
    /// `false` when it is not for keys.
    pub fn on_answer(&mut self, host: &dyn Host, call: CallId, answer: &CalloutAnswer) -> bool {
        self.0.values_mut().any(|keys| keys.on_answer(host, call, answer))
    }
}
