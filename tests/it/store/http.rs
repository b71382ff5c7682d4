//! A place behind a host that we know nothing of: the contract with a request to read by and without, and what people may
//! write into the configuration.

use super::configured::{configured, mistakes};
use super::contract::{Bench, NEW, OLD, Site, Trouble, secret, tag, write};
use super::proxy::{Proxy, by_method};
use super::{built, refusal};
use crate::http::serve;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{Method as Verb, StatusCode};
use axum::response::{IntoResponse, Response};
use rekey::rotation::store::Capabilities;
use rekey::store::http::blank::Spelling;
use rekey::store::http::{Body, Method, Read, Settings, Spec};
use rekey::store::{Connections, Link, SecretStore, Source, StoreError, StoreSpec, Written};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

const KEY: &str = "Bearer canary-of-the-connection";

/// A host that is strict about what it is sent.
#[derive(Clone)]
struct Fake(Arc<Mutex<World>>);

struct World {
    /// `None`: the place is not there.
    document: Option<Value>,
    writes: u64,
    trouble: Trouble,
    /// The headers of the last write that told whose it is.
    rotation: Option<String>,
}

impl Fake {
    fn new() -> Self {
        let document = Some(json!({"data": {"value": OLD, "owner": "ada"}}));
        Self(Arc::new(Mutex::new(World { document, writes: 0, trouble: Trouble::None, rotation: None })))
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap()
    }

    fn set(&self, value: &str) {
        self.world().document = Some(json!({"data": {"value": value, "owner": "ada"}}));
    }

    fn router(&self) -> Router {
        Router::new().fallback(answer).with_state(self.clone())
    }
}

async fn answer(State(fake): State<Fake>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body: Bytes = axum::body::to_bytes(axum::body::Body::new(body), 1 << 20).await.unwrap();
    let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
    let mut world = fake.world();
    if header("authorization") != Some(KEY) || world.trouble == Trouble::Denied {
        return (StatusCode::FORBIDDEN, "no entry").into_response();
    }
    if world.document.is_none() || parts.uri.path() != "/api/secrets/deploy" {
        return StatusCode::NOT_FOUND.into_response();
    }
    let value = match (&parts.method, header("content-type")) {
        (&Verb::GET, None) => return axum::Json(world.document.clone()).into_response(),
        (&Verb::PUT, Some("application/json")) => {
            serde_json::from_slice::<Value>(&body).ok().and_then(|body| body["value"].as_str().map(str::to_owned))
        }
        (&Verb::POST, None) if body.is_empty() => header("x-value").map(str::to_owned),
        _ => None,
    };
    let Some(value) = value else { return StatusCode::BAD_REQUEST.into_response() };
    if world.trouble == Trouble::Picky {
        let told = json!({"message": format!("{value} is not to our taste")});
        return (StatusCode::UNPROCESSABLE_ENTITY, axum::Json(told)).into_response();
    }
    world.rotation = header("x-rotation").map(str::to_owned);
    world.writes += 1;
    world.document.as_mut().unwrap()["data"]["value"] = value.into();
    StatusCode::NO_CONTENT.into_response()
}

/// By a body, with a request to read by.
fn whole() -> Spec {
    let text = "{\"value\": \"{{token}}\", \"token\": {{token_id}}}".to_owned();
    Spec {
        at: "safe".into(),
        address: "https://safe.example.com/api".into(),
        name: None,
        method: Method::Put,
        path: "/secrets/deploy".into(),
        headers: BTreeMap::from([("x-rotation".to_owned(), "{{rotation}}.{{token_id}}".to_owned())]),
        body: Some(Body { content_type: "application/json".into(), spelling: Spelling::Json, text }),
        read: Some(Read { path: "/secrets/deploy".into(), pointer: Some("/data/value".into()) }),
    }
}

/// By a header, and never seen again.
fn unread() -> Spec {
    let headers = BTreeMap::from([("x-value".to_owned(), "{{token}}".to_owned())]);
    Spec { method: Method::Post, headers, body: None, read: None, ..whole() }
}

