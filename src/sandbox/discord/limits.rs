//! Limits by route and channel, told in the headers of every answer. They count real time: whoever waits, waits really.

use super::model::Bucket;
use super::world::World;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use axum::response::IntoResponse;
use serde_json::json;
use std::time::{Duration, Instant};

/// More than anybody needs.
const PLENTY: (u32, u64) = (10_000, 1_000);

/// What the headers tell.
pub(super) struct Standing {
    name: String,
    limit: u32,
    left: Option<u32>,
    after: Duration,
}

/// Counts a call.
pub(super) fn count(world: &mut World, name: &str) -> Standing {
    let (limit, window) = world.settings.limit.unwrap_or(PLENTY);
    let now = Instant::now();
    let fresh = Bucket { until: now + Duration::from_millis(window), used: 0 };
    let bucket = world.buckets.entry(name.to_owned()).or_insert(fresh);
    if bucket.until <= now {
        *bucket = fresh;
    }
    bucket.used += 1;
    let left = limit.checked_sub(bucket.used);
    Standing { name: name.to_owned(), limit, left, after: bucket.until - now }
}

impl Standing {
    /// Whether the call was one too many.
    pub fn is_over(&self) -> bool {
        self.left.is_none()
    }

    /// The headers that every answer has.
    pub fn tell(&self, headers: &mut HeaderMap) {
        let mut put = |name: &'static str, value: String| {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        };
        put("x-ratelimit-limit", self.limit.to_string());
        put("x-ratelimit-remaining", self.left.unwrap_or(0).to_string());
        put("x-ratelimit-reset-after", format!("{:.3}", self.after.as_secs_f64()));
        put("x-ratelimit-bucket", format!("{:016x}", hash(&self.name)));
    }

    /// The answer to one call too many.
    pub fn refusal(&self) -> Response<Body> {
        let seconds = self.after.as_secs_f64();
        let body = json!({"message": "You are being rate limited.", "retry_after": seconds, "global": false});
        let headers =
            [("retry-after", format!("{}", seconds.ceil().max(1.0))), ("x-ratelimit-scope", "user".to_owned())];
        (StatusCode::TOO_MANY_REQUESTS, headers, axum::Json(body)).into_response()
    }
}

/// Names of buckets tell nobody what they are.
fn hash(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
