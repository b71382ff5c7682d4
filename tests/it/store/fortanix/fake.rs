//! A Fortanix DSM with one group: sessions, names that are one object's alone, replacement in one step, and a quorum for
//! whatever it is told to guard. Strict about everything that its description says.

use super::quorum;
use crate::store::contract::{OLD, Trouble};
use crate::store::tls::Peer;
use axum::Router;
use axum::body::to_bytes;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

pub const NAME: &str = "deploy token";
pub const APP: &str = "a5b1b1f6-0f4c-4a58-9d5e-0c1f6d9a7b11";
pub const GROUP: &str = "11111111-2222-4333-8444-555555555555";
const ACCOUNT: &str = "99999999-2222-4333-8444-555555555555";
const ADA: &str = "ada00000-2222-4333-8444-555555555555";

/// As DSM hands it out.
pub fn api_key() -> String {
    STANDARD.encode(format!("{APP}:canary-app-secret"))
}

#[derive(Clone)]
pub struct Fake(Arc<Mutex<World>>);

pub struct World {
    pub objects: Vec<Value>,
    /// What needs a quorum: `replace`, `export`, `update`, `revoke`, `delete`.
    pub guarded: Vec<&'static str>,
    pub requests: Vec<Value>,
    pub may_manage: bool,
    pub trouble: Trouble,
    /// How often somebody logged in.
    pub logins: usize,
    /// Only a client certificate opens a session.
    pub certificates_only: bool,
    sessions: Vec<String>,
    pub made: u64,
}

/// A status and, as DSM has it, plain text.
pub type Answer = Result<Value, (u16, String)>;

pub fn no(status: u16, why: &str) -> (u16, String) {
    (status, why.to_owned())
}

impl Fake {
    pub fn new() -> Self {
        let mut world = World {
            objects: Vec::new(),
            guarded: Vec::new(),
            requests: Vec::new(),
            may_manage: true,
            trouble: Trouble::None,
            logins: 0,
            certificates_only: false,
            sessions: Vec::new(),
            made: 0,
        };
        world.add(NAME, OLD, json!({ "user": ADA }));
        Self(Arc::new(Mutex::new(world)))
    }

    pub fn router(&self) -> Router {
        Router::new().fallback(answer).with_state(self.clone())
    }

    pub fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap()
    }

    pub fn value(&self, name: &str) -> Option<String> {
        self.world().value(name)
    }

    pub fn names(&self) -> Vec<String> {
        self.world().objects.iter().filter_map(|object| object["name"].as_str()).map(str::to_owned).collect()
    }

    pub fn requests(&self) -> Vec<Value> {
        self.world().requests.clone()
    }
}

impl World {
    /// An object as an import makes it.
    pub fn add(&mut self, name: &str, value: &str, creator: Value) -> String {
        let ops = json!(["EXPORT", "APPMANAGEABLE"]);
        let object = json!({
            "name": name, "value": STANDARD.encode(value), "obj_type": "SECRET", "key_ops": ops, "group_id": GROUP,
            "description": "of the deploy bot", "custom_metadata": { "team": "deploy" }, "enabled": true,
        });
        self.import(object, creator).unwrap()["kid"].as_str().unwrap().to_owned()
    }

    pub fn named(&self, name: &str) -> Option<&Value> {
        self.objects.iter().find(|object| object["name"] == name)
    }

    pub fn value(&self, name: &str) -> Option<String> {
        let bytes = STANDARD.decode(self.named(name)?["value"].as_str()?).unwrap();
        Some(String::from_utf8(bytes).unwrap())
    }

    pub fn end_sessions(&mut self) {
        self.sessions.clear();
    }

    fn find(&mut self, which: &Value) -> Result<&mut Value, (u16, String)> {
        let given: Vec<(&String, &Value)> = which.as_object().into_iter().flatten().collect();
        let [(key, wanted)] = given.as_slice() else { return Err(no(400, "exactly one of kid and name")) };
        if !["kid", "name"].contains(&key.as_str()) {
            return Err(no(400, "exactly one of kid and name"));
        }
        let found = self.objects.iter_mut().find(|object| object[key.as_str()] == **wanted);
        found.ok_or_else(|| no(404, "sobject does not exist"))
    }

