//! Socket Mode: Slack's requests come over websockets that we open, so the bot needs no public address. Two are kept
//! open at a time, so that one can be renewed while the other works. The socket is the authentication: its address is
//! a ticket that only the app-level token gets.

mod connection;
mod envelope;
mod known;

pub use envelope::{Envelope, Kind, Reason, Said, read};

use super::client::Client;
use crate::chat::ChatError;
use crate::http::{Backoff, Sockets};
use async_trait::async_trait;
use connection::{Connection, Ending, Shared};
use known::Known;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Connections that are kept open.
const CONNECTIONS: usize = 2;

/// Envelopes that are worked on at once; beyond that Slack has to wait before we read on.
const AT_ONCE: usize = 256;

/// A connection that lived this long ended for reasons of its own: the next one is opened without a pause.
const HEALTHY: Duration = Duration::from_secs(30);

/// The pause while Slack says that we have too many connections, refuses the token, or has Socket Mode switched off.
const LONG_PAUSE: Duration = Duration::from_secs(60);

/// The request is not on disk, so it is not acknowledged: the person sees that it failed, and Slack may repeat it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAccepted;

/// What answers requests, the same for the socket as for the endpoints.
#[async_trait]
pub trait Receiver: Send + Sync {
    /// Takes in one request; what is given back travels with the acknowledgement. Slack waits three seconds, so this
    /// only checks and commits.
    async fn receive(&self, envelope: Envelope) -> Result<Option<Value>, NotAccepted>;
}

/// Socket Mode with one app-level token.
pub struct SocketMode {
    client: Client,
    sockets: Sockets,
    receiver: Arc<dyn Receiver>,
    backoff: Backoff,
    known: Arc<Known>,
    room: Arc<Semaphore>,
    long_pause: Duration,
}

impl SocketMode {
    /// `client` carries the app-level token (`xapp-`).
    pub fn new(client: Client, sockets: Sockets, receiver: Arc<dyn Receiver>, backoff: Backoff) -> Self {
        let (known, room) = (Arc::default(), Arc::new(Semaphore::new(AT_ONCE)));
        Self { client, sockets, receiver, backoff, known, room, long_pause: LONG_PAUSE }
    }

    /// Another pause than a minute while Slack gives no socket.
    #[must_use]
    pub fn with_long_pause(self, long_pause: Duration) -> Self {
        Self { long_pause, ..self }
    }

    /// Keeps connections open until told to stop. While Socket Mode is switched off for the app it asks now and then.
    pub async fn run(self, stop: CancellationToken) {
        let mode = Arc::new(self);
        let mut keepers = JoinSet::new();
        for _ in 0..CONNECTIONS {
            keepers.spawn(mode.clone().keep(stop.clone()));
        }
        while keepers.join_next().await.is_some() {}
    }

    /// Opens a connection, and the next one as soon as that one is about to end.
    async fn keep(self: Arc<Self>, off: CancellationToken) {
        let mut failures = 0;
        let mut open = JoinSet::new();
        while !off.is_cancelled() {
            let started = Instant::now();
            let ending = self.once(&off, &mut open).await;
            while open.try_join_next().is_some() {}
            failures = if started.elapsed() >= HEALTHY { 0 } else { failures + 1 };
            let pause = match ending {
                Ending::Renew if failures == 0 => Duration::ZERO,
                Ending::Renew | Ending::Broken => self.backoff.delay(failures),
                Ending::Refused => self.long_pause + self.backoff.delay(failures),
                Ending::SwitchedOff => {
                    tracing::error!(
                        "Socket Mode was switched off for the app: until it is on, no click or command arrives"
                    );
                    self.long_pause
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = off.cancelled() => {}
            }
        }
        while open.join_next().await.is_some() {}
    }

    /// One connection, from opening it to the moment when the next one is wanted.
    async fn once(&self, off: &CancellationToken, open: &mut JoinSet<()>) -> Ending {
        let connected = tokio::select! {
            connected = self.connect(off) => connected,
            () = off.cancelled() => return Ending::Broken,
        };
        match connected {
            Ok(connection) => {
                let (ended, tell) = oneshot::channel();
                open.spawn(connection.serve(ended));
                tell.await.unwrap_or(Ending::Broken)
            }
            Err(ending) => ending,
        }
    }

    async fn connect(&self, off: &CancellationToken) -> Result<Connection, Ending> {
        let address = self.client.open_socket().await.map_err(|error| {
            tracing::warn!(%error, "Slack gives no socket");
            if matches!(error, ChatError::Refused { .. }) { Ending::Refused } else { Ending::Broken }
        })?;
        let address = self.client.answered(&address).map_err(|error| {
            tracing::warn!(%error, "Slack names a socket that is not opened");
            Ending::Refused
        })?;
        let socket = self.sockets.open(&address).await.map_err(|error| {
            tracing::warn!(%error, "the socket to Slack could not be opened");
            Ending::Broken
        })?;
        let shared = Shared { receiver: self.receiver.clone(), known: self.known.clone(), room: self.room.clone() };
        Ok(Connection::new(socket, shared, off.clone()))
    }
}
