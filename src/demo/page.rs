//! The page: a few static files, one picture as JSON twice a second, and what a person can press. Loopback only, and
//! only under its own name, so that no web page elsewhere can press for them.

mod forms;

use super::picture::mailbox;
use super::shared::Shared;
use super::{BotLog, CHANNEL, Demo, DemoError, Scene, Tempo, discord_page};
use crate::sandbox::slack;
use crate::server::Render;
use axum::extract::{Path, Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::RwLock;
use tokio::task::JoinHandle;

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The page of a running demo, on a port of its own.
pub struct Page {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

#[derive(Deserialize)]
struct Press {
    user: String,
    ts: String,
    action: String,
}

#[derive(Deserialize)]
struct Line {
    user: String,
    text: String,
}

#[derive(Deserialize)]
struct Raw {
    raw: String,
    /// As our own server would hand it over.
    #[serde(default)]
    delivered: bool,
}

#[derive(Deserialize)]
struct Trouble {
    #[serde(default)]
    red: Option<bool>,
    #[serde(default)]
    cut: bool,
}

impl IntoResponse for DemoError {
    fn into_response(self) -> Response {
        (StatusCode::CONFLICT, Json(json!({"error": self.to_string()}))).into_response()
    }
}

impl Page {
    /// Starts a demo and its page on a port of this machine; 0 takes a free one.
    pub async fn start(port: u16, tempo: Tempo, scene: Scene, log: BotLog, render: Render) -> Result<Self, DemoError> {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.map_err(|error| match error.kind() {
            ErrorKind::AddrInUse => DemoError::PortTaken(port),
            _ => DemoError::io("no port for the page")(error),
        })?;
        let address = listener.local_addr().map_err(DemoError::io("no port for the page"))?;
        let demo = Demo::start(tempo, scene, log.clone(), render.clone()).await?;
        let shared = Arc::new(Shared { demo: RwLock::new(Some(demo)), address, tempo, scene, log, render });
        let router = router(shared.clone());
        let task = tokio::spawn(async move {
            // Ends only when the task is aborted; a sandbox has nobody to tell.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { address, shared, task })
    }

    /// What to open in a browser.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Stops the page, then the bot, which finishes what is in hand.
    pub async fn stop(self) {
        self.task.abort();
        if let Some(demo) = self.shared.demo.write().await.take() {
            demo.stop().await;
        }
    }
}

fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/", get(|| asset("text/html", include_str!("page/page.html"))))
        .route("/page.css", get(|| asset("text/css", include_str!("page/page.css"))))
        .route("/page.js", get(|| asset("text/javascript", include_str!("page/page.js"))))
        .route("/icon.svg", get(|| asset("image/svg+xml", include_str!("page/icon.svg"))))
        .route("/dom.js", get(|| asset("text/javascript", include_str!("page/dom.js"))))
        .route("/slack.js", get(|| asset("text/javascript", include_str!("page/slack.js"))))
        .route("/form.js", get(|| asset("text/javascript", include_str!("page/form.js"))))
        .route("/who.js", get(|| asset("text/javascript", include_str!("page/who.js"))))
        .route("/discord.js", get(|| asset("text/javascript", include_str!("page/discord.js"))))
        .route("/markdown.js", get(|| asset("text/javascript", include_str!("page/markdown.js"))))
        .route("/gitlab.js", get(|| asset("text/javascript", include_str!("page/gitlab.js"))))
        .route("/mailbox", get(async || Json(mailbox())))
        .route("/picture", get(picture))
        .route("/mail/{name}", post(mail))
        .route("/press", post(press))
        .route("/say", post(say))
        .merge(forms::router())
        .route("/trouble", post(trouble))
        .route("/again", post(again))
        .merge(discord_page::router())
        .layer(from_fn_with_state(shared.clone(), guard))
        .with_state(shared)
}

async fn asset(kind: &'static str, text: &'static str) -> Response {
    ([(CONTENT_TYPE, format!("{kind}; charset=utf-8"))], text).into_response()
}

/// Refuses other names for this address (a foreign page may have such a name), and says what the page may load.
async fn guard(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let port = shared.address.port();
    let own = [format!("127.0.0.1:{port}"), format!("localhost:{port}")];
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    if !host.is_some_and(|host| own.iter().any(|name| name == host)) {
        return StatusCode::MISDIRECTED_REQUEST.into_response();
    }
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

async fn picture(State(shared): State<Arc<Shared>>) -> Result<Json<Value>, DemoError> {
    shared.with(async |demo| demo.picture().await).await.map(Json)
}

/// A sample by its name; the name `own` takes the mail from the request.
async fn mail(
    State(shared): State<Arc<Shared>>,
    Path(name): Path<String>,
    Json(given): Json<Raw>,
) -> Result<Json<Value>, DemoError> {
    let sample = super::samples().into_iter().find(|sample| sample.name == name);
    let raw = match sample {
        Some(sample) => sample.raw.to_owned(),
        None if given.delivered => super::delivered(&given.raw),
        None => given.raw.trim_start().to_owned(),
    };
    let answer = shared.with(async |demo| demo.mail(&name, &raw).await).await?;
    Ok(Json(json!(answer)))
}

async fn press(State(shared): State<Arc<Shared>>, Json(press): Json<Press>) -> Result<StatusCode, DemoError> {
    let pressed = async |demo: &Demo| Ok(in_slack(demo)?.press(&press.user, &press.ts, &press.action).await?);
    shared.with(pressed).await.map(|()| StatusCode::NO_CONTENT)
}

/// A slash command goes to the bot; anything else is small talk.
async fn say(State(shared): State<Arc<Shared>>, Json(line): Json<Line>) -> Result<StatusCode, DemoError> {
    let said = async |demo: &Demo| {
        match line.text.trim().strip_prefix("/rekey") {
            Some(text) => drop(in_slack(demo)?.command(&line.user, CHANNEL, text.trim()).await?),
            None => drop(in_slack(demo)?.with(|world| world.say(CHANNEL, &line.user, &line.text, None))),
        }
        Ok(StatusCode::NO_CONTENT)
    };
    shared.with(said).await
}

fn in_slack(demo: &Demo) -> Result<slack::Handle, DemoError> {
    demo.slack().ok_or_else(|| DemoError::Call("there is no Slack in this demo".into()))
}

async fn trouble(State(shared): State<Arc<Shared>>, Json(wanted): Json<Trouble>) -> Result<StatusCode, DemoError> {
    let made = async |demo: &Demo| {
        if let Some(red) = wanted.red {
            demo.make_pipelines_red(red);
        }
        if wanted.cut {
            demo.cut_next_create();
        }
        Ok(StatusCode::NO_CONTENT)
    };
    shared.with(made).await
}

/// Everything from the beginning, in a new world.
async fn again(State(shared): State<Arc<Shared>>) -> Result<StatusCode, DemoError> {
    let mut demo = shared.demo.write().await;
    if let Some(old) = demo.take() {
        old.stop().await;
    }
    *demo = Some(Demo::start(shared.tempo, shared.scene, shared.log.clone(), shared.render.clone()).await?);
    Ok(StatusCode::NO_CONTENT)
}
