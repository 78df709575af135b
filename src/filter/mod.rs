//! A request from its headers to the answer. Plain values, but for the host that is asked.

mod bodies;
mod conclusion;
mod raises;
mod route;
mod shown;
mod signals;
#[cfg(test)]
mod tests;
mod told;
mod upstream;
mod waiting;

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Duration;

use log::{error, info, warn};

use self::bodies::{Bodies, Came, NotYet, Until};
use self::conclusion::{Known, waited_in_vain};
use self::raises::Fired;
use self::shown::{Shown, Unclarified};
use self::signals::Awaited;
use self::told::Told;
use self::waiting::{Pace, Wait, Waiting, Waits};
use crate::challenge::{self, Response};
use crate::condition::Signals;
use crate::config::{self, Mistakes};
use crate::decision::{Credentials, Decision, Failure, FailureKind, decide};
use crate::feeds::Feeds;
use crate::host::{CallId, CalloutAnswer, Host, RequestId};
use crate::keys::Algorithms;
use crate::policy::{Mode, PolicySet};
use crate::possession::{Possession, ProofError, Unusable};
use crate::report::{Audit, Metrics, Verdict};
use crate::token::{EarlierFilters, Scheme, Verifier};

/// A configured filter. One serves all requests of a worker.
#[derive(Debug)]
pub struct Filter {
    policies: PolicySet,
    verifier: Verifier,
    earlier: EarlierFilters,
    possession: Possession,
    /// Whether the proxy's choice of a route has a say.
    looks_at_route: bool,
    audit: Audit,
    feeds: Feeds,
    signals: Signals,
    for_responses: RefCell<HashMap<RequestId, Awaited>>,
    waiting: RefCell<Waiting>,
    bodies: RefCell<Bodies>,
    told: RefCell<Told>,
    pace: Pace,
    metrics: Metrics,
}

/// What the proxy has to do with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Pass it on.
    Continue,
    /// Nothing: it was answered.
    Answered,
    /// Keep it until it is resumed or answered.
    Wait,
}

/// How a request ends here.
enum End {
    /// It goes on.
    Continue,
    /// It is answered.
    Answer(Response),
}

/// What is known of a request's outcome.
enum Outcome {
    /// It has ended.
    Ended(End),
    /// It depends on keys or an answer that are on their way, and can wait for them.
    Wait(Wait),
    /// It depends on a body that is not there yet.
    NeedsBody,
}

impl From<NotYet> for Outcome {
    fn from(not_yet: NotYet) -> Self {
        match not_yet {
            NotYet::Body => Self::NeedsBody,
            NotYet::Feed(longest) => Self::Wait(Wait { longest, question: None }),
        }
    }
}

impl Filter {
    /// Compiles the configuration, finds out what the proxy's cryptography can do, takes credentials
    /// from the environment, and starts to fetch keys and feeds.
    ///
    /// # Errors
    /// All mistakes of the configuration, or the secrets that are missing.
    pub fn new(configuration: &[u8], host: &dyn Host) -> Result<Self, Mistakes> {
        let mut policies = config::compile(configuration)?;
        let verifier = Verifier::new(policies.issuers.clone(), &policies.tokens, host)?;
        let audit = Audit::new(&policies.audit, host)?;
        let told = policies.upstream_headers.iter().filter_map(|header| header.value.claim());
        let claims = policies.levels.claims().chain(policies.policies.claims()).chain(told);
        let earlier = EarlierFilters::new(&policies.issuers, claims);
        let by_proxy = verifier.by_proxy().to_string();
        info!(
            "version {}; configuration {}; signatures checked by the proxy: {}; by jwt-simple: all \
             others",
            env!("CARGO_PKG_VERSION"),
            policies.version,
            if by_proxy.is_empty() { "none" } else { &by_proxy }
        );
        offer_what_is_checked(&mut policies, verifier.algorithms());
        let possession = Possession::new(policies.dpop.clone(), host);
        let metrics = Metrics::new(&policies, host);
        let looks_at_route = policies.read_route();
        if policies.mode == Mode::Shadow {
            warn!("mode: shadow: nothing is refused; what would be is told only");
        }
        let feeds = Feeds::new(std::mem::take(&mut policies.feeds), host);
        let signals = Signals::new(std::mem::take(&mut policies.signals), host);
        let pace = Pace::default();
        // The first keys are fetched in the first tick.
        pace.settle(verifier.is_idle() && feeds.is_idle(), host);
        let (waiting, bodies, told) = (RefCell::default(), RefCell::default(), RefCell::default());
        Ok(Self {
            policies,
            verifier,
            earlier,
            possession,
            looks_at_route,
            audit,
            feeds,
            signals,
            for_responses: RefCell::default(),
            waiting,
            bodies,
            told,
            pace,
            metrics,
        })
    }

