//! One connection: reads, has requests worked on side by side, and acknowledges each as soon as it is committed.

use super::envelope::{self, Envelope, Reason, Said};
use super::known::{Known, Seen};
use super::{NotAccepted, Receiver};
use crate::http::{Received, Socket};
use crate::telemetry::SOCKETS;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc, oneshot};
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
    /// There are too many, or none is granted.
    TooMany,
    /// Somebody switched Socket Mode off.
    SwitchedOff,
}

pub(super) struct Connection {
    pub number: usize,
    pub socket: Socket,
    pub receiver: Arc<dyn Receiver>,
    pub known: Arc<Known>,
    pub room: Arc<Semaphore>,
    pub off: CancellationToken,
}

/// Whom to tell that the connection ends, once.
struct Ends(Option<oneshot::Sender<Ending>>);

impl Ends {
    fn tell(&mut self, ending: Ending) {
        if let Some(ended) = self.0.take() {
            // Nobody listens any more if we stop.
            let _ = ended.send(ending);
        }
    }
}

impl Connection {
    /// Serves until the connection is over; `ended` hears of it as soon as a new one should be opened.
    pub async fn serve(mut self, ended: oneshot::Sender<Ending>) {
        let mut ends = Ends(Some(ended));
        let (acks, mut due) = mpsc::unbounded_channel();
        let mut until = Instant::now() + HELLO;
        let mut stopping = false;
        let gauge = metrics::gauge!(SOCKETS, "connection" => self.number.to_string());
        let ending = loop {
            tokio::select! {
                biased;
                Some(ack) = due.recv() => if self.acknowledge(ack).await.is_err() { break Ending::Broken },
                () = self.off.cancelled(), if !stopping => {
                    ends.tell(Ending::Broken);
                    (stopping, until) = (true, Instant::now() + FAREWELL);
                }
                // Every request in hand holds a sender: without one nothing is left to acknowledge.
                () = acks.closed(), if false => {}
                received = self.socket.receive() => match received.ok().and_then(text) {
                    None => break Ending::Broken,
                    Some(text) => match envelope::read(&text) {
                        Some(Said::Hello) => {
                            gauge.set(1.0);
                            until = Instant::now() + SILENCE;
                        }
                        Some(Said::Goodbye(Reason::Renewal)) => {
                            ends.tell(Ending::Renew);
                            until = Instant::now() + LAST_WORDS;
                        }
                        Some(Said::Goodbye(Reason::TooMany)) => break Ending::TooMany,
                        Some(Said::Goodbye(Reason::SwitchedOff)) => break Ending::SwitchedOff,
                        Some(Said::Request(envelope)) => self.work(envelope, acks.clone()).await,
                        Some(Said::Other(id)) => drop(id.map(|id| acks.send((id, None)))),
                        None => tracing::debug!("Slack said something that is no JSON"),
                    },
                },
                () = tokio::time::sleep_until(until) => break Ending::Broken,
            }
        };
        gauge.set(0.0);
        ends.tell(ending);
    }
}
