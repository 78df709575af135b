//! Requests whose bodies are held back, and what becomes of them as more comes.
//!
//! While such a request waits, for keys or for its body, the proxy keeps each part that comes. The
//! answer to a part is about all that was kept, so none goes on before the decision.

use std::collections::BTreeMap;
use std::time::Duration;

use log::{debug, error};
use serde_json::Value;

use super::conclusion::waited_in_vain;
use super::{Action, End, Filter, Outcome};
use crate::body::{self, BodyError};
use crate::decision::{Failure, FailureKind};
use crate::host::{Host, RequestId};
use crate::report;
use crate::request::Headers;
use crate::time::Moment;

/// The most requests of a worker that wait for their bodies.
const MOST: usize = 10_000;

/// The most bytes of bodies that a worker lets the proxy hold for all requests that wait together.
pub(super) const MOST_BYTES: usize = 64 * 1024 * 1024;

/// What a body says, or why it says nothing.
pub(super) type Read = Result<Value, BodyError>;

/// What a decision needs, and what has not come yet.
pub(super) enum NotYet {
    /// More of the body.
    Body,
    /// A list that is being fetched, for so long at most.
    Feed(Duration),
}

/// What the proxy holds of a body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Came {
    /// In bytes.
    size: usize,
    /// Whether that is all of it.
    is_whole: bool,
    /// Whether no more is waited for, neither of it nor of feeds: raises take what there is.
    is_last: bool,
}

impl Came {
    /// The body of a request that has none.
    pub(super) const NONE: Self = Self { size: 0, is_whole: true, is_last: false };

    /// The same, and no more is waited for.
    pub(super) const fn last(self) -> Self {
        Self { is_last: true, ..self }
    }

    /// Whether nothing more is waited for.
    pub(super) const fn is_last(self) -> bool {
        self.is_last
    }

    /// As it is for a decision that depends on the body, or does not.
    pub(super) const fn where_it_counts(self, counts: bool) -> Self {
        Self { is_last: self.is_last && !counts, ..self }
    }
}

/// What a request with a body waits for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Until {
    /// Keys or an answer. Whether its body is needed is not known yet.
    Keys,
    /// More of its body, which has to come by then.
    Body(Moment),
    /// Nothing any more: it goes on, and the next part of its body with it.
    Nothing,
}

/// The requests with a body to come that did not go on at once.
///
/// Every request that ends is removed here, so that has to be quick however many there are.
#[derive(Debug, Default)]
pub(super) struct Bodies {
    held: BTreeMap<RequestId, (Came, Until)>,
    /// What the proxy holds of all their bodies, in bytes.
    bytes: usize,
    /// Whether the proxy has ever shown a part of a body that it holds back.
    are_shown: bool,
}

impl Bodies {
    /// Keeps a request, unless it has no body. `false` when too many wait for their bodies.
    pub(super) fn hold(&mut self, request: RequestId, came: Came, until: Until) -> bool {
        // How many wait for keys is bounded elsewhere, and one that goes on waits for nothing.
        let has_room = !matches!(until, Until::Body(_)) || self.held.len() < MOST;
        if has_room && came != Came::NONE {
            self.remove(request);
            self.bytes = self.bytes.saturating_add(came.size);
            self.held.insert(request, (came, until));
        }
        has_room
    }

    /// Takes note of how much has come of a body that is held. `false` when that is too much for all
    /// of them together.
    fn note(&mut self, request: RequestId, now: Came) -> bool {
        if let Some((came, _)) = self.held.get_mut(&request) {
            self.bytes = self.bytes.saturating_sub(came.size).saturating_add(now.size);
            *came = now;
        }
        self.bytes <= MOST_BYTES
    }

    /// What there is of the body of a request that waits.
    pub(super) fn came(&self, request: RequestId) -> Came {
        self.held.get(&request).map_or(Came::NONE, |(came, _)| *came)
    }

    /// Changes what a request waits for, if it has a body to come.
    pub(super) fn wait(&mut self, request: RequestId, for_what: Until) {
        if let Some((came, until)) = self.held.get_mut(&request) {
            *until = for_what;
            // What the proxy held of one that goes on, it passes on.
            if matches!(for_what, Until::Nothing) {
                self.bytes = self.bytes.saturating_sub(came.size);
                came.size = 0;
            }
        }
    }

    pub(super) fn remove(&mut self, request: RequestId) {
        if let Some((came, _)) = self.held.remove(&request) {
            self.bytes = self.bytes.saturating_sub(came.size);
        }
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.held.is_empty() && self.bytes == 0
    }

    /// Takes out the requests whose bodies have not come in time, with what came of them.
    fn take_late(&mut self, now: Moment) -> Vec<(RequestId, Came)> {
        let is_late = |until: &Until| matches!(until, Until::Body(by) if *by <= now);
        let late = self.held.iter().filter(|(_, (_, until))| is_late(until));
        let late = late.map(|(request, (came, _))| (*request, *came)).collect::<Vec<_>>();
        for (request, _) in &late {
            self.remove(*request);
        }
        late
    }
}

impl Filter {
    /// Takes note of a part of a request's body: how much the proxy holds with it, in bytes, and
    /// whether that is all. To be called until the answer is [`Action::Continue`].
    pub fn on_request_body(
        &self,
        host: &dyn Host,
        request: RequestId,
        size: usize,
        is_whole: bool,
    ) -> Action {
        self.on_part(host, request, |came| Came { size, is_whole, ..came })
    }

