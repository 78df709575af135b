//! The raises of the policies that a request has to meet.

use std::time::Duration;

use log::{Level, debug, log, log_enabled};

use super::Filter;
use super::bodies::{Came, NotYet};
use super::route::Selected;
use crate::body::BodyError;
use crate::condition::{Doubt, Facts, Family, Variable};
use crate::decision::{Credentials, Denial, is_met};
use crate::host::{Host, source_address};
use crate::policy::{Consequence, Demand, Mode, Raise};
use crate::report::{self, Counter, Metrics, RaiseRecord};
use crate::request::Headers;
use crate::token;

/// What follows from the raises that fired.
#[derive(Debug, Default)]
pub(super) struct Fired<'p> {
    /// What a token has to meet beside what the policies ask for.
    pub(super) demands: Vec<&'p Demand>,
    /// The first that denies.
    pub(super) denial: Option<Denial<'p>>,
    /// All of them, and those that would have fired, for the operator.
    pub(super) told: Vec<RaiseRecord<'p>>,
}

/// Which raises can be evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Evaluable {
    /// All.
    All,
    /// Those that need neither a token nor a body: the request is refused in any case, and they
    /// only tell the client what to obtain.
    WithoutToken,
}

impl Evaluable {
    fn includes(self, raise: &Raise) -> bool {
        let needs_more = |variable: &Variable| variable.is_of_token() || variable.is_body();
        self == Self::All || !raise.when.reads().iter().any(needs_more)
    }
}

impl Filter {
    /// What follows from the raises of the policies. `credentials` are those of the request, or `None`
    /// where the policies look at none.
    pub(super) fn fired<'p>(
        &self,
        selected: &Selected<'p>,
        credentials: Option<&Credentials>,
        came: Came,
        headers: &Headers,
        host: &dyn Host,
    ) -> Result<Fired<'p>, NotYet> {
        let raises = || selected.iter().flat_map(|policy| &policy.raises);
        if raises().next().is_none() {
            return Ok(Fired::default());
        }
        let (evidence, evaluable) = match credentials {
            None => (None, Evaluable::All),
            Some(Credentials::Verified(evidence)) => (Some(&**evidence), Evaluable::All),
            Some(_) => (None, Evaluable::WithoutToken),
        };
        let wait = raises()
            .filter(|raise| evaluable.includes(raise))
            .filter_map(|raise| self.first_wait(raise, host));
        if !came.is_last()
            && let Some(longest) = wait.max()
        {
            return Err(NotYet::Feed(longest));
        }
        let reads_body = |raise: &Raise| raise.when.reads().iter().any(Variable::is_body);
        let body = if evaluable == Evaluable::All && raises().any(reads_body) {
            let counts = raises().any(|raise| raise.mode == Mode::Enforce && reads_body(raise));
            Some(self.body(came.where_it_counts(counts), headers, host)?)
        } else {
            None
        };
        let body = body.as_ref().and_then(|body| match body {
            Ok(body) => Some(Ok(body)),
            Err(BodyError::Missing) => None,
            Err(_) => Some(Err(())),
        });
        let facts = Facts { body, evidence, ..self.bare_facts(headers, host) };
        Ok(fire(selected, evaluable, &facts, &self.metrics))
    }

    /// How long a request can wait for the lists that a raise looks into, where none of them was loaded
    /// yet: after each start, everyone could be on them.
    fn first_wait(&self, raise: &Raise, host: &dyn Host) -> Option<Duration> {
        let feeds = raise.when.reads().iter().filter_map(|variable| match variable {
            Variable::Member(Family::Feeds, name) if raise.mode == Mode::Enforce => Some(name),
            _ => None,
        });
        feeds.filter_map(|name| self.feeds.first_wait(name, host)).max()
    }

    /// The headers of a request that only trusted proxies may set, where anyone else sent it, in every
    /// spelling that some server takes for theirs.
    pub(super) fn untrusted<'h>(&self, headers: &'h Headers, host: &dyn Host) -> Vec<&'h [u8]> {
        let trusted = &self.policies.trusted_headers;
        let names = trusted.names.iter().map(|name| &**name);
        let found = token::header_names_alike(headers, names).collect::<Vec<_>>();
        if found.is_empty() {
            return found;
        }
        let address = source_address(host).ok().flatten();
        let is_trusted = address.is_some_and(|address| trusted.may_come_from(address.ip()));
        if is_trusted { Vec::new() } else { found }
    }

    /// Takes them out.
    pub(super) fn remove_untrusted(names: &[&[u8]], headers: &Headers, host: &dyn Host) {
        for name in names {
            let name = String::from_utf8_lossy(name);
            debug!("{}: {name} comes from no trusted address", report::About(headers));
            host.set_request_header(&name, None);
        }
    }

    /// A header that was to be removed and is still there.
    pub(super) fn still_untrusted(&self, headers: &Headers) -> Option<String> {
        let names = self.policies.trusted_headers.names.iter().map(|name| &**name);
        let mut found = token::header_names_alike(headers, names);
        found.next().map(|name| String::from_utf8_lossy(name).into_owned())
    }
}

