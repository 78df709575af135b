//! What one filter counts and measures by names of its configuration.

use std::cell::Cell;
use std::time::Duration;

use super::label::labels;
use super::record;
use super::tally::Tally;
use crate::host::{Host, MetricId, MetricKind};
use crate::policy::{Mode, Policy, PolicySet, Raise};
use crate::report::Reason;
use crate::time::Moment;

/// How many policies have counts of their own. The others share one: what a proxy is scraped for should
/// not grow with a configuration that a program wrote.
const MOST_POLICIES: usize = 100;
/// How many raises have counts of their own.
const MOST_RAISES: usize = 200;
/// One decision in so many is timed: reading the clock costs about as much as what it times.
const TIMED: u8 = 64;
/// How often the proxy is told.
const PERIOD: Duration = Duration::from_secs(1);
const MODES: [Mode; 2] = [Mode::Enforce, Mode::Shadow];

/// What a filter counts and measures beside the [`Counter`](super::Counter)s.
#[derive(Debug)]
pub(crate) struct Metrics {
    decisions: Tally,
    /// One for each policy, then one for the others, and one for requests without a policy.
    policies: Vec<String>,
    raises: Tally,
    /// The policy and the raise, for each raise; then one for the others.
    raise_names: Vec<(String, String)>,
    decision_time: Option<MetricId>,
    wait_time: Option<MetricId>,
    untimed: Cell<u8>,
    /// Gauges that are 1 while this filter runs.
    facts: Vec<MetricId>,
    tokens: Option<MetricId>,
    tokens_told: Cell<usize>,
    told_at: Cell<Option<Moment>>,
}

impl Metrics {
    pub(crate) fn new(set: &PolicySet, host: &dyn Host) -> Self {
        let policies = &set.policies;
        let names = labels(policies.iter().take(MOST_POLICIES).map(|policy| &*policy.name));
        let name_of = |policy: usize| names.get(policy).map_or(OTHER, String::as_str);
        let mut raise_names = Vec::new();
        for (number, policy) in policies.iter().enumerate() {
            let raises = labels(policy.raises.iter().map(|raise| &*raise.name));
            raise_names.extend(raises.into_iter().map(|raise| (name_of(number).to_owned(), raise)));
        }
        raise_names.truncate(MOST_RAISES);
        raise_names.push((OTHER.to_owned(), OTHER.to_owned()));
        let mut facts = vec![
            concat!("stepup.build_info.version.", env!("CARGO_PKG_VERSION")).to_owned(),
            format!("stepup.config_info.configuration.{}", set.version),
        ];
        let in_shadow = |policy: &&Policy| set.mode == Mode::Shadow || policy.mode == Mode::Shadow;
        facts.extend(
            policies.iter().filter(in_shadow).map(|policy| {
                format!("stepup.shadow_policies.policy.{}", name_of(policy.number()))
            }),
        );
        facts.dedup();
        let gauge = |name: &String| host.define_metric(MetricKind::Gauge, name);
        let facts = facts.iter().filter_map(gauge).collect();
        let mut policies = names;
        policies.extend([OTHER.to_owned(), NONE.to_owned()]);
        Self {
            decisions: Tally::new(policies.len().saturating_mul(SERIES_OF_POLICY)),
            policies,
            raises: Tally::new(raise_names.len().saturating_mul(SERIES_OF_RAISE)),
            raise_names,
            decision_time: host
                .define_metric(MetricKind::Histogram, "stepup.decision_microseconds"),
            wait_time: host.define_metric(MetricKind::Histogram, "stepup.wait_milliseconds"),
            untimed: Cell::new(0),
            facts,
            tokens: host.define_metric(MetricKind::Gauge, "stepup.token_cache.tokens"),
            tokens_told: Cell::new(0),
            told_at: Cell::new(None),
        }
    }

    /// Counts a decision over a request of this policy; `None` for one that was refused before any was
    /// selected.
    pub(crate) fn decided(&self, policy: Option<&Policy>, mode: Mode, reason: Reason) {
        let none = self.policies.len().saturating_sub(1);
        let other = none.saturating_sub(1);
        let policy = policy.map_or(none, |policy| policy.number().min(other));
        let place = policy
            .saturating_mul(MODES.len())
            .saturating_add(usize::from(mode == Mode::Shadow))
            .saturating_mul(Reason::ALL.len())
            .saturating_add(Reason::ALL.iter().position(|other| *other == reason).unwrap_or(0));
        self.decisions.count(place);
    }