    /// Decides over a request, and answers it where it does not go on. `is_whole` says that no body
    /// follows.
    pub fn on_request_headers(
        &self,
        host: &dyn Host,
        request: RequestId,
        is_whole: bool,
    ) -> Action {
        self.decide(host, request, if is_whole { Came::NONE } else { Came::default() })
    }

    /// Decides over a request of whose body this much is there.
    fn decide(&self, host: &dyn Host, request: RequestId, came: Came) -> Action {
        let begun = self.metrics.begin(host);
        let action = self.decide_now(host, request, came);
        if let Some(begun) = begun
            && action != Action::Wait
        {
            self.metrics.took(begun, host);
        }
        action
    }

    fn decide_now(&self, host: &dyn Host, request: RequestId, came: Came) -> Action {
        match self.outcome(request, came, host) {
            Outcome::Ended(end) => Self::act(end, host),
            Outcome::Wait(wait) => {
                let since = host.moment();
                let deadline = since.plus(wait.longest);
                let waits = Waits { since, deadline, question: wait.question };
                if self.waiting.borrow_mut().add(request, waits) {
                    self.pace.hurry_for(&wait, host);
                    self.bodies.borrow_mut().hold(request, came, Until::Keys);
                    return Action::Wait;
                }
                let failure = Failure::unavailable(wait.longest, "too many requests wait");
                Self::act(self.fail_late(request, &failure, host), host)
            }
            Outcome::NeedsBody => {
                let until = Until::Body(self.next_part_by(host));
                if self.bodies.borrow_mut().hold(request, came, until) {
                    return Action::Wait;
                }
                self.decide_without_more(host, request, came)
            }
        }
    }

    /// Ends a request in a callback of its own.
    fn act(end: End, host: &dyn Host) -> Action {
        match end {
            End::Continue => Action::Continue,
            End::Answer(response) => {
                host.respond(&response);
                Action::Answered
            }
        }
    }

    /// Does what is due: keys and feeds that have to be fetched, questions that have to be asked, and
    /// requests that wait.
    pub fn on_tick(&self, host: &dyn Host) {
        let more_to_ask = self.verifier.ask(host);
        let is_time = self.pace.is_time_for_keys(host.moment());
        let has_feeds = is_time && self.feeds.on_tick(host);
        let has_keys = is_time && self.verifier.on_tick(host);
        self.wake(has_feeds || has_keys, host);
        self.end_late_bodies(host);
        if more_to_ask {
            self.pace.at_once(host);
        } else {
            self.pace.settle(self.waiting.borrow().is_empty(), host);
        }
        if self.metrics.is_time(host.moment()) {
            self.metrics.tell(self.verifier.remembers(), host);
            self.verifier.tell(host);
            self.feeds.tell(host);
        }
    }

    /// Tells operators what was counted last, and that this filter looks after nothing any more.
    pub fn retire(&self, host: &dyn Host) {
        self.metrics.retire(host);
        self.verifier.retire(host);
        self.feeds.retire(host);
    }

    /// The longest body that is taken as the answer to a call, in bytes.
    pub fn longest_answer(&self, call: CallId) -> usize {
        self.feeds.longest_answer(call).unwrap_or(CalloutAnswer::MAX_BODY)
    }

    /// Takes the answer to a call for a feed, for keys, or about a token.
    pub fn on_answer(&self, host: &dyn Host, call: CallId, answer: &CalloutAnswer) {
        let for_all =
            self.feeds.on_answer(host, call, answer) || self.verifier.on_answer(host, call, answer);
        self.wake(for_all, host);
    }

