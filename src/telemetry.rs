//! What the bot says about itself: log lines, metrics, and what happens on a panic. The last line of defence against
//! a secret in any of them is here: every log line is masked as a whole before it is written.

mod log;
mod masked;
mod metrics;

pub use log::{LogFormat, LogSettings, TelemetryError, env_filter, start_logging, subscriber};
pub use masked::Masked;
pub use metrics::{
    ACTIVE_ROTATIONS, CLICKS, CLOCK_SKEW_SECONDS, CUSTODY_SECONDS, DOUBTED_ROWS, EFFECT_SECONDS, EFFECTS, FAILURES,
    INBOUND, INBOUND_LAST_SUCCESS, Kind, LAST_SUCCESS, MANAGED_TOKENS, METRICS, Metric, Metrics, NOTICES, OUTBOUND,
    OUTBOUND_FAILURES, OUTBOUND_LAST_SUCCESS, SLACK_SOCKETS, STUCK, TOKEN_DAYS_LEFT, TOKEN_EXPIRES, WORKER_LAG_SECONDS,
    came_in, failed, install_metrics, noted, seconds_now, succeeded,
};

use crate::secret::hide;
use std::panic::PanicHookInfo;

/// From now on a panic leaves one masked log line with its place, and no text on standard error.
pub fn install_panic_hook() {
    std::panic::set_hook(Box::new(|panic| {
        tracing::error!(target: "rekey::panic", "{}", describe(panic));
    }));
}

fn describe(panic: &PanicHookInfo<'_>) -> String {
    let payload = panic.payload_as_str().unwrap_or("no message");
    let place = panic.location().map_or_else(|| "an unknown place".into(), ToString::to_string);
    format!("a defect in rekey at {place}: {}", hide(payload))
}