    /// Counts a raise that fires, or would.
    pub(crate) fn raised(&self, raise: &Raise, mode: Mode, is_in_doubt: bool) {
        let other = self.raise_names.len().saturating_sub(1);
        let place = raise
            .number()
            .min(other)
            .saturating_mul(MODES.len())
            .saturating_add(usize::from(mode == Mode::Shadow))
            .saturating_mul(2)
            .saturating_add(usize::from(is_in_doubt));
        self.raises.count(place);
    }

    /// When a decision begins, where this one is timed.
    pub(crate) fn begin(&self, host: &dyn Host) -> Option<Moment> {
        let untimed = self.untimed.get();
        self.untimed.set(untimed.checked_sub(1).unwrap_or(TIMED.saturating_sub(1)));
        (untimed == 0).then(|| host.moment())
    }

    /// Tells how long a decision took that began then.
    pub(crate) fn took(&self, begun: Moment, host: &dyn Host) {
        let time = host.moment().since(begun).unwrap_or_default();
        // To the nearest.
        let microseconds = time.saturating_add(Duration::from_nanos(500)).as_micros();
        record(self.decision_time, u64::try_from(microseconds).unwrap_or(u64::MAX), host);
    }

    /// Tells how long a request waited.
    pub(crate) fn waited(&self, time: Duration, host: &dyn Host) {
        record(self.wait_time, u64::try_from(time.as_millis()).unwrap_or(u64::MAX), host);
    }

    /// Whether it is time to tell the proxy how things stand.
    pub(crate) fn is_time(&self, now: Moment) -> bool {
        let told_at = self.told_at.get().and_then(|told_at| now.since(told_at));
        let is_time = told_at.is_none_or(|passed| passed >= PERIOD);
        if is_time {
            self.told_at.set(Some(now));
        }
        is_time
    }

    /// Tells the proxy what was counted, and how things stand.
    pub(crate) fn tell(&self, tokens: usize, host: &dyn Host) {
        self.tell_counts(tokens, host);
        for fact in &self.facts {
            host.record_metric(*fact, 1);
        }
    }

    /// Tells the proxy what was counted, and that this filter runs no more. Others of the same
    /// configuration, if there are, tell of it again.
    pub(crate) fn retire(&self, host: &dyn Host) {
        self.tell_counts(0, host);
        for fact in &self.facts {
            host.record_metric(*fact, 0);
        }
    }

    fn tell_counts(&self, tokens: usize, host: &dyn Host) {
        self.decisions.tell(host, |place| self.decision_name(place));
        self.raises.tell(host, |place| self.raise_name(place));
        // Workers have tokens of their own, and share the gauge: each tells what changed with it.
        let told = self.tokens_told.replace(tokens);
        let signed = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        let change = signed(tokens).saturating_sub(signed(told));
        if let Some(gauge) = self.tokens
            && change != 0
        {
            host.add_to_metric(gauge, change);
        }
    }

    fn decision_name(&self, place: usize) -> String {
        let (place, reason) = split(place, Reason::ALL.len());
        let (policy, mode) = split(place, MODES.len());
        let reason = Reason::ALL.get(reason);
        format!(
            "stepup.decisions.policy.{}.mode.{}.outcome.{}.reason.{}",
            self.policies.get(policy).map_or(OTHER, String::as_str),
            MODES.get(mode).map_or(OTHER, |mode| mode.as_str()),
            reason.map_or(OTHER, |reason| reason.outcome().as_str()),
            reason.map_or(OTHER, |reason| reason.as_str()),
        )
    }

    fn raise_name(&self, place: usize) -> String {
        let (place, is_in_doubt) = split(place, 2);
        let (raise, mode) = split(place, MODES.len());
        let (policy, raise) =
            self.raise_names.get(raise).map_or((OTHER, OTHER), |(policy, raise)| (policy, raise));
        let mode = MODES.get(mode).map_or(OTHER, |mode| mode.as_str());
        let outcome = if is_in_doubt == 0 { "fired" } else { "in_doubt" };
        format!("stepup.raises.policy.{policy}.raise.{raise}.mode.{mode}.outcome.{outcome}")
    }
}

/// What stands for the names beyond the bound.
const OTHER: &str = "other";
/// What stands for no policy.
const NONE: &str = "none";
const SERIES_OF_POLICY: usize = MODES.len().saturating_mul(Reason::ALL.len());
const SERIES_OF_RAISE: usize = MODES.len().saturating_mul(2);

fn split(place: usize, by: usize) -> (usize, usize) {
    (place.checked_div(by).unwrap_or_default(), place.checked_rem(by).unwrap_or_default())
}
