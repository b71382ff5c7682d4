//! A listener that is there before what stands behind it: the process lives and says so, and is not ready.

use super::{Pulse, health};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, Response};
use axum::response::IntoResponse as _;
use axum::routing::get;
use std::convert::Infallible;
use std::sync::{Arc, OnceLock};
use tower::ServiceExt as _;

/// The routes of a bot that is starting.
#[derive(Clone)]
pub struct Opening {
    routes: Arc<OnceLock<Router>>,
    pulse: Pulse,
}

impl Opening {
    /// `pulse` is that of the world's listener.
    pub fn new(pulse: Pulse) -> Self {
        Self { routes: Arc::default(), pulse }
    }

    /// What answers from the beginning.
    pub fn router(&self) -> Router {
        Router::new().fallback(pass).with_state(self.clone())
    }

    /// From now on these routes answer.
    pub fn open(&self, routes: Router) {
        // Only a second opening is refused, and nobody opens twice.
        let _ = self.routes.set(routes);
    }
}

async fn pass(State(opening): State<Opening>, request: Request) -> Response<Body> {
    let routes = match opening.routes.get() {
        Some(routes) => routes.clone(),
        None => Router::new().route("/healthz", get(health::lives).with_state(opening.pulse)).fallback(not_yet),
    };
    let answered: Result<_, Infallible> = routes.oneshot(request).await;
    answered.unwrap_or_else(|never| match never {})
}

async fn not_yet() -> Response<Body> {
    let mut response = health::NOT_READY.into_response();
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
    response
}
