//! What every exchange tells of a host: that it answers, how often it does not, and what time it thinks it is.

use super::Api;
use super::error::Failure;
use crate::telemetry::{CLOCK_SKEW_SECONDS, OUTBOUND, OUTBOUND_FAILURES, OUTBOUND_LAST_SUCCESS, seconds_now};
use jiff::Timestamp;

impl Api {
    /// What every answer tells of the host, whatever it says.
    pub(super) fn heard(&self, response: &reqwest::Response, sent: Option<Timestamp>) {
        let status = response.status();
        metrics::counter!(OUTBOUND, "host" => self.host(), "status" => status.as_u16().to_string()).increment(1);
        if status.is_server_error() {
            metrics::counter!(OUTBOUND_FAILURES, "host" => self.host(), "why" => "status").increment(1);
        } else {
            metrics::gauge!(OUTBOUND_LAST_SUCCESS, "host" => self.host()).set(seconds_now());
        }
        let (Some(sent), Some(clock)) = (sent, &self.clock) else { return };
        if let Some(skew) = self.skew.learn(response.headers(), sent, clock.now()) {
            metrics::gauge!(CLOCK_SKEW_SECONDS, "host" => self.host()).set(skew.as_secs_f64());
        }
    }

    pub(super) fn not_answered(&self, error: reqwest::Error) -> Failure {
        let why = if error.is_timeout() { "timeout" } else { "connection" };
        metrics::counter!(OUTBOUND_FAILURES, "host" => self.host(), "why" => why).increment(1);
        Failure::of_transport(error)
    }
}