    /// Forgets a request that has ended.
    pub fn on_request_end(&self, host: &dyn Host, request: RequestId) {
        self.waiting.borrow_mut().remove(request);
        self.bodies.borrow_mut().remove(request);
        self.count_without_response(request, host);
    }

    /// Decides again over the requests that wait, as far as there is news for them, and lets those
    /// go that need not wait longer.
    ///
    /// Those that wait for no answer of their own wait for keys or feeds.
    fn wake(&self, all_others: bool, host: &dyn Host) {
        let now = host.moment();
        // What is done here can end requests, which then are forgotten while this goes on.
        let waiting = self.waiting.take();
        let mut kept = Waiting::default();
        for (request, waits) in waiting {
            let Waits { since, deadline, question } = waits;
            let has_news =
                question.map_or(all_others, |question| !self.verifier.is_asking(question));
            if !has_news && now < deadline {
                kept.add(request, waits);
                continue;
            }
            if host.enter(request).is_err() {
                continue;
            }
            let came = self.bodies.borrow().came(request);
            // What was waited for in vain leaves conditions in doubt, but no token proven.
            let came = if now < deadline { came } else { came.last() };
            let outcome = match self.outcome(request, came, host) {
                Outcome::Wait(wait) if now >= deadline => {
                    Outcome::Ended(self.fail_late(request, &waited_in_vain(wait.longest), host))
                }
                outcome => outcome,
            };
            self.bodies.borrow_mut().wait(
                request,
                match &outcome {
                    Outcome::Ended(End::Continue) => Until::Nothing,
                    Outcome::NeedsBody => Until::Body(self.next_part_by(host)),
                    Outcome::Wait(_) | Outcome::Ended(End::Answer(_)) => Until::Keys,
                },
            );
            if !matches!(outcome, Outcome::Wait(_)) {
                self.metrics.waited(now.since(since).unwrap_or_default(), host);
            }
            match outcome {
                Outcome::Ended(End::Continue) => host.resume(),
                Outcome::Ended(End::Answer(response)) => host.respond(&response),
                Outcome::NeedsBody => {}
                Outcome::Wait(wait) => {
                    kept.add(request, Waits { question: wait.question, ..waits });
                    self.pace.hurry_for(&wait, host);
                }
            }
        }
        self.verifier.settle_answers(host);
        self.waiting.borrow_mut().extend(kept);
    }

    /// Decides over the request that the host's calls are about.
    fn outcome(&self, request: RequestId, came: Came, host: &dyn Host) -> Outcome {
        let (mut headers, forged) = self.without_forged(host.request_headers());
        let untrusted = self.untrusted(&headers, host);
        if let Some(name) = untrusted.first() {
            // The proxy chose a route while they were there, and chooses again when they are gone. The
            // second choice is not shown here, and may be a route that demands more.
            let failure = self.looks_at_route.then(|| {
                let name = String::from_utf8_lossy(name);
                let message =
                    format!("{name} comes from no trusted address, and may have led to this route");
                Failure::new(FailureKind::UntrustedHeader, message)
            });
            if let Some(failure) = &failure
                && self.policies.mode == Mode::Enforce
            {
                let known = Known::of(request, &headers, &forged);
                return Outcome::Ended(self.fail(&known, failure, host));
            }
            Self::remove_untrusted(&untrusted, &headers, host);
            headers = self.without_forged(host.request_headers()).0;
            let known = Known::of(request, &headers, &forged);
            if let Some(name) = self.still_untrusted(&headers) {
                return Outcome::Ended(self.refuse(&known, &name, host));
            }
            if let Some(failure) = failure {
                return Outcome::Ended(self.fail(&known, &failure, host));
            }
        }
        self.keep_for_response(request, &headers);
        self.judge(Known::of(request, &headers, &forged), came, host)
    }

