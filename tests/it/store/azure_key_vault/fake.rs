//! An Azure Key Vault with one secret: strict about everything that its description says, with rights, a firewall, soft
//! deletion and a directory that gives tokens for it.

use super::directory::{TENANT, directory};
use crate::store::contract::{OLD, Trouble};
use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

pub const NAME: &str = "deploy-token";
pub const RESOURCE: &str = "https://127.0.0.1";
const PAGE: usize = 25;

#[derive(Clone)]
pub struct Fake(Arc<Mutex<World>>);

pub struct World {
    /// Every version, oldest first.
    pub versions: Vec<Value>,
    pub deleted: bool,
    /// `get`, `list`, `set`, as far as the caller has them.
    pub rights: Vec<&'static str>,
    /// The caller's address is let through.
    pub reachable: bool,
    pub trouble: Trouble,
    /// How many reads show the secret as it was before the last version.
    pub lag: usize,
    pub behind: usize,
    /// Somebody else's value, which lands right before the next write does.
    pub intruder: Option<String>,
    /// What a challenge says tokens must be for.
    pub resource: String,
    /// The host that the address of a next page names, if it is not the vault's.
    pub elsewhere: Option<String>,
    /// How each token was got.
    pub logins: Vec<&'static str>,
    /// How long tokens are good for, in seconds.
    pub good_for: u64,
    tokens: Vec<String>,
    writes: u64,
}

type Answer = Result<Value, Refused>;

pub struct Refused(u16, &'static str, String, &'static str);

impl Fake {
    pub fn new() -> Self {
        let mut world = World {
            versions: Vec::new(),
            deleted: false,
            rights: vec!["get", "list", "set"],
            reachable: true,
            trouble: Trouble::None,
            lag: 0,
            behind: 0,
            intruder: None,
            resource: RESOURCE.to_owned(),
            elsewhere: None,
            logins: Vec::new(),
            good_for: 3_599,
            tokens: Vec::new(),
            writes: 0,
        };
        let tags = json!({ "team": "deploy" });
        world.save(json!({ "value": OLD, "contentType": "text/x-token", "tags": tags, "attributes": {} }));
        Self(Arc::new(Mutex::new(world)))
    }

    pub fn router(&self) -> Router {
        directory().fallback(answer).with_state(self.clone())
    }

    pub fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap()
    }
}

impl World {
    pub fn current(&self) -> Option<&Value> {
        self.versions.last().filter(|_| !self.deleted)
    }

    pub fn save(&mut self, sent: Value) -> Value {
        self.writes += 1;
        let mut version = sent;
        let created = 1_790_000_000 + self.writes;
        version["id"] = json!(format!("{RESOURCE}/secrets/{NAME}/{:032x}", self.writes * 0x1357_9bdf));
        version["attributes"]["enabled"] = json!(version["attributes"]["enabled"].as_bool().unwrap_or(true));
        version["attributes"]["created"] = json!(created);
        version["attributes"]["updated"] = json!(created);
        version["attributes"]["recoveryLevel"] = json!("Recoverable+Purgeable");
        self.versions.push(version.clone());
        self.behind = self.lag;
        version
    }

    /// A new token.
    pub fn grant(&mut self, how: &'static str) -> (String, u64) {
        self.logins.push(how);
        self.tokens.push(format!("access-{}", self.logins.len()));
        (self.tokens.last().unwrap().clone(), self.good_for)
    }

    pub fn revoke_tokens(&mut self) {
        self.tokens.clear();
    }

    fn may(&self, right: &'static str) -> Result<(), Refused> {
        if !self.reachable {
            let message =
                "Client address is not authorized and caller is not a trusted service.\r\nClient address: 192.0.2.7";
            return Err(Refused(403, "Forbidden", message.into(), "ForbiddenByFirewall"));
        }
        if self.trouble == Trouble::Denied || !self.rights.contains(&right) {
            let action = match right {
                "get" => "getSecret",
                "set" => "setSecret",
                _ => "readMetadata",
            };
            let message = format!(
                "Caller is not authorized to perform action on resource.\r\nCaller: appid=1;oid=2\r\nAction: \
                 'Microsoft.KeyVault/vaults/secrets/{action}/action'\r\nResource: '/subscriptions/3'"
            );
            return Err(Refused(403, "Forbidden", message, "ForbiddenByRbac"));
        }
        Ok(())
    }

    fn missing() -> Refused {
        Refused(404, "SecretNotFound", format!("A secret with (name/id) {NAME} was not found in this key vault."), "")
    }

    fn get(&mut self, version: Option<&str>) -> Answer {
        self.may("get")?;
        let stale = usize::from(self.behind > 0 && version.is_none());
        self.behind -= stale;
        let found = match version {
            Some(wanted) => self.versions.iter().find(|version| ends_with(version, wanted)),
            None => self.versions.len().checked_sub(1 + stale).map(|at| &self.versions[at]),
        };
        let found = found.filter(|_| !self.deleted).ok_or_else(Self::missing)?;
        if found["attributes"]["enabled"] == false {
            let message = "Operation get is not allowed on a disabled secret.".to_owned();
            return Err(Refused(403, "Forbidden", message, "SecretDisabled"));
        }
        Ok(found.clone())
    }

    fn put(&mut self, sent: Value) -> Answer {
        self.may("set")?;
        if self.trouble == Trouble::Picky {
            return Err(Refused(400, "BadParameter", format!("Unexpected {sent}"), ""));
        }
        if self.deleted {
            let message = format!("Secret {NAME} is currently in a deleted but recoverable state.");
            return Err(Refused(409, "Conflict", message, "ObjectIsDeletedButRecoverable"));
        }
        checked(&sent, &["value", "contentType", "tags", "attributes"])?;
        if sent["value"].as_str().is_none_or(|value| value.len() > 25_600) {
            return Err(Refused(400, "BadParameter", "The value is missing or too long".into(), ""));
        }
        if let Some(value) = self.intruder.take() {
            self.save(json!({ "value": value, "attributes": {} }));
        }
        Ok(self.save(sent))
    }

