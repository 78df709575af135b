//! The seam between the filter and the proxy.
//!
//! [`Host`] is all that the filter asks of a proxy. [`memory`] answers it from memory, for tests
//! and for the command; `proxy` answers it from Envoy. It and `raw` are the only files that name the
//! SDK.

#[cfg(not(target_family = "wasm"))]
pub mod memory;
#[cfg(target_family = "wasm")]
mod proxy;
#[cfg(target_family = "wasm")]
mod raw;
pub mod value;

use std::net::SocketAddr;
use std::time::Duration;

use crate::challenge::Response;
use crate::report::Counter;
use crate::request::Headers;
use crate::time::{Moment, Timestamp};

#[cfg(target_family = "wasm")]
pub(crate) use proxy::start;

/// What the proxy offers to the filter.
pub trait Host {
    /// The proxy's wall clock, for what tokens state. It can be set at any time, but one callback sees
    /// one time.
    fn now(&self) -> Timestamp;

    /// The clock for how much time has passed. Nobody sets it. A module reads it by WASI, where it
    /// is the same clock for all workers of a process.
    fn moment(&self) -> Moment {
        let start = coarsetime::Instant::from_ticks(0);
        Moment::from_start(coarsetime::Instant::now().duration_since(start).into())
    }

    /// The request's headers, pseudo-headers included, in one call.
    fn request_headers(&self) -> Headers;

    /// The first `size` bytes of the request's body, as far as the proxy holds it back; `None` when it
    /// does not hand it out.
    fn request_body(&self, size: usize) -> Option<Vec<u8>>;

    /// The response's headers, `:status` included, in one call; none before there is a response.
    fn response_headers(&self) -> Headers;

    /// Replaces all values of a request header, or removes it with `None`.
    fn set_request_header(&self, name: &str, value: Option<&[u8]>);

    /// The request's trailers, in one call; none before there are any.
    fn request_trailers(&self) -> Headers;

    /// Removes all values of a request trailer.
    fn remove_request_trailer(&self, name: &str);

    /// Reads one property (an Envoy "attribute") as raw bytes.
    ///
    /// # Errors
    /// When the proxy knows the property but cannot hand it out, for example because it is null.
    fn property(&self, path: &[&str]) -> Result<Option<Vec<u8>>, PropertyError>;

    /// Calls a function that the proxy offers by name.
    ///
    /// # Errors
    /// When the proxy does not offer the function, or refuses the arguments.
    fn call_foreign_function(&self, name: &str, arguments: &[u8]) -> Result<Vec<u8>, NotOffered>;

    /// Ends the request with this answer. Nothing reaches the upstream.
    fn respond(&self, response: &Response);

    /// Lets a request go on that was made to wait.
    fn resume(&self);

    /// Makes this request the one that the calls above are about. To be called outside of a
    /// request's own callback only.
    ///
    /// # Errors
    /// When the request has ended.
    fn enter(&self, request: RequestId) -> Result<(), Ended>;