    fn judge(&self, known: Known<'_>, came: Came, host: &dyn Host) -> Outcome {
        let headers = known.headers;
        let selected = match self.select_policies(headers, host) {
            Ok(selected) => selected,
            Err(failure) => {
                // One line for each route tells operators; one for each request would fill the log.
                if failure.kind == FailureKind::Misconfigured
                    && self.told.borrow_mut().is_new(&failure.message)
                {
                    error!("{}", failure.message);
                }
                return Outcome::Ended(self.fail(&known, &failure, host));
            }
        };
        let known = Known { selected: Some(&selected), ..known };
        let demands = || selected.iter().filter_map(|policy| policy.demand.as_ref());
        let is_public = demands().next().is_none();
        let mut fired = Fired::default();
        if is_public {
            fired = match self.fired(&selected, None, came, headers, host) {
                Ok(fired) => fired,
                Err(not_yet) => return not_yet.into(),
            };
        }
        // A public policy looks at no token, so none is verified, unless a raise asks for one.
        let shown = if is_public && fired.demands.is_empty() {
            Shown::nothing()
        } else {
            match self.shown(headers, host) {
                Ok(shown) => shown,
                Err(Unclarified::Waits(wait)) => return Outcome::Wait(wait),
                Err(Unclarified::Failed(failure)) => {
                    return Outcome::Ended(self.fail(&known, &failure, host));
                }
            }
        };
        if !is_public {
            fired = match self.fired(&selected, Some(&shown.credentials), came, headers, host) {
                Ok(fired) => fired,
                Err(not_yet) => return not_yet.into(),
            };
        }
        let known = Known { shown: Some(&shown), fired: Some(&fired), ..known };
        let all_demands = || demands().chain(fired.demands.iter().copied());
        let levels = &self.policies.levels;
        let decide_over = |credentials: &_| decide(all_demands(), credentials, levels, host.now());
        let mut decision = match fired.denial {
            // Who shows no good token learns what to obtain first.
            Some(denial) if is_public || shown.is_verified() => Decision::Deny(denial),
            _ => decide_over(&shown.credentials),
        };
        // Last of all: from here on, the request neither waits nor is refused.
        if let (Decision::Allow(_), Some(proof)) = (&decision, &shown.proof) {
            match self.possession.use_up(proof, host) {
                Ok(()) => {}
                Err(Unusable::Replayed) => {
                    decision = decide_over(&Credentials::BadProof(ProofError::Replayed));
                }
                Err(Unusable::NoRoom) => {
                    let failure = Failure::unavailable(
                        Duration::from_secs(1),
                        "the DPoP proof cannot be remembered",
                    );
                    return Outcome::Ended(self.fail(&known, &failure, host));
                }
            }
        }
        let (settings, schemes) = (&self.policies.challenge, self.schemes(&shown));
        let verdict = Verdict::Decided(&decision);
        let mut response = match &decision {
            Decision::Allow(_) => {
                self.see(&selected, &shown, headers, host);
                return Outcome::Ended(self.conclude(&known, verdict, None, host));
            }
            Decision::Challenge(challenge) => {
                challenge::challenge(challenge, settings, levels, schemes)
            }
            Decision::Deny(denial) => challenge::deny(denial),
            Decision::Forbid(missing) => challenge::forbid(missing, settings, schemes),
            Decision::Reject(_) => challenge::malformed_credentials(settings, schemes),
        };
        if schemes.contains(&Scheme::DPoP)
            && let Some(nonce) = self.possession.nonce(host)
        {
            response.headers.push(("dpop-nonce", nonce));
        }
        Outcome::Ended(self.conclude(&known, verdict, Some(response), host))
    }
}

/// A client that signs with an algorithm that a challenge names has to come through with it.
fn offer_what_is_checked(policies: &mut PolicySet, checked: Algorithms) {
    let both = policies.dpop.algorithms.iter().filter(|algorithm| checked.contains(*algorithm));
    let both = both.collect::<Algorithms>();
    if both == Algorithms::default() {
        let asked = policies.dpop.algorithms;
        warn!("dpop.algorithms: nothing here checks {asked}, so that no DPoP proof is good");
    }
    policies.dpop.algorithms = both;
    policies.challenge.dpop_algorithms = both;
}

/// Answers a request for which there is no configuration.
pub fn refuse_unconfigured(host: &dyn Host) -> Action {
    host.respond(&challenge::failure(FailureKind::Misconfigured));
    Action::Answered
}
