//! A strict Secret Manager: one secret with its versions, aliases and etags, as Google documents them. Its lags, refusals
//! and quotas are set by the test.

use super::identity::Tokens;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

/// The one secret there is, below `projects/` and, for regional ones, its location.
pub const SECRET: &str = "deploy-token";

#[derive(Clone)]
pub struct Fake(Arc<Mutex<World>>);

pub struct World {
    pub tokens: Tokens,
    /// `None`: there is no secret.
    pub secret: Option<Secret>,
    /// What the caller may do.
    pub granted: BTreeSet<&'static str>,
    /// A new version is refused with its own words.
    pub picky: bool,
    /// Reads by alias and `latest` stay that many reads behind a change.
    pub lag: u32,
    /// What an access is answered while lagging.
    behind: Option<(u32, usize)>,
    /// A payload arrives with another checksum.
    pub damaged: bool,
    /// What somebody else does right before the next change of the secret.
    pub before_patch: Option<fn(&mut Secret)>,
    /// What somebody else does right before the next new version.
    pub before_add: Option<fn(&mut Secret)>,
    /// How a change from an old state is refused.
    pub stale: (u16, &'static str),
    /// All that was asked for: method and path.
    pub calls: Vec<String>,
    parent: String,
}

#[derive(Default)]
pub struct Secret {
    pub aliases: BTreeMap<String, u64>,
    pub labels: BTreeMap<String, String>,
    pub versions: Vec<Version>,
    /// When all of it ends, if it does.
    pub expires: Option<&'static str>,
    /// How often there was one of that name before.
    pub made: u32,
    edits: u32,
}

pub struct Version {
    pub state: &'static str,
    pub data: Vec<u8>,
}

/// A refusal: HTTP status, Google's name for it, words.
type No = (u16, &'static str, String);

const ALL: &[&str] = &[
    "secretmanager.versions.access",
    "secretmanager.versions.add",
    "secretmanager.versions.list",
    "secretmanager.versions.disable",
    "secretmanager.versions.destroy",
    "secretmanager.secrets.get",
    "secretmanager.secrets.update",
];

impl Fake {
    /// Below `parent`, such as `projects/acme-prod`, with tokens that these endpoints hand out.
    pub fn new(parent: &str, tokens: Tokens) -> Self {
        Self(Arc::new(Mutex::new(World {
            tokens,
            secret: Some(Secret::default()),
            granted: ALL.iter().copied().collect(),
            picky: false,
            lag: 0,
            behind: None,
            damaged: false,
            before_patch: None,
            before_add: None,
            stale: (409, "ABORTED"),
            calls: Vec::new(),
            parent: parent.to_owned(),
        })))
    }

    pub fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap()
    }

    pub fn router(&self) -> Router {
        Router::new().fallback(answer).with_state(self.clone())
    }
}

impl World {
    /// Lets the caller in again and takes every value.
    pub fn calm_down(&mut self) {
        (self.granted, self.picky) = (ALL.iter().copied().collect(), false);
    }

    /// From now on, readers of `latest` and of aliases get that version.
    pub fn lag_from(&mut self, number: usize) {
        self.behind = Some((u32::MAX, number));
    }

    /// Somebody deletes the secret and makes one of the same name, without versions.
    pub fn make_again(&mut self) {
        let made = self.secret().made + 1;
        self.secret = Some(Secret { made, ..Secret::default() });
    }

    pub fn secret(&mut self) -> &mut Secret {
        self.secret.as_mut().unwrap()
    }
}

impl Secret {
    /// Adds a version by other means than the API; its number.
    pub fn add(&mut self, value: &str) -> u64 {
        self.versions.push(Version { state: "ENABLED", data: value.as_bytes().to_vec() });
        self.versions.len() as u64
    }

    /// Changes something of the secret itself, so its etag is another.
    pub fn edit(&mut self) {
        self.edits += 1;
    }

