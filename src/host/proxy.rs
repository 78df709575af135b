//! The proxy-wasm adapter: the only file that names the SDK.
//!
//! It uses the SDK's `hostcalls`. The getters of the SDK's traits panic on bytes that are not
//! UTF-8, and a client can send such bytes.

use std::rc::Rc;

use log::error;
use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, BufferType, ContextType, LogLevel, MapType};

use super::{Host, NotOffered, PropertyError};
use crate::challenge::Response;
use crate::filter::{self, Filter};
use crate::request::Headers;
use crate::time::Timestamp;

/// Registers the filter with the proxy.
pub(crate) fn start() {
    proxy_wasm::set_log_level(LogLevel::Trace);
    proxy_wasm::set_root_context(|_| Box::new(Root::default()));
}

/// One VM's copy of a configured filter.
#[derive(Default)]
struct Root {
    filter: Option<Rc<Filter>>,
}

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, size: usize) -> bool {
        // Logging below the proxy's own level would be formatted for nothing.
        if let Ok(level) = hostcalls::get_log_level() {
            proxy_wasm::set_log_level(level);
        }
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

    fn create_http_context(&self, _: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Http { filter: self.filter.clone() }))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

/// One request.
struct Http {
    filter: Option<Rc<Filter>>,
}

impl Context for Http {}

impl HttpContext for Http {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        let action = match &self.filter {
            Some(filter) => filter.on_request_headers(&Proxy),
            // The proxy makes no request context before a configuration was accepted. Should one
            // do so, nothing may pass.
            None => filter::refuse_unconfigured(&Proxy),
        };
        match action {
            filter::Action::Continue => Action::Continue,
            filter::Action::Answered => Action::Pause,
        }
    }
}

/// The proxy around this VM.
struct Proxy;

impl Host for Proxy {
    fn now(&self) -> Timestamp {
        hostcalls::get_current_time()
            .map_or(Timestamp::from_epoch(std::time::Duration::ZERO), Timestamp::from)
    }

    fn request_headers(&self) -> Headers {
        Headers::new(hostcalls::get_map_bytes(MapType::HttpRequestHeaders).unwrap_or_default())
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
}
