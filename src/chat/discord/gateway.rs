//! The Gateway: interactions over a websocket that we open ourselves, for a bot without a public address. No intents are
//! needed for that. Several replicas may listen at once: each hears everything, and each interaction counts once.

mod payload;

use super::client::Client;
use super::inbound::Interaction;
use crate::http::{Backoff, Received, Socket, SocketError, Sockets};
use crate::secret::Secret;
use crate::telemetry::{failed, succeeded};
use async_trait::async_trait;
use payload::{After, Heard, Payload};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

/// As metrics name it.
const PART: &str = "discord_gateway";

/// How long Discord may take to say hello.
const HELLO: Duration = Duration::from_secs(20);

/// A connection that lasted this long was a good one; the next pause is short again. Discord takes a token away that
/// identifies itself a thousand times a day.
const GOOD: Duration = Duration::from_secs(60);

/// After so many short connections in a row a session is given up.
const GIVE_UP: u32 = 4;

/// With what we hang up so that the session can be resumed.
const COME_AGAIN: u16 = 4_000;
/// With what we hang up for good.
const GOODBYE: u16 = 1_000;

/// Who hears what people do.
#[async_trait]
pub trait Ear: Send + Sync {
    /// Deals with an interaction and answers it, within three seconds.
    async fn hear(&self, interaction: Interaction);
}

/// One connection at a time, for as long as the bot runs.
pub struct Gateway {
    sockets: Sockets,
    client: Arc<Client>,
    token: Secret,
    backoff: Backoff,
}

/// What is needed to go on where a connection broke.
#[derive(Default)]
struct Session {
    id: Option<String>,
    url: Option<String>,
    seq: Option<u64>,
}

/// The heart of one connection.
struct Pulse {
    every: Duration,
    next: Instant,
    answered: bool,
}

impl Gateway {
    /// `client` tells where the Gateway is; `token` is the bot's own; pauses between connections follow `backoff`.
    pub fn new(sockets: Sockets, client: impl Into<Arc<Client>>, token: Secret, backoff: Backoff) -> Self {
        Self { sockets, client: client.into(), token, backoff }
    }

    /// Listens until told to stop, or until Discord refuses us for good, which only other configuration can mend.
    pub async fn listen(self, ear: Arc<dyn Ear>, stop: CancellationToken) {
        let (mut session, mut hearing, mut failures) = (Session::default(), JoinSet::new(), 0);
        loop {
            let began = Instant::now();
            let after = self.connection(&mut session, &ear, &mut hearing, &stop).await;
            if !matches!(after, After::Stop) {
                failed(PART);
            }
            failures = if began.elapsed() >= GOOD { 0 } else { failures + 1 };
            match after {
                After::Stop => break,
                After::Never(why) => {
                    tracing::error!(why, "Discord's Gateway refused us; nobody can press or type until that is mended");
                    break;
                }
                After::Anew(why) => {
                    session = Session::default();
                    tracing::info!(why, "the connection to Discord's Gateway is made anew");
                }
                // Perhaps what we remember is of no use any more.
                After::Resume(why) if failures >= GIVE_UP => {
                    session = Session::default();
                    tracing::warn!(why, "the connection to Discord's Gateway cannot be resumed");
                }
                After::Resume(why) => tracing::info!(why, "the connection to Discord's Gateway is resumed"),
            }
            tokio::select! {
                () = tokio::time::sleep(self.backoff.delay(failures.saturating_sub(1))) => {}
                () = stop.cancelled() => break,
            }
        }
        while hearing.join_next().await.is_some() {}
    }

