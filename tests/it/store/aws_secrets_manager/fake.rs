//! A strict Secrets Manager: one secret with its versions and labels, as AWS's service model and user guide describe them,
//! also where the emulators are wrong: refusals with status 400, the same name with another text, sizes, what is
//! scheduled for deletion.

use super::sts::Keys;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard};

pub const SECRET: &str = "deploy/token";
pub const ARN: &str = "arn:aws:secretsmanager:eu-central-1:222222222222:secret:deploy/token-AbCdEf";

#[derive(Clone)]
pub struct Fake(Arc<Mutex<World>>);

pub struct World {
    pub keys: Keys,
    /// `None`: there is no secret.
    pub secret: Option<Secret>,
    /// What the caller may do.
    pub allowed: BTreeSet<&'static str>,
    /// The next calls are refused with that, whatever they are.
    pub refusals: Vec<(u16, &'static str, &'static str)>,
    /// A new version is refused with its own words.
    pub picky: bool,
    /// How many reads of the value, and how many descriptions, still show the state before when AWSCURRENT has moved.
    pub lag: (u32, u32),
    /// What is left of that, and the labels of before.
    behind: (u32, u32),
    before: Map<String, Value>,
    before_current: String,
    /// What somebody else does right before the next move of AWSCURRENT.
    pub before_switch: Option<fn(&mut Secret)>,
    /// Every call: who, what.
    pub calls: Vec<(String, String)>,
}

#[derive(Default)]
pub struct Secret {
    pub versions: Vec<Version>,
    /// What DescribeSecret says besides.
    pub about: Map<String, Value>,
    count: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    pub id: String,
    pub text: String,
    pub labels: Vec<String>,
}

