//! Stories of the one way out: what a caller is told when a host is slow, broken, angry or hostile.

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use rekey::http::{Api, Backoff, BadBase, Call, CallError, Credential, Throttle};
use rekey::secret::Secret;
use serde_json::json;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::Notify;

const CANARY: &str = "canary-without-a-known-prefix";

/// Serves until the test ends; answers the base address.
pub async fn serve(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    base
}

/// A client for a server of a test: retries at once, never waits for its turn.
pub fn api(base: &str, token: &str) -> Api {
    let client = rekey::http::client(None).unwrap();
    let credential = Credential::PrivateToken(Secret::new(token.to_owned()));
    Api::new(client, base, credential, Arc::new(Throttle::new(8, None))).unwrap().with_backoff(Backoff::none())
}

/// The same for a GitLab, whose refusals are read as GitLab means them.
pub fn gitlab_api(base: &str, token: &str) -> Api {
    api(base, token).with_dialect(rekey::gitlab::DIALECT)
}

/// A server that answers the n-th request (from 1) by `answer`, and the count of requests it got.
async fn numbered<R: IntoResponse>(
    answer: impl Fn(usize, Request) -> R + Clone + Send + Sync + 'static,
) -> (Api, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let seen = count.clone();
    let base = serve(Router::new().fallback(move |request: Request| {
        let response = answer(seen.fetch_add(1, Ordering::SeqCst) + 1, request).into_response();
        async move { response }
    }))
    .await;
    (api(&base, CANARY), count)
}

/// A server that reads a request, writes those bytes and hangs up.
async fn rude(bytes: &'static [u8]) -> Api {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let _read = socket.read(&mut [0; 4096]).await;
            let _written = socket.write_all(bytes).await;
        }
    });
    api(&base, CANARY)
}