    fn import(&mut self, sent: Value, creator: Value) -> Answer {
        let known = ["name", "value", "obj_type", "key_ops", "group_id", "description", "custom_metadata", "enabled"];
        if !sent.as_object().is_some_and(|sent| sent.keys().all(|key| known.contains(&key.as_str()))) {
            return Err(no(400, "unknown field"));
        }
        if !["SECRET", "OPAQUE"].iter().any(|kind| sent["obj_type"] == *kind) || sent["group_id"] != GROUP {
            return Err(no(400, "invalid object type or group"));
        }
        if sent["value"].as_str().is_none_or(|value| STANDARD.decode(value).is_err()) {
            return Err(no(400, "value is not base64"));
        }
        if sent["name"].as_str().is_none_or(|name| self.named(name).is_some()) {
            return Err(no(409, "sobject already exists"));
        }
        self.made += 1;
        let mut object = sent;
        for (key, value) in [
            ("kid", json!(format!("{:08x}-2222-4333-8444-555555555555", self.made))),
            ("acct_id", json!(ACCOUNT)),
            ("creator", creator),
            ("created_at", json!("20261121T120000Z")),
            ("lastused_at", json!("19700101T000000Z")),
            ("origin", json!("External")),
            ("state", json!("Active")),
            ("never_exportable", json!(false)),
            ("public_only", json!(false)),
        ] {
            object[key] = value;
        }
        self.objects.push(object.clone());
        Ok(without_value(&object))
    }

    /// Three things in one step: the first gets another name, the second gets the first's, and each knows the other.
    fn replace(&mut self, sent: &Value) -> Answer {
        let new_name = sent["replaced_new_name"].as_str().ok_or_else(|| no(400, "replaced_new_name is missing"))?;
        let (old, new) = (self.find(&sent["replaced"])?.clone(), self.find(&sent["replacement"])?.clone());
        if ["obj_type", "group_id", "key_ops"].iter().any(|key| old[*key] != new[*key]) {
            return Err(no(400, "the replacement is too different"));
        }
        if self.named(new_name).is_some() {
            return Err(no(409, "sobject already exists"));
        }
        let first = self.find(&sent["replaced"])?;
        first["name"] = json!(new_name);
        first["links"]["replacement"] = new["kid"].clone();
        let second = self.find(&sent["replacement"])?;
        second["name"] = old["name"].clone();
        second["links"]["replaced"] = old["kid"].clone();
        if second["custom_metadata"].as_object().is_none_or(|all| all.is_empty()) {
            second["custom_metadata"] = old["custom_metadata"].clone();
        }
        Ok(Value::Null)
    }

    /// Does it, whoever may.
    pub fn perform(&mut self, method: &str, path: &[&str], sent: &Value) -> Answer {
        match (method, path) {
            ("POST", ["crypto", "v1", "keys", "export"]) => {
                let object = self.find(sent)?.clone();
                let exportable = object["key_ops"].as_array().is_some_and(|ops| ops.contains(&json!("EXPORT")));
                if exportable { Ok(object) } else { Err(no(403, "key operation EXPORT is not allowed")) }
            }
            ("POST", ["crypto", "v1", "keys", "replace"]) => self.replace(sent),
            ("POST", ["crypto", "v1", "keys", kid, "revoke"]) => {
                if sent["code"] != "Superseded" {
                    return Err(no(400, "invalid reason"));
                }
                let object = self.find(&json!({ "kid": kid }))?;
                if object["state"] != "Active" {
                    return Err(no(400, "sobject is not active"));
                }
                object["state"] = json!("Deactivated");
                Ok(Value::Null)
            }
            ("DELETE", ["crypto", "v1", "keys", kid]) => {
                self.find(&json!({ "kid": kid }))?;
                self.objects.retain(|object| object["kid"] != *kid);
                Ok(Value::Null)
            }
            ("PATCH", ["crypto", "v1", "keys", kid]) => {
                let object = self.find(&json!({ "kid": kid }))?;
                for (key, value) in sent.as_object().into_iter().flatten() {
                    object[key] = value.clone();
                }
                Ok(without_value(object))
            }
            _ => Err(no(404, "no such operation")),
        }
    }