type No = (u16, &'static str, String);

const ACTIONS: &[&str] = &["DescribeSecret", "GetSecretValue", "PutSecretValue", "UpdateSecretVersionStage"];

impl Fake {
    pub fn new(keys: Keys) -> Self {
        Self(Arc::new(Mutex::new(World {
            keys,
            secret: Some(Secret::default()),
            allowed: ACTIONS.iter().copied().collect(),
            refusals: Vec::new(),
            picky: false,
            lag: (0, 0),
            behind: (0, 0),
            before: Map::new(),
            before_current: String::new(),
            before_switch: None,
            calls: Vec::new(),
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
    pub fn secret(&mut self) -> &mut Secret {
        self.secret.as_mut().unwrap()
    }

    /// All that AWS answers is of now again.
    pub fn catch_up(&mut self) {
        self.behind = (0, 0);
    }

    /// Lets the caller in again and takes every value.
    pub fn calm_down(&mut self) {
        (self.allowed, self.picky) = (ACTIONS.iter().copied().collect(), false);
    }
}

impl Secret {
    /// Somebody else makes a version and makes it the current one.
    pub fn put(&mut self, text: &str) -> String {
        self.count += 1;
        let id = format!("00000000-0000-4000-8000-{:012}", self.count);
        self.add(&id, text, &["AWSCURRENT".to_owned()]);
        id
    }

    pub fn with(&self, label: &str) -> Option<&Version> {
        self.versions.iter().find(|version| version.labels.iter().any(|each| each == label))
    }

    /// Labels by version.
    fn labels(&self) -> Map<String, Value> {
        let labelled = self.versions.iter().filter(|version| !version.labels.is_empty());
        labelled.map(|version| (version.id.clone(), json!(version.labels))).collect()
    }

    /// Versions with a label; AWS forgets the others when it likes.
    pub fn labelled(&self) -> usize {
        self.versions.iter().filter(|version| !version.labels.is_empty()).count()
    }

    fn add(&mut self, id: &str, text: &str, labels: &[String]) {
        let version = Version { id: id.to_owned(), text: text.to_owned(), labels: Vec::new() };
        self.versions.push(version);
        for label in labels {
            let from = self.with(label).map(|version| version.id.clone());
            self.shift(label, from.as_deref(), Some(id));
        }
    }

    pub fn shift(&mut self, label: &str, from: Option<&str>, to: Option<&str>) {
        if let Some(version) = self.versions.iter_mut().find(|version| Some(version.id.as_str()) == from) {
            version.labels.retain(|each| each != label);
        }
        if let Some(version) = self.versions.iter_mut().find(|version| Some(version.id.as_str()) == to) {
            version.labels.retain(|each| each != label);
            version.labels.push(label.to_owned());
        }
        if label == "AWSCURRENT" && from.is_some() && to.is_some() && from != to {
            let before = self.with("AWSPREVIOUS").map(|version| version.id.clone());
            self.shift("AWSPREVIOUS", before.as_deref(), from);
        }
    }
}

/// The access key of a signature for that service in the region that is meant.
pub fn key_in(authorization: &str, service: &str) -> Option<String> {
    let scope = authorization.strip_prefix("AWS4-HMAC-SHA256 Credential=")?.split(',').next()?;
    let signed = authorization.split("SignedHeaders=").nth(1)?.split(',').next()?;
    let well_signed = ["host", "x-amz-date"].iter().all(|name| signed.split(';').any(|each| each == *name));
    match scope.split('/').collect::<Vec<_>>().as_slice() {
        [key, _, "eu-central-1", meant, "aws4_request"] if *meant == service && well_signed => Some((*key).to_owned()),
        _ => None,
    }
}

async fn answer(State(fake): State<Fake>, request: Request) -> Response {
    let (request, body) = request.into_parts();
    let header =
        |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let key = key_in(&header("authorization"), "secretsmanager").unwrap_or_default();
    let (session, target, kind) = (header("x-amz-security-token"), header("x-amz-target"), header("content-type"));
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let mut world = fake.world();
    let action = target.strip_prefix("secretsmanager.").unwrap_or_default().to_owned();
    let Some(who) = world.keys.holder(&key, &session) else {
        return refuse((400, "ExpiredTokenException", "The security token included in the request is expired".into()));
    };
    world.calls.push((who, action.clone()));
    if kind != "application/x-amz-json-1.1" {
        return refuse((400, "SerializationException", "no JSON".into()));
    }
    if !world.refusals.is_empty() {
        let (status, code, message) = world.refusals.remove(0);
        return refuse((status, code, message.to_owned()));
    }
    match world.route(&action, &body) {
        Ok(answer) => ([("content-type", "application/x-amz-json-1.1")], answer.to_string()).into_response(),
        Err(no) => refuse(no),
    }
}

fn refuse((status, code, message): No) -> Response {
    let body = json!({ "__type": code, "message": message, "Message": message }).to_string();
    let kind = [("content-type", "application/x-amz-json-1.1")];
    (StatusCode::from_u16(status).unwrap(), kind, body).into_response()
}

fn invalid(code: &'static str, message: &str) -> No {
    (400, code, message.to_owned())
}

impl World {
    /// Somebody deletes the secret at once and makes one of the same name, without versions.
    pub fn make_again(&mut self) {
        let about = [("ARN".to_owned(), json!(ARN.replace("AbCdEf", "GhIjKl")))];
        self.secret = Some(Secret { about: about.into_iter().collect(), ..Secret::default() });
    }

    fn route(&mut self, action: &str, body: &Bytes) -> Result<Value, No> {
        let given: Map<String, Value> =
            serde_json::from_slice(body).map_err(|_| invalid("SerializationException", "no JSON object"))?;
        let known: &[&str] = match action {
            "DescribeSecret" => &["SecretId"],
            "GetSecretValue" => &["SecretId", "VersionId", "VersionStage"],
            "PutSecretValue" => &["SecretId", "ClientRequestToken", "SecretString", "VersionStages"],
            "UpdateSecretVersionStage" => &["SecretId", "VersionStage", "RemoveFromVersionId", "MoveToVersionId"],
            _ => return Err(invalid("UnknownOperationException", "")),
        };
        assert!(given.keys().all(|key| known.contains(&key.as_str())), "{action} {given:?}");
        if !self.allowed.contains(action) {
            let who = "User: arn:aws:sts::222222222222:assumed-role/rekey-writes/rekey";
            let message = format!("{who} is not authorized to perform: secretsmanager:{action} on resource: {SECRET}");
            return Err(invalid("AccessDeniedException", &message));
        }
        let text = |key: &str| given.get(key).and_then(Value::as_str).map(str::to_owned);
        if self.secret.is_none() || ![SECRET, ARN].contains(&text("SecretId").unwrap_or_default().as_str()) {
            return Err(invalid("ResourceNotFoundException", "Secrets Manager can't find the specified secret."));
        }
        if action != "DescribeSecret" && self.secret().about.contains_key("DeletedDate") {
            let message = "You can't perform this operation on the secret because it was marked for deletion.";
            return Err(invalid("InvalidRequestException", message));
        }
        match action {
            "DescribeSecret" => Ok(self.describe()),
            "GetSecretValue" => self.get(text("VersionId"), text("VersionStage")),
            "PutSecretValue" => self.put(&given),
            _ => self.label(&text("VersionStage").unwrap(), text("RemoveFromVersionId"), text("MoveToVersionId")),
        }
    }

    fn describe(&mut self) -> Value {
        let stale = (self.behind.1 > 0).then(|| self.before.clone());
        self.behind.1 = self.behind.1.saturating_sub(1);
        let secret = self.secret();
        let labels = stale.unwrap_or_else(|| secret.labels());
        let mut answer = secret.about.clone();
        answer.entry("ARN").or_insert_with(|| json!(ARN));
        answer.insert("Name".into(), json!(SECRET));
        answer.insert("VersionIdsToStages".into(), json!(labels));
        json!(answer)
    }

    fn get(&mut self, id: Option<String>, label: Option<String>) -> Result<Value, No> {
        assert!(id.is_some() || label.is_some(), "without either, emulators give another version than AWS");
        let behind = self.behind.0 > 0 && label.as_deref() == Some("AWSCURRENT");
        let id = if behind { Some(self.before_current.clone()) } else { id };
        self.behind.0 -= u32::from(behind);
        let secret = self.secret();
        let version = match (&id, &label) {
            (Some(id), _) => secret.versions.iter().find(|version| version.id == *id),
            (None, label) => secret.with(label.as_deref().unwrap()),
        };
        let missing = "Secrets Manager can't find the specified secret value for that version.";
        let version = version.ok_or_else(|| invalid("ResourceNotFoundException", missing))?;
        Ok(json!({
            "ARN": ARN, "Name": SECRET, "VersionId": version.id, "SecretString": version.text,
            "VersionStages": version.labels,
        }))
    }

    fn put(&mut self, given: &Map<String, Value>) -> Result<Value, No> {
        let id = given["ClientRequestToken"].as_str().unwrap().to_owned();
        let text = given["SecretString"].as_str().unwrap().to_owned();
        let labels = given.get("VersionStages").cloned().unwrap_or(json!(["AWSCURRENT"]));
        let labels: Vec<String> = serde_json::from_value(labels).unwrap();
        if self.picky {
            return Err(invalid("InvalidParameterException", &format!("I do not like {text}.")));
        }
        if !(32..=64).contains(&id.len()) || !(1..=20).contains(&labels.len()) {
            return Err(invalid("InvalidParameterException", "out of range"));
        }
        if !(1..=65_536).contains(&text.len()) {
            return Err(invalid("ValidationException", "secretString failed to satisfy constraint: length <= 65536"));
        }
        let secret = self.secret();
        match secret.versions.iter().find(|version| version.id == id) {
            Some(version) if version.text == text => {}
            Some(_) => {
                let message = "You can't use ClientRequestToken because that value is already in use for a version.";
                return Err(invalid("ResourceExistsException", message));
            }
            None => secret.add(&id, &text, &labels),
        }
        Ok(json!({ "ARN": ARN, "Name": SECRET, "VersionId": id, "VersionStages": labels }))
    }

    fn label(&mut self, label: &str, from: Option<String>, to: Option<String>) -> Result<Value, No> {
        let meddle = if label == "AWSCURRENT" { self.before_switch.take() } else { None };
        let secret = self.secret();
        if let Some(meddle) = meddle {
            meddle(secret);
        }
        let holder = secret.with(label).map(|version| version.id.clone());
        let exists = |id: &Option<String>| id.as_ref().is_none_or(|id| secret.versions.iter().any(|v| v.id == *id));
        if !exists(&from) || !exists(&to) {
            return Err(invalid("ResourceNotFoundException", "can't find the specified version"));
        }
        if from.is_some() && from != holder {
            let message = format!("The staging label {label} isn't attached to the version in RemoveFromVersionId.");
            return Err(invalid("InvalidParameterException", &message));
        }
        if from.is_none() && to.is_some() && holder.is_some() && holder != to {
            let message = format!("The staging label {label} is attached elsewhere; name RemoveFromVersionId.");
            return Err(invalid("InvalidParameterException", &message));
        }
        if label == "AWSCURRENT" && to.is_none() {
            return Err(invalid("InvalidParameterException", "You can only move AWSCURRENT to another version."));
        }
        let (labels, current) = (secret.labels(), secret.with("AWSCURRENT").map(|version| version.id.clone()));
        secret.shift(label, from.as_deref(), to.as_deref());
        if label == "AWSCURRENT" && from != to {
            (self.behind, self.before, self.before_current) = (self.lag, labels, current.unwrap_or_default());
        }
        Ok(json!({ "ARN": ARN, "Name": SECRET }))
    }
}
