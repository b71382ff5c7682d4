//! Connections: few enough, none that is held open for nothing, and a graceful end.

use super::Limits;
use axum::Router;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

/// Before the next try when the system has no room for one more connection.
const BREATH: Duration = Duration::from_millis(200);

/// Who is at the other end of the connection.
#[derive(Clone, Copy)]
pub(super) struct Peer(pub(super) SocketAddr);

/// Serves until told to stop; then takes nothing new, and returns when the last request is answered or time is up.
pub async fn serve(listener: TcpListener, router: Router, limits: Limits, stop: CancellationToken) {
    let http = http(&limits);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept(), if connections.len() < limits.connections => match accepted {
                Ok((stream, peer)) => {
                    connections.spawn(connection(http.clone(), stream, Peer(peer), router.clone(), stop.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot take a connection");
                    tokio::time::sleep(BREATH).await;
                }
            },
        }
    }
    drop(listener);
    let last = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(limits.farewell, last).await.is_err() {
        tracing::warn!(open = connections.len(), "connections cut: their requests did not end in time");
    }
}

fn http(limits: &Limits) -> Builder {
    let mut http = Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.arrival)
        .max_header_size(limits.headers)
        // Headers that never end are cut here; hyper takes nothing below 8 KiB.
        .max_buf_size(limits.headers.max(8 << 10) * 2);
    http
}

async fn connection(http: Builder, stream: TcpStream, peer: Peer, router: Router, stop: CancellationToken) {
    // Only a matter of speed.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        router.clone().oneshot(request)
    });
    let mut connection = std::pin::pin!(http.serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(peer = %peer.0, %error, "connection broken");
    }
}
