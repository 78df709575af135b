//! A proxy in memory, for tests and for the command.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::time::{Duration, SystemTime};

use super::{
    CallId, Callout, Ended, Host, MetricId, MetricKind, NotOffered, Outdated, PropertyError,
    RequestId, SharedVersion,
};
use crate::challenge::Response;
use crate::report::Counter;
use crate::request::Headers;
use crate::time::{Moment, Timestamp};

/// Answers every host call from its fields.
#[derive(Debug)]
pub struct MemoryHost {
    /// What the wall clock shows.
    pub now: Timestamp,
    /// What the clock shows that nobody sets.
    pub moment: Moment,
    /// How much time each call takes to be made, on that clock.
    pub time_per_call: Duration,
    /// The request's headers.
    pub headers: Headers,
    /// As much of the request's body as has come; `None` for one that is not handed out.
    pub body: Option<Vec<u8>>,
    /// The response's headers.
    pub response_headers: Headers,
    /// The request's trailers.
    pub request_trailers: Headers,
    /// Properties by their path, joined with dots. `None` for one that cannot be handed out.
    pub properties: HashMap<String, Option<Vec<u8>>>,
    /// Environment variables.
    pub variables: HashMap<String, String>,
    foreign: Option<ForeignFunctions>,
    rival: RefCell<Option<Rival>>,
    changed_headers: RefCell<Vec<(String, Option<Vec<u8>>)>>,
    answer: RefCell<Option<Response>>,
    resumed: Cell<bool>,
    calls: RefCell<Vec<Call>>,
    next_call: Cell<u32>,
    shared: RefCell<HashMap<String, (Vec<u8>, u32)>>,
    tick_period: Cell<Option<Duration>>,
    counts: RefCell<Vec<Counter>>,
    removed_trailers: RefCell<Vec<String>>,
    audited: RefCell<Vec<String>>,
    filter_state: RefCell<BTreeMap<String, String>>,
    metrics: RefCell<Vec<Metric>>,
}

/// A metric as it stands.
#[derive(Debug)]
struct Metric {
    kind: MetricKind,
    name: String,
    value: i64,
    /// The values of a histogram.
    recorded: Vec<u64>,
}

/// The functions that a proxy offers by name.
struct ForeignFunctions(Box<ForeignFunction>);

type ForeignFunction = dyn Fn(&str, &[u8]) -> Result<Vec<u8>, NotOffered>;

impl fmt::Debug for Rival {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rival")
    }
}

impl fmt::Debug for ForeignFunctions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ForeignFunctions")
    }
}

/// What another worker does.
struct Rival(Box<dyn FnOnce(&MemoryHost)>);

