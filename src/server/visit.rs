//! One request on its way through the doors: its place in the room, and its body, which is read within that.

use super::Limits;
use super::outcome::Refusal;
use super::peer::Peer;
use super::room::{Place, Room};
use axum::body::{Body, HttpBody as _};
use axum::http::{Extensions, StatusCode};
use http_body_util::BodyExt as _;
use std::error::Error;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use tower_http::timeout::TimeoutError;

/// The connection that a request came over.
#[derive(Clone)]
pub(super) struct Line {
    /// Who is at its other end.
    pub(super) address: IpAddr,
    /// Its own place, which is safe while a request on it has proven itself.
    pub(super) place: Arc<Place>,
}

/// A request.
#[derive(Clone)]
pub(super) struct Visit {
    place: Arc<Place>,
    line: Option<Line>,
}

impl Visit {
    pub(super) fn new(place: Place, line: Option<Line>) -> Self {
        Self { place: Arc::new(place), line }
    }

    /// Of a request to routes that nothing is wrapped around: alone in a room of its own.
    fn alone() -> Self {
        let Limits { bytes, unproven, .. } = Limits::default();
        let place = Room::new(1, bytes, unproven).enter(Peer::from(IpAddr::from(Ipv4Addr::UNSPECIFIED)));
        Self::new(place.expect("a new room is empty"), None)
    }

    /// The one that a request is.
    pub(super) fn of(extensions: &Extensions) -> Self {
        extensions.get::<Self>().cloned().unwrap_or_else(Self::alone)
    }

    /// It comes from somebody we know: nobody else gets its place.
    pub(super) fn prove(&self) {
        self.place.prove(true);
        if let Some(line) = &self.line {
            line.place.prove(true);
        }
    }

    /// It is answered; its connection may have to wait for the next one.
    pub(super) fn is_over(&self) {
        if let Some(line) = &self.line {
            line.place.prove(false);
        }
    }

    /// Waits until somebody else gets its place.
    pub(super) async fn sent_away(&self) {
        self.place.sent_away().await;
    }

    /// The whole body, at most so many bytes. One that announces too much is not read at all.
    pub(super) async fn read(&self, mut body: Body, most: usize) -> Result<Vec<u8>, Refusal> {
        if body.size_hint().lower() > most as u64 {
            return Err(too_big(most));
        }
        let mut whole = Vec::new();
        while let Some(frame) = body.frame().await {
            let Ok(part) = frame.map_err(|error| broken(&error))?.into_data() else { continue };
            if whole.len() + part.len() > most {
                return Err(too_big(most));
            }
            if !self.place.take(part.len()) {
                return Err(Refusal::busy());
            }
            whole.extend_from_slice(&part);
        }
        Ok(whole)
    }
}

fn too_big(most: usize) -> Refusal {
    Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "too_big", format!("the body has more than {most} bytes"))
}

fn broken(error: &axum::Error) -> Refusal {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.is::<TimeoutError>() {
            return Refusal::new(StatusCode::REQUEST_TIMEOUT, "too_slow", "the body took too long to arrive");
        }
        cause = error.source();
    }
    Refusal::new(StatusCode::BAD_REQUEST, "malformed", "the body broke off")
}
