//! A stateful, strict Slack: it keeps messages, threads and private lines, refuses what Slack refuses, signs what
//! people click and type, and fails on demand. [`World`] is what is in it, [`Slack`] runs it, [`Handle`] looks inside.

mod check;
mod delivery;
mod directory;
mod door;
mod forms;
mod gate;
mod home;
mod limits;
mod methods;
mod outcome;
mod page;
mod params;
mod people;
mod posting;
mod reading;
mod socket;
mod views;
mod way_back;
mod world;

pub use super::faults::{Fault, Rule};
pub use door::NoAnswer;
pub use forms::Submitted;
pub use world::{Channel, Ephemeral, Message, Settings, User, View, World};

use super::faults::Faults;
use super::port::Port;
use crate::clock::Clock;
use axum::Router;
use std::sync::{Arc, Mutex, MutexGuard};

/// A shared, cheap-to-copy way into the sandbox.
#[derive(Clone)]
pub struct Handle(Arc<Inner>);

struct Inner {
    world: Mutex<World>,
    faults: Faults,
    sockets: Mutex<socket::Sockets>,
    clock: Arc<dyn Clock>,
    http: reqwest::Client,
}

/// A running sandbox on a port of its own; dropping it closes the port.
pub struct Slack {
    port: Port,
    handle: Handle,
}

impl Slack {
    /// Starts on `127.0.0.1` and a free port. `http` carries clicks and commands to the bot.
    pub async fn start(world: World, clock: Arc<dyn Clock>, http: reqwest::Client) -> std::io::Result<Self> {
        let handle = Handle::new(world, clock, http);
        let port = Port::open(|url| {
            handle.with(|world| world.settings.url = url.to_owned());
            router(handle.clone())
        });
        Ok(Self { port: port.await?, handle })
    }

    /// `http://127.0.0.1:<port>`; the Web API is below `/api`, response addresses below `/hooks`.
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
        Self(Arc::new(Inner {
            world: Mutex::new(world),
            faults: Faults::default(),
            sockets: Mutex::default(),
            clock,
            http,
        }))
    }

    /// Looks at the world or changes it, alone. Not to be nested.
    pub fn with<T>(&self, act: impl FnOnce(&mut World) -> T) -> T {
        let mut world = lock(&self.0.world);
        world.now = self.0.clock.now();
        act(&mut world)
    }

    /// Adds a fault.
    pub fn fault(&self, rule: Rule) {
        self.0.faults.add(rule);
    }

    /// Late calls take effect now.
    pub async fn land_late(&self) -> usize {
        self.0.faults.land_late().await
    }

    /// Ends all faults.
    pub fn clear_faults(&self) {
        self.0.faults.clear();
    }

    /// Waits until a call is held by a fault.
    pub async fn held(&self) {
        self.0.faults.held().await;
    }

    /// Lets held calls go on, or breaks their connections.
    pub fn release(&self, go_on: bool) {
        self.0.faults.release(go_on);
    }

    /// All messages of a channel, oldest first, replies among them.
    pub fn messages(&self, channel: &str) -> Vec<Message> {
        self.with(|world| world.channels.get(channel).map(|c| c.messages.clone()).unwrap_or_default())
    }

    /// The lines that only this person saw, oldest first.
    pub fn private(&self, user: &str) -> Vec<String> {
        self.with(|world| {
            let for_user = world.ephemerals.iter().filter(|line| line.user == user);
            for_user.map(|line| line.text.clone()).collect()
        })
    }

    /// The methods called so far, in order.
    pub fn calls(&self) -> Vec<String> {
        self.with(|world| world.calls.clone())
    }
}

/// The HTTP side: `/api`, `/hooks`, `/sandbox/slack`.
pub fn router(handle: Handle) -> Router {
    let api = Router::new()
        .route("/api/{method}", axum::routing::any(methods::call))
        .layer(axum::middleware::from_fn_with_state(handle.clone(), gate::gate));
    api.merge(way_back::router()).merge(socket::router()).merge(page::router()).with_state(handle)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
