//! What one request, and all of them together, may take: size, time and number. Wrapped around every endpoint that the
//! world outside calls, those of the chat included.

use super::outcome::Refusal;
use super::peer::{Peer, TrustedProxies};
use super::room::Room;
use super::visit::{Line, Visit};
use axum::Router;
use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{Response, StatusCode};
use axum::middleware::{self, Next};
use std::any::Any;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::RequestBodyDeadlineLayer;
use tracing::Instrument as _;

/// Sizes, times and numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a body; more is refused, if announced then unread.
    pub body: usize,
    /// Bytes of all bodies in memory at once; whoever needs more is asked to come again.
    pub bytes: usize,
    /// Of those, bytes of bodies whose senders have not proven who they are; beyond, the biggest heap goes first.
    pub unproven: usize,
    /// Bytes of the request line and all headers.
    pub headers: usize,
    /// How long the headers may take to arrive, and the body again; how long a connection may be idle, and how long a peer
    /// may take none of an answer.
    pub arrival: Duration,
    /// How long a commit may take before the sender is asked to come again. GitLab waits ten seconds in all.
    pub commit: Duration,
    /// Requests under way at once. For one more, somebody who has proven nothing must go; where all have, it is asked to
    /// come again.
    pub requests: usize,
    /// Connections open at once. For one more, one without a request that has proven itself must go; where there is none,
    /// it waits.
    pub connections: usize,
    /// How long requests may take to end when the bot is told to stop.
    pub farewell: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 1 << 20,
            // With what else is in memory well below the 256 MiB of the manifest.
            bytes: 48 << 20,
            unproven: 16 << 20,
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
pub(super) fn around(routes: Router, limits: Limits, proxies: TrustedProxies) -> Router {
    let room = Room::new(limits.requests, limits.bytes, limits.unproven);
    let gate = Arc::new(Gate { room, proxies, count: AtomicU64::new(0) });
    routes
        .layer(RequestBodyDeadlineLayer::new(limits.arrival))
        .layer(CatchPanicLayer::custom(say_nothing))
        .layer(middleware::from_fn_with_state(gate, pass))
}

/// Who is inside, and how many there ever were.
struct Gate {
    room: Arc<Room>,
    proxies: TrustedProxies,
    count: AtomicU64,
}

impl Gate {
    fn caller(&self, request: &Request, line: Option<&Line>) -> Peer {
        let connected = line.map_or(IpAddr::from(Ipv4Addr::UNSPECIFIED), |line| line.address);
        self.proxies.caller(connected, request.headers()).into()
    }
}

/// Names the request in all log lines that come of it, and turns it away if there are too many. The query is never
/// logged, and neither is a path that is none of ours.
async fn pass(State(gate): State<Arc<Gate>>, mut request: Request, next: Next) -> Response<Body> {
    let number = gate.count.fetch_add(1, Ordering::Relaxed);
    let path = request.extensions().get::<MatchedPath>().map_or("unknown", |path| path.as_str()).to_owned();
    let line = request.extensions().get::<Line>().cloned();
    let peer = gate.caller(&request, line.as_ref());
    let span = tracing::info_span!("request", number, path, %peer);
    let Some(place) = gate.room.enter(peer) else {
        return span.in_scope(|| Refusal::busy().answer("any"));
    };
    if let Some(line) = &line {
        line.place.is_for(peer);
    }
    let visit = Visit::new(place, line);
    request.extensions_mut().insert(visit.clone());
    let response = tokio::select! {
        response = next.run(request).instrument(span.clone()) => response,
        () = visit.sent_away() => span.in_scope(|| Refusal::busy().answer("any")),
    };
    visit.is_over();
    response
}

/// The panic hook has written the place; the sender learns nothing.
fn say_nothing(_: Box<dyn Any + Send>) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response
}
