//! One connection: reads, has requests worked on side by side, and acknowledges each as soon as it is committed.

use super::envelope::{self, Envelope, Reason, Said};
use super::known::{Known, Seen};
use super::{NotAccepted, Receiver};
use crate::http::{Received, Socket};
use crate::telemetry::{SLACK_SOCKETS, failed, succeeded};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Slack says hello at once.
const HELLO: Duration = Duration::from_secs(30);

/// Slack pings every few seconds; a connection that is silent for longer is dead.
const SILENCE: Duration = Duration::from_secs(90);

/// How long a connection that Slack is about to end is still read.
const LAST_WORDS: Duration = Duration::from_secs(30);

/// How long requests in hand may take once we stop.
const FAREWELL: Duration = Duration::from_secs(3);

/// "Normal closure".
const NORMAL: u16 = 1000;

/// How a connection ended, by what comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// Slack renews it: open the next one now, this one is still read to its end.
    Renew,
    /// It broke, or we stop.
    Broken,
    /// Slack grants none, or none besides the others.
    Refused,
    /// Somebody switched Socket Mode off.
    SwitchedOff,
}

pub(super) struct Connection {
    socket: Socket,
    shared: Shared,
    off: CancellationToken,
    ended: Option<oneshot::Sender<Ending>>,
    until: Instant,
    in_hand: usize,
    greeted: bool,
    stopping: bool,
}

/// What all connections have in common.
#[derive(Clone)]
pub(super) struct Shared {
    pub receiver: Arc<dyn Receiver>,
    pub known: Arc<Known>,
    pub room: Arc<Semaphore>,
}

/// As metrics name it.
const PART: &str = "slack_socket";

/// What came of a request: what to send, if it is to be acknowledged.
struct Dealt(Option<Value>);

enum Next {
    Dealt(Dealt),
    Heard(String, OwnedSemaphorePermit),
    Lost,
    Stop,
    Waited,
}

impl Connection {
    pub fn new(socket: Socket, shared: Shared, off: CancellationToken) -> Self {
        let until = Instant::now() + HELLO;
        Self { socket, shared, off, ended: None, until, in_hand: 0, greeted: false, stopping: false }
    }

    /// Serves until the connection is over; `ended` hears of it as soon as a new one should be opened.
    pub async fn serve(mut self, ended: oneshot::Sender<Ending>) {
        self.ended = Some(ended);
        let (tell, mut dealt) = mpsc::unbounded_channel();
        let ending = loop {
            let over = match self.next(&mut dealt).await {
                Next::Dealt(dealt) => self.acknowledge(dealt).await,
                Next::Heard(text, room) => self.hear(&text, room, &tell),
                Next::Lost => Some(Ending::Broken),
                Next::Stop => self.leave(Ending::Broken, FAREWELL, true),
                Next::Waited => self.is_silent().then_some(Ending::Broken),
            };
            match over {
                Some(ending) => break ending,
                None if self.stopping && self.in_hand == 0 => break Ending::Broken,
                None => {}
            }
        };
        if self.greeted {
            metrics::gauge!(SLACK_SOCKETS).decrement(1.0);
        }
        if !self.stopping && !matches!(ending, Ending::Renew) {
            failed(PART);
        }
        self.tell(ending);
        self.socket.close(NORMAL).await;
    }

    async fn next(&mut self, dealt: &mut mpsc::UnboundedReceiver<Dealt>) -> Next {
        let (socket, room) = (&mut self.socket, &self.shared.room);
        let heard = async {
            let room = room.clone().acquire_owned().await;
            match (socket.receive().await, room) {
                (Ok(Received::Text(text)), Ok(room)) => Next::Heard(text, room),
                _ => Next::Lost,
            }
        };
        tokio::select! {
            biased;
            Some(dealt) = dealt.recv() => Next::Dealt(dealt),
            () = self.off.cancelled(), if !self.stopping => Next::Stop,
            next = heard => next,
            () = tokio::time::sleep_until(self.until) => Next::Waited,
        }
    }