    /// Takes note of a request's trailers: they end its body. To be called as
    /// [`on_request_body`](Self::on_request_body) is.
    pub fn on_request_trailers(&self, host: &dyn Host, request: RequestId) -> Action {
        self.on_part(host, request, |came| Came { is_whole: true, ..came })
    }

    fn on_part(
        &self,
        host: &dyn Host,
        request: RequestId,
        note: impl FnOnce(Came) -> Came,
    ) -> Action {
        let mut bodies = self.bodies.borrow_mut();
        // One that is not there was answered.
        let Some(&(before, until)) = bodies.held.get(&request) else { return Action::Answered };
        let came = note(before);
        if matches!(until, Until::Nothing) {
            bodies.remove(request);
            return Action::Continue;
        }
        bodies.are_shown = true;
        let has_room = bodies.note(request, came);
        let is_enough = self.is_enough(came);
        let decides = matches!(until, Until::Body(_)) && is_enough;
        if decides {
            bodies.remove(request);
            drop(bodies);
            return self.decide(host, request, came);
        }
        if !has_room && matches!(until, Until::Body(_)) {
            bodies.remove(request);
            drop(bodies);
            return self.decide_without_more(host, request, came);
        }
        if !has_room {
            bodies.remove(request);
            drop(bodies);
            self.waiting.borrow_mut().remove(request);
            return Self::act(self.overload(request, host), host);
        }
        if let Until::Body(_) = until {
            bodies.wait(request, Until::Body(self.next_part_by(host)));
        }
        Action::Wait
    }

    /// Decides over a request for whose body there is no room. Where an answer depends on it, there is
    /// none but that.
    pub(super) fn decide_without_more(
        &self,
        host: &dyn Host,
        request: RequestId,
        came: Came,
    ) -> Action {
        let end = self.finish(host, request, came);
        Self::act(end.unwrap_or_else(|| self.overload(request, host)), host)
    }

    fn overload(&self, request: RequestId, host: &dyn Host) -> End {
        let kind = FailureKind::Overloaded { retry_after: self.policies.body.timeout };
        self.fail_late(request, &Failure::new(kind, "too much waits with it"), host)
    }

    /// Decides over a request of whose body no more is waited for; `None` where the decision needs more.
    fn finish(&self, host: &dyn Host, request: RequestId, came: Came) -> Option<End> {
        match self.outcome(request, came.last(), host) {
            Outcome::Ended(end) => Some(end),
            Outcome::Wait(wait) => {
                Some(self.fail_late(request, &waited_in_vain(wait.longest), host))
            }
            Outcome::NeedsBody => None,
        }
    }

    /// Ends the wait of requests whose bodies have not come in time.
    pub(super) fn end_late_bodies(&self, host: &dyn Host) {
        let (late, are_shown) = {
            let mut bodies = self.bodies.borrow_mut();
            (bodies.take_late(host.moment()), bodies.are_shown)
        };
        for (request, came) in late {
            if host.enter(request).is_err() {
                continue;
            }
            let end = self.finish(host, request, came);
            let end =
                end.unwrap_or_else(|| self.fail_late(request, &self.without_body(are_shown), host));
            match end {
                End::Continue => {
                    let passed_on = Came { size: 0, ..came };
                    self.bodies.borrow_mut().hold(request, passed_on, Until::Nothing);
                    host.resume();
                }
                End::Answer(response) => host.respond(&response),
            }
        }
    }

    /// Why a body has not come. One that the proxy never shows is for the operator to mend.
    fn without_body(&self, are_shown: bool) -> Failure {
        const WITHHELD: &str = "a policy reads the body of requests, and the proxy has shown none \
             within body.timeout; such requests are answered with 500. Set \
             allow_on_headers_stop_iteration: true beside vm_config, which needs Envoy 1.35";
        if are_shown {
            return Failure::new(FailureKind::BodyTimeout, "the body has not come in time");
        }
        if self.told.borrow_mut().is_new(WITHHELD) {
            error!("{WITHHELD}");
        }
        Failure::new(FailureKind::BodyWithheld, WITHHELD)
    }

    /// When the next part of a body has to be there.
    pub(super) fn next_part_by(&self, host: &dyn Host) -> Moment {
        host.moment().plus(self.policies.body.timeout)
    }

    /// The body, as far as it is needed to decide.
    pub(super) fn body(
        &self,
        came: Came,
        headers: &Headers,
        host: &dyn Host,
    ) -> Result<Read, NotYet> {
        let read = if self.is_enough(came) {
            self.read(came, headers, host)
        } else {
            // What is refused in any case may be too long for the proxy to keep, or a stream of
            // questions that wait for answers.
            match body::check_headers(headers, self.policies.body.limit) {
                Ok(()) if came.is_last => Err(BodyError::NotHandedOut),
                Ok(()) => return Err(NotYet::Body),
                Err(error) => Err(error),
            }
        };
        if let Err(error) = &read {
            debug!("{}: {error}", report::About(headers));
        }
        Ok(read)
    }

    /// Whether a decision need not wait for more of a body.
    fn is_enough(&self, came: Came) -> bool {
        came.is_whole || came.size > self.policies.body.limit
    }

    fn read(&self, came: Came, headers: &Headers, host: &dyn Host) -> Read {
        match came.size {
            0 => Err(BodyError::Missing),
            size if size > self.policies.body.limit => Err(BodyError::TooLarge),
            size => match host.request_body(size) {
                // A part of a body can be one that says something else.
                Some(bytes) if bytes.len() == size => body::parse(headers, &bytes),
                _ => Err(BodyError::NotHandedOut),
            },
        }
    }
}