/// A request of the filter's own, as it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The cluster.
    pub cluster: String,
    /// The headers, pseudo-headers included.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl MemoryHost {
    /// A host with a request, at the time of this machine.
    pub fn new(headers: Headers) -> Self {
        Self {
            now: SystemTime::now().into(),
            moment: Moment::default(),
            time_per_call: Duration::ZERO,
            headers,
            body: None,
            response_headers: Headers::default(),
            request_trailers: Headers::default(),
            properties: HashMap::new(),
            variables: HashMap::new(),
            foreign: None,
            rival: RefCell::default(),
            changed_headers: RefCell::default(),
            answer: RefCell::default(),
            resumed: Cell::new(false),
            calls: RefCell::default(),
            next_call: Cell::new(0),
            shared: RefCell::default(),
            tick_period: Cell::new(None),
            counts: RefCell::default(),
            removed_trailers: RefCell::default(),
            audited: RefCell::default(),
            filter_state: RefCell::default(),
            metrics: RefCell::default(),
        }
    }

    /// Lets time pass, on both clocks.
    pub fn pass(&mut self, time: Duration) {
        self.now = self.now.plus(time);
        self.moment = self.moment.plus(time);
    }

    /// The same host with these foreign functions.
    #[must_use]
    pub fn with_foreign_functions(
        mut self,
        functions: impl Fn(&str, &[u8]) -> Result<Vec<u8>, NotOffered> + 'static,
    ) -> Self {
        self.foreign = Some(ForeignFunctions(Box::new(functions)));
        self
    }

    /// Lets another worker act just before the next write of a shared value.
    pub fn before_next_write(&self, rival: impl FnOnce(&Self) + 'static) {
        *self.rival.borrow_mut() = Some(Rival(Box::new(rival)));
    }

    fn let_rival_act(&self) {
        // It is taken out first, as what it does is a write too.
        let rival = self.rival.take();
        if let Some(Rival(act)) = rival {
            act(self);
        }
    }

    /// What was answered, if anything.
    pub fn into_answer(self) -> Option<Response> {
        self.answer.into_inner()
    }

    /// What was answered since the last time this was asked, if anything.
    pub fn take_answer(&self) -> Option<Response> {
        self.answer.borrow_mut().take()
    }

    /// Whether a request was let go on since the last time this was asked.
    pub fn take_resumed(&self) -> bool {
        self.resumed.take()
    }

    /// The calls that were made since the last time this was asked. The first one ever made has
    /// the id 0, the next one 1.
    pub fn take_calls(&self) -> Vec<Call> {
        self.calls.take()
    }

    /// What the filter set or removed of the request's headers since the last time this was asked.
    pub fn take_changed_headers(&self) -> Vec<(String, Option<Vec<u8>>)> {
        self.changed_headers.take()
    }

    /// The values of a header as the upstream gets them, after all changes.
    pub fn request_header_upstream(&self, name: &str) -> Vec<Vec<u8>> {
        let changes = self.changed_headers.borrow();
        match changes.iter().rev().find(|(changed, _)| changed == name) {
            Some((_, value)) => value.iter().cloned().collect(),
            None => self.headers.values(name).map(<[u8]>::to_vec).collect(),
        }
    }

    /// All that the workers share.
    pub fn shared_values(&self) -> Vec<(String, Vec<u8>)> {
        let shared = self.shared.borrow();
        shared.iter().map(|(key, (value, _))| (key.clone(), value.clone())).collect()
    }

    /// The interval that was asked for last.
    pub const fn tick_period(&self) -> Option<Duration> {
        self.tick_period.get()
    }

    /// The trailers that were removed.
    pub fn removed_trailers(&self) -> Vec<String> {
        self.removed_trailers.borrow().clone()
    }

    /// The records of decisions since the last time this was asked.
    pub fn take_audited(&self) -> Vec<String> {
        self.audited.take()
    }

    /// What the proxy's access log finds.
    pub fn filter_state(&self) -> BTreeMap<String, String> {
        self.filter_state.borrow().clone()
    }

    /// The value of a counter or a gauge; `None` where it was never made known.
    pub fn metric(&self, name: &str) -> Option<i64> {
        self.metrics.borrow().iter().find(|metric| metric.name == name).map(|metric| metric.value)
    }

    /// The values of a histogram.
    pub fn recorded(&self, name: &str) -> Vec<u64> {
        let metrics = self.metrics.borrow();
        let metric = metrics.iter().find(|metric| metric.name == name);
        metric.map(|metric| metric.recorded.clone()).unwrap_or_default()
    }

    /// The names of all metrics that were made known.
    pub fn metric_names(&self) -> Vec<String> {
        self.metrics.borrow().iter().map(|metric| metric.name.clone()).collect()
    }

    fn change_metric(&self, MetricId(id): MetricId, change: impl FnOnce(&mut Metric)) {
        let place = usize::try_from(id).unwrap_or(usize::MAX);
        if let Some(metric) = self.metrics.borrow_mut().get_mut(place) {
            change(metric);
        }
    }

    /// How often this was counted.
    pub fn counted(&self, counter: Counter) -> usize {
        self.counts.borrow().iter().filter(|counted| **counted == counter).count()
    }
}

impl Host for MemoryHost {
    fn now(&self) -> Timestamp {
        self.now
    }

    fn moment(&self) -> Moment {
        self.moment.plus(self.time_per_call.saturating_mul(self.next_call.get()))
    }

    fn request_headers(&self) -> Headers {
        let changes = self.changed_headers.borrow();
        let mut pairs = self
            .headers
            .iter()
            .map(|(name, value)| (String::from_utf8_lossy(name).into_owned(), value.to_vec()))
            .collect::<Vec<_>>();
        for (changed, value) in &*changes {
            pairs.retain(|(name, _)| name != changed);
            pairs.extend(value.clone().map(|value| (changed.clone(), value)));
        }
        Headers::new(pairs)
    }

    fn request_body(&self, size: usize) -> Option<Vec<u8>> {
        self.body.as_ref().map(|body| body.iter().copied().take(size).collect())
    }