    fn hear(&mut self, text: &str, room: OwnedSemaphorePermit, tell: &mpsc::UnboundedSender<Dealt>) -> Option<Ending> {
        succeeded(PART);
        match envelope::read(text) {
            Some(Said::Hello) => self.greet(),
            Some(Said::Goodbye(Reason::Renewal)) => return self.leave(Ending::Renew, LAST_WORDS, false),
            Some(Said::Goodbye(Reason::TooMany)) => return Some(Ending::Refused),
            Some(Said::Goodbye(Reason::SwitchedOff)) => return Some(Ending::SwitchedOff),
            Some(Said::Request(envelope)) => self.take(envelope, room, tell),
            Some(Said::Other(Some(id))) => self.answer(&id, None, tell),
            Some(Said::Other(None)) | None => tracing::debug!("Slack said something that is not understood"),
        }
        None
    }

    fn greet(&mut self) {
        self.until = Instant::now() + SILENCE;
        if !std::mem::replace(&mut self.greeted, true) {
            metrics::gauge!(SLACK_SOCKETS).increment(1.0);
            tracing::info!("connected to Slack");
        }
    }

    fn take(&mut self, envelope: Envelope, room: OwnedSemaphorePermit, tell: &mpsc::UnboundedSender<Dealt>) {
        match self.shared.known.meet(&envelope.id) {
            Seen::InHand => {}
            Seen::Done => self.answer(&envelope.id, None, tell),
            Seen::Never => {
                self.in_hand += 1;
                let (shared, tell) = (self.shared.clone(), tell.clone());
                tokio::spawn(async move {
                    let dealt = Dealt(shared.deal(envelope).await);
                    drop(room);
                    // If the connection is gone, Slack repeats the request on another.
                    let _ = tell.send(dealt);
                });
            }
        }
    }

    fn answer(&mut self, id: &str, payload: Option<Value>, tell: &mpsc::UnboundedSender<Dealt>) {
        self.in_hand += 1;
        // The receiving end is ours and lives as long.
        let _ = tell.send(Dealt(Some(acknowledgement(id, payload))));
    }

    async fn acknowledge(&mut self, dealt: Dealt) -> Option<Ending> {
        self.in_hand -= 1;
        let ack = dealt.0?;
        self.socket.send(ack.to_string()).await.err().map(|error| {
            tracing::debug!(%error, "an acknowledgement was not sent");
            Ending::Broken
        })
    }

    fn leave(&mut self, ending: Ending, within: Duration, stopping: bool) -> Option<Ending> {
        self.stopping |= stopping;
        self.until = Instant::now() + within;
        self.tell(ending);
        None
    }

    /// The time is over; but a connection that pinged meanwhile gets more of it, unless it is about to end.
    fn is_silent(&mut self) -> bool {
        self.until = self.socket.heard() + SILENCE;
        let silent = self.until <= Instant::now();
        if !silent {
            succeeded(PART);
        }
        !self.greeted || self.ended.is_none() || silent
    }

    fn tell(&mut self, ending: Ending) {
        if let Some(ended) = self.ended.take() {
            // Nobody listens any more if the keeper is gone.
            let _ = ended.send(ending);
        }
    }
}

impl Shared {
    async fn deal(&self, envelope: Envelope) -> Option<Value> {
        let (id, takes_answer) = (envelope.id.clone(), envelope.takes_answer);
        match self.receiver.receive(envelope).await {
            Ok(payload) => {
                self.known.done(&id);
                Some(acknowledgement(&id, payload.filter(|_| takes_answer)))
            }
            Err(NotAccepted) => {
                self.known.forget(&id);
                None
            }
        }
    }
}

fn acknowledgement(id: &str, payload: Option<Value>) -> Value {
    let mut ack = json!({"envelope_id": id});
    if let Some(payload) = payload {
        ack["payload"] = payload;
    }
    ack
}