#[tokio::test]
async fn a_read_is_repeated_until_the_host_recovers() {
    let (api, count) = numbered(|n, _| if n <= 3 { Err(StatusCode::BAD_GATEWAY) } else { Ok(r#"{"id":7}"#) }).await;
    let reply = api.read(&Call::get("/user")).await.unwrap();
    assert_eq!(reply.json::<serde_json::Value>().unwrap(), json!({"id": 7}));
    assert_eq!(count.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn a_read_gives_up_after_three_repeats() {
    let (api, count) = numbered(|_, _| StatusCode::INTERNAL_SERVER_ERROR).await;
    assert!(matches!(api.read(&Call::get("/user")).await, Err(CallError::Unknown { .. })));
    assert_eq!(count.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn a_write_is_never_repeated_and_its_effect_stays_open() {
    let (api, count) = numbered(|_, _| StatusCode::BAD_GATEWAY).await;
    let error = api.call(&Call::post("/projects/1/issues").json(&json!({"title": CANARY}))).await.err().unwrap();
    assert_eq!(error.to_string(), "POST /projects/1/issues brought no usable answer: the host answered 502");
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_lost_connection_after_sending_leaves_the_effect_open() {
    for bytes in [b"".as_slice(), b"HTTP/1.1 201 Created\r\ncontent-length: 100\r\n\r\n{\"id\":", b"HTTP/1.1 20"] {
        let error = rude(bytes).await.call(&Call::post("/x")).await.err().unwrap();
        assert!(matches!(error, CallError::Unknown { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn a_host_that_is_not_there_certainly_did_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = api(&base, CANARY).call(&Call::post("/x")).await.err().unwrap();
    assert!(matches!(&error, CallError::NotSent { why, .. } if why.contains("refused")), "{error:?}");
}

#[tokio::test]
async fn silence_ends_at_the_time_limit_with_the_effect_open() {
    let base = serve(Router::new().fallback(std::future::pending::<Response>)).await;
    let api = api(&base, CANARY).with_timeout(Duration::from_millis(20));
    assert!(
        matches!(api.call(&Call::delete("/x")).await, Err(CallError::Unknown { why, .. }) if why == "it took too long")
    );
}

#[tokio::test]
async fn being_rate_limited_is_no_effect_and_silences_every_caller_of_the_host() {
    let (api, count) = numbered(|_, _| (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "60")], "Retry later")).await;
    for _ in 0..3 {
        let error = api.call(&Call::post("/x")).await.err().unwrap();
        assert!(matches!(error, CallError::RateLimited { retry_after, .. } if retry_after > Duration::from_secs(50)));
    }
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

/// On one thread, so that a call that was spawned stands in line after one turn of the others.
#[tokio::test]
async fn whoever_sits_out_the_pause_of_one_bucket_leaves_the_way_to_the_others() {
    let (asked, answer) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (seen, held) = (asked.clone(), answer.clone());
    let base = serve(Router::new().fallback(move |request: Request| {
        let (seen, held) = (seen.clone(), held.clone());
        async move {
            if request.uri().path() == "/other" {
                return StatusCode::OK.into_response();
            }
            seen.notify_one();
            held.notified().await;
            (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "8")]).into_response()
        }
    }))
    .await;
    let credential = Credential::PrivateToken(Secret::new(CANARY.to_owned()));
    let client = rekey::http::client(None).unwrap();
    let api = Api::new(client, &base, credential, Arc::new(Throttle::new(1, None))).unwrap();
    let api = Arc::new(api.with_backoff(Backoff::none()));
    let busy = || {
        let api = api.clone();
        tokio::spawn(async move { api.call(&Call::post("/busy").bucket("busy")).await.is_err() })
    };
    let first = busy();
    asked.notified().await;
    let _second = busy();
    tokio::task::yield_now().await;
    answer.notify_one();
    assert!(first.await.unwrap(), "it is told to wait");
    let call = Call::post("/other").bucket("other");
    let other = tokio::time::timeout(Duration::from_secs(5), api.call(&call)).await;
    assert!(other.expect("nobody is in its way").is_ok());
}

#[tokio::test]
async fn a_refused_credential_is_not_tried_for_ever() {
    let (api, count) = numbered(|_, _| StatusCode::UNAUTHORIZED).await;
    for number in 0..9 {
        let told = api.read(&Call::get("/user")).await.err().unwrap();
        assert_eq!(told.status(), (number < 3).then_some(401), "{told}");
    }
    assert_eq!(count.load(Ordering::SeqCst), 3);
    let other = Secret::new("another".into());
    assert!(api.read(&Call::get("/user").credential(&other)).await.is_err());
    assert_eq!(count.load(Ordering::SeqCst), 4, "another credential may still try");
}

#[tokio::test]
async fn a_401_about_an_object_does_not_lock_the_credential() {
    let (api, count) = numbered(|_, _| StatusCode::UNAUTHORIZED).await;
    for _ in 0..9 {
        let call = Call::get("/personal_access_tokens/1").unauthorized_is_an_answer();
        assert_eq!(api.read(&call).await.err().unwrap().status(), Some(401));
    }
    assert_eq!(count.load(Ordering::SeqCst), 9);
}

#[tokio::test]
async fn an_answer_that_is_too_big_or_no_json_is_nonsense() {
    let (api, _) = numbered(|_, _| "x".repeat(2_000)).await;
    let api = api.with_body_cap(1_000);
    assert!(
        matches!(api.call(&Call::get("/x")).await, Err(CallError::Nonsense { why, .. }) if why == "more than 1000 bytes")
    );
    let reply = api.call(&Call::get("/x").keep_tail(5)).await.unwrap();
    assert_eq!(reply.body(), b"xxxxx");
    let error = reply.json::<u64>().unwrap_err();
    assert_eq!(error.to_string(), "GET /x was answered with nonsense: not the expected JSON (line 1, column 1)");
}

#[tokio::test]
async fn a_redirect_is_not_followed_so_the_credential_stays_home() {
    let stolen = Arc::new(Mutex::new(Vec::new()));
    let thief = stolen.clone();
    let elsewhere = serve(Router::new().fallback(move |request: Request| {
        thief.lock().unwrap().push(format!("{:?}", request.headers()));
        async {}
    }))
    .await;
    let (api, _) = numbered(move |_, _| Redirect::temporary(&elsewhere)).await;
    assert_eq!(api.read(&Call::get("/user")).await.err().unwrap().status(), Some(307));
    assert!(stolen.lock().unwrap().is_empty());
}

#[tokio::test]
async fn the_credential_goes_into_the_header_that_the_host_expects() {
    let base = serve(Router::new().fallback(|request: Request| async move {
        let header = |name| request.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        axum::Json(json!([header("private-token"), header("authorization"), header("user-agent")]))
    }))
    .await;
    let agent = concat!("rekey/", env!("CARGO_PKG_VERSION"));
    let secret = || Secret::new("s".into());
    for (credential, expected) in [
        (Credential::PrivateToken(secret()), json!(["s", null, agent])),
        (Credential::Bearer(secret()), json!([null, "Bearer s", agent])),
        (Credential::Nothing, json!([null, null, agent])),
    ] {
        let throttle = Arc::new(Throttle::new(1, None));
        let api = Api::new(rekey::http::client(None).unwrap(), &base, credential, throttle).unwrap();
        let seen: serde_json::Value = api.read(&Call::get("/")).await.unwrap().json().unwrap();
        assert_eq!(seen, expected);
    }
}

#[tokio::test]
async fn a_host_that_repeats_our_secrets_does_not_get_them_into_an_error() {
    let echo = |_, request: Request| {
        let header = request.headers()["private-token"].to_str().unwrap().to_owned();
        let message = format!("bad {header}, {}, glpat-AbCdEfGhIjKlMnOpQrSt \u{1b}[2J", request.uri().query().unwrap());
        (StatusCode::BAD_REQUEST, axum::Json(json!({ "message": { "value": [message] } })))
    };
    let (api, _) = numbered(echo).await;
    let sent = Secret::new("other-canary".into());
    let call = Call::put("/variables/KEY").query("q", "other-canary").json(&json!({"v": "other-canary"}));
    let error = api.call(&call).await.err().unwrap();
    assert_eq!(error.to_string(), "PUT /variables/KEY was answered 400: value bad [MASKED], q=[MASKED], [MASKED] [2J");
    assert!(!format!("{error:?}").contains(sent.expose()));
}

#[test]
fn a_credential_never_travels_in_clear_except_on_loopback() {
    let made = |base: &str| {
        let client = rekey::http::client(None).unwrap();
        Api::new(client, base, Credential::Nothing, Arc::new(Throttle::new(1, None))).map(|api| api.host())
    };
    assert_eq!(made("https://gitlab.example:8443/api/v4").unwrap(), "gitlab.example:8443");
    assert_eq!(made("http://127.0.0.1:80/api/v4").unwrap(), "127.0.0.1");
    assert_eq!(made("http://[::1]:8080").unwrap(), "[::1]:8080");
    assert!(made("http://localhost:3000").is_ok());
    assert!(matches!(made("http://gitlab.example/api/v4"), Err(BadBase::NotEncrypted { .. })));
    assert!(matches!(made("http://127.0.0.1.example"), Err(BadBase::NotEncrypted { .. })));
    let refused = made("https://me:pw@gitlab.example").unwrap_err();
    assert!(!refused.to_string().contains("pw"));
    assert_eq!(made("gitlab.example").unwrap_err(), BadBase::NotAnAddress);
    assert_eq!(made("file:///etc/passwd").unwrap_err(), BadBase::NotAnAddress);
}

#[tokio::test]
async fn where_a_hosts_words_are_not_known_the_rest_of_a_credential_is_no_refusal_of_other_calls() {
    let (api, count) = numbered(|_, _| (StatusCode::UNAUTHORIZED, r#"{"message":"Unauthorized"}"#)).await;
    for _ in 0..3 {
        let told = api.call(&Call::get("/secrets/one")).await.err().unwrap();
        assert_eq!(told.status(), Some(401), "the host said so: {told}");
    }
    let told = api.call(&Call::get("/secrets/two")).await.err().unwrap();
    assert_eq!(count.load(Ordering::SeqCst), 3, "the host is left alone");
    assert!(told.is_passing() && told.to_string().contains("refused three times in a row"), "{told}");
}