    fn response_headers(&self) -> Headers {
        self.response_headers.clone()
    }

    fn set_request_header(&self, name: &str, value: Option<&[u8]>) {
        self.changed_headers.borrow_mut().push((name.to_owned(), value.map(<[u8]>::to_vec)));
    }

    fn property(&self, path: &[&str]) -> Result<Option<Vec<u8>>, PropertyError> {
        match self.properties.get(&path.join(".")) {
            None => Ok(None),
            Some(None) => Err(PropertyError),
            Some(value) => Ok(value.clone()),
        }
    }

    fn call_foreign_function(&self, name: &str, arguments: &[u8]) -> Result<Vec<u8>, NotOffered> {
        let ForeignFunctions(functions) = self.foreign.as_ref().ok_or(NotOffered)?;
        functions(name, arguments)
    }

    fn respond(&self, response: &Response) {
        *self.answer.borrow_mut() = Some(response.clone());
    }

    fn resume(&self) {
        self.resumed.set(true);
    }

    fn enter(&self, _: RequestId) -> Result<(), Ended> {
        Ok(())
    }

    fn call(&self, callout: &Callout<'_>) -> Result<CallId, NotOffered> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let id = self.next_call.get();
        self.next_call.set(id.wrapping_add(1));
        self.calls.borrow_mut().push(Call {
            cluster: callout.cluster.to_owned(),
            headers: callout.headers.iter().map(owned).collect(),
            body: callout.body.to_vec(),
        });
        Ok(CallId(id))
    }

    fn shared(&self, key: &str) -> Option<(Vec<u8>, SharedVersion)> {
        let shared = self.shared.borrow();
        shared.get(key).map(|(value, version)| (value.clone(), SharedVersion(*version)))
    }

    fn set_shared(
        &self,
        key: &str,
        value: &[u8],
        version: Option<SharedVersion>,
    ) -> Result<(), Outdated> {
        self.let_rival_act();
        let mut shared = self.shared.borrow_mut();
        let found = shared.get(key).map(|(_, version)| SharedVersion(*version));
        if version.is_some() && found != version {
            return Err(Outdated);
        }
        let next = found.map_or(1, |SharedVersion(version)| version.wrapping_add(1));
        shared.insert(key.to_owned(), (value.to_vec(), next));
        Ok(())
    }

    fn variable(&self, name: &str) -> Option<String> {
        self.variables.get(name).cloned()
    }

    fn create_shared(&self, key: &str, value: &[u8]) -> Result<(), Outdated> {
        self.let_rival_act();
        if self.shared.borrow().contains_key(key) {
            return Err(Outdated);
        }
        self.set_shared(key, value, None)
    }

    fn set_tick_period(&self, period: Duration) {
        self.tick_period.set(Some(period));
    }

    fn request_trailers(&self) -> Headers {
        self.request_trailers.clone()
    }

    fn remove_request_trailer(&self, name: &str) {
        self.removed_trailers.borrow_mut().push(name.to_owned());
    }

    fn audit(&self, line: &str) {
        self.audited.borrow_mut().push(line.to_owned());
    }

    fn set_filter_state(&self, name: &str, value: &str) {
        self.filter_state.borrow_mut().insert(name.to_owned(), value.to_owned());
    }

    fn count(&self, counter: Counter) {
        self.counts.borrow_mut().push(counter);
    }

    fn define_metric(&self, kind: MetricKind, name: &str) -> Option<MetricId> {
        let mut metrics = self.metrics.borrow_mut();
        let place = metrics.iter().position(|metric| metric.name == name).unwrap_or_else(|| {
            let name = name.to_owned();
            metrics.push(Metric { kind, name, value: 0, recorded: Vec::new() });
            metrics.len().saturating_sub(1)
        });
        u32::try_from(place).ok().map(MetricId)
    }

    fn add_to_metric(&self, metric: MetricId, by: i64) {
        self.change_metric(metric, |metric| metric.value = metric.value.saturating_add(by));
    }

    fn record_metric(&self, metric: MetricId, value: u64) {
        self.change_metric(metric, |metric| match metric.kind {
            MetricKind::Histogram => metric.recorded.push(value),
            MetricKind::Counter | MetricKind::Gauge => {
                metric.value = i64::try_from(value).unwrap_or(i64::MAX);
            }
        });
    }
}
