//! Connections: few enough, none that is held open for nothing, and a graceful end.

use super::Limits;
use super::pulse::Pulse;
use super::room::{Place, Room};
use super::visit::Line;
use axum::Router;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

/// Before the next try when the system has no room for one more connection.
const BREATH: Duration = Duration::from_millis(200);

/// What the system keeps for a connection in each direction (it takes twice that). Answers are small; a peer that reads
/// none, or is not read, must not hold megabytes.
const BUFFER: u32 = 32 << 10;

/// Connections that may wait to be taken.
const BACKLOG: u32 = 1_024;

/// Listens where [`serve`] is to take connections.
pub fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.set_send_buffer_size(BUFFER)?;
    socket.set_recv_buffer_size(BUFFER)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Serves until told to stop; then takes nothing new, and returns when the last request is answered or time is up.
pub async fn serve(listener: TcpListener, router: Router, limits: Limits, pulse: Pulse, stop: CancellationToken) {
    let _watched = Watched(&pulse);
    let room = Room::new(limits.connections, 0, 0);
    let connect = Connect { http: http(&limits), router, patience: limits.arrival, stop: stop.clone() };
    let mut connections = JoinSet::new();
    let mut waiting: Option<(TcpStream, SocketAddr)> = None;
    loop {
        if let Some((stream, address)) = waiting.take() {
            match room.enter(address.ip().into()) {
                Some(place) => {
                    pulse.open();
                    connections.spawn(connect.clone().serve(stream, address, place));
                }
                None => {
                    pulse.shut();
                    waiting = Some((stream, address));
                }
            }
        }
        tokio::select! {
            () = stop.cancelled() => break,
            Some(_) = connections.join_next() => {}
            () = room.freed(), if waiting.is_some() => {}
            accepted = listener.accept(), if waiting.is_none() => match accepted {
                Ok(accepted) => waiting = Some(accepted),
                Err(error) => {
                    pulse.shut();
                    tracing::warn!(%error, "cannot take a connection");
                    tokio::time::sleep(BREATH).await;
                }
            },
        }
    }
    drop((listener, waiting));
    let last = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(limits.farewell, last).await.is_err() {
        tracing::warn!(open = connections.len(), "connections cut: their requests did not end in time");
    }
}

/// Tells when there is no listener any more, however it ended.
struct Watched<'a>(&'a Pulse);

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        self.0.gone();
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

/// What every connection needs.
#[derive(Clone)]
struct Connect {
    http: Builder,
    router: Router,
    /// How long a peer may take none of an answer.
    patience: Duration,
    stop: CancellationToken,
}

impl Connect {
    async fn serve(self, stream: TcpStream, peer: SocketAddr, place: Place) {
        let Self { http, router, patience, stop } = self;
        // Only a matter of speed.
        let _ = stream.set_nodelay(true);
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(patience));
        let line = Line { address: peer.ip(), place: Arc::new(place) };
        let over = line.clone();
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(over.clone());
            router.clone().oneshot(request)
        });
        let mut connection = std::pin::pin!(http.serve_connection(TokioIo::new(Box::pin(stream)), service));
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = line.place.sent_away() => return tracing::debug!(%peer, "connection cut to make room"),
            () = stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%peer, %error, "connection broken");
        }
    }
}