    fn etag(&self) -> String {
        format!("\"{:x}\"", 0xa5 + self.edits)
    }

    fn number(&self, which: &str) -> Option<u64> {
        match which {
            "latest" => Some(self.versions.len() as u64),
            which => which.parse().ok().or_else(|| self.aliases.get(which).copied()),
        }
    }

    fn version(&mut self, which: &str) -> Result<(u64, &mut Version), No> {
        let number = self.number(which).filter(|number| *number > 0);
        let found = number.and_then(|number| Some((number, self.versions.get_mut(number as usize - 1)?)));
        found.ok_or_else(|| (404, "NOT_FOUND", format!("Secret Version [{which}] not found.")))
    }
}

async fn answer(State(fake): State<Fake>, request: Request) -> Response {
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let bearer = request.headers().get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (bearer, kind) = (bearer.to_owned(), request.headers().get("content-type").cloned());
    let body = axum::body::to_bytes(request.into_body(), 1 << 20).await.unwrap();
    let mut world = fake.world();
    world.calls.push(format!("{method} {}", uri.path()));
    if !bearer.strip_prefix("Bearer ").is_some_and(|token| world.tokens.is_good(token)) {
        return refuse((401, "UNAUTHENTICATED", "Request had invalid authentication credentials.".into()));
    }
    if !body.is_empty() && kind.is_none_or(|kind| kind != "application/json") {
        return refuse((400, "INVALID_ARGUMENT", "Invalid content type.".into()));
    }
    let query: BTreeMap<String, String> =
        form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
    match world.route(&method, uri.path(), &query, &body) {
        Ok(answer) => Json(answer).into_response(),
        Err(no) => refuse(no),
    }
}

fn refuse((code, status, message): No) -> Response {
    let error = json!({ "error": { "code": code, "message": message, "status": status } });
    (StatusCode::from_u16(code).unwrap(), Json(error)).into_response()
}

impl World {
    fn route(
        &mut self,
        method: &Method,
        path: &str,
        query: &BTreeMap<String, String>,
        body: &Bytes,
    ) -> Result<Value, No> {
        // A project may be called by its number as well.
        let path = path.replacen("/projects/123456789/", "/projects/acme-prod/", 1);
        let prefix = format!("/v1/{}/secrets/{SECRET}", self.parent);
        let rest = path.strip_prefix(&prefix).ok_or((404, "NOT_FOUND", "Not Found".to_owned()))?.to_owned();
        let (rest, verb) = rest.rsplit_once(':').map_or((rest.as_str(), ""), |(rest, verb)| (rest, verb));
        let which = rest.strip_prefix("/versions/").unwrap_or_default();
        match (method.as_str(), rest, verb) {
            ("POST", "", "testIamPermissions") => self.permissions(body),
            ("GET", "", "") => self.may("secretmanager.secrets.get").map(|()| self.shown()),
            ("PATCH", "", "") => self.patch(query, body),
            ("POST", "", "addVersion") => self.add(body),
            ("GET", "/versions", "") => self.list(query),
            ("GET", _, "access") if !which.is_empty() => self.access(which),
            ("POST", _, "disable" | "enable" | "destroy") if !which.is_empty() => self.turn(which, verb, body),
            _ => Err((404, "NOT_FOUND", "Not Found".into())),
        }
    }

    fn may(&self, permission: &'static str) -> Result<(), No> {
        if !self.granted.contains(permission) {
            let message = format!("Permission '{permission}' denied on resource (or it may not exist).");
            return Err((403, "PERMISSION_DENIED", message));
        }
        match self.secret {
            Some(_) => Ok(()),
            None => Err((404, "NOT_FOUND", format!("Secret [{}/secrets/{SECRET}] not found.", self.parent))),
        }
    }

