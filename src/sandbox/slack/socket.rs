//! Socket Mode from Slack's side: tickets, greetings, envelopes that must be acknowledged, goodbyes.

use super::door::{DEADLINE, Door, NoAnswer};
use super::{Handle, lock};
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Router, extract::ws::CloseFrame};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::HashMap;
use tokio::sync::{mpsc, oneshot, watch};

/// Connections that an app may have.
const MOST: usize = 10;

enum Line {
    Say(String),
    Close,
    Cut,
}

/// The connections that are open, and the acknowledgements that are waited for.
pub(super) struct Sockets {
    lines: Vec<(u64, mpsc::UnboundedSender<Line>)>,
    waiting: HashMap<String, oneshot::Sender<Value>>,
    last: Option<Value>,
    turn: usize,
    acks_to_lose: usize,
    counter: u64,
    count: watch::Sender<u64>,
}

impl Default for Sockets {
    fn default() -> Self {
        let count = watch::channel(0).0;
        let (lines, waiting) = (Vec::new(), HashMap::new());
        Self { lines, waiting, last: None, turn: 0, acks_to_lose: 0, counter: 0, count }
    }
}

#[derive(Deserialize)]
struct Ticket {
    ticket: String,
}

pub(super) fn router() -> Router<Handle> {
    Router::new().route("/link", get(link))
}

async fn link(State(handle): State<Handle>, Query(given): Query<Ticket>, upgrade: WebSocketUpgrade) -> Response {
    let known = handle.with(|world| {
        let before = world.tickets.len();
        world.tickets.retain(|ticket| *ticket != given.ticket);
        world.tickets.len() < before
    });
    if !known {
        return StatusCode::FORBIDDEN.into_response();
    }
    upgrade.on_upgrade(|socket| talk(handle, socket))
}

async fn talk(handle: Handle, mut socket: WebSocket) {
    let (line, mut say) = mpsc::unbounded_channel();
    let Some(number) = enter(&handle, line) else {
        let told = json!({"type": "disconnect", "reason": "too_many_websockets", "num_connections": MOST});
        return drop(socket.send(Message::Text(told.to_string().into())).await);
    };
    loop {
        tokio::select! {
            line = say.recv() => match line {
                Some(Line::Say(text)) => if socket.send(Message::Text(text.into())).await.is_err() { break },
                Some(Line::Close) => {
                    let frame = CloseFrame { code: 1000, reason: "".into() };
                    drop(socket.send(Message::Close(Some(frame))).await);
                    break;
                }
                Some(Line::Cut) | None => break,
            },
            heard = socket.recv() => match heard {
                Some(Ok(Message::Text(text))) => acknowledged(&handle, text.as_str()),
                Some(Ok(Message::Close(_)) | Err(_)) | None => break,
                Some(Ok(_)) => {}
            },
        }
    }
    leave(&handle, number);
}

fn enter(handle: &Handle, line: mpsc::UnboundedSender<Line>) -> Option<u64> {
    let mut sockets = lock(&handle.0.sockets);
    if sockets.lines.len() >= MOST {
        return None;
    }
    sockets.counter += 1;
    let number = sockets.counter;
    let hello = json!({
        "type": "hello", "num_connections": sockets.lines.len() + 1, "connection_info": {"app_id": "A0APP00001"},
        "debug_info": {"host": "applink-sandbox", "build_number": 10, "approximate_connection_time": 18_060},
    });
    // The other end of the line is ours and listens.
    let _ = line.send(Line::Say(hello.to_string()));
    sockets.lines.push((number, line));
    sockets.count.send_modify(|count| *count += 1);
    Some(number)
}

fn leave(handle: &Handle, number: u64) {
    let mut sockets = lock(&handle.0.sockets);
    sockets.lines.retain(|(line, _)| *line != number);
    sockets.count.send_modify(|count| *count += 1);
}

fn acknowledged(handle: &Handle, text: &str) {
    let Ok(ack) = serde_json::from_str::<Value>(text) else { return };
    let mut sockets = lock(&handle.0.sockets);
    let Some(waiting) = ack["envelope_id"].as_str().and_then(|id| sockets.waiting.remove(id)) else { return };
    if sockets.acks_to_lose > 0 {
        sockets.acks_to_lose -= 1;
        return;
    }
    // Whoever waited may have given up.
    let _ = waiting.send(ack["payload"].clone());
}

pub(super) fn envelope(handle: &Handle, door: Door, payload: &Value, accepts: bool, retry: u32) -> Value {
    let id = handle.with(|world| {
        world.counter += 1;
        format!("{:08x}-7a9d-4792-b6aa-3361493e1caf", world.counter)
    });
    let mut envelope = json!({
        "envelope_id": id, "type": door.kind(), "payload": payload, "accepts_response_payload": accepts,
    });
    if door == Door::Events {
        envelope["retry_attempt"] = retry.into();
        envelope["retry_reason"] = if retry > 0 { "timeout".into() } else { "".into() };
    }
    envelope
}

/// Sends an envelope over one of the connections, in turn; what the acknowledgement carries.
pub(super) async fn deliver(handle: &Handle, envelope: Value) -> Result<Value, NoAnswer> {
    let failed = |why: &str| NoAnswer::Failed(why.to_owned());
    let answer = {
        let mut sockets = lock(&handle.0.sockets);
        if sockets.lines.is_empty() {
            return Err(failed("no connection is open"));
        }
        sockets.turn += 1;
        let (ack, answer) = oneshot::channel();
        let at = sockets.turn % sockets.lines.len();
        let id = envelope["envelope_id"].as_str().unwrap_or_default().to_owned();
        sockets.waiting.insert(id, ack);
        // A line that breaks now leaves the envelope without an answer, as it should.
        let _ = sockets.lines[at].1.send(Line::Say(envelope.to_string()));
        sockets.last = Some(envelope);
        answer
    };
    match tokio::time::timeout(DEADLINE, answer).await {
        Ok(Ok(payload)) => Ok(payload),
        _ => Err(failed("no acknowledgement")),
    }
}

impl Handle {
    /// Waits until so many sockets are open.
    pub async fn connected(&self, wanted: usize) {
        let mut changes = lock(&self.0.sockets).count.subscribe();
        while lock(&self.0.sockets).lines.len() != wanted {
            // The sender lives as long as this handle.
            let _ = changes.changed().await;
        }
    }

    /// How often a socket was opened or closed.
    pub fn connections_seen(&self) -> u64 {
        lock(&self.0.sockets).counter
    }

    /// Sends the last envelope once more, over another connection; what its acknowledgement carries.
    pub async fn repeat_envelope(&self) -> Result<Value, NoAnswer> {
        let last = lock(&self.0.sockets).last.clone();
        deliver(self, last.ok_or_else(|| NoAnswer::Failed("nothing was sent".into()))?).await
    }

    /// The next acknowledgements do not arrive.
    pub fn lose_acknowledgements(&self, count: usize) {
        lock(&self.0.sockets).acks_to_lose = count;
    }

    /// Says something on every connection, such as a goodbye.
    pub fn say_on_sockets(&self, words: &Value) {
        for (_, line) in &lock(&self.0.sockets).lines {
            // Who has left hears nothing.
            let _ = line.send(Line::Say(words.to_string()));
        }
    }

    /// Ends every connection, with a goodbye or without.
    pub fn end_sockets(&self, with_goodbye: bool) {
        for (_, line) in &lock(&self.0.sockets).lines {
            // Who has left need not be told.
            let _ = line.send(if with_goodbye { Line::Close } else { Line::Cut });
        }
    }
}
