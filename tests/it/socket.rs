//! Stories of websockets opened over the one HTTP client: talk, goodbyes, hosts that open none.

use crate::http::serve;
use axum::Router;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::http::StatusCode;
use axum::routing::get;
use rekey::http::{Received, Socket, SocketError, Sockets};
use tokio::net::TcpListener;

async fn echo(mut socket: WebSocket) {
    let _asked = socket.send(Message::Ping(vec![1].into())).await;
    while let Some(Ok(message)) = socket.recv().await {
        match message {
            Message::Text(text) if text.as_str() == "leave" => {
                let frame = CloseFrame { code: 4_004, reason: "no\u{7} entry".into() };
                let _said = socket.send(Message::Close(Some(frame))).await;
            }
            Message::Pong(bytes) => drop(socket.send(Message::Text(format!("pong {bytes:?}").into())).await),
            Message::Text(text) => drop(socket.send(Message::Text(text)).await),
            _ => {}
        }
    }
}

async fn host() -> String {
    let talk = get(|upgrade: WebSocketUpgrade| async { upgrade.on_upgrade(echo) });
    let router = Router::new().route("/talk", talk).route("/closed", get(|| async { StatusCode::FORBIDDEN }));
    let router = router.route("/page", get(|| async { "no websocket here" }));
    serve(router).await.replace("http://", "ws://")
}

async fn open(address: &str) -> Result<Socket, SocketError> {
    Sockets::new(None).unwrap().open(address).await
}

#[tokio::test]
async fn both_sides_talk_and_pings_are_answered_on_the_way() {
    let mut socket = open(&format!("{}/talk?ticket=secret", host().await)).await.unwrap();
    socket.send("größe".into()).await.unwrap();
    let mut heard = vec![socket.receive().await.unwrap(), socket.receive().await.unwrap()];
    heard.sort_by_key(|heard| format!("{heard:?}"));
    assert_eq!(heard, [Received::Text("größe".into()), Received::Text("pong b\"\\x01\"".into())]);
}

#[tokio::test]
async fn a_goodbye_comes_with_its_code_and_tame_words() {
    let mut socket = open(&format!("{}/talk", host().await)).await.unwrap();
    socket.send("leave".into()).await.unwrap();
    let mut last = socket.receive().await.unwrap();
    while let Received::Text(_) = last {
        last = socket.receive().await.unwrap();
    }
    assert_eq!(last, Received::Closed { code: Some(4_004), reason: "no entry".into() });
}

#[tokio::test]
async fn a_host_that_opens_no_websocket_is_told_from_one_that_is_not_there() {
    let base = host().await;
    assert_eq!(open(&format!("{base}/closed")).await.err(), Some(SocketError::Refused(403)));
    assert_eq!(open(&format!("{base}/page")).await.err(), Some(SocketError::Refused(200)));
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let error = open(&format!("ws://{nobody}/talk?ticket=secret")).await.err().unwrap();
    assert!(matches!(error, SocketError::Broken(_)), "{error}");
    assert!(!error.to_string().contains("secret"), "{error}");
}

#[tokio::test]
async fn a_connection_that_breaks_is_no_goodbye() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("ws://{}/talk", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        drop(stream);
    });
    assert!(matches!(open(&address).await.err(), Some(SocketError::Broken(_))));
}

#[tokio::test]
async fn a_name_that_leads_into_our_own_network_is_not_connected_to_unless_it_is_configured() {
    let address = host().await.replace("ws://127.0.0.1", "ws://localhost") + "/talk";
    let error = open(&address).await.err().unwrap();
    assert!(
        error.to_string().contains("localhost, which an answer names, leads to an address of the network"),
        "{error}"
    );
    let configured = Sockets::beside(None, &["https://localhost/api"]).unwrap();
    assert!(configured.open(&address).await.is_ok(), "a configured host may be private");
}
