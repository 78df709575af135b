//! The proxy-wasm adapter: the only file that names the SDK.
//!
//! It uses the SDK's `hostcalls`. The getters of the SDK's traits panic on bytes that are not
//! UTF-8, and a client can send such bytes.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use log::{error, info};
use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, BufferType, ContextType, LogLevel, MapType, MetricType};

use super::raw::map_pairs;
use super::{
    CallId, Callout, CalloutAnswer, Ended, Host, MetricId, MetricKind, NotOffered, Outdated,
    PropertyError, RequestId, SharedVersion,
};
use crate::challenge::Response;
use crate::filter::{self, Filter};
use crate::report::Counter;
use crate::request::Headers;
use crate::time::Timestamp;

/// Registers the filter with the proxy.
pub(crate) fn start() {
    proxy_wasm::set_log_level(LogLevel::Trace);
    proxy_wasm::set_root_context(|id| Box::new(Root { id, filter: None }));
}

/// One VM's copy of a configured filter.
struct Root {
    id: u32,
    filter: Option<Rc<Filter>>,
}

impl Context for Root {
    fn on_http_call_response(&mut self, call: u32, headers: usize, body_size: usize, _: usize) {
        if let Some(filter) = &self.filter {
            let call = CallId(call);
            let answer = callout_answer(headers, body_size, filter.longest_answer(call));
            filter.on_answer(&Proxy::default(), call, &answer);
            self.leave_requests();
        }
    }
}

impl Root {
    /// Makes this context the one that calls are about again, after it spoke for requests.
    fn leave_requests(&self) {
        if hostcalls::set_effective_context(self.id).is_err() {
            error!("the proxy does not know this filter any more");
        }
    }
}

impl Drop for Root {
    /// What was counted since the last tick is told.
    fn drop(&mut self) {
        if let Some(filter) = &self.filter {
            filter.retire(&Proxy::default());
        }
        COUNTERS.with(Counters::tell);
    }
}

impl RootContext for Root {
    fn on_configure(&mut self, size: usize) -> bool {
        follow_log_level();
        COUNTERS.with(Counters::define);
        let bytes = hostcalls::get_buffer(BufferType::PluginConfiguration, 0, size);
        match Filter::new(&bytes.ok().flatten().unwrap_or_default(), &Proxy::default()) {
            Ok(filter) => {
                self.filter = Some(Rc::new(filter));
                true
            }
            Err(mistakes) => {
                error!("the configuration is refused:");
                for mistake in mistakes.as_slice() {
                    error!("{mistake}");
                }
                false
            }
        }
    }

    fn on_tick(&mut self) {
        follow_log_level();
        if let Some(filter) = &self.filter {
            filter.on_tick(&Proxy::default());
            self.leave_requests();
        }
        COUNTERS.with(Counters::tell);
    }

    fn create_http_context(&self, id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Http { id: RequestId(id), filter: self.filter.clone(), passes: false }))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

/// What the proxy would not log is not written. An operator can change the level at any time, so
/// it is looked at in every tick.
fn follow_log_level() {
    if let Ok(level) = hostcalls::get_log_level() {
        proxy_wasm::set_log_level(level);
    }
}

/// One request.
struct Http {
    id: RequestId,
    filter: Option<Rc<Filter>>,
    /// Whether it goes on, so that no more of it is looked at.
    passes: bool,
}

impl Http {
    fn follow(&mut self, action: filter::Action) -> Action {
        match action {
            filter::Action::Continue => {
                self.passes = true;
                Action::Continue
            }
            filter::Action::Answered | filter::Action::Wait => Action::Pause,
        }
    }
}

impl Context for Http {}

impl HttpContext for Http {
    fn on_http_request_headers(&mut self, _: usize, is_whole: bool) -> Action {
        #[cfg(feature = "test-crash")]
        crash_when_asked();
        let action = match &self.filter {
            Some(filter) => filter.on_request_headers(&Proxy::default(), self.id, is_whole),
            // The proxy makes no request context before a configuration was accepted. Should one
            // do so, nothing may pass.
            None => filter::refuse_unconfigured(&Proxy::default()),
        };
        self.follow(action)
    }

    fn on_http_request_body(&mut self, size: usize, is_whole: bool) -> Action {
        match &self.filter {
            _ if self.passes => Action::Continue,
            Some(filter) => {
                let action = filter.on_request_body(&Proxy::default(), self.id, size, is_whole);
                self.follow(action)
            }
            None => Action::Pause,
        }
    }

