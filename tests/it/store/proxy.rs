//! A proxy that stands between an adapter and a server, real or fake, and makes the trouble that the server would not.

use super::contract::Trouble;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use rekey::http::{Tls, client_with};
use std::sync::{Arc, Mutex};
use tokio::sync::Notify;

/// Which requests a trouble with writes is about.
pub type IsWrite = fn(&Request) -> bool;

/// One proxy for one place. Speaks plain HTTP on loopback; the server behind it may speak TLS.
#[derive(Clone)]
pub struct Proxy(Arc<Inner>);

struct Inner {
    upstream: String,
    client: reqwest::Client,
    is_write: IsWrite,
    trouble: Mutex<Trouble>,
    arrived: Notify,
    go_on: Notify,
    said: Mutex<String>,
    quoting: Mutex<Option<(usize, StatusCode, String)>>,
}

/// With which a host may refuse.
const REFUSALS: [StatusCode; 6] = [
    StatusCode::BAD_REQUEST,
    StatusCode::UNPROCESSABLE_ENTITY,
    StatusCode::FORBIDDEN,
    StatusCode::CONFLICT,
    StatusCode::PRECONDITION_FAILED,
    StatusCode::NOT_FOUND,
];

/// Everything but GET and HEAD, the usual meaning of a write.
pub fn by_method(request: &Request) -> bool {
    !request.method().is_safe()
}

impl Proxy {
    /// Between whoever calls the returned address and `upstream`, whose certificate is signed by `ca` (PEM).
    pub async fn before(upstream: &str, ca: Option<&[u8]>, is_write: IsWrite) -> (Self, String) {
        let client = client_with(&Tls { extra_ca: ca, direct: true, ..Tls::default() }).unwrap();
        let proxy = Self(Arc::new(Inner {
            upstream: upstream.trim_end_matches('/').to_owned(),
            client,
            is_write,
            trouble: Mutex::new(Trouble::None),
            arrived: Notify::new(),
            go_on: Notify::new(),
            said: Mutex::default(),
            quoting: Mutex::default(),
        }));
        let base = crate::http::serve(Router::new().fallback(pass).with_state(proxy.clone())).await;
        (proxy, base)
    }

    /// Makes a trouble of transport; `false` for troubles that only the server itself can make.
    pub fn trouble(&self, trouble: Trouble) -> bool {
        let ours = matches!(
            trouble,
            Trouble::None | Trouble::Limited | Trouble::CutBefore | Trouble::CutAfter | Trouble::Slow | Trouble::Broken
        );
        *self.0.trouble.lock().unwrap() = if ours { trouble } else { Trouble::None };
        ours
    }

    /// The next write is kept on its way while `meanwhile` happens.
    pub async fn during_the_next_write(&self, meanwhile: impl Future<Output = ()>) {
        *self.0.trouble.lock().unwrap() = Trouble::Held;
        self.0.arrived.notified().await;
        meanwhile.await;
        self.0.go_on.notify_one();
    }

    /// The host refuses the request after that many others, the nth time with the nth status, and says so in these words.
    pub fn refuse_after(&self, others: usize, way: usize, words: &str) {
        let status = REFUSALS[way % REFUSALS.len()];
        *self.0.quoting.lock().unwrap() = Some((others, status, words.to_owned()));
    }

    /// Whether it is yet to refuse; it no longer does.
    pub fn takes_back_a_refusal(&self) -> bool {
        self.0.quoting.lock().unwrap().take().is_some()
    }

    fn quoted(&self) -> Option<Response> {
        let mut quoting = self.0.quoting.lock().unwrap();
        let (others, status, words) = quoting.take()?;
        if others > 0 {
            *quoting = Some((others - 1, status, words));
            return None;
        }
        let error = serde_json::json!({"code": "BadParameter", "message": words});
        let body = serde_json::json!({"__type": "InvalidRequestException", "message": words, "error": error});
        Some((status, axum::Json(body)).into_response())
    }

    /// Methods, addresses and headers (but for credentials) of all that passed.
    pub fn said(&self) -> String {
        self.0.said.lock().unwrap().clone()
    }

    fn present(&self) -> Trouble {
        *self.0.trouble.lock().unwrap()
    }

    fn note(&self, request: &Request) {
        let mut said = self.0.said.lock().unwrap();
        said.push_str(&format!("{} {} {:?}\n", request.method(), request.uri(), request.headers()));
    }
}

async fn pass(State(proxy): State<Proxy>, request: Request) -> Response {
    proxy.note(&request);
    if let Some(refusal) = proxy.quoted() {
        return refusal;
    }
    let writes = (proxy.0.is_write)(&request);
    match (proxy.present(), writes) {
        (Trouble::Slow, _) => std::future::pending().await,
        (Trouble::Limited, true) => (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "60")]).into_response(),
        (Trouble::Broken, false) => StatusCode::BAD_GATEWAY.into_response(),
        (Trouble::CutBefore, true) => cut(),
        (Trouble::Held, true) => {
            *proxy.0.trouble.lock().unwrap() = Trouble::None;
            proxy.0.arrived.notify_one();
            proxy.0.go_on.notified().await;
            forward(&proxy, request).await
        }
        (Trouble::CutAfter, true) => {
            forward(&proxy, request).await;
            cut()
        }
        _ => forward(&proxy, request).await,
    }
}

/// Headers, a byte, and then the connection breaks.
fn cut() -> Response {
    let broken = futures::stream::iter([Ok("{"), Err(std::io::Error::other("cut"))]);
    Body::from_stream(broken).into_response()
}

async fn forward(proxy: &Proxy, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 64 << 20).await.unwrap();
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let mut headers = parts.headers;
    headers.remove(header::HOST);
    let sent = proxy.0.client.request(parts.method, format!("{}{path}", proxy.0.upstream)).headers(headers).body(body);
    let Ok(answer) = sent.send().await else { return StatusCode::BAD_GATEWAY.into_response() };
    let (status, mut headers) = (answer.status(), answer.headers().clone());
    headers.remove(header::TRANSFER_ENCODING);
    let Ok(body) = answer.bytes().await else { return StatusCode::BAD_GATEWAY.into_response() };
    (status, headers, body).into_response()
}
