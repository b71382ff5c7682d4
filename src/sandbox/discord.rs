//! A stateful, strict Discord: it keeps messages, threads and private lines, refuses what Discord refuses, signs what
//! people click and type or sends it over its Gateway, and fails on demand. [`World`] is what is in it, [`Discord`] runs
//! it, [`Handle`] looks inside.

mod call;
mod check;
mod commands;
mod gate;
mod gateway;
mod guild;
mod interaction;
mod limits;
mod messages;
mod model;
mod page;
mod people;
pub mod permissions;
mod refusal;
mod rest;
mod rights;
mod signing;
mod world;

pub use super::faults::{Fault, Rule};
pub use model::{Ephemeral, Shown};
pub use people::NoAnswer;
pub use world::{Channel, Message, Modal, Role, Settings, User, World};

use super::faults::Faults;
use super::port::Port;
use crate::clock::Clock;
use axum::Router;
use axum::routing::{any, get};
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::Notify;

/// A shared, cheap-to-copy way into the sandbox.
#[derive(Clone)]
pub struct Handle(Arc<Inner>);

struct Inner {
    world: Mutex<World>,
    gateway: Mutex<gateway::Gateway>,
    faults: Faults,
    clock: Arc<dyn Clock>,
    http: reqwest::Client,
    changed: Notify,
}

/// A running sandbox on a port of its own; dropping it closes the port.
pub struct Discord {
    port: Port,
    handle: Handle,
}

impl Discord {
    /// Starts on `127.0.0.1` and a free port. `http` carries interactions to the bot's endpoint.
    pub async fn start(world: World, clock: Arc<dyn Clock>, http: reqwest::Client) -> std::io::Result<Self> {
        let handle = Handle::new(world, clock, http);
        let port = Port::open(|url| {
            handle.with(|world| world.settings.url = url.to_owned());
            router(handle.clone())
        });
        Ok(Self { port: port.await?, handle })
    }

    /// `http://127.0.0.1:<port>`; the REST API is below `/api/v10`.
    pub fn base_url(&self) -> String {
        self.port.url()
    }

    /// What is inside, to look at and to move.
    pub fn state(&self) -> Handle {
        self.handle.clone()
    }
}

impl Handle {
    /// A world under a clock, to be mounted by [`router`].
    pub fn new(world: World, clock: Arc<dyn Clock>, http: reqwest::Client) -> Self {
        let (world, gateway) = (Mutex::new(world), Mutex::default());
        Self(Arc::new(Inner { world, gateway, faults: Faults::default(), clock, http, changed: Notify::new() }))
    }

    /// Looks at the world or changes it, alone. Not to be nested.
    pub fn with<T>(&self, act: impl FnOnce(&mut World) -> T) -> T {
        let mut world = lock(&self.0.world);
        world.now = self.0.clock.now();
        act(&mut world)
    }

    /// Trouble on demand.
    pub fn faults(&self) -> &Faults {
        &self.0.faults
    }

    /// Adds a fault.
    pub fn fault(&self, rule: Rule) {
        self.0.faults.add(rule);
    }

    /// With what the application's interactions can be verified, in hex.
    pub fn public_key(&self) -> String {
        self.with(|world| signing::public_key(&world.settings.seed))
    }

    /// All messages of a channel or thread, oldest first.
    pub fn messages(&self, channel: &str) -> Vec<Message> {
        self.with(|world| world.channels.get(channel).map(|c| c.messages.clone()).unwrap_or_default())
    }

    /// What was said to somebody in direct messages, oldest first.
    pub fn direct(&self, user: &str) -> Vec<Message> {
        self.with(|world| {
            let with = world.channels.values().find(|channel| channel.recipient.as_deref() == Some(user));
            with.map(|channel| channel.messages.clone()).unwrap_or_default()
        })
    }

    /// The lines that only this person saw, oldest first.
    pub fn private(&self, user: &str) -> Vec<Ephemeral> {
        self.with(|world| world.ephemerals.iter().filter(|line| line.user == user).cloned().collect())
    }

    /// Method and path of the calls so far, in order.
    pub fn calls(&self) -> Vec<String> {
        self.with(|world| world.calls.clone())
    }
}

/// The HTTP side: `/api/v10`, `/gateway`, `/sandbox/discord`.
pub fn router(handle: Handle) -> Router {
    Router::new()
        .route("/api/v10/{*path}", any(gate::call))
        .route("/gateway/", get(gateway::connect))
        .merge(page::router())
        .with_state(handle)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
