//! Answers of four real versions and of gitlab.com: each is read by the client as what it is, and the sandbox answers
//! the same calls with the same fields, statuses and words.

use super::*;
use crate::http::{gitlab_api, serve};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use rekey::http::{About, Call};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// One answer of a real instance.
#[derive(Clone, Debug, serde::Deserialize)]
struct Row {
    #[serde(default)]
    version: String,
    call: String,
    status: u16,
    #[serde(default)]
    sent: Value,
    #[serde(default)]
    answer: Value,
}

fn rows() -> Vec<Row> {
    let files = [
        ("17.11.7-ee", include_str!("../../samples/gitlab/17.11.7.json")),
        ("18.11.5-ee", include_str!("../../samples/gitlab/18.11.5.json")),
        ("19.0.2-ee", include_str!("../../samples/gitlab/19.0.2.json")),
        ("19.1.1-ee", include_str!("../../samples/gitlab/19.1.1.json")),
        ("gitlab.com", include_str!("../../samples/gitlab/gitlab.com.json")),
    ];
    let read = |(version, text): (&str, &str)| {
        let rows: Vec<Row> = serde_json::from_str(text).unwrap();
        rows.into_iter().map(|row| Row { version: version.to_owned(), ..row }).collect::<Vec<_>>()
    };
    files.into_iter().flat_map(read).collect()
}

impl Row {
    fn method(&self) -> &str {
        self.call.split_once(' ').unwrap().0
    }

    fn path(&self) -> &str {
        self.call.split_once(' ').unwrap().1
    }

    /// The path in its parts, without the query.
    fn parts(&self) -> Vec<&str> {
        self.path().split('?').next().unwrap().trim_matches('/').split('/').collect()
    }

    /// Deploy tokens and trigger tokens, which nothing here manages yet.
    fn is_of_another_kind(&self) -> bool {
        self.parts().iter().any(|part| matches!(*part, "deploy_tokens" | "triggers"))
    }

    fn username(&self) -> &str {
        self.path().split("username=").nth(1).unwrap_or("somebody")
    }

    fn owner(&self) -> Owner {
        let path = |part: &str| part.replace("%2F", "/");
        match self.parts().as_slice() {
            ["groups", group, "service_accounts", ..] => {
                Owner::GroupServiceAccount { group: path(group), username: "somebody".into() }
            }
            ["projects", project, "service_accounts", ..] => {
                Owner::ProjectServiceAccount { project: path(project), username: "somebody".into() }
            }
            ["groups", group, ..] => Owner::Group { group: path(group) },
            ["projects", project, ..] => Owner::Project { project: path(project) },
            _ => Owner::User { username: "somebody".into() },
        }
    }

    /// A number in the path: the user of a service account or of `/users`, the token of everything else.
    fn number(&self) -> u64 {
        let parts = self.parts();
        let of_user = parts.iter().position(|part| matches!(*part, "users" | "service_accounts"));
        let at = of_user.map_or(parts.len() - 1, |at| at + 1);
        let number = |at: usize| parts.get(at)?.parse().ok();
        number(at).or_else(|| number(at.saturating_sub(1))).unwrap_or(1)
    }
}

/// What the client asks besides: who somebody is, whether a revoked token is gone.
fn beside(method: &str, path: &str, number: u64) -> (u16, Value) {
    let somebody = json!({"id": number, "username": "somebody"});
    match path.split('?').next().unwrap_or_default() {
        "/user" => (200, somebody),
        path if method == "GET" && (path == "/users" || path.ends_with("/service_accounts")) => {
            (200, json!([somebody]))
        }
        path if method == "GET" && path.ends_with("access_tokens") => (200, json!([])),
        _ => (404, json!({"message": "404 Not found"})),
    }
}