    /// Sends a request of the filter's own through one of the proxy's clusters. The answer comes to
    /// the context whose callback this is called in.
    ///
    /// # Errors
    /// When the proxy has no such cluster, or does not take the call.
    fn call(&self, callout: &Callout<'_>) -> Result<CallId, NotOffered>;

    /// Reads a value that the workers of this process share, and its version.
    fn shared(&self, key: &str) -> Option<(Vec<u8>, SharedVersion)>;

    /// Writes a value that the workers of this process share, if it still has this version. With
    /// `None` it is written whatever is there: that is for a first value only, while the filter is
    /// being configured, which the main thread does before any worker.
    ///
    /// # Errors
    /// When another worker was faster.
    fn set_shared(
        &self,
        key: &str,
        value: &[u8],
        version: Option<SharedVersion>,
    ) -> Result<(), Outdated>;

    /// An environment variable that the proxy passes to the filter; `None` also for one that is no
    /// text.
    fn variable(&self, name: &str) -> Option<String>;

    /// Writes a value that the workers of this process share, where there is none yet.
    ///
    /// # Errors
    /// When there is one.
    fn create_shared(&self, key: &str, value: &[u8]) -> Result<(), Outdated>;

    /// Asks for a call of the filter's tick in this interval from now on.
    fn set_tick_period(&self, period: Duration);

    /// Writes the record of a decision, one object of JSON, to where the operator collects them.
    fn audit(&self, line: &str);

    /// Leaves a value where the proxy's access log finds it, as `wasm.` and its name.
    fn set_filter_state(&self, name: &str, value: &str);

    /// Adds one to a counter. The proxy shows it after the next tick.
    fn count(&self, counter: Counter);

    /// Makes a metric known to the proxy, which gives the same id for a name each time. `None` where it
    /// takes none.
    fn define_metric(&self, kind: MetricKind, name: &str) -> Option<MetricId>;

    /// Adds to a counter or a gauge. A metric that is lost is no reason to fail a request.
    fn add_to_metric(&self, metric: MetricId, by: i64);

    /// Sets a gauge, or gives a histogram one more value.
    fn record_metric(&self, metric: MetricId, value: u64);
}

/// Where the request comes from, as the proxy sees it; `None` for a pipe or an internal listener, which
/// have no address.
///
/// # Errors
/// When what the proxy tells is no text.
pub fn source_address(host: &dyn Host) -> Result<Option<SocketAddr>, PropertyError> {
    let Some(bytes) = host.property(&["source", "address"]).ok().flatten() else {
        return Ok(None);
    };
    let text = value::text(&bytes).ok_or(PropertyError)?;
    Ok(text.parse().ok())
}

/// How often a shared value is read and written again. Each time that a write fails, another worker
/// has written the same value, which none does this often in a row.
pub const SHARED_TRIES: usize = 16;

/// Writes what `change` makes of a shared value, if anything, whatever other workers write beside. It
/// gets no bytes where there is no value yet.
///
/// # Errors
/// What `change` finds wrong, and [`Outdated`] when other workers were faster each time.
pub fn update_shared<E: From<Outdated>>(
    host: &dyn Host,
    key: &str,
    mut change: impl FnMut(&[u8]) -> Result<Option<Vec<u8>>, E>,
) -> Result<(), E> {
    for _ in 0..SHARED_TRIES {
        let found = host.shared(key);
        let value = found.as_ref().map(|(value, _)| value.as_slice()).unwrap_or_default();
        let Some(value) = change(value)? else { return Ok(()) };
        let written = match found {
            Some((_, version)) => host.set_shared(key, &value, Some(version)),
            None => host.create_shared(key, &value),
        };
        if written.is_ok() {
            return Ok(());
        }
    }
    Err(Outdated.into())
}

/// A request of the filter's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callout<'a> {
    /// The proxy's cluster that it goes through.
    pub cluster: &'a str,
    /// Its headers, pseudo-headers included.
    pub headers: Vec<(&'a str, &'a str)>,
    /// Its body; empty for none.
    pub body: &'a [u8],
    /// How long the proxy waits for the answer.
    pub timeout: Duration,
}

/// What came back for a [`Callout`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CalloutAnswer {
    /// The headers, `:status` included; none when the call failed.
    pub headers: Headers,
    /// The body; `Err` with the most bytes that are taken, when it is longer.
    pub body: Result<Vec<u8>, usize>,
}

impl CalloutAnswer {
    /// The longest body that is taken where nothing else is said, in bytes.
    pub const MAX_BODY: usize = 512 * 1024;

    /// What stands for an answer when the call failed.
    pub fn none() -> Self {
        Self { headers: Headers::default(), body: Ok(Vec::new()) }
    }

    /// The body of a successful answer.
    ///
    /// # Errors
    /// What was wrong, for the operator.
    pub fn success(&self) -> Result<&[u8], String> {
        let status = self.headers.single(":status").unwrap_or_default();
        if status != b"200" {
            return Err(match status {
                b"" => "no answer".to_owned(),
                // The proxy answers a call that it cannot send with a 503 of its own.
                b"503" => {
                    "status 503, which is the proxy's own where it does not reach the cluster: \
                           look at cluster.NAME.upstream_cx_connect_fail and \
                           cluster.NAME.ssl.fail_verify_* in its statistics"
                        .to_owned()
                }
                status => format!("status {}", String::from_utf8_lossy(status)),
            });
        }
        self.body.as_deref().map_err(|longest| format!("a body of more than {longest} bytes"))
    }
}

/// Which request of the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u32);

/// What a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricKind {
    /// It only grows.
    Counter,
    /// It goes up and down. The workers share it.
    Gauge,
    /// How values are spread.
    Histogram,
}

/// Which metric of the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MetricId(pub u32);

/// Which call of [`Host::call`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallId(pub u32);

/// A version of a shared value. It changes with every write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SharedVersion(pub u32);

/// The proxy could not hand out a property.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PropertyError;

/// The proxy does not offer what was asked for, or did not answer it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotOffered;

impl NotOffered {
    /// What an operator is told where a call through this cluster is not taken.
    pub(crate) fn no_cluster(cluster: &str) -> String {
        format!(
            "the proxy has no usable cluster {cluster:?}: it has none of this name, or knows no \
             address of its host"
        )
    }
}

/// The request has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended;

/// A shared value was written by another worker in the meantime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outdated;
