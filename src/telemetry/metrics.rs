//! The metrics: one table of names and what they mean, so that docs, dashboards and code cannot drift apart.

use super::log::TelemetryError;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

/// Labels `kind` (tokens, token_expiring, pipeline, job, comment, ignored) and `result` (heeded, put_off, no_use).
pub const NOTICES: &str = "rekey_notices_total";
/// Labels `endpoint` and `result` (accepted, duplicate, unauthenticated, malformed, too_big, busy).
pub const INBOUND: &str = "rekey_inbound_requests_total";
/// Labels `action` and `result` (done, failed, or why it was refused).
pub const CLICKS: &str = "rekey_clicks_total";
/// Label `phase`.
pub const ACTIVE_ROTATIONS: &str = "rekey_rotations";
/// No labels: one number to alert on.
pub const STUCK: &str = "rekey_rotations_stuck";
/// Labels `effect` and `result` (moved, later, trouble, stopped).
pub const EFFECTS: &str = "rekey_effects_total";
/// Label `effect`.
pub const EFFECT_SECONDS: &str = "rekey_effect_seconds";
/// No labels.
pub const CUSTODY_SECONDS: &str = "rekey_custody_seconds";
/// No labels.
pub const WORKER_LAG_SECONDS: &str = "rekey_worker_lag_seconds";
/// Label `token`.
pub const TOKEN_EXPIRES: &str = "rekey_token_expires_timestamp_seconds";
/// Label `state` (ok, near, expired, endless, missing, unseen).
pub const MANAGED_TOKENS: &str = "rekey_managed_tokens";
/// Label `part`: scan, inbox, worker, clicks, comments, measures, slack_socket, discord_gateway.
pub const LAST_SUCCESS: &str = "rekey_last_success_timestamp_seconds";
/// Label `part`, as [`LAST_SUCCESS`].
pub const FAILURES: &str = "rekey_failures_total";
/// Label `endpoint`.
pub const INBOUND_LAST_SUCCESS: &str = "rekey_inbound_last_success_timestamp_seconds";
/// Label `host`.
pub const OUTBOUND_LAST_SUCCESS: &str = "rekey_outbound_last_success_timestamp_seconds";
/// Labels `host` and `why` (connection, timeout, status: 500 and above).
pub const OUTBOUND_FAILURES: &str = "rekey_outbound_failures_total";
/// Label `host`.
pub const CLOCK_SKEW_SECONDS: &str = "rekey_clock_skew_seconds";
/// Label `token`.
pub const TOKEN_DAYS_LEFT: &str = "rekey_token_days_left";
/// Labels `host` and `status`.
pub const OUTBOUND: &str = "rekey_outbound_requests_total";
/// No labels.
pub const SLACK_SOCKETS: &str = "rekey_slack_sockets";

/// How a metric moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only up.
    Counter,
    /// Up and down.
    Gauge,
    /// How often a value fell where.
    Histogram,
}

/// A metric and its meaning.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// As Prometheus knows it.
    pub name: &'static str,
    /// How it moves.
    pub kind: Kind,
    /// For whoever reads a dashboard.
    pub help: &'static str,
}

/// All of them.
pub const METRICS: &[Metric] = &[
    Metric { name: NOTICES, kind: Kind::Counter, help: "Notices that a token needs attention, by source and result." },
    Metric { name: INBOUND, kind: Kind::Counter, help: "Requests to our endpoints, by what became of them." },
    Metric { name: CLICKS, kind: Kind::Counter, help: "Clicks and commands of people, by action and result." },
    Metric { name: ACTIVE_ROTATIONS, kind: Kind::Gauge, help: "Rotations that are not closed, by phase." },
    Metric { name: STUCK, kind: Kind::Gauge, help: "Rotations that wait for a person to mend something." },
    Metric { name: EFFECTS, kind: Kind::Counter, help: "Steps taken in the world outside, by kind and result." },
    Metric { name: EFFECT_SECONDS, kind: Kind::Histogram, help: "How long a step in the world outside took." },
    Metric {
        name: CUSTODY_SECONDS,
        kind: Kind::Histogram,
        help: "How long a new value was in memory until all stores held it.",
    },
    Metric { name: WORKER_LAG_SECONDS, kind: Kind::Gauge, help: "How long the oldest due step has been waiting." },
    Metric { name: TOKEN_DAYS_LEFT, kind: Kind::Gauge, help: "Days until a managed token expires." },
    Metric { name: TOKEN_EXPIRES, kind: Kind::Gauge, help: "When a managed token expires, as last seen." },
    Metric { name: MANAGED_TOKENS, kind: Kind::Gauge, help: "Managed tokens, by state." },
    Metric { name: LAST_SUCCESS, kind: Kind::Gauge, help: "When a loop or a connection last did its work." },
    Metric { name: FAILURES, kind: Kind::Counter, help: "How often a loop or a connection failed." },
    Metric { name: INBOUND_LAST_SUCCESS, kind: Kind::Gauge, help: "When somebody genuine last came in." },
    Metric { name: OUTBOUND_LAST_SUCCESS, kind: Kind::Gauge, help: "When a host last answered, below 500." },
    Metric { name: OUTBOUND_FAILURES, kind: Kind::Counter, help: "Requests that we sent and that failed, by why." },
    Metric { name: CLOCK_SKEW_SECONDS, kind: Kind::Gauge, help: "How far our clock is ahead of a host's." },
    Metric { name: SLACK_SOCKETS, kind: Kind::Gauge, help: "Open connections to Slack, in socket mode." },
    Metric { name: OUTBOUND, kind: Kind::Counter, help: "Requests that we sent, by host and status." },
];