fn store_at(base: &str, timeout: Option<Duration>, spec: Spec) -> Arc<dyn SecretStore> {
    let link = Link { url: format!("{base}/api"), timeout, ..Link::default() };
    let headers = vec![("authorization".parse().unwrap(), Source::Fixed(secret(KEY)))];
    let mut connections = Connections::default();
    connections.http.insert("safe".into(), Arc::new(Settings { link, headers }));
    built(&StoreSpec::Http(spec), &connections)
}

pub async fn readable() -> impl Site {
    Places(whole())
}

pub async fn blind() -> impl Site {
    Places(unread())
}

struct Places(Spec);

struct OnTheFake {
    fake: Fake,
    proxy: Proxy,
    base: String,
    spec: Spec,
    store: Arc<dyn SecretStore>,
}

#[async_trait::async_trait]
impl Site for Places {
    async fn furnish(&self) -> Option<Box<dyn Bench>> {
        let fake = Fake::new();
        let upstream = serve(fake.router()).await;
        let (proxy, base) = Proxy::before(&upstream, None, by_method).await;
        let store = store_at(&base, None, self.0.clone());
        Some(Box::new(OnTheFake { fake, proxy, base, spec: self.0.clone(), store }))
    }
}

#[async_trait::async_trait]
impl Bench for OnTheFake {
    fn store(&self) -> Arc<dyn SecretStore> {
        self.store.clone()
    }

    fn proxy(&self) -> Option<&Proxy> {
        Some(&self.proxy)
    }

    fn hasty(&self) -> Option<Arc<dyn SecretStore>> {
        Some(store_at(&self.base, Some(Duration::from_millis(300)), self.spec.clone()))
    }

    fn capabilities(&self) -> Capabilities {
        let plain = Capabilities { proven: false, ..Capabilities::plain() };
        if self.spec.read.is_some() { plain } else { plain.blind() }
    }

    async fn held(&self) -> Option<String> {
        self.fake.world().document.as_ref()?["data"]["value"].as_str().map(str::to_owned)
    }

    async fn rest(&self) -> String {
        self.fake.world().document.as_ref().map(|document| document["data"]["owner"].to_string()).unwrap_or_default()
    }

    async fn versions(&self) -> Option<u64> {
        self.spec.read.is_some().then(|| self.fake.world().writes)
    }

    async fn meddle(&self, value: &str) {
        self.fake.set(value);
    }

    async fn trouble(&self, trouble: Trouble) -> bool {
        let looks = self.spec.read.is_some();
        if !looks && matches!(trouble, Trouble::Denied | Trouble::Gone | Trouble::Broken | Trouble::Slow) {
            return false;
        }
        let mut world = self.fake.world();
        world.trouble = trouble;
        if trouble == Trouble::Gone {
            world.document = None;
        }
        self.proxy.trouble(trouble) || matches!(trouble, Trouble::Denied | Trouble::Gone | Trouble::Picky)
    }

