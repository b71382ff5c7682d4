//! The Gateway: a websocket over which interactions come when there is no endpoint. It keeps sessions that can be
//! resumed, and on demand it is silent, cuts, sends away and forgets.

use super::{Handle, guild, lock};
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{RawQuery, State};
use axum::response::Response;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::Instant;

/// What happens to connections.
#[derive(Clone, Debug)]
enum Order {
    Send(String),
    Close(u16),
    Cut,
}

/// A connection that was identified, or may be resumed.
struct Session {
    id: String,
    seq: u64,
    log: Vec<(u64, String)>,
    line: Option<UnboundedSender<Order>>,
}

/// All sessions, and what was heard from them.
#[derive(Default)]
pub(super) struct Gateway {
    sessions: Vec<Session>,
    heard: Vec<String>,
    silent: bool,
    made: u64,
}

impl Handle {
    /// Sends an event to every session. Whether there is one.
    pub(super) fn dispatch(&self, name: &str, data: &Value) -> bool {
        let mut gateway = lock(&self.0.gateway);
        for session in &mut gateway.sessions {
            session.push(name, data);
        }
        !gateway.sessions.is_empty()
    }

    /// What the bot sent: `identify`, `resume`, `heartbeat`, oldest first.
    pub fn gateway_heard(&self) -> Vec<String> {
        lock(&self.0.gateway).heard.clone()
    }

    /// How many connections are identified and open.
    pub fn gateway_connected(&self) -> usize {
        lock(&self.0.gateway).sessions.iter().filter(|session| session.line.is_some()).count()
    }

    /// Waits until something of the sandbox is as wished.
    pub async fn until(&self, holds: impl Fn(&Self) -> bool) {
        loop {
            let changed = self.0.changed.notified();
            if holds(self) {
                return;
            }
            changed.await;
        }
    }

    /// Heartbeats are answered no more, or again.
    pub fn gateway_silent(&self, silent: bool) {
        lock(&self.0.gateway).silent = silent;
    }

    /// Every connection breaks; sessions may be resumed.
    pub fn gateway_cut(&self) {
        self.order(&Order::Cut);
    }

    /// Every connection is closed with that code.
    pub fn gateway_close(&self, code: u16) {
        self.order(&Order::Close(code));
    }

    /// Every connection is asked to come again.
    pub fn gateway_send_away(&self) {
        self.order(&Order::Send(json!({"op": 7, "d": null}).to_string()));
    }

    /// Every session is declared invalid; forgotten unless it may be resumed.
    pub fn gateway_invalidate(&self, resumable: bool) {
        self.order(&Order::Send(json!({"op": 9, "d": resumable}).to_string()));
        if !resumable {
            lock(&self.0.gateway).sessions.clear();
        }
    }

    /// Every connection is asked for a sign of life.
    pub fn gateway_ask_for_heartbeat(&self) {
        self.order(&Order::Send(json!({"op": 1, "d": null}).to_string()));
    }

    /// Sessions of broken connections can be resumed no more.
    pub fn gateway_forget(&self) {
        lock(&self.0.gateway).sessions.clear();
    }

    fn order(&self, order: &Order) {
        for session in &mut lock(&self.0.gateway).sessions {
            if let Some(line) = &session.line {
                // A connection that just ended needs no order.
                let _ = line.send(order.clone());
            }
            if !matches!(order, Order::Send(_)) {
                session.line = None;
            }
        }
    }
}

impl Session {
    fn push(&mut self, name: &str, data: &Value) {
        self.seq += 1;
        let event = json!({"op": 0, "s": self.seq, "t": name, "d": data}).to_string();
        self.log.push((self.seq, event.clone()));
        if let Some(line) = &self.line {
            // What a broken connection misses is replayed.
            let _ = line.send(Order::Send(event));
        }
    }
}

pub(super) async fn connect(
    State(handle): State<Handle>,
    RawQuery(query): RawQuery,
    upgrade: WebSocketUpgrade,
) -> Response {
    let versioned = query.is_some_and(|query| query.contains("v=10") && query.contains("encoding=json"));
    upgrade.on_upgrade(move |socket| async move {
        let mut socket = socket;
        let (line, orders) = unbounded_channel();
        let code = if versioned { talk(&handle, &mut socket, &line, orders).await } else { Some(4_012) };
        hang_up(&handle, &line);
        if let Some(code) = code {
            let frame = CloseFrame { code, reason: "".into() };
            // Whoever hung up hears no goodbye.
            let _ = socket.send(Message::Close(Some(frame))).await;
        }
        handle.0.changed.notify_waiters();
    })
}

