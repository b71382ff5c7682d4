//! The HTTP endpoints: authenticate, parse, hand over, answer; nothing else. A 2xx for a notice means that it is on
//! disk, or that it is genuine and of no use. Everything about size, time and load stands in [`limits`].

mod body;
pub mod discord;
mod front;
pub mod gitlab;
pub mod health;
pub mod limits;
pub mod mail;
mod opening;
mod outcome;
mod patience;
mod peer;
mod pulse;
mod room;
mod serve;
pub mod slack;
mod visit;

pub use health::Render;
pub use limits::Limits;
pub use opening::Opening;
pub use peer::TrustedProxies;
pub use pulse::Pulse;
pub use serve::{listen, serve};

use crate::engine::Engine;
use crate::ledger::{Accepted, LedgerError};
use crate::notice::Notice;
use async_trait::async_trait;
use axum::Router;
use axum::routing::{get, post};
use jiff::Timestamp;
use std::sync::Arc;

/// What the endpoints need of the engine.
#[async_trait]
pub trait Intake: Send + Sync {
    /// Remembers a notice; returns only after the commit. A key that was seen before changes nothing.
    async fn accept(&self, key: String, notice: &Notice) -> Result<Accepted, LedgerError>;
    /// Whether notices could be remembered now.
    async fn ping(&self) -> Result<(), LedgerError>;
    /// For the age of requests.
    fn now(&self) -> Timestamp;
}

#[async_trait]
impl Intake for Engine {
    async fn accept(&self, key: String, notice: &Notice) -> Result<Accepted, LedgerError> {
        Engine::accept(self, key, notice).await
    }

    async fn ping(&self) -> Result<(), LedgerError> {
        self.ledger.ping().await
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// Which endpoints there are and whom they believe. What is `None` answers 404.
#[derive(Default)]
pub struct Settings {
    /// `POST /hooks/mail`.
    pub mail: Option<mail::Door>,
    /// `POST /hooks/gitlab`.
    pub gitlab: Option<gitlab::Door>,
    /// Sizes, times and numbers.
    pub limits: Limits,
    /// Whose word about who calls is taken.
    pub proxies: TrustedProxies,
    /// Whether the listener for all of it still takes connections.
    pub pulse: Pulse,
}

/// A door, and what stands behind it.
struct Endpoint<Door> {
    door: Door,
    intake: Arc<dyn Intake>,
    limits: Limits,
}

/// Everything that strangers may ask for, on one listener: metrics tell the names of tokens and are not among it.
/// `chat` brings endpoints of its own, which come under the same limits.
pub fn router(intake: Arc<dyn Intake>, settings: Settings, chat: Option<Router>) -> Router {
    let pulse = settings.pulse.clone();
    hooks(intake.clone(), settings, chat).merge(health(intake, pulse))
}

/// What the world outside calls.
pub fn hooks(intake: Arc<dyn Intake>, settings: Settings, chat: Option<Router>) -> Router {
    let Settings { mail, gitlab, limits, proxies, pulse: _ } = settings;
    let mut routes = chat.unwrap_or_default().route("/", get(front::words));
    if let Some(door) = mail {
        let state = Arc::new(Endpoint { door, intake: intake.clone(), limits });
        routes = routes.route("/hooks/mail", post(mail::receive).with_state(state));
    }
    if let Some(door) = gitlab {
        let state = Arc::new(Endpoint { door, intake, limits });
        routes = routes.route("/hooks/gitlab", post(gitlab::receive).with_state(state));
    }
    limits::around(routes, limits, proxies)
}

/// Health and metrics, for a listener that only our own people reach; `pulse` is that of the world's.
pub fn admin(intake: Arc<dyn Intake>, pulse: Pulse, render: Render) -> Router {
    health(intake, pulse).route("/metrics", get(health::metrics).with_state(render))
}

/// Never shed, so that an overloaded bot is not taken for a dead one.
fn health(intake: Arc<dyn Intake>, pulse: Pulse) -> Router {
    Router::new()
        .route("/healthz", get(health::lives).with_state(pulse))
        .route("/readyz", get(health::ready).with_state(intake))
}