    /// Without the header that is there to carry the value.
    async fn said(&self) -> String {
        let said = self.proxy.said();
        said.lines().map(|line| line.split(" {").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
    }
}

#[tokio::test]
async fn a_request_says_whose_value_it_brings() {
    let fake = Fake::new();
    let store = store_at(&serve(fake.router()).await, None, whole());
    assert_eq!(write(&*store, "canary with \"quotes\"").await, Ok(Written::Done));
    assert_eq!(fake.world().rotation.as_deref(), Some("01kakf7rm0000000000000000a.8"));
    assert_eq!(store.read().await.unwrap().unwrap().expose(), "canary with \"quotes\"");
}

#[tokio::test]
async fn a_place_that_cannot_be_read_says_so_and_is_refused_only_by_the_write() {
    let fake = Fake::new();
    let store = store_at(&serve(fake.router()).await, None, unread());
    store.preflight().await.unwrap();
    assert_eq!(store.capabilities().caveat(), "cannot be read back or restored, may still refuse the write");
    fake.world().trouble = Trouble::Denied;
    store.preflight().await.unwrap();
    let told = refusal(store.write(&secret(NEW), &Default::default(), &tag(8)).await);
    assert!(told.ends_with("give [http.safe] headers by which /secrets/deploy may be read and written"), "{told}");
    let told = refusal(store.write(&secret("a\nb"), &Default::default(), &tag(8)).await);
    assert_eq!(told, "the value cannot be written as a header | send it in the body");
}

#[tokio::test]
async fn an_answer_without_the_value_is_told_without_the_answer() {
    let fake = Fake::new();
    fake.world().document = Some(json!({"data": ["canary"]}));
    let store = store_at(&serve(fake.router()).await, None, whole());
    let told = refusal(store.preflight().await);
    assert!(told.starts_with("there is no text at /data/value in the answer | correct pointer"), "{told}");
}

#[tokio::test]
async fn a_host_that_points_elsewhere_is_not_followed() {
    let elsewhere = serve(Fake::new().router()).await;
    let to = format!("{elsewhere}/api/secrets/deploy");
    let points = move || async move { (StatusCode::TEMPORARY_REDIRECT, [("location", to.clone())]) };
    let store = store_at(&serve(Router::new().fallback(points)).await, None, whole());
    let error = store.look().await.err().unwrap();
    assert!(
        matches!(&error, StoreError::Refused { why, .. } if why.contains("points to another address")),
        "{error:?}"
    );
}

const SAFE: &str = r#"
[http.safe]
url = "https://safe.example.com/api"
headers = { Authorization = "env:HOME" }
"#;

const STORE: &str = r#"
[[token.store]]
kind = "http"
at = "safe"
path = "/secrets/deploy"
body = '{"value": "{{token}}"}'
"#;

#[test]
fn a_request_is_read_as_it_is_meant() {
    let config = configured(SAFE, STORE).unwrap();
    assert_eq!(config.tokens[0].1[0].id().0, "http PUT safe.example.com/api/secrets/deploy");
    assert!(!format!("{:?}", config.connections.http).contains(&std::env::var("HOME").unwrap()));
    let twice = format!("{STORE}{STORE}");
    assert!(mistakes(SAFE, &twice).contains("twice"), "{}", mistakes(SAFE, &twice));
    let named = format!("{STORE}{STORE}name = \"second\"\n");
    assert_eq!(mistakes(SAFE, &named), "none");
}

#[test]
fn the_value_goes_into_no_address_and_only_where_it_can_be_read() {
    for (right, wrong, words) in [
        ("/secrets/deploy", "/secrets/{{token}}", "addresses end up in logs"),
        ("/secrets/deploy", "secrets/deploy", "path must begin with /"),
        ("\"{{token}}\"", "{{token}}", "body is no JSON once {{token}} is filled in"),
        ("{{token}}", "{{tokn}}", "nothing is known to fill {{tokn}}"),
        ("{{token}}", "x", "the value is sent nowhere"),
        ("body =", "pointer = \"/value\"\nbody =", "add read = "),
        ("body =", "read = \"/x\"\npointer = \"value\"\nbody =", "pointer must begin with /"),
        ("body =", "content_type = \"image/png\"\nbody =", "content_type must be one of"),
        ("body =", "headers = { authorization = \"x\" }\nbody =", "[http.safe] sends the header authorization already"),
        ("body =", "headers = { host = \"x\" }\nbody =", "host is written by rekey"),
        ("body =", "method = \"GET\"\nbody =", "method must be one of \"PUT\", \"POST\", \"PATCH\""),
    ] {
        let told = mistakes(SAFE, &STORE.replace(right, wrong));
        assert!(told.contains(words), "{wrong}: {told}");
    }
    let told = mistakes(&SAFE.replace("https:", "http:"), STORE);
    assert!(told.contains("would send secrets in clear"), "{told}");
    let told = mistakes(&SAFE.replace("env:HOME", "Bearer literal"), STORE);
    assert!(told.contains("headers") && !told.contains("literal"), "{told}");
}
