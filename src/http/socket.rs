//! A websocket over the same kind of client as every other call, so that proxy, extra certificates and the one TLS
//! provider hold here too. The address is often a ticket, so it is never shown.

use super::client::{BadClient, builder};
use super::proxy::Proxies;
use super::resolver::Outward;
use super::{BadBase, checked_base};
use crate::secret::hide;
use futures::{SinkExt as _, StreamExt as _};
use reqwest::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};
use reqwest::{Client, Response, StatusCode, Upgraded};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};

/// How long opening may take, and handing over one message.
const PATIENCE: Duration = Duration::from_secs(10);

/// The largest message that is read.
const LARGEST: usize = 4 << 20;

/// Longest reason of a peer that is passed on, in characters.
const LONGEST_REASON: usize = 120;

/// Why there is no connection, by what the caller can do. No text names the address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SocketError {
    /// The address is none that may be connected to; only other configuration helps.
    #[error("the websocket's address cannot be used: {0}")]
    Address(BadBase),
    /// The host answered, but with no websocket.
    #[error("the host answered {0} instead of opening a websocket")]
    Refused(u16),
    /// No connection, or it broke: connect again, after a pause.
    #[error("the websocket broke: {0}")]
    Broken(String),
}

/// What arrives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// A message.
    Text(String),
    /// The peer said goodbye; nothing follows.
    Closed {
        /// The peer's code, if it gave one.
        code: Option<u16>,
        /// The peer's words, cut.
        reason: String,
    },
}

/// Opens websockets. Cheap to clone.
#[derive(Clone)]
pub struct Sockets(Client);

/// One open websocket. Dropping it cuts the connection without a goodbye.
pub struct Socket {
    stream: WebSocketStream<Upgraded>,
    heard: Instant,
}

impl Sockets {
    /// As [`super::client`], but without the newer protocols, over which no plain websocket can be opened. No name may
    /// lead to a private address.
    pub fn new(extra_ca: Option<&[u8]>) -> Result<Self, BadClient> {
        Self::beside(extra_ca, &[])
    }

    /// The same where the hosts of these addresses, which are configured, may be private.
    pub fn beside(extra_ca: Option<&[u8]>, bases: &[&str]) -> Result<Self, BadClient> {
        let proxies = Proxies::of_environment();
        let resolver = Outward::beside(bases, &proxies);
        let client = builder(extra_ca, &proxies)?.http1_only().dns_resolver(Arc::new(resolver)).build();
        client.map(Self).map_err(|error| BadClient::Setup(error.without_url().to_string()))
    }

    /// Connects to a `ws://` (loopback only) or `wss://` address.
    pub async fn open(&self, address: &str) -> Result<Socket, SocketError> {
        timeout(PATIENCE, self.upgraded(address)).await.map_err(|_| late())?
    }

    async fn upgraded(&self, address: &str) -> Result<Socket, SocketError> {
        let key = generate_key();
        let request = self.0.get(web_address(address)?);
        let request = request.header(CONNECTION, "upgrade").header(UPGRADE, "websocket");
        let request = request.header(SEC_WEBSOCKET_VERSION, "13").header(SEC_WEBSOCKET_KEY, &key);
        let response = request.send().await.map_err(broken)?;
        if !is_websocket(&response, &key) {
            return Err(SocketError::Refused(response.status().as_u16()));
        }
        let upgraded = response.upgrade().await.map_err(broken)?;
        let limits = WebSocketConfig::default().max_message_size(Some(LARGEST)).max_frame_size(Some(LARGEST));
        let stream = WebSocketStream::from_raw_socket(upgraded, Role::Client, Some(limits)).await;
        Ok(Socket { stream, heard: Instant::now() })
    }
}

impl Socket {
    /// The next message; pings are answered on the way. May be abandoned at any time without losing anything.
    pub async fn receive(&mut self) -> Result<Received, SocketError> {
        loop {
            let next = self.stream.next().await;
            self.heard = Instant::now();
            match next {
                Some(Ok(Message::Text(text))) => return Ok(Received::Text(text.as_str().to_owned())),
                Some(Ok(Message::Close(frame))) => return Ok(closed(frame.as_ref())),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(SocketError::Broken(hide(&error.to_string()))),
                None => return Ok(closed(None)),
            }
        }
    }

    /// When the peer was last heard, its pings included: a connection can be dead without anybody being told.
    pub fn heard(&self) -> Instant {
        self.heard
    }

    /// Sends one message. After an error the connection is of no use.
    pub async fn send(&mut self, text: String) -> Result<(), SocketError> {
        let sent = timeout(PATIENCE, self.stream.send(Message::Text(text.into()))).await.map_err(|_| late())?;
        sent.map_err(|error| SocketError::Broken(hide(&error.to_string())))
    }

    /// Says goodbye with a code. Whether the peer hears it is not waited for.
    pub async fn close(mut self, code: u16) {
        let frame = CloseFrame { code: CloseCode::from(code), reason: "".into() };
        // A connection that is broken already needs no goodbye.
        let _ = timeout(Duration::from_secs(1), self.stream.close(Some(frame))).await;
    }
}

fn web_address(address: &str) -> Result<reqwest::Url, SocketError> {
    let web = match address.split_once("://") {
        Some(("wss", rest)) => format!("https://{rest}"),
        Some(("ws", rest)) => format!("http://{rest}"),
        _ => return Err(SocketError::Address(BadBase::NotAnAddress)),
    };
    let (bare, query) = web.split_once('?').map_or((web.as_str(), None), |(bare, query)| (bare, Some(query)));
    let mut url = checked_base(bare).map_err(SocketError::Address)?;
    url.set_query(query);
    Ok(url)
}

fn is_websocket(response: &Response, key: &str) -> bool {
    let accepted = response.headers().get(SEC_WEBSOCKET_ACCEPT).and_then(|value| value.to_str().ok());
    response.status() == StatusCode::SWITCHING_PROTOCOLS && accepted == Some(&derive_accept_key(key.as_bytes()))
}

fn closed(frame: Option<&CloseFrame>) -> Received {
    let reason =
        frame.map(|frame| hide(&frame.reason).chars().filter(|c| !c.is_control()).take(LONGEST_REASON).collect());
    Received::Closed { code: frame.map(|frame| frame.code.into()), reason: reason.unwrap_or_default() }
}

fn broken(error: reqwest::Error) -> SocketError {
    SocketError::Broken(hide(&super::error::cause(&error.without_url())))
}

fn late() -> SocketError {
    SocketError::Broken("it took too long".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_may_be_reached_in_clear() {
        for (address, web) in [
            ("wss://gateway.discord.gg/?v=10&encoding=json", "https://gateway.discord.gg/?v=10&encoding=json"),
            ("ws://127.0.0.1:80/link?ticket=1", "http://127.0.0.1/link?ticket=1"),
        ] {
            assert_eq!(web_address(address).unwrap().as_str(), web);
        }
        for address in ["ws://gateway.example", "https://gateway.example", "gateway.example", "wss://a:b@x", "wss://"] {
            assert!(web_address(address).is_err(), "{address}");
        }
    }
}