    fn patch(&mut self, version: &str, sent: &Value) -> Answer {
        self.may("set")?;
        checked(sent, &["contentType", "tags", "attributes"])?;
        let found = self.versions.iter_mut().find(|found| ends_with(found, version)).ok_or_else(Self::missing)?;
        for (key, value) in sent.as_object().into_iter().flatten() {
            match value.as_object().filter(|_| key == "attributes") {
                Some(attributes) => attributes.iter().for_each(|(key, value)| found["attributes"][key] = value.clone()),
                None => found[key] = value.clone(),
            }
        }
        Ok(without_value(found))
    }

    fn page(&self, from: usize, host: &str) -> Answer {
        self.may("list")?;
        let shown: Vec<Value> = self.versions.iter().skip(from).take(PAGE).map(without_value).collect();
        let host = self.elsewhere.as_deref().unwrap_or(host);
        let next = format!(
            "https://{host}/secrets/{NAME}/versions?api-version=7.4&$skiptoken=at{}&maxresults=25",
            from + PAGE
        );
        let more = self.versions.len() > from + PAGE;
        Ok(json!({ "value": shown, "nextLink": if more { json!(next) } else { Value::Null } }))
    }
}

fn ends_with(version: &Value, name: &str) -> bool {
    version["id"].as_str().is_some_and(|id| id.ends_with(&format!("/{name}")))
}

fn without_value(version: &Value) -> Value {
    let mut shown = version.clone();
    shown.as_object_mut().unwrap().remove("value");
    shown
}

fn checked(sent: &Value, keys: &[&str]) -> Result<(), Refused> {
    let known = sent.as_object().is_some_and(|sent| sent.keys().all(|key| keys.contains(&key.as_str())));
    let tags = sent["tags"].as_object();
    let few = tags.is_none_or(|tags| tags.len() <= 15 && tags.values().all(Value::is_string));
    let attributes = sent["attributes"].as_object();
    let fit = attributes.is_none_or(|all| all.keys().all(|key| ["enabled", "exp", "nbf"].contains(&key.as_str())));
    if known && few && fit { Ok(()) } else { Err(Refused(400, "BadParameter", "Unexpected property".into(), "")) }
}

async fn answer(State(fake): State<Fake>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap();
    let mut world = fake.world();
    let bearer = parts.headers.get(header::AUTHORIZATION).and_then(|sent| sent.to_str().ok()?.strip_prefix("Bearer "));
    if !bearer.is_some_and(|bearer| world.tokens.iter().any(|token| token == bearer)) {
        let resource = &world.resource;
        let demand =
            format!(r#"Bearer authorization="https://login.microsoftonline.com/{TENANT}", resource="{resource}""#);
        let told = json!({ "error": { "code": "Unauthorized", "message": "[BearerReadAccessTokenFailed]" } });
        return (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, demand)], axum::Json(told)).into_response();
    }
    let query = parts.uri.query().unwrap_or_default();
    let query: BTreeMap<String, String> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let path: Vec<&str> = parts.uri.path().trim_matches('/').split('/').collect();
    let sent = serde_json::from_slice(&body).unwrap_or(Value::Null);
    match routed(&mut world, &parts.method, &path, &query, host, sent) {
        Ok(value) => axum::Json(value).into_response(),
        Err(Refused(status, code, message, inner)) => {
            let mut error = json!({ "error": { "code": code, "message": message } });
            if !inner.is_empty() {
                error["error"]["innererror"] = json!({ "code": inner });
            }
            (StatusCode::from_u16(status).unwrap(), axum::Json(error)).into_response()
        }
    }
}

fn routed(
    world: &mut World,
    method: &Method,
    path: &[&str],
    query: &BTreeMap<String, String>,
    host: &str,
    sent: Value,
) -> Answer {
    let known = ["api-version", "maxresults", "$skiptoken"];
    if !query.contains_key("api-version") || !query.keys().all(|key| known.contains(&key.as_str())) {
        return Err(Refused(400, "BadParameter", "api-version must be specified".into(), ""));
    }
    match (method.as_str(), path) {
        ("GET", ["secrets", NAME]) => world.get(None),
        ("GET", ["secrets", NAME, "versions"]) => {
            let from = query.get("$skiptoken").and_then(|mark| mark.strip_prefix("at")?.parse().ok());
            world.page(from.unwrap_or(0), host)
        }
        ("GET", ["secrets", NAME, version]) => world.get(Some(version)),
        ("PUT", ["secrets", NAME]) => world.put(sent),
        ("PATCH", ["secrets", NAME, version]) => world.patch(version, &sent),
        ("DELETE", ["secrets", NAME]) => {
            let gone = world.current().map(without_value).ok_or_else(World::missing)?;
            world.deleted = true;
            Ok(deleted(gone))
        }
        ("GET", ["deletedsecrets", NAME]) if world.deleted => {
            world.versions.last().map(without_value).map(deleted).ok_or_else(World::missing)
        }
        ("POST", ["deletedsecrets", NAME, "recover"]) if world.deleted => {
            world.deleted = false;
            Ok(world.current().map(without_value).unwrap_or_default())
        }
        _ => Err(World::missing()),
    }
}

fn deleted(mut secret: Value) -> Value {
    secret["recoveryId"] = json!(format!("{RESOURCE}/deletedsecrets/{NAME}"));
    secret["deletedDate"] = json!(1_790_000_000);
    secret
}