    fn on_http_response_headers(&mut self, _: usize, _: bool) -> Action {
        if let Some(filter) = &self.filter {
            filter.on_response_headers(&Proxy::default(), self.id);
        }
        Action::Continue
    }

    fn on_http_request_trailers(&mut self, _: usize) -> Action {
        if let Some(filter) = &self.filter {
            filter.clean_trailers(&Proxy::default());
        }
        match &self.filter {
            _ if self.passes => Action::Continue,
            Some(filter) => {
                let action = filter.on_request_trailers(&Proxy::default(), self.id);
                self.follow(action)
            }
            None => Action::Pause,
        }
    }
}

/// Panics where a test asks for it. No shipped module holds this.
#[cfg(feature = "test-crash")]
fn crash_when_asked() {
    let headers = Proxy::default().request_headers();
    let asked = headers.values("x-stepup-test-crash").next().is_some();
    assert!(!asked, "a test asked for it");
}

impl Drop for Http {
    fn drop(&mut self) {
        if let Some(filter) = &self.filter {
            filter.on_request_end(&Proxy::default(), self.id);
        }
    }
}

fn callout_answer(headers: usize, body_size: usize, longest: usize) -> CalloutAnswer {
    // Without headers the call failed, and there is no map to read.
    if headers == 0 {
        return CalloutAnswer::none();
    }
    let headers = headers_of(MapType::HttpCallResponseHeaders);
    let body = if body_size > longest {
        Err(longest)
    } else {
        let body = hostcalls::get_buffer(BufferType::HttpCallResponseBody, 0, body_size);
        Ok(body.ok().flatten().unwrap_or_default())
    };
    CalloutAnswer { headers, body }
}

fn headers_of(map: MapType) -> Headers {
    map_pairs(map).map_or_else(Headers::default, Headers::from_proxy)
}

/// The proxy around this VM, during one callback.
#[derive(Default)]
struct Proxy {
    /// The time, once it was asked for.
    now: Cell<Option<Timestamp>>,
}

impl Host for Proxy {
    fn now(&self) -> Timestamp {
        let ask = || {
            let now = hostcalls::get_current_time();
            now.map_or(Timestamp::from_epoch(Duration::ZERO), Timestamp::from)
        };
        let now = self.now.get().unwrap_or_else(ask);
        self.now.set(Some(now));
        now
    }

    fn request_headers(&self) -> Headers {
        headers_of(MapType::HttpRequestHeaders)
    }

    fn request_body(&self, size: usize) -> Option<Vec<u8>> {
        hostcalls::get_buffer(BufferType::HttpRequestBody, 0, size).ok().flatten()
    }

    fn response_headers(&self) -> Headers {
        headers_of(MapType::HttpResponseHeaders)
    }

    fn set_request_header(&self, name: &str, value: Option<&[u8]>) {
        let map = MapType::HttpRequestHeaders;
        let done = match value {
            Some(value) => hostcalls::set_map_value_bytes(map, name, Some(value)),
            None => hostcalls::remove_map_value(map, name),
        };
        if done.is_err() {
            error!("the proxy did not change the request header {name}");
        }
    }

    fn property(&self, path: &[&str]) -> Result<Option<Vec<u8>>, PropertyError> {
        hostcalls::get_property(path.to_vec()).map_err(|_| PropertyError)
    }

    fn call_foreign_function(&self, name: &str, arguments: &[u8]) -> Result<Vec<u8>, NotOffered> {
        match hostcalls::call_foreign_function(name, Some(arguments)) {
            Ok(Some(answer)) => Ok(answer),
            // An empty answer is how a restricted proxy answers what it does not offer.
            Ok(None) | Err(_) => Err(NotOffered),
        }
    }

    fn respond(&self, response: &Response) {
        let headers = response.headers.iter().map(|(name, value)| (*name, value.as_str()));
        let sent = hostcalls::send_http_response(
            u32::from(response.status),
            headers.collect(),
            Some(&response.body),
        );
        if sent.is_err() {
            error!("the proxy did not take the answer; the request stays paused");
        }
    }

    fn resume(&self) {
        if hostcalls::resume_http_request().is_err() {
            error!("the proxy did not resume the request; it stays paused");
        }
    }

    fn enter(&self, RequestId(id): RequestId) -> Result<(), Ended> {
        hostcalls::set_effective_context(id).map_err(|_| Ended)
    }