/// One connection, until it ends; with which code, if with any.
async fn talk(
    handle: &Handle,
    socket: &mut WebSocket,
    line: &UnboundedSender<Order>,
    mut orders: UnboundedReceiver<Order>,
) -> Option<u16> {
    let interval = handle.with(|world| world.settings.heartbeat);
    send(socket, json!({"op": 10, "d": {"heartbeat_interval": interval}}).to_string()).await?;
    let mut last_beat = Instant::now();
    loop {
        tokio::select! {
            order = orders.recv() => match order? {
                Order::Send(text) => send(socket, text).await?,
                Order::Close(code) => return Some(code),
                Order::Cut => return None,
            },
            message = socket.recv() => {
                let message = message?.ok()?;
                if let Err(code) = take(handle, &message, line, &mut last_beat) {
                    return Some(code);
                }
            }
            () = tokio::time::sleep_until(last_beat + Duration::from_millis(interval * 3)) => return Some(4_009),
        }
    }
}

/// The session stays, and may be resumed.
fn hang_up(handle: &Handle, line: &UnboundedSender<Order>) {
    for session in &mut lock(&handle.0.gateway).sessions {
        session.line.take_if(|own| own.same_channel(line));
    }
}

async fn send(socket: &mut WebSocket, text: String) -> Option<()> {
    socket.send(Message::Text(text.into())).await.ok()
}

/// Takes what the bot sent; `Err` is the code with which the connection is closed.
fn take(handle: &Handle, message: &Message, line: &UnboundedSender<Order>, last_beat: &mut Instant) -> Result<(), u16> {
    let Message::Text(text) = message else { return Ok(()) };
    let payload: Value = serde_json::from_str(text).map_err(|_| 4_002_u16)?;
    let outcome = match payload["op"].as_u64() {
        Some(1) => {
            *last_beat = Instant::now();
            note(handle, "heartbeat");
            if !lock(&handle.0.gateway).silent {
                tell(line, &json!({"op": 11}));
            }
            Ok(())
        }
        Some(2) => identify(handle, &payload["d"], line),
        Some(6) => resume(handle, &payload["d"], line),
        _ => Err(4_001),
    };
    handle.0.changed.notify_waiters();
    outcome
}

fn note(handle: &Handle, what: &str) {
    lock(&handle.0.gateway).heard.push(what.to_owned());
}

fn tell(line: &UnboundedSender<Order>, payload: &Value) {
    // The other end is this very connection.
    let _ = line.send(Order::Send(payload.to_string()));
}

fn proven(handle: &Handle, data: &Value) -> Result<(), u16> {
    let right = handle.with(|world| data["token"] == world.settings.token.as_str());
    if right { Ok(()) } else { Err(4_004) }
}

fn identify(handle: &Handle, data: &Value, line: &UnboundedSender<Order>) -> Result<(), u16> {
    note(handle, "identify");
    proven(handle, data)?;
    if !data["intents"].is_u64() || !data["properties"].is_object() {
        return Err(4_013);
    }
    let (bot, application, url) = handle.with(|world| {
        let url = format!("{}/gateway", world.settings.url.replacen("http", "ws", 1));
        (guild::bot(world), world.settings.application.clone(), url)
    });
    let mut gateway = lock(&handle.0.gateway);
    gateway.made += 1;
    let id = format!("session-{}", gateway.made);
    let mut session = Session { id: id.clone(), seq: 0, log: Vec::new(), line: Some(line.clone()) };
    let ready = json!({"v": 10, "user": bot, "guilds": [], "session_id": id, "resume_gateway_url": url,
                       "application": {"id": application, "flags": 0}});
    session.push("READY", &ready);
    gateway.sessions.push(session);
    Ok(())
}

fn resume(handle: &Handle, data: &Value, line: &UnboundedSender<Order>) -> Result<(), u16> {
    note(handle, "resume");
    proven(handle, data)?;
    let mut gateway = lock(&handle.0.gateway);
    let Some(session) = gateway.sessions.iter_mut().find(|session| data["session_id"] == session.id.as_str()) else {
        tell(line, &json!({"op": 9, "d": false}));
        return Ok(());
    };
    let seen = data["seq"].as_u64().filter(|seen| *seen <= session.seq).ok_or(4_007_u16)?;
    session.line = Some(line.clone());
    for (_, missed) in session.log.iter().filter(|(seq, _)| *seq > seen) {
        // The other end is this very connection.
        let _ = line.send(Order::Send(missed.clone()));
    }
    session.push("RESUMED", &json!({}));
    Ok(())
}