    fn routed(&mut self, method: &Method, path: &[&str], query: &BTreeMap<String, String>, sent: Value) -> Answer {
        let number = |key: &str, usual: usize| query.get(key).map_or(Ok(usual), |text| text.parse());
        match (method.as_str(), path) {
            (_, ["sys", "v1", "approval_requests", rest @ ..]) => quorum::routed(self, method.as_str(), rest, sent),
            ("POST", ["crypto", "v1", "keys", "info"]) => self.find(&sent).map(|object| without_value(object)),
            ("GET", ["crypto", "v1", "keys"]) => {
                let (Ok(limit), Ok(offset)) = (number("limit", 1_001), number("offset", 0)) else {
                    return Err(no(400, "invalid number"));
                };
                let fits = |key: &str, object: &Value| query.get(key).is_none_or(|wanted| object[key] == **wanted);
                let found = self.objects.iter().filter(|object| fits("group_id", object) && fits("name", object));
                Ok(found.skip(offset).take(limit).map(without_value).collect())
            }
            ("PUT", ["crypto", "v1", "keys"]) if self.trouble == Trouble::Picky => {
                let value = STANDARD.decode(sent["value"].as_str().unwrap_or_default()).unwrap_or_default();
                Err((400, format!("unexpected {} in {sent}", String::from_utf8_lossy(&value))))
            }
            ("PUT", ["crypto", "v1", "keys"]) if self.may_manage => self.import(sent, json!({ "app": APP })),
            _ => {
                let what = quorum::kind(method.as_str(), path);
                if what != "export" && !self.may_manage {
                    return Err(no(403, "app has no permission MANAGE in the group"));
                }
                if self.guarded.contains(&what) {
                    return Err(no(403, "This operation requires approval"));
                }
                self.perform(method.as_str(), path, &sent)
            }
        }
    }

    fn session(&mut self) -> Value {
        self.logins += 1;
        self.sessions.push(format!("session-{}", self.logins));
        json!({ "token_type": "Bearer", "expires_in": 600, "access_token": self.sessions.last(), "entity_id": APP })
    }
}

pub fn without_value(object: &Value) -> Value {
    let mut shown = object.clone();
    shown.as_object_mut().unwrap().remove("value");
    shown
}

/// An API key, or a certificate with the app's id.
fn may_log_in(world: &World, headers: &HeaderMap, peer: Option<&Peer>) -> bool {
    let sent = headers.get("authorization").and_then(|sent| sent.to_str().ok()).unwrap_or_default();
    let certified = peer.is_some_and(|peer| peer.certified);
    if certified && sent == format!("Basic {}", STANDARD.encode(format!("{APP}:"))) {
        return true;
    }
    !world.certificates_only && sent == format!("Basic {}", api_key())
}

async fn answer(State(fake): State<Fake>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap();
    let peer = parts.extensions.get::<ConnectInfo<Peer>>().map(|info| info.0.clone());
    let path: Vec<&str> = parts.uri.path().split('/').skip(1).collect();
    let query = parts.uri.query().unwrap_or_default().as_bytes();
    let query: BTreeMap<String, String> = form_urlencoded::parse(query).into_owned().collect();
    let mut world = fake.world();
    let outcome = if path == ["sys", "v1", "session", "auth"] {
        match may_log_in(&world, &parts.headers, peer.as_ref()) {
            true => Ok(world.session()),
            false => Err(no(401, "Invalid credentials")),
        }
    } else if !knows(&world, &parts.headers) {
        Err(no(401, "session has expired"))
    } else if world.trouble == Trouble::Denied {
        Err(no(403, "app is not a member of the group"))
    } else {
        let sent = serde_json::from_slice(&body).unwrap_or(Value::Null);
        world.routed(&parts.method, &path, &query, sent)
    };
    match outcome {
        Ok(Value::Null) => StatusCode::NO_CONTENT.into_response(),
        Ok(value) => axum::Json(value).into_response(),
        Err((status, why)) => (StatusCode::from_u16(status).unwrap(), why).into_response(),
    }
}

fn knows(world: &World, headers: &HeaderMap) -> bool {
    let sent = headers.get("authorization").and_then(|sent| sent.to_str().ok()).unwrap_or_default();
    sent.strip_prefix("Bearer ").is_some_and(|sent| world.sessions.iter().any(|session| session == sent))
}
