//! What one request, and all of them together, may take: size, time and number. Wrapped around every endpoint that the
//! world outside calls, those of the chat included.

use super::outcome::Refusal;
use super::serve::Peer;
use axum::Router;
use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{Response, StatusCode};
use axum::middleware::{self, Next};
use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::RequestBodyDeadlineLayer;
use tracing::Instrument as _;

/// Sizes, times and numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a body; more is refused, if announced then unread.
    pub body: usize,
    /// Bytes of the request line and all headers.
    pub headers: usize,
    /// How long the headers may take to arrive, and the body again; also how long a connection may be idle.
    pub arrival: Duration,
    /// How long a commit may take before the sender is asked to come again. GitLab waits ten seconds in all.
    pub commit: Duration,
    /// Requests under way at once; one more is asked to come again.
    pub requests: usize,
    /// Connections open at once; one more waits until another is gone.
    pub connections: usize,
    /// How long requests may take to end when the bot is told to stop.
    pub farewell: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 1 << 20,
            headers: 16 << 10,
            arrival: Duration::from_secs(10),
            commit: Duration::from_secs(5),
            requests: 256,
            // Below the 1,024 open files that a process commonly gets.
            connections: 512,
            farewell: Duration::from_secs(10),
        }
    }
}

/// The routes within the limits.
pub(super) fn around(routes: Router, limits: Limits) -> Router {
    let gate = Arc::new(Gate { room: Semaphore::new(limits.requests), count: AtomicU64::new(0) });
    routes
        .layer(RequestBodyDeadlineLayer::new(limits.arrival))
        .layer(CatchPanicLayer::custom(say_nothing))
        .layer(middleware::from_fn_with_state(gate, pass))
}

/// How many are inside, and how many there ever were.
struct Gate {
    room: Semaphore,
    count: AtomicU64,
}

/// Names the request in all log lines that come of it, and turns it away if there are too many. The query is never
/// logged, and neither is a path that is none of ours.
async fn pass(State(gate): State<Arc<Gate>>, request: Request, next: Next) -> Response<Body> {
    let number = gate.count.fetch_add(1, Ordering::Relaxed);
    let path = request.extensions().get::<MatchedPath>().map_or("unknown", |path| path.as_str()).to_owned();
    let peer = request.extensions().get::<Peer>().map(|peer| tracing::field::display(peer.0));
    let span = tracing::info_span!("request", number, path, peer);
    let Ok(_place) = gate.room.try_acquire() else {
        return span.in_scope(|| Refusal::busy().answer("any"));
    };
    next.run(request).instrument(span).await
}

/// The panic hook has written the place; the sender learns nothing.
fn say_nothing(_: Box<dyn Any + Send>) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response
}
