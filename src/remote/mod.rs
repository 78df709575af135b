//! Documents that are fetched through the proxy's clusters, and kept fresh: key sets of issuers, and
//! feeds.
//!
//! One worker of the process fetches for all. What it fetched, and what is to be done next, are
//! shared values (`plan`); every worker looks at them in its ticks. The worker that leads says
//! until when, so that one that dies while it leads stops nothing.

mod endpoint;
mod format;
mod freshness;
mod plan;
mod settings;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use log::{info, warn};
use serde_json::Value;

pub use self::endpoint::{Endpoint, NotAUrl};
pub use self::format::{Checked, Format};
use self::plan::{Head, Plan, SharedPlan};
pub use self::settings::{RemoteSettings, RemoteSource};
use crate::host::{CallId, Callout, CalloutAnswer, Host, NotOffered};
use crate::json;
use crate::report::DocumentMetrics;
use crate::time::Moment;

/// The bounds of back-off after failures.
const FIRST_RETRY: Duration = Duration::from_secs(1);
const LAST_RETRY: Duration = Duration::from_mins(1);
/// What a worker that leads may need beyond the time-outs of its requests.
const LEAD_MARGIN: Duration = Duration::from_secs(1);
/// The share of an interval by which workers and proxies spread their fetches.
const JITTER: u32 = 10;

/// What this worker knows of a document.
#[derive(Debug)]
pub struct RemoteDocument<F: Format> {
    format: F,
    settings: RemoteSettings,
    plan: SharedPlan,
    loaded: Option<Loaded<F::Loaded>>,
    /// The generation that this worker could not read, so that it does not try with each request.
    unreadable: Option<u64>,
    fetch: Option<Fetch>,
    /// When the last good fetch was, and how many have failed since, as far as this worker knows.
    last_outcome: Option<(Option<Moment>, u32)>,
    /// Whether a fetch came to an end since the last tick.
    has_news: bool,
    metrics: DocumentMetrics,
}

/// A document as this worker holds it.
#[derive(Debug)]
struct Loaded<T> {
    content: Arc<T>,
    generation: u64,
    fetched_at: Moment,
}

/// A fetch under way, led by this worker.
#[derive(Debug)]
struct Fetch {
    call: CallId,
    stage: Stage,
    /// What is asked, for messages.
    endpoint: Endpoint,
    /// Until when this worker leads.
    until: Moment,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Metadata,
    Document,
}

/// What there is for a request.
#[derive(Clone, Debug)]
pub enum Lookup<T> {
    /// The document, and its generation: it changes when the document does.
    Ready(Arc<T>, u64),
    /// It is being fetched: a request can wait, this long at most.
    Pending(Duration),
    /// It cannot be had now. A retry makes sense after this time.
    Unavailable(Duration),
}

impl<F: Format> RemoteDocument<F> {
    /// Starts without a document, or with the one that the process has already. Metrics speak of it by
    /// the label.
    pub fn new(format: F, settings: RemoteSettings, label: &str, host: &dyn Host) -> Self {
        let plan = SharedPlan::new(F::OWNER, &format.kind(), &settings);
        plan.ensure(host);
        let mut document = Self {
            format,
            settings,
            plan,
            loaded: None,
            unreadable: None,
            fetch: None,
            last_outcome: None,
            has_news: false,
            metrics: DocumentMetrics::new(&F::METRICS, label, host),
        };
        document.load(host);
        document
    }

    /// The document as it stands.
    pub fn lookup(&mut self, host: &dyn Host) -> Lookup<F::Loaded> {
        let now = host.moment();
        if !self.is_usable(now) {
            self.load(host);
        }
        match &self.loaded {
            Some(loaded) if self.is_usable(now) => {
                Lookup::Ready(Arc::clone(&loaded.content), loaded.generation)
            }
            _ => self.absent(host, now),
        }
    }