    fn permissions(&self, body: &Bytes) -> Result<Value, No> {
        let wanted = object(body, &["permissions"])?;
        let wanted = wanted["permissions"].as_array().cloned().unwrap_or_default();
        let known = wanted.iter().all(|wanted| ALL.contains(&wanted.as_str().unwrap()));
        assert!(known, "{wanted:?}");
        let granted = |wanted: &&Value| self.secret.is_some() && self.granted.contains(wanted.as_str().unwrap());
        let granted: Vec<&Value> = wanted.iter().filter(granted).collect();
        Ok(if granted.is_empty() { json!({}) } else { json!({ "permissions": granted }) })
    }

    fn shown(&self) -> Value {
        let secret = self.secret.as_ref().unwrap();
        let aliases: Map<String, Value> =
            secret.aliases.iter().map(|(name, number)| (name.clone(), json!(number.to_string()))).collect();
        let mut shown = json!({
            "name": format!("{}/secrets/{SECRET}", self.parent), "replication": { "automatic": {} },
            "createTime": format!("2026-01-01T00:00:{:02}Z", secret.made), "labels": secret.labels, "etag": secret.etag(),
            "versionAliases": aliases,
        });
        if let Some(expires) = secret.expires {
            shown["expireTime"] = json!(expires);
        }
        shown
    }

    fn patch(&mut self, query: &BTreeMap<String, String>, body: &Bytes) -> Result<Value, No> {
        self.may("secretmanager.secrets.update")?;
        let change = object(body, &["name", "etag", "versionAliases", "labels"])?;
        let mask = query.get("updateMask").map(String::as_str).unwrap_or_default();
        if !["versionAliases", "version_aliases"].contains(&mask) {
            return Err((400, "INVALID_ARGUMENT", "Update mask is required.".into()));
        }
        let (stale, meddle) = (self.stale, self.before_patch.take());
        let secret = self.secret();
        if let Some(meddle) = meddle {
            meddle(secret);
            secret.edit();
        }
        if change.get("etag").is_some_and(|etag| etag.as_str() != Some(&secret.etag())) {
            let message = "The etag provided in the request does not match the resource's current etag.";
            return Err((stale.0, stale.1, message.into()));
        }
        let mut aliases = BTreeMap::new();
        for (name, number) in change["versionAliases"].as_object().cloned().unwrap_or_default() {
            let number: u64 = number.as_str().and_then(|text| text.parse().ok()).or(number.as_u64()).unwrap();
            if ["latest", "NEW"].contains(&name.as_str()) || secret.versions.get(number as usize - 1).is_none() {
                return Err((400, "INVALID_ARGUMENT", format!("Invalid alias {name}.")));
            }
            aliases.insert(name, number);
        }
        let before = std::mem::replace(&mut secret.aliases, aliases);
        secret.edit();
        let moved = before.values().next().copied();
        self.behind = moved.map(|number| (self.lag, number as usize));
        Ok(self.shown())
    }

    fn add(&mut self, body: &Bytes) -> Result<Value, No> {
        self.may("secretmanager.versions.add")?;
        let payload = object(body, &["parent", "payload"])?.remove("payload").unwrap_or_default();
        let given = payload.as_object().cloned().unwrap_or_default();
        let known = given.keys().all(|key| ["data", "dataCrc32c"].contains(&key.as_str()));
        let data = payload["data"].as_str().and_then(|data| STANDARD.decode(data).ok()).filter(|_| known);
        let data = data.ok_or((400, "INVALID_ARGUMENT", "Invalid JSON payload received.".to_owned()))?;
        if self.picky {
            let message = format!("I do not like {} or {}.", String::from_utf8_lossy(&data), payload["data"]);
            return Err((400, "INVALID_ARGUMENT", message));
        }
        if data.len() > 65_536 {
            return Err((400, "INVALID_ARGUMENT", "The payload is larger than 65536 bytes.".into()));
        }
        let sum = payload.get("dataCrc32c").and_then(|sum| sum.as_str()?.parse::<u32>().ok());
        if sum.is_some_and(|sum| sum != crc32c::crc32c(&data)) {
            return Err((400, "INVALID_ARGUMENT", "The payload's checksum does not match.".into()));
        }
        if let Some(meddle) = self.before_add.take() {
            meddle(self.secret());
        }
        let before = self.secret().versions.len();
        self.secret().versions.push(Version { state: "ENABLED", data });
        self.behind = Some((self.lag, before));
        let mut version = self.version_shown(before as u64 + 1, "ENABLED");
        version["clientSpecifiedPayloadChecksum"] = json!(sum.is_some());
        Ok(version)
    }