/// Now, as gauges of moments count it. These are for whoever watches the process from outside, by real time.
pub fn seconds_now() -> f64 {
    std::time::SystemTime::UNIX_EPOCH.elapsed().map_or(0.0, |since| since.as_secs_f64())
}

/// A part of the bot did its work.
pub fn succeeded(part: &'static str) {
    metrics::gauge!(LAST_SUCCESS, "part" => part).set(seconds_now());
}

/// A part of the bot could not do its work.
pub fn failed(part: &'static str) {
    metrics::counter!(FAILURES, "part" => part).increment(1);
}

/// Notes what became of a part's turn.
pub fn noted<T, E>(part: &'static str, outcome: Result<T, E>) -> Result<T, E> {
    match &outcome {
        Ok(_) => succeeded(part),
        Err(_) => failed(part),
    }
    outcome
}

/// Somebody genuine came in.
pub fn came_in(endpoint: &'static str) {
    metrics::gauge!(INBOUND_LAST_SUCCESS, "endpoint" => endpoint).set(seconds_now());
}

const SECONDS: &[f64] = &[0.005, 0.02, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// The recorder's other end.
#[derive(Clone)]
pub struct Metrics(PrometheusHandle);

impl Metrics {
    /// Everything measured so far, in Prometheus' text format.
    pub fn render(&self) -> String {
        self.0.run_upkeep();
        self.0.render()
    }
}

/// Starts recording for the whole process.
pub fn install_metrics() -> Result<Metrics, TelemetryError> {
    let refused = |error: metrics_exporter_prometheus::BuildError| TelemetryError::Metrics(error.to_string());
    let builder = PrometheusBuilder::new();
    let builder = builder.set_buckets_for_metric(Matcher::Suffix("_seconds".into()), SECONDS).map_err(refused)?;
    let recorder = builder.build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder).map_err(|_| TelemetryError::Twice("the metrics recorder"))?;
    METRICS.iter().for_each(describe);
    Ok(Metrics(handle))
}

fn describe(metric: &Metric) {
    match metric.kind {
        Kind::Counter => metrics::describe_counter!(metric.name, metric.help),
        Kind::Gauge => metrics::describe_gauge!(metric.name, metric.help),
        Kind::Histogram => metrics::describe_histogram!(metric.name, metric.help),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_is_in_the_documentation() {
        let docs = include_str!("../../docs/metrics.md");
        for metric in METRICS {
            assert!(docs.contains(&format!("| `{}` |", metric.name)), "{}", metric.name);
        }
    }

    #[test]
    fn what_is_counted_is_rendered_with_its_meaning_and_a_second_recorder_is_refused() {
        let recorded = install_metrics().unwrap();
        metrics::counter!(NOTICES, "kind" => "mail", "result" => "opened").increment(2);
        metrics::histogram!(EFFECT_SECONDS, "effect" => "mint").record(0.3);
        let text = recorded.render();
        assert!(text.contains(r#"rekey_notices_total{kind="mail",result="opened"} 2"#), "{text}");
        assert!(text.contains("# HELP rekey_notices_total Notices that a token needs attention"), "{text}");
        assert!(text.contains(r#"rekey_effect_seconds_bucket{effect="mint",le="0.5"} 1"#), "{text}");
        assert!(install_metrics().is_err());
    }
}
