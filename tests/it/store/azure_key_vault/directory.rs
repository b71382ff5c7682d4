//! Who gives tokens in Azure: the directory, a machine's metadata service, and the service beside a container app. Each
//! strict about what it is asked, and all of them for one vault.

use super::fake::{Fake, RESOURCE};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::json;
use std::collections::BTreeMap;

pub const TENANT: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";
pub const CLIENT: &str = "8f3b2c1d-0000-4000-8000-1234567890ab";
pub const SECRET: &str = "canary-client-secret";
pub const FEDERATED: &str = "canary-federated-token";
pub const HEADER: &str = "canary-identity-header";

/// The directory, to be served with the vault.
pub fn directory() -> Router<Fake> {
    Router::new().route("/{tenant}/oauth2/v2.0/token", post(application))
}

/// The services of a machine, without TLS, as they are.
pub fn machine(fake: &Fake) -> Router {
    let router = Router::new().route("/metadata/identity/oauth2/token", get(metadata));
    router.route("/msi/token/", get(beside)).with_state(fake.clone())
}

fn refuse(status: StatusCode, error: &str, description: &str) -> Response {
    (status, axum::Json(json!({ "error": error, "error_description": description }))).into_response()
}

async fn application(State(fake): State<Fake>, request: Request) -> Response {
    let tenant = request.uri().path().split('/').nth(1).unwrap_or_default().to_owned();
    let body = axum::body::to_bytes(request.into_body(), 1 << 20).await.unwrap();
    let form: BTreeMap<String, String> = form_urlencoded::parse(&body).into_owned().collect();
    let is = |key: &str, value: &str| form.get(key).is_some_and(|sent| sent == value);
    if tenant != TENANT {
        let why = format!("AADSTS90002: Tenant '{tenant}' not found.");
        return refuse(StatusCode::BAD_REQUEST, "invalid_request", &why);
    }
    if !is("grant_type", "client_credentials") || !is("scope", &format!("{RESOURCE}/.default")) {
        return refuse(StatusCode::BAD_REQUEST, "invalid_scope", "AADSTS1002012: The scope is not valid.");
    }
    let by_secret = form.get("client_secret").map(|sent| sent == SECRET);
    let federated = is("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
    let by_token = form.get("client_assertion").map(|sent| federated && sent == FEDERATED);
    let (proven, how) = match (by_secret, by_token) {
        (Some(right), None) => (right, "secret"),
        (None, Some(right)) => (right, "federated"),
        _ => (false, "nothing"),
    };
    if !is("client_id", CLIENT) || !proven {
        let sent = form.get("client_secret").or(form.get("client_assertion")).cloned().unwrap_or_default();
        let why = format!("AADSTS7000215: Invalid client secret provided: {sent}.");
        return refuse(StatusCode::UNAUTHORIZED, "invalid_client", &why);
    }
    let (token, seconds) = fake.world().grant(how);
    axum::Json(json!({ "token_type": "Bearer", "expires_in": seconds, "access_token": token })).into_response()
}

async fn metadata(State(fake): State<Fake>, request: Request) -> Response {
    let asked = query(&request);
    let marked = request.headers().get("metadata").is_some_and(|sent| sent == "true");
    if !marked
        || request.headers().contains_key("x-forwarded-for")
        || asked.get("api-version").is_none_or(|v| v != "2018-02-01")
    {
        return refuse(StatusCode::BAD_REQUEST, "bad_request_102", "Required metadata header not specified");
    }
    if let Some(refused) = not_ours(&asked) {
        return refused;
    }
    let (token, seconds) = fake.world().grant("machine");
    let answer = json!({ "access_token": token, "expires_in": seconds.to_string(), "resource": RESOURCE, "token_type": "Bearer" });
    axum::Json(answer).into_response()
}

async fn beside(State(fake): State<Fake>, request: Request) -> Response {
    let asked = query(&request);
    let known = request.headers().get("x-identity-header").is_some_and(|sent| sent == HEADER);
    if !known || asked.get("api-version").is_none_or(|version| version != "2019-08-01") {
        return refuse(StatusCode::UNAUTHORIZED, "unauthorized", "no identity header");
    }
    if let Some(refused) = not_ours(&asked) {
        return refused;
    }
    let (token, seconds) = fake.world().grant("beside");
    let second = |date: jiff::Timestamp| date.as_second() + i64::try_from(seconds).unwrap();
    let date = jiff::Timestamp::from_second(1_000_000_000).unwrap();
    let answer = json!({ "access_token": token, "expires_on": second(date).to_string(), "resource": RESOURCE });
    // A clock that is decades behind: only the difference counts.
    ([("date", "Sun, 09 Sep 2001 01:46:40 GMT")], axum::Json(answer)).into_response()
}

fn not_ours(asked: &BTreeMap<String, String>) -> Option<Response> {
    if asked.get("resource").is_none_or(|resource| resource != RESOURCE) {
        return Some(refuse(StatusCode::BAD_REQUEST, "invalid_resource", "AADSTS500011: no such resource"));
    }
    let other = asked.get("client_id").is_some_and(|client| client != CLIENT);
    other.then(|| refuse(StatusCode::BAD_REQUEST, "invalid_request", "Identity not found"))
}

fn query(request: &Request) -> BTreeMap<String, String> {
    form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes()).into_owned().collect()
}