    fn version_shown(&self, number: u64, state: &str) -> Value {
        let name = format!("{}/secrets/{SECRET}/versions/{number}", self.parent.replace("acme-prod", "123456789"));
        json!({ "name": name, "createTime": "2026-01-01T00:00:00Z", "state": state, "etag": "\"1\"" })
    }

    fn access(&mut self, which: &str) -> Result<Value, No> {
        self.may("secretmanager.versions.access")?;
        let damaged = self.damaged;
        let lagging = which.parse::<u64>().is_err();
        let which = match self.behind.as_mut().filter(|(left, _)| lagging && *left > 0) {
            Some((left, before)) => {
                *left -= 1;
                before.to_string()
            }
            None => which.to_owned(),
        };
        let (number, version) = self.secret().version(&which)?;
        if version.state != "ENABLED" {
            let message = format!("Secret Version is in {} state.", version.state);
            return Err((400, "FAILED_PRECONDITION", message));
        }
        let sum = crc32c::crc32c(&version.data) ^ u32::from(damaged);
        let payload = json!({ "data": STANDARD.encode(&version.data), "dataCrc32c": sum.to_string() });
        Ok(json!({ "name": self.version_shown(number, "ENABLED")["name"], "payload": payload }))
    }

    /// In pages of two, newest first.
    fn list(&mut self, query: &BTreeMap<String, String>) -> Result<Value, No> {
        self.may("secretmanager.versions.list")?;
        let states: Vec<&str> = self.secret().versions.iter().map(|version| version.state).collect();
        let start: usize = query.get("pageToken").filter(|token| !token.is_empty()).map_or(0, |t| t.parse().unwrap());
        let page = states.iter().enumerate().rev().skip(start).take(2);
        let versions: Vec<Value> = page.map(|(index, state)| self.version_shown(index as u64 + 1, state)).collect();
        let mut answer = json!({ "versions": versions, "totalSize": states.len() });
        if start + 2 < states.len() {
            answer["nextPageToken"] = json!((start + 2).to_string());
        }
        Ok(answer)
    }

    fn turn(&mut self, which: &str, verb: &str, body: &Bytes) -> Result<Value, No> {
        self.may(match verb {
            "destroy" => "secretmanager.versions.destroy",
            _ => "secretmanager.versions.disable",
        })?;
        object(body, &["name", "etag"])?;
        let (number, version) = self.secret().version(which)?;
        if version.state == "DESTROYED" {
            return Err((400, "FAILED_PRECONDITION", "Secret Version is in DESTROYED state.".into()));
        }
        version.state = match verb {
            "disable" => "DISABLED",
            "enable" => "ENABLED",
            _ => "DESTROYED",
        };
        let state = version.state;
        Ok(self.version_shown(number, state))
    }
}

/// A JSON object with no other keys than these.
fn object(body: &Bytes, known: &[&str]) -> Result<Map<String, Value>, No> {
    let given: Map<String, Value> = match body.is_empty() {
        true => Map::new(),
        false => serde_json::from_slice(body)
            .map_err(|_| (400, "INVALID_ARGUMENT", "Invalid JSON payload received.".to_owned()))?,
    };
    match given.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => {
            let message = format!("Invalid JSON payload received. Unknown name \"{key}\": Cannot find field.");
            Err((400, "INVALID_ARGUMENT", message))
        }
        None => Ok(given),
    }
}