    /// The document after a token named a key that is not in it: it is fetched early, if that was
    /// not done a short time ago. `None` when nothing newer is to be had.
    pub fn lookup_newer(&mut self, host: &dyn Host) -> Option<Lookup<F::Loaded>> {
        let now = host.moment();
        let before = self.loaded.as_ref().map(|loaded| loaded.generation);
        // Another worker may have fetched them already.
        self.load(host);
        if let Some(loaded) = &self.loaded
            && Some(loaded.generation) != before
        {
            return Some(Lookup::Ready(Arc::clone(&loaded.content), loaded.generation));
        }
        let (plan, version) = self.plan.read(host)?;
        if self.is_coming(&plan, now) {
            return Some(Lookup::Pending(self.settings.wait));
        }
        if plan.forced_at.is_some_and(|at| now < at.plus(self.settings.refetch_after)) {
            // Only an issuer that answers can say that there is no such key.
            return (plan.failures > 0).then(|| Lookup::Unavailable(plan.retry_after(now)));
        }
        let forced = Plan { next_fetch: now, forced_at: Some(now), ..plan };
        // A worker that was faster has forced the same fetch, or leads it.
        let _ = self.plan.replace(host, &forced, version);
        Some(Lookup::Pending(self.settings.wait))
    }

    /// How long a request can wait for the document, while it is fetched for the first time. `None` where
    /// there is one, or a fetch has failed: waiting for the next could take each request as long.
    pub fn first_wait(&mut self, host: &dyn Host) -> Option<Duration> {
        match self.lookup(host) {
            Lookup::Pending(wait) => {
                let has_failed = self.last_outcome.is_some_and(|(_, failures)| failures > 0);
                (self.loaded.is_none() && !has_failed && !wait.is_zero()).then_some(wait)
            }
            Lookup::Ready(..) | Lookup::Unavailable(_) => None,
        }
    }

    /// Whether a document is loaded and not too stale to be trusted.
    fn is_usable(&self, now: Moment) -> bool {
        let fresh = |loaded: &Loaded<_>| now < loaded.fetched_at.plus(self.settings.stale_for);
        self.loaded.as_ref().is_some_and(fresh)
    }

    /// What to say where there is no document to use.
    fn absent(&self, host: &dyn Host, now: Moment) -> Lookup<F::Loaded> {
        match self.plan.read(host) {
            Some((plan, _)) if !self.is_coming(&plan, now) => {
                Lookup::Unavailable(plan.retry_after(now))
            }
            _ => Lookup::Pending(self.settings.wait),
        }
    }

    /// Whether the document is being fetched, or is about to be.
    fn is_coming(&self, plan: &Plan, now: Moment) -> bool {
        plan.is_led(now, &self.settings) || plan.is_due(now, &self.settings)
    }

    /// Does what is due: takes what another worker fetched, or leads a fetch. Says whether there is
    /// news for requests that wait: a fetch succeeded, or failed.
    pub fn on_tick(&mut self, host: &dyn Host) -> bool {
        self.load(host);
        self.fetch_if_due(host);
        std::mem::take(&mut self.has_news)
    }

    /// Tells operators how the document stands.
    pub fn tell(&self, host: &dyn Host) {
        let now = host.moment();
        let usable = self.loaded.as_ref().filter(|_| self.is_usable(now));
        let held = usable.map_or(0, |loaded| F::size(&loaded.content));
        let age = self.loaded.as_ref();
        // Another worker can have read the clock a little later.
        let age = age.map(|loaded| now.since(loaded.fetched_at).unwrap_or_default());
        self.metrics.tell(age, held, self.settings.stale_for, host);
    }

    /// Tells them that it is looked after no more.
    pub fn retire(&self, host: &dyn Host) {
        self.metrics.retire(host);
    }

