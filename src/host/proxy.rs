//! The proxy-wasm adapter: the only file that names the SDK.
//!
//! It uses the SDK's `hostcalls`. The getters of the SDK's traits panic on bytes that are not
//! UTF-8, and a client can send such bytes.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use log::error;
use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, BufferType, ContextType, LogLevel, MapType, MetricType};

use super::{
    CallId, Callout, CalloutAnswer, Ended, Host, NotOffered, Outdated, PropertyError, RequestId,
    SharedVersion,
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
            let answer = callout_answer(headers, body_size);
            filter.on_key_answer(&Proxy, CallId(call), &answer);
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

impl RootContext for Root {
    fn on_configure(&mut self, size: usize) -> bool {
        follow_log_level();
        define_counters();
        let bytes = hostcalls::get_buffer(BufferType::PluginConfiguration, 0, size);
        match Filter::new(&bytes.ok().flatten().unwrap_or_default(), &Proxy) {
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
            filter.on_tick(&Proxy);
            self.leave_requests();
        }
    }

    fn create_http_context(&self, id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Http { id: RequestId(id), filter: self.filter.clone() }))
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
}

impl Context for Http {}

impl HttpContext for Http {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        #[cfg(feature = "test-crash")]
        crash_when_asked();
        let action = match &self.filter {
            Some(filter) => filter.on_request_headers(&Proxy, self.id),
            // The proxy makes no request context before a configuration was accepted. Should one
            // do so, nothing may pass.
            None => filter::refuse_unconfigured(&Proxy),
        };
        match action {
            filter::Action::Continue => Action::Continue,
            filter::Action::Answered | filter::Action::Wait => Action::Pause,
        }
    }
}

/// Panics where a test asks for it. No shipped module holds this.
#[cfg(feature = "test-crash")]
fn crash_when_asked() {
    let headers = hostcalls::get_map_bytes(MapType::HttpRequestHeaders).unwrap_or_default();
    let asked = headers.iter().any(|(name, _)| name == "x-stepup-test-crash");
    assert!(!asked, "a test asked for it");
}

impl Drop for Http {
    fn drop(&mut self) {
        if let Some(filter) = &self.filter {
            filter.on_request_end(self.id);
        }
    }
}

fn callout_answer(headers: usize, body_size: usize) -> CalloutAnswer {
    // Without headers the call failed, and there is no map to read.
    if headers == 0 {
        return CalloutAnswer::default();
    }
    let pairs = hostcalls::get_map_bytes(MapType::HttpCallResponseHeaders).unwrap_or_default();
    let body = (body_size <= CalloutAnswer::MAX_BODY).then(|| {
        let body = hostcalls::get_buffer(BufferType::HttpCallResponseBody, 0, body_size);
        body.ok().flatten().unwrap_or_default()
    });
    CalloutAnswer { headers: Headers::new(pairs), body }
}

/// The proxy around this VM.
struct Proxy;

impl Host for Proxy {
    fn now(&self) -> Timestamp {
        hostcalls::get_current_time().map_or(Timestamp::from_epoch(Duration::ZERO), Timestamp::from)
    }

    fn request_headers(&self) -> Headers {
        Headers::new(hostcalls::get_map_bytes(MapType::HttpRequestHeaders).unwrap_or_default())
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

    fn count(&self, counter: Counter) {
        let index = Counter::ALL.iter().position(|other| *other == counter);
        let id = COUNTERS.with_borrow(|ids| index.and_then(|index| ids.get(index).copied()));
        if let Some(id) = id {
            // A count that is lost is no reason to fail a request.
            let _ = hostcalls::increment_metric(id, 1);
        }
    }
}

thread_local! {
    /// The proxy's ids of the counters, in the order of [`Counter::ALL`].
    static COUNTERS: RefCell<Vec<u32>> = const { RefCell::new(Vec::new()) };
}

/// Makes the counters known to the proxy, which gives the same ids each time.
fn define_counters() {
    let define =
        |counter: &Counter| hostcalls::define_metric(MetricType::Counter, counter.name()).ok();
    COUNTERS.set(Counter::ALL.iter().map_while(define).collect());
}