    /// One connection, from hello to its end.
    async fn connection(
        &self,
        session: &mut Session,
        ear: &Arc<dyn Ear>,
        hearing: &mut JoinSet<()>,
        stop: &CancellationToken,
    ) -> After {
        let opened = tokio::select! {
            opened = self.open(session) => opened,
            () = stop.cancelled() => return After::Stop,
        };
        let (mut socket, mut pulse) = match opened {
            Ok(opened) => opened,
            Err(after) => return after,
        };
        let after = loop {
            let step = tokio::select! {
                received = socket.receive() => self.take(received, session, &mut pulse, &mut socket, ear, hearing).await,
                () = sleep_until(pulse.next) => pulse.beat(session, &mut socket).await,
                () = stop.cancelled() => Err(After::Stop),
            };
            // Those that are done need not be remembered.
            while hearing.try_join_next().is_some() {}
            if let Err(after) = step {
                break after;
            }
        };
        socket.close(if matches!(after, After::Stop) { GOODBYE } else { COME_AGAIN }).await;
        after
    }

    /// Connects, hears hello, and says who we are.
    async fn open(&self, session: &Session) -> Result<(Socket, Pulse), After> {
        let broken = |error: SocketError| After::Resume(error.to_string());
        let url = match &session.url {
            Some(url) => url.clone(),
            None => self.client.gateway().await.map_err(|error| After::Anew(error.to_string()))?.url,
        };
        let address = format!("{}/?v=10&encoding=json", url.trim_end_matches('/'));
        let mut socket = self.sockets.open(&address).await.map_err(broken)?;
        let late = || After::Resume("it did not say hello".into());
        let first = timeout(HELLO, socket.receive()).await.map_err(|_| late())?.map_err(broken)?;
        let every = match first {
            Received::Text(text) => Payload::read(&text).and_then(|payload| payload.hello()).ok_or_else(late)?,
            Received::Closed { code, reason } => return Err(After::of_close(code, &reason)),
        };
        let hello = match (&session.id, session.seq) {
            (Some(id), Some(seq)) => payload::resume(&self.token, id, seq),
            _ => payload::identify(&self.token),
        };
        socket.send(hello).await.map_err(broken)?;
        Ok((socket, Pulse::new(every)))
    }

    /// Takes one message.
    async fn take(
        &self,
        received: Result<Received, SocketError>,
        session: &mut Session,
        pulse: &mut Pulse,
        socket: &mut Socket,
        ear: &Arc<dyn Ear>,
        hearing: &mut JoinSet<()>,
    ) -> Result<(), After> {
        let text = match received.map_err(|error| After::Resume(error.to_string()))? {
            Received::Text(text) => text,
            Received::Closed { code, reason } => return Err(After::of_close(code, &reason)),
        };
        let Some(payload) = Payload::read(&text) else { return Ok(()) };
        session.seq = payload.seq().or(session.seq);
        match payload.heard() {
            Heard::Ready { id, url } => {
                (session.id, session.url) = (Some(id), url);
                succeeded(PART);
                tracing::info!("connected to Discord's Gateway");
            }
            Heard::Interaction(interaction) => {
                let ear = ear.clone();
                hearing.spawn(async move { ear.hear(*interaction).await });
            }
            Heard::BeatNow => {
                pulse.answered = true;
                pulse.beat(session, socket).await?;
            }
            Heard::BeatAnswered => {
                pulse.answered = true;
                succeeded(PART);
            }
            Heard::SentAway => return Err(After::Resume("Discord asks to come again".into())),
            Heard::Invalid { resumable: true } => return Err(After::Resume("the session broke".into())),
            Heard::Invalid { resumable: false } => return Err(After::Anew("the session is over".into())),
            Heard::Other => {}
        }
        Ok(())
    }
}

impl Pulse {
    /// The first beat comes at a random moment, so that replicas do not beat in step.
    fn new(every: Duration) -> Self {
        Self { every, next: Instant::now() + every.mul_f64(rand::random()), answered: true }
    }

    /// A connection that did not answer the last beat is dead, though it looks alive.
    async fn beat(&mut self, session: &Session, socket: &mut Socket) -> Result<(), After> {
        if !self.answered {
            return Err(After::Resume("it does not answer heartbeats".into()));
        }
        self.answered = false;
        self.next = Instant::now() + self.every;
        let sent = socket.send(payload::heartbeat(session.seq)).await;
        sent.map_err(|error| After::Resume(error.to_string()))
    }
}