    fn fetch_if_due(&mut self, host: &dyn Host) {
        let now = host.moment();
        // An answer that is lost is waited for no longer than other workers wait for it.
        self.fetch.take_if(|fetch| now >= fetch.until);
        if self.fetch.is_some() {
            return;
        }
        let Some((plan, version)) = self.plan.read(host) else {
            self.plan.ensure(host);
            return;
        };
        if plan.is_led(now, &self.settings) || !plan.is_due(now, &self.settings) {
            return;
        }
        let until = now.plus(self.settings.longest_fetch());
        let led = Plan { led_until: Some(until), ..plan };
        if self.plan.replace(host, &led, version).is_err() {
            return;
        }
        let (stage, endpoint) = match &self.settings.source {
            RemoteSource::Metadata(endpoint) => (Stage::Metadata, endpoint.clone()),
            RemoteSource::Document(endpoint) => (Stage::Document, endpoint.clone()),
        };
        self.call(host, stage, &endpoint, until);
    }

    /// The longest body that is taken as the answer to a call; `None` when it is not for this
    /// document.
    pub fn longest_answer(&self, call: CallId) -> Option<usize> {
        let fetch = self.fetch.as_ref().filter(|fetch| fetch.call == call)?;
        Some(match fetch.stage {
            Stage::Metadata => CalloutAnswer::MAX_BODY,
            Stage::Document => self.format.longest(),
        })
    }

    /// Takes the answer to a call of this worker. `false` when it is not for this document.
    pub fn on_answer(&mut self, host: &dyn Host, call: CallId, answer: &CalloutAnswer) -> bool {
        let Some(fetch) = self.fetch.take_if(|fetch| fetch.call == call) else { return false };
        let outcome = match fetch.stage {
            Stage::Metadata => match self.read_metadata(answer) {
                Ok(endpoint) => {
                    self.call(host, Stage::Document, &endpoint, fetch.until);
                    return true;
                }
                Err(problem) => Err(problem),
            },
            Stage::Document => answer.success().and_then(|body| self.format.check(body)),
        };
        match outcome {
            Ok(Checked { document, content, notes }) => {
                self.publish(host, answer, &document, content);
                for note in notes {
                    warn!("{} {:?}: {note}", F::OWNER, self.settings.name);
                }
            }
            Err(problem) => self.fail(host, &fetch.endpoint, &problem),
        }
        true
    }

    fn call(&mut self, host: &dyn Host, stage: Stage, endpoint: &Endpoint, until: Moment) {
        let callout = Callout {
            cluster: &self.settings.cluster,
            headers: endpoint.get(F::ACCEPT),
            body: &[],
            timeout: self.settings.timeout,
        };
        if let Ok(call) = host.call(&callout) {
            self.fetch = Some(Fetch { call, stage, endpoint: endpoint.clone(), until });
        } else {
            let problem = NotOffered::no_cluster(&self.settings.cluster);
            self.fail(host, endpoint, &problem);
        }
    }

    /// Reads the issuer's metadata: it has to speak of this issuer (OIDC Discovery §4.3), or else
    /// one issuer could hand out keys for another.
    fn read_metadata(&self, answer: &CalloutAnswer) -> Result<Endpoint, String> {
        let body = answer.success()?;
        let metadata = json::parse(body).map_err(|error| format!("metadata: {error}"))?;
        let text = |name: &str| {
            metadata.get(name).and_then(Value::as_str).ok_or(format!("metadata without {name}"))
        };
        let issuer = text("issuer")?;
        if issuer != &*self.settings.name {
            return Err(format!(
                "metadata of another issuer, {issuer:?}; issuers[].issuer has to be exactly that, \
                 the slash at the end too"
            ));
        }
        let location = text("jwks_uri")?;
        Endpoint::from_url(location)
            .map_err(|NotAUrl| format!("metadata with the jwks_uri {location:?}, which is no URL"))
    }

