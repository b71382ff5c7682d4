//! A 1Password Connect server with one vault and one item: strict about everything that its description says, and as
//! slow to show a change as it is told to be.

use crate::store::contract::{OLD, Trouble};
use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, MutexGuard};

pub const VAULT: &str = "ionaiwtdvgclrixbt6ztpqcxnq";
pub const ITEM: &str = "p7eflcy7f5mk7vg6zrzf5rjjyu";
pub const TOKEN: &str = "connect-token";
const TYPES: [&str; 9] = ["STRING", "EMAIL", "CONCEALED", "URL", "OTP", "DATE", "MONTH_YEAR", "MENU", "SSHKEY"];

#[derive(Clone)]
pub struct Fake(Arc<Mutex<World>>);

pub struct World {
    pub vaults: Vec<Value>,
    /// Every version of the item, the first one being version 1; empty once it is deleted.
    pub versions: Vec<Value>,
    /// Titles of more items in the vault.
    pub namesakes: usize,
    pub may_write: bool,
    pub trouble: Trouble,
    /// How many reads of the item show it as it was before the last change.
    pub lag: usize,
    behind: usize,
    /// Somebody else's value, which lands right before the next change does.
    pub intruder: Option<String>,
    added: usize,
}

type Answer = Result<Value, (u16, String)>;

impl Fake {
    pub fn new(lag: usize) -> Self {
        let field = |id: &str, label: &str, kind: &str, section: Option<&str>, value: &str| {
            let mut field = json!({ "id": id, "label": label, "type": kind, "value": value });
            if let Some(section) = section {
                field["section"] = json!({ "id": section, "label": "Tokens" });
            }
            field
        };
        let mut password = field("password", "password", "CONCEALED", None, "canary-of-somebody-else");
        (password["purpose"], password["entropy"]) = (json!("PASSWORD"), json!(84.2));
        let mut credential = field("h2nl155dshi043yse7wa3u1hs7", "credential", "CONCEALED", Some("s1"), OLD);
        credential["reference"] = json!("op://Deploy/GitLab/Tokens/credential");
        let notes = field("notesPlain", "notesPlain", "STRING", None, "ask Ada");
        let day = field("since", "since", "DATE", Some("s1"), "2026-11-21");
        let item = json!({
            "id": ITEM, "title": "GitLab", "vault": { "id": VAULT }, "category": "API_CREDENTIAL", "version": 1,
            "favorite": true, "tags": ["ci"], "urls": [{ "primary": true, "href": "https://gitlab.example.com" }],
            "sections": [{ "id": "s1", "label": "Tokens" }], "fields": [password, credential, notes, day],
            "createdAt": "2026-01-01T00:00:00Z", "updatedAt": "2026-01-01T00:00:00Z", "lastEditedBy": "ADA",
        });
        let vaults = vec![json!({ "id": VAULT, "name": "Deploy", "type": "USER_CREATED", "items": 1 })];
        let (versions, trouble) = (vec![item], Trouble::None);
        Self(Arc::new(Mutex::new(World {
            vaults,
            versions,
            namesakes: 0,
            may_write: true,
            trouble,
            lag,
            behind: 0,
            intruder: None,
            added: 0,
        })))
    }

    pub fn router(&self) -> Router {
        Router::new().fallback(answer).with_state(self.clone())
    }

    pub fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap()
    }
}

impl World {
    pub fn item(&self) -> Option<&Value> {
        self.versions.last()
    }

    fn is(&self, id: &str) -> bool {
        self.item().is_some_and(|item| item["id"] == id)
    }

    /// The fields with that label.
    pub fn fields(&self, label: &str) -> Vec<Value> {
        let fields = self.item().and_then(|item| item["fields"].as_array()).into_iter().flatten();
        fields.filter(|field| field["label"] == label).cloned().collect()
    }

    /// A change as from another program, at once to be seen.
    pub fn set(&mut self, label: &str, key: &str, value: Value) {
        let mut item = self.item().unwrap().clone();
        let fields = item["fields"].as_array_mut().unwrap();
        fields.iter_mut().find(|field| field["label"] == label).unwrap()[key] = value;
        self.save(item);
        self.behind = 0;
    }

    pub fn save(&mut self, mut item: Value) -> Value {
        item["version"] = json!(self.versions.len() + 1);
        self.versions.push(item.clone());
        self.behind = self.lag;
        item
    }

    fn read(&mut self) -> Answer {
        let stale = usize::from(self.behind > 0);
        self.behind -= stale;
        let at = self.versions.len().checked_sub(1 + stale);
        at.map(|at| self.versions[at].clone()).ok_or((404, format!("item {ITEM} not found")))
    }

    fn titles(&self, wanted: &str) -> Value {
        let known =
            self.item().filter(|item| item["title"] == wanted).map(|item| item["id"].as_str().unwrap().to_owned());
        let others = (0..self.namesakes).map(|n| format!("{:026}", n));
        let summary = |id: String| json!({ "id": id, "title": wanted, "vault": { "id": VAULT }, "category": "LOGIN" });
        known.into_iter().chain(others).map(summary).collect()
    }

    fn patch(&mut self, changes: &Value) -> Answer {
        let changes = changes.as_array().ok_or((400, "the patch is no list".to_owned()))?;
        if let Some(value) = self.intruder.take().filter(|_| !changes.is_empty()) {
            self.set("credential", "value", json!(value));
        }
        let mut item = self.item().cloned().ok_or((404, format!("item {ITEM} not found")))?;
        for change in changes {
            self.apply(&mut item, change).map_err(|why| (400, why))?;
        }
        Ok(if changes.is_empty() { item } else { self.save(item) })
    }

