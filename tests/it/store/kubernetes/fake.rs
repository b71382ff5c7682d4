//! A strict API server with Secrets and Deployments: resource versions, merge patches, dry runs, and errors as
//! `Status` objects.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};

pub const TOKEN: &str = "sa-token-1";

#[derive(Clone)]
pub struct Fake(Arc<Mutex<World>>);

pub struct World {
    pub token: String,
    pub forbidden: bool,
    pub objects: BTreeMap<String, Value>,
    pub version: u64,
    pub patches: u64,
    /// Refuses writes with words that repeat what was sent.
    pub picky: bool,
}

/// A cluster with one Secret and one Deployment in the namespace `apps`.
pub async fn cluster(data: &[(&str, &str)]) -> (Fake, String) {
    let fake = Fake(Arc::new(Mutex::new(World {
        token: TOKEN.to_owned(),
        forbidden: false,
        objects: BTreeMap::new(),
        version: 10,
        patches: 0,
        picky: false,
    })));
    let data: Map<String, Value> = data.iter().map(|(key, text)| ((*key).to_owned(), encoded(text))).collect();
    let labels = json!({"app": "deploy"});
    fake.make(
        "secrets/gitlab",
        json!({"kind": "Secret", "apiVersion": "v1", "type": "Opaque",
        "metadata": {"name": "gitlab", "namespace": "apps", "labels": labels}, "data": data}),
    );
    fake.make(
        "deployments/web",
        json!({"kind": "Deployment", "apiVersion": "apps/v1",
        "metadata": {"name": "web", "namespace": "apps", "generation": 1},
        "spec": {"selector": {"matchLabels": {"app": "web"}},
                 "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": []}}}}),
    );
    let router = Router::new()
        .route("/api/v1/namespaces/apps/{kind}/{name}", get(read).patch(patch))
        .route("/apis/apps/v1/namespaces/apps/{kind}/{name}", get(read).patch(patch))
        .with_state(fake.clone());
    let base = crate::http::serve(router).await;
    (fake, base)
}

pub fn encoded(text: &str) -> Value {
    STANDARD.encode(text).into()
}

impl Fake {
    pub fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap()
    }

    fn make(&self, name: &str, mut object: Value) {
        let mut world = self.world();
        world.version += 1;
        object["metadata"]["resourceVersion"] = world.version.to_string().into();
        object["metadata"]["uid"] = format!("{:08x}-5c1b-4f0e-9a53-000000000000", world.version).into();
        world.objects.insert(name.to_owned(), object);
    }

    /// Somebody deletes an object and makes the same again.
    pub fn make_again(&self, name: &str) {
        let object = self.world().objects.remove(name).unwrap();
        self.make(name, object);
    }

    /// Changes an object as somebody else.
    pub fn change(&self, name: &str, change: impl FnOnce(&mut Value)) {
        let mut world = self.world();
        world.version += 1;
        let version = world.version.to_string();
        let object = world.objects.get_mut(name).unwrap();
        change(object);
        object["metadata"]["resourceVersion"] = version.into();
    }

    /// A key of the Secret, decoded.
    pub fn held(&self, key: &str) -> Option<String> {
        let world = self.world();
        let text = world.objects.get("secrets/gitlab")?["data"][key].as_str()?;
        Some(String::from_utf8(STANDARD.decode(text).unwrap()).unwrap())
    }
}

fn status(code: StatusCode, reason: &str, message: &str) -> Response {
    let body = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": code.as_u16()});
    (code, axum::Json(body)).into_response()
}

fn admitted(world: &World, headers: &HeaderMap, what: &str) -> Result<(), Box<Response>> {
    let given = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
    if given != format!("Bearer {}", world.token) {
        return Err(Box::new(status(StatusCode::UNAUTHORIZED, "Unauthorized", "Unauthorized")));
    }
    if world.forbidden {
        let text = format!("{what} is forbidden: User \"system:serviceaccount:rekey:rekey\" cannot do that");
        return Err(Box::new(status(StatusCode::FORBIDDEN, "Forbidden", &text)));
    }
    Ok(())
}

fn missing(name: &str) -> Response {
    status(StatusCode::NOT_FOUND, "NotFound", &format!("{name} not found"))
}

async fn read(State(fake): State<Fake>, Path((kind, name)): Path<(String, String)>, headers: HeaderMap) -> Response {
    let (world, name) = (fake.world(), format!("{kind}/{name}"));
    if let Err(refusal) = admitted(&world, &headers, &name) {
        return *refusal;
    }
    world.objects.get(&name).map_or_else(|| missing(&name), |object| axum::Json(object.clone()).into_response())
}

async fn patch(
    State(fake): State<Fake>,
    Path((kind, name)): Path<(String, String)>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let (mut world, name) = (fake.world(), format!("{kind}/{name}"));
    if let Err(refusal) = admitted(&world, &headers, &name) {
        return *refusal;
    }
    let kind = headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !matches!(kind, "application/merge-patch+json" | "application/strategic-merge-patch+json") {
        return status(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UnsupportedMediaType", "the body is of another kind");
    }
    let Ok(change) = serde_json::from_slice::<Value>(&body) else {
        return status(StatusCode::BAD_REQUEST, "BadRequest", "the body is no JSON");
    };
    let Some(object) = world.objects.get(&name).cloned() else { return missing(&name) };
    if world.picky {
        return status(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", &format!("Secret is invalid: {change}"));
    }
    if change["metadata"]["resourceVersion"].as_str().is_some_and(|from| object["metadata"]["resourceVersion"] != from)
    {
        let text = "the object has been modified; please apply your changes to the latest version and try again";
        return status(StatusCode::CONFLICT, "Conflict", text);
    }
    let mut after = object.clone();
    merge(&mut after, &change);
    if object["immutable"] == true && after["data"] != object["data"] {
        return status(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", "data: field is immutable when `immutable` is set");
    }
    if after == object || query.get("dryRun").is_some_and(|run| run == "All") {
        return axum::Json(after).into_response();
    }
    world.version += 1;
    world.patches += 1;
    after["metadata"]["resourceVersion"] = world.version.to_string().into();
    if after["spec"] != object["spec"] {
        after["metadata"]["generation"] = (object["metadata"]["generation"].as_u64().unwrap_or(0) + 1).into();
    }
    world.objects.insert(name, after.clone());
    axum::Json(after).into_response()
}

/// RFC 7386.
fn merge(target: &mut Value, change: &Value) {
    let Some(change) = change.as_object() else {
        *target = change.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    let Some(object) = target.as_object_mut() else { return };
    for (key, value) in change {
        if value.is_null() {
            object.remove(key);
        } else {
            merge(object.entry(key.clone()).or_insert(Value::Null), value);
        }
    }
}