    fn call(&self, callout: &Callout<'_>) -> Result<CallId, NotOffered> {
        let body = (!callout.body.is_empty()).then_some(callout.body);
        hostcalls::dispatch_http_call(
            callout.cluster,
            callout.headers.clone(),
            body,
            Vec::new(),
            callout.timeout,
        )
        .map(CallId)
        .map_err(|_| NotOffered)
    }

    fn shared(&self, key: &str) -> Option<(Vec<u8>, SharedVersion)> {
        match hostcalls::get_shared_data(key) {
            Ok((Some(value), Some(version))) => Some((value, SharedVersion(version))),
            _ => None,
        }
    }

    fn set_shared(
        &self,
        key: &str,
        value: &[u8],
        version: Option<SharedVersion>,
    ) -> Result<(), Outdated> {
        hostcalls::set_shared_data(key, Some(value), version.map(|SharedVersion(cas)| cas))
            .map_err(|_| Outdated)
    }

    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn create_shared(&self, key: &str, value: &[u8]) -> Result<(), Outdated> {
        /// The proxy counts versions up from one, and compares them only where there is a value:
        /// one that none ever has lets a first value through, and no other.
        const NONE_HAS_IT: SharedVersion = SharedVersion(u32::MAX);
        self.set_shared(key, value, Some(NONE_HAS_IT))
    }

    fn set_tick_period(&self, period: Duration) {
        if hostcalls::set_tick_period(period).is_err() {
            error!("the proxy does not tick; keys will not be refreshed");
        }
    }

    fn request_trailers(&self) -> Headers {
        headers_of(MapType::HttpRequestTrailers)
    }

    fn remove_request_trailer(&self, name: &str) {
        if hostcalls::remove_map_value(MapType::HttpRequestTrailers, name).is_err() {
            error!("the proxy did not remove the request trailer {name}");
        }
    }

    fn audit(&self, line: &str) {
        info!("audit {line}");
    }

    fn set_filter_state(&self, name: &str, value: &str) {
        // A value that is not kept is missing in the access log, and no reason to fail a request.
        let _ = hostcalls::set_property(vec![name], Some(value.as_bytes()));
    }

    fn count(&self, counter: Counter) {
        COUNTERS.with(|counters| counters.add(counter));
    }

    fn define_metric(&self, kind: MetricKind, name: &str) -> Option<MetricId> {
        let kind = match kind {
            MetricKind::Counter => MetricType::Counter,
            MetricKind::Gauge => MetricType::Gauge,
            MetricKind::Histogram => MetricType::Histogram,
        };
        hostcalls::define_metric(kind, name).ok().map(MetricId)
    }

    fn add_to_metric(&self, MetricId(id): MetricId, by: i64) {
        let _ = hostcalls::increment_metric(id, by);
    }

    fn record_metric(&self, MetricId(id): MetricId, value: u64) {
        let _ = hostcalls::record_metric(id, value);
    }
}

thread_local! {
    static COUNTERS: Counters = const { Counters::new() };
}

/// What was counted since the last tick. A call to the proxy for each count would cost a request more
/// than the look into the cache that it counts.
struct Counters {
    /// The proxy's ids, in the order of [`Counter::ALL`].
    ids: RefCell<Vec<u32>>,
    counts: [Cell<u16>; Counter::ALL.len()],
}

impl Counters {
    const fn new() -> Self {
        Self { ids: RefCell::new(Vec::new()), counts: [const { Cell::new(0) }; Counter::ALL.len()] }
    }

    /// Makes the counters known to the proxy, which gives the same ids each time.
    fn define(&self) {
        let define =
            |counter: &Counter| hostcalls::define_metric(MetricType::Counter, counter.name()).ok();
        self.ids.replace(Counter::ALL.iter().map_while(define).collect());
    }

    fn add(&self, counter: Counter) {
        let place = Counter::ALL.iter().position(|other| *other == counter);
        let Some(count) = place.and_then(|place| self.counts.get(place)) else { return };
        count.set(count.get().saturating_add(1));
        if count.get() == u16::MAX {
            self.tell();
        }
    }

    /// Tells the proxy.
    fn tell(&self) {
        for (count, id) in self.counts.iter().zip(&*self.ids.borrow()) {
            let count = count.take();
            if count > 0 {
                // A count that is lost is no reason to fail a request.
                let _ = hostcalls::increment_metric(*id, i64::from(count));
            }
        }
    }
}