    /// Shares a good document with the other workers, and takes it.
    fn publish(
        &mut self,
        host: &dyn Host,
        answer: &CalloutAnswer,
        document: &str,
        content: F::Loaded,
    ) {
        let now = host.moment();
        let interval = self.interval(answer);
        host.count(F::FETCHED);
        self.metrics.fetched(true, host);
        let before = self.plan.read_document(host);
        let changed = before.is_none_or(|before| before.document != document);
        let Some((plan, _)) = self.plan.read(host) else { return };
        let generation = if changed { plan.generation.wrapping_add(1) } else { plan.generation };
        // The document is written before the plan that speaks of it.
        self.plan.write_document(host, &Head { generation, fetched_at: now }, document);
        let next_fetch = now.plus(spread(interval, now));
        let next = self.plan.update(host, |plan| Plan {
            next_fetch,
            led_until: None,
            failures: 0,
            generation,
            fetched_at: Some(now),
            ..plan
        });
        if next.is_some() {
            // It was read already, which takes its time with a long one.
            let content = Arc::new(content);
            self.loaded = Some(Loaded { content, generation, fetched_at: now });
        }
        self.load(host);
        if changed {
            let (owner, name, what) = (F::OWNER, &self.settings.name, F::WHAT);
            info!("{owner} {name:?}: {what} of generation {generation} are in use");
        }
    }

    fn fail(&mut self, host: &dyn Host, endpoint: &Endpoint, problem: &str) {
        host.count(F::FAILED);
        self.metrics.fetched(false, host);
        let now = host.moment();
        let pause = |failures| {
            let doubled = FIRST_RETRY.saturating_mul(2_u32.saturating_pow(failures));
            spread(doubled.min(LAST_RETRY), now)
        };
        let next = self.plan.update(host, |plan| Plan {
            next_fetch: now.plus(pause(plan.failures)),
            led_until: None,
            failures: plan.failures.saturating_add(1),
            ..plan
        });
        let pause = next.and_then(|plan| plan.next_fetch.since(now)).unwrap_or_default();
        warn!(
            "{} {:?}: its {} cannot be fetched: {endpoint}: {problem}; trying again in {} ms",
            F::OWNER,
            self.settings.name,
            F::WHAT,
            pause.as_millis()
        );
    }

    /// How long the answer is good for, within the operator's bounds.
    fn interval(&self, answer: &CalloutAnswer) -> Duration {
        let longest = self.settings.refresh;
        let shortest = self.settings.refresh_min.min(longest);
        freshness::max_age(&answer.headers).map_or(longest, |age| age.clamp(shortest, longest))
    }

    /// Takes the document that the process has, when it is newer than that of this worker.
    fn load(&mut self, host: &dyn Host) {
        let Some((plan, _)) = self.plan.read(host) else { return };
        let outcome = (plan.fetched_at, plan.failures);
        self.has_news |= self.last_outcome.replace(outcome) != Some(outcome);
        let Some(fetched_at) = plan.fetched_at else { return };
        if let Some(loaded) = &mut self.loaded
            && loaded.generation == plan.generation
        {
            loaded.fetched_at = fetched_at;
            return;
        }
        if self.unreadable == Some(plan.generation) {
            return;
        }
        let Some(published) = self.plan.read_document(host) else { return };
        let content = self.format.load(&published.document);
        self.unreadable = content.is_none().then_some(plan.generation);
        if let Some(content) = content {
            self.loaded = Some(Loaded {
                content: Arc::new(content),
                generation: published.head.generation,
                fetched_at: published.head.fetched_at,
            });
        }
    }
}

/// Shortens an interval by up to a tenth, so that proxies which started together do not stay
/// together. The clock's finest digits are random enough for that.
fn spread(interval: Duration, now: Moment) -> Duration {
    let share = interval.checked_div(JITTER).unwrap_or_default();
    let part = now.since_start().subsec_micros().checked_rem(1000).unwrap_or_default();
    let cut = share.saturating_mul(part).checked_div(1000).unwrap_or_default();
    interval.saturating_sub(cut)
}