/// A server that gives this one answer.
async fn replay(row: &Row) -> Client {
    let replayed = row.clone();
    let answer = move |request: Request| {
        let row = replayed.clone();
        let path = request.uri().path_and_query().unwrap().as_str().trim_start_matches("/api/v4").to_owned();
        let (status, body) = match format!("{} {path}", request.method()) == row.call {
            true => (row.status, row.answer),
            false => beside(request.method().as_str(), &path, row.number()),
        };
        async move { written(status, body) }
    };
    let base = serve(axum::Router::new().fallback(answer)).await;
    Client::new(Arc::new(gitlab_api(&format!("{base}/api/v4"), "glpat-AbCdEfGhIjKlMnOpQrSt")))
}

fn written(status: u16, body: Value) -> Response {
    let status = StatusCode::from_u16(status).unwrap();
    if body.is_null() { status.into_response() } else { (status, axum::Json(body)).into_response() }
}

fn told(token: &LiveToken) -> Value {
    json!({"id": token.id.0, "name": token.name, "scopes": token.scopes, "user_id": token.user_id,
        "revoked": token.revoked, "active": token.active, "expires_at": token.expires_at,
        "granular": token.granular, "access_level": token.access_level})
}

/// The same of an answer as it came.
fn expected(answer: &Value) -> Value {
    let scopes: BTreeSet<&str> = answer["scopes"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    json!({"id": answer["id"], "name": answer["name"], "scopes": scopes, "user_id": answer["user_id"],
        "revoked": answer["revoked"], "active": answer["active"], "expires_at": answer["expires_at"],
        "granular": answer["granular"].as_bool().unwrap_or(false), "access_level": answer["access_level"]})
}

/// What the client makes of the row, and what it should.
async fn read(client: &Client, row: &Row) -> (Result<Value>, Value) {
    let (owner, answer) = (row.owner(), &row.answer);
    let id = TokenId(row.parts().iter().rev().find_map(|part| part.parse().ok()).unwrap_or(0));
    let made = |minted: Minted| {
        assert_eq!(minted.value.expose(), "REPLACED-TOKEN");
        told(&minted.token)
    };
    let token = || if row.status < 300 { expected(answer) } else { Value::Null };
    let is_some = Value::Bool(row.status == 200);
    match (row.method(), row.parts().as_slice()) {
        ("GET", ["personal_access_tokens", "self"]) => {
            let value = Secret::new("glpat-AbCdEfGhIjKlMnOpQrSt".into());
            (client.introspect(&value).await.map(|token| told(&token)), token())
        }
        ("GET", ["metadata"]) => {
            (client.metadata().await.map(|metadata| json!(metadata.version)), answer["version"].clone())
        }
        ("GET", ["users"]) => {
            let user = client.user(row.username()).await;
            let shown = |user: Option<User>| user.map_or(Value::Null, |user| json!([user.id, user.state, user.bot]));
            let first = &answer[0];
            let bot = first["bot"].as_bool().unwrap_or(false);
            let wanted = first["id"].as_u64().map_or(Value::Null, |id| json!([id, first["state"], bot]));
            (user.map(shown), wanted)
        }
        ("GET", ["users", _]) => {
            let user: User = serde_json::from_value(answer.clone()).unwrap();
            (Ok(json!([user.id, user.username])), json!([answer["id"], answer["username"]]))
        }
        ("GET", ["groups", path]) => {
            let group = client.group(&path.replace("%2F", "/"), 1).await;
            (group.map(|group| Value::Bool(group.is_some_and(|group| answer["id"] == group.id))), is_some)
        }
        ("GET", ["projects", path]) => {
            let project = client.project(&path.replace("%2F", "/"), 1).await;
            let same = |project: Project| answer["path_with_namespace"] == *project.path && !project.archived;
            (project.map(|project| Value::Bool(project.is_some_and(same))), is_some)
        }
        ("POST", [.., "personal_access_tokens" | "access_tokens"]) => {
            (client.create(&owner, &new_token(&owner, "x")).await.map(made), token())
        }
        ("POST", [.., "rotate"]) => (client.rotate(&owner, id, TODAY + 9.days()).await.map(made), token()),
        ("POST", [.., "service_accounts"]) => {
            let account: User = serde_json::from_value(answer.clone()).unwrap();
            (Ok(json!([account.id, account.username])), json!([answer["id"], answer["username"]]))
        }
        ("DELETE", [.., "access_tokens" | "personal_access_tokens", number]) if *number != "self" => {
            (client.revoke(&owner, id).await.map(|()| Value::Null), Value::Null)
        }
        ("DELETE", _) => (client.api().call(&Call::delete(row.path())).await.map(|_| Value::Null), Value::Null),
        other => unreachable!("nobody reads {other:?}"),
    }
}

#[tokio::test]
async fn every_recorded_answer_is_read_as_what_it_is() {
    let (mut read_by_client, mut parsed) = (0, 0);
    for row in rows() {
        if row.is_of_another_kind() {
            assert!(row.answer.is_object() || row.answer.is_array() || row.status == 204, "{row:?}");
            parsed += 1;
            continue;
        }
        let client = replay(&row).await;
        let at = format!("{} {}", row.version, row.call);
        match read(&client, &row).await {
            (Ok(seen), wanted) => assert_eq!(seen, wanted, "{at}"),
            (Err(error), _) => {
                assert_eq!(error.status(), Some(row.status), "{at}: {error:?}");
                let about = if row.answer["error"] == "invalid_token" { About::Credential } else { About::Call };
                // Such a 401 is about the token that is asked for or ended, and who asks knows it.
                let named = row.status == 401 && (row.method() == "DELETE" || row.path().ends_with("/self"));
                assert!(error.about() == about || named, "{at}: {error:?}");
            }
        }
        read_by_client += 1;
    }
    assert_eq!((read_by_client, parsed), (193, 48));
}

/// The same call to a sandbox of that version: the status, and the body.
async fn in_the_sandbox(row: &Row) -> (u16, Value) {
    let now = "2026-06-17T08:00:00Z".parse().unwrap();
    let mut world = World::new(7, now);
    world.settings.gitlab_com = row.version == "gitlab.com";
    world.settings.version = if world.settings.gitlab_com { "19.0.0-pre".into() } else { row.version.clone() };
    let first = if row.answer.is_array() { &row.answer[0] } else { &row.answer };
    let itself = first["username"].is_string() && first.get("followers").is_none();
    let lowly = match row.parts().first() {
        Some(&"users") if row.method() == "GET" => first["id"].is_u64() && first.get("is_admin").is_none(),
        Some(&"projects") if row.parts().len() == 2 => first.get("repository_storage").is_none(),
        _ => row.status == 403,
    };
    let caller = match (lowly, itself) {
        (false, true) => world.admin(first["username"].as_str().unwrap()),
        (false, false) => world.admin("root-admin"),
        (true, true) if row.parts().len() == 2 => world.user(first["username"].as_str().unwrap()),
        (true, _) => world.user("nobody-special"),
    };
    let minted = world.mint(Mint::new(caller, "own", &["api"]).expires(date(2026, 7, 1)));
    let value = match (row.status, row.answer["error"] == "invalid_token") {
        (401, false) => "glpat-NobodyKnowsThisOne12".to_owned(),
        (401, true) => {
            world.revoke(minted.id);
            minted.value.expose().to_owned()
        }
        _ => minted.value.expose().to_owned(),
    };
    let path = furnish(&mut world, row, caller, first);
    let gitlab = Gitlab::start(world, Arc::new(ManualClock::at(now))).await.unwrap();
    let url = format!("{}/api/v4{path}", gitlab.base_url());
    let method = reqwest::Method::from_bytes(row.method().as_bytes()).unwrap();
    let mut request = reqwest::Client::new().request(method, url).header("PRIVATE-TOKEN", value);
    if let Value::Object(sent) = &row.sent {
        let mut sent = sent.clone();
        sent.entry("expires_at").and_modify(|date| *date = json!("2026-06-25"));
        request = request.json(&sent);
    }
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    (status, answer.json().await.unwrap_or(Value::Null))
}

/// Puts into the world what the row is about, and says where that is.
fn furnish(world: &mut World, row: &Row, caller: u64, first: &Value) -> String {
    let good = row.status < 300;
    let parts = row.parts();
    let mut path: Vec<String> = parts.iter().map(|part| (*part).to_owned()).collect();
    let query = row.path().split_once('?').map(|(_, query)| format!("?{query}")).unwrap_or_default();
    match parts.as_slice() {
        ["users"] => {
            let known = world.user_named(row.username()).is_some();
            if !known && first["id"].is_u64() {
                world.user(row.username());
            }
        }
        ["users", _] if row.method() == "GET" => path[1] = caller.to_string(),
        ["users", ..] => path[1] = world.user("somebody").to_string(),
        ["personal_access_tokens", "self"] => {}
        ["personal_access_tokens", ..] if good => {
            path[1] = world.mint(Mint::new(caller, "x", &["api"]).expires(date(2026, 7, 1))).id.to_string();
        }
        ["groups" | "projects", named, rest @ ..] => {
            let missing = row.answer["message"]
                .as_str()
                .is_some_and(|words| words == "404 Group Not Found" || words == "404 Project Not Found");
            if !missing {
                let at = place(world, parts[0], &named.replace("%2F", "/"), caller);
                path[1] = if named.parse::<u64>().is_ok() { number(at).to_string() } else { (*named).to_owned() };
                within(world, at, rest, &mut path, good);
            }
        }
        _ => {}
    }
    format!("/{}{query}", path.join("/"))
}

fn place(world: &mut World, kind: &str, path: &str, caller: u64) -> Place {
    let path = if path.parse::<u64>().is_ok() { "numbered/one" } else { path };
    let at = if kind == "groups" { Place::Group(world.group(path)) } else { Place::Project(world.project(path)) };
    world.member(at, caller, OWNER);
    at
}

fn number(at: Place) -> u64 {
    match at {
        Place::Group(id) | Place::Project(id) => id,
        Place::Instance => 0,
    }
}

/// A token or a service account of the place, where the row names one that is there.
fn within(world: &mut World, at: Place, rest: &[&str], path: &mut [String], good: bool) {
    match rest {
        ["access_tokens", _] if good => {
            let mint = Mint::new(0, "x", &["api"]).expires(date(2026, 7, 1));
            path[3] = world.mint_for(at, MAINTAINER, mint).id.to_string();
        }
        ["service_accounts", _, ..] => path[3] = world.service_account(at, "somebody").to_string(),
        _ => {}
    }
}

fn fields(body: &Value) -> BTreeSet<String> {
    let one = if body.is_array() { &body[0] } else { body };
    one.as_object().map(|fields| fields.keys().cloned().collect()).unwrap_or_default()
}

#[tokio::test]
async fn the_sandbox_answers_with_the_fields_statuses_and_words_of_every_version() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut wrong: BTreeMap<String, String> = BTreeMap::new();
    for row in rows().iter().filter(|row| !row.is_of_another_kind()) {
        let (status, body) = in_the_sandbox(row).await;
        let same = match row.status {
            400.. => body == row.answer,
            _ => fields(&body) == fields(&row.answer) && body.is_array() == row.answer.is_array(),
        };
        if status != row.status || !same {
            let (ours, theirs) = (fields(&body), fields(&row.answer));
            let lacks: Vec<_> = theirs.difference(&ours).collect();
            let beyond: Vec<_> = ours.difference(&theirs).collect();
            let told = format!("{status}, not {}; lacks {lacks:?}, has {beyond:?}; {body:.200}", row.status);
            wrong.insert(format!("{} {}", row.version, row.call), told);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