/// Evaluates raises. What cannot be evaluated fires.
fn fire<'p>(
    selected: &Selected<'p>,
    evaluable: Evaluable,
    facts: &Facts<'_>,
    metrics: &Metrics,
) -> Fired<'p> {
    let mut fired = Fired::default();
    let raises = selected
        .iter()
        .flat_map(|policy| policy.raises.iter().map(move |raise| (&*policy.name, raise)));
    for (policy, raise) in raises.filter(|(_, raise)| evaluable.includes(raise)) {
        let doubt = match raise.when.holds(facts) {
            Ok(false) => continue,
            Ok(true) => None,
            Err(doubt) => Some(doubt),
        };
        metrics.raised(raise, raise.mode, doubt.is_some());
        tell(raise, doubt, facts);
        fired.told.push(RaiseRecord { policy, raise: &raise.name, mode: raise.mode, doubt });
        if raise.mode == Mode::Shadow {
            continue;
        }
        match &raise.then {
            Consequence::Require(demand) => fired.demands.push(demand),
            Consequence::Deny(detail) => {
                let denial = Denial { raise: &raise.name, detail };
                fired.denial = fired.denial.or(Some(denial));
            }
        }
    }
    fired
}

fn tell(raise: &Raise, doubt: Option<Doubt>, facts: &Facts<'_>) {
    let (counter, level) = match (raise.mode, doubt) {
        // What a raise in shadow mode would do is what an operator waits for.
        (Mode::Shadow, _) => (Counter::RaiseInShadow, Level::Info),
        (Mode::Enforce, None) => (Counter::Raise, Level::Debug),
        (Mode::Enforce, Some(_)) => (Counter::RaiseInDoubt, Level::Debug),
    };
    facts.host.count(counter);
    if let Some(doubt) = doubt {
        facts.host.count(doubt.into());
    }
    if log_enabled!(level) {
        let (request, name) = (report::About(facts.headers), &raise.name);
        let does = if raise.mode == Mode::Shadow { would(raise, facts) } else { "fires" };
        match doubt {
            None => log!(level, "{request}: the raise {name:?} {does}"),
            Some(doubt) => log!(level, "{request}: the raise {name:?} {does}: {doubt}"),
        }
    }
}

/// What a raise in shadow mode would do.
fn would(raise: &Raise, facts: &Facts<'_>) -> &'static str {
    match (&raise.then, facts.evidence) {
        (Consequence::Deny(_), _) => "would fire and deny the request",
        (Consequence::Require(demand), Some(evidence))
            if is_met(demand, evidence, facts.levels, facts.host.now()) =>
        {
            "would fire and change nothing"
        }
        (Consequence::Require(_), _) => "would fire and ask for more",
    }
}