    /// By the description, fields are addressed by their ids and values are objects.
    fn apply(&mut self, item: &mut Value, change: &Value) -> Result<(), String> {
        let (op, path) = (change["op"].as_str().unwrap_or_default(), change["path"].as_str().unwrap_or_default());
        let fields = item["fields"].as_array_mut().unwrap();
        let position = |id: &str| {
            let at = fields.iter().position(|field| field["id"] == id);
            at.ok_or_else(|| format!("There is no field {id}"))
        };
        match (op, path.strip_prefix("/fields/")) {
            ("add", None) if path == "/fields" => {
                self.added += 1;
                let mut field = checked(&change["value"])?;
                field["id"] = json!(format!("added{:021}", self.added));
                fields.push(field);
            }
            ("replace", Some(id)) => {
                let (at, field) = (position(id)?, checked(&change["value"])?);
                if field["id"] != id {
                    return Err("The id of a field cannot be changed".to_owned());
                }
                fields[at] = field;
            }
            ("remove", Some(id)) if change.get("value").is_none() => drop(fields.remove(position(id)?)),
            _ => return Err(format!("Invalid operation {op} {path}")),
        }
        Ok(())
    }
}

fn checked(field: &Value) -> Result<Value, String> {
    let object = field.as_object().ok_or("The value of an operation is an object")?;
    if !field["type"].as_str().is_some_and(|kind| TYPES.contains(&kind)) || !field["value"].is_string() {
        return Err("Invalid field".to_owned());
    }
    if object.keys().any(|key| ["entropy", "totp"].contains(&key.as_str())) {
        return Err("A field has attributes that cannot be written".to_owned());
    }
    Ok(field.clone())
}

async fn answer(State(fake): State<Fake>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap();
    let query = parts.uri.query().unwrap_or_default().as_bytes();
    let query: Vec<(String, String)> = form_urlencoded::parse(query).into_owned().collect();
    let path: Vec<&str> = parts.uri.path().split('/').skip(1).collect();
    let bearer = format!("Bearer {TOKEN}");
    let mut world = fake.world();
    let outcome = if parts.headers.get("authorization").is_none_or(|sent| sent.as_bytes() != bearer.as_bytes()) {
        Err((401, "Invalid token signature".to_owned()))
    } else if world.trouble == Trouble::Denied {
        Err((403, format!("vault {VAULT} is not in scope")))
    } else if !body.is_empty() && parts.headers.get("content-type").is_none_or(|sent| sent != "application/json") {
        Err((400, "Invalid content type".to_owned()))
    } else {
        let sent = serde_json::from_slice(&body).unwrap_or(Value::Null);
        routed(&mut world, &parts.method, &path, &query, sent)
    };
    match outcome {
        Ok(value) => axum::Json(value).into_response(),
        Err((status, message)) => {
            let error = json!({ "status": status, "message": message });
            (StatusCode::from_u16(status).unwrap(), axum::Json(error)).into_response()
        }
    }
}

fn routed(world: &mut World, method: &Method, path: &[&str], query: &[(String, String)], sent: Value) -> Answer {
    let filter = match (path, query) {
        (_, []) => None,
        (["v1", "vaults"], [(key, filter)]) if key == "filter" => Some(name_in(filter, "name")?),
        (["v1", "vaults", _, "items"], [(key, filter)]) if key == "filter" => Some(name_in(filter, "title")?),
        _ => return Err((400, "Invalid query".to_owned())),
    };
    if let [_, _, vault, ..] = path
        && *vault != VAULT
    {
        return Err((403, format!("vault {vault} is not in scope")));
    }
    let writes = [Method::PATCH, Method::PUT].contains(method);
    if writes && !world.may_write {
        return Err((403, format!("token does not have permission to perform update on vault {VAULT}")));
    }
    if writes && world.trouble == Trouble::Picky && sent != json!([]) {
        return Err((400, format!("Logic: (Unable to parse Item) {sent}")));
    }
    match (method.as_str(), path) {
        ("GET", ["v1", "vaults"]) => {
            let fits = |vault: &&Value| filter.as_ref().is_none_or(|name| vault["name"] == *name);
            Ok(world.vaults.iter().filter(fits).cloned().collect())
        }
        ("GET", ["v1", "vaults", _]) => Ok(world.vaults[0].clone()),
        ("GET", ["v1", "vaults", _, "items"]) => Ok(world.titles(filter.as_deref().unwrap_or("GitLab"))),
        ("GET", ["v1", "vaults", _, "items", item]) if world.is(item) => world.read(),
        ("PATCH", ["v1", "vaults", _, "items", item]) if world.is(item) => world.patch(&sent),
        ("PUT", ["v1", "vaults", _, "items", item]) if world.is(item) => {
            let complete = sent["id"].as_str().is_some_and(|id| world.is(id))
                && sent["vault"]["id"] == VAULT
                && sent["fields"].is_array();
            if complete { Ok(world.save(sent)) } else { Err((400, "Item id and vault id must match".to_owned())) }
        }
        (_, ["v1", "vaults", _, "items", item]) => Err((404, format!("item {item} not found"))),
        _ => Err((404, "There is no such address".to_owned())),
    }
}

fn name_in(filter: &str, key: &str) -> Result<String, (u16, String)> {
    let quoted = filter.strip_prefix(key).and_then(|rest| rest.strip_prefix(" eq "));
    let name = quoted.and_then(|quoted| serde_json::from_str(quoted).ok());
    name.ok_or_else(|| (400, "Invalid filter".to_owned()))
}
