//! What travels between us and Vault: shapes of bodies, and words by which it says what a status does not.

use crate::http::{Call, CallError, Reply};
use crate::secret::Secret;
use crate::store::template::Template;
use crate::store::{Base, Caution};
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// Statuses of a node that does no work at present: sealed, standing by, not caught up. Nothing took effect.
pub(super) const IDLE: &[u16] = &[412, 500, 503];

/// What a secret holds.
pub(super) struct Held {
    pub(super) value: Secret,
    /// Its version, if it has versions.
    pub(super) version: Option<u64>,
    /// The whole answer.
    pub(super) document: Secret,
}

impl Held {
    /// A version says all; without one, the fields do. The answer around them differs each time.
    pub(super) fn base(&self) -> Base {
        match self.version {
            Some(version) => Base::version(version.to_string()),
            None => fields(&self.document).map_or_else(Base::default, |fields| {
                let text = String::from_utf8_lossy(&fields).into_owned();
                Base::of(&Secret::new(text))
            }),
        }
    }
}

/// One field, and the version on which it is based.
pub(super) struct Patch<'a> {
    field: &'a str,
    value: &'a Secret,
    version: u64,
}

impl<'a> Patch<'a> {
    pub(super) fn new(field: &'a str, value: &'a Secret, version: u64) -> Self {
        Self { field, value, version }
    }
}

impl Serialize for Patch<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut body = to.serialize_map(Some(2))?;
        body.serialize_entry("options", &BTreeMap::from([("cas", self.version)]))?;
        body.serialize_entry("data", &BTreeMap::from([(self.field, self.value.expose())]))?;
        body.end()
    }
}

#[derive(Serialize)]
pub(super) struct Paths<'a> {
    pub(super) paths: [&'a str; 1],
}

#[derive(Deserialize)]
struct Answer {
    data: Option<Versioned>,
}

#[derive(Deserialize)]
struct Versioned {
    metadata: Option<Metadata>,
    max_versions: Option<u64>,
    /// As Go writes durations, `72h0m0s`, or a number of seconds.
    delete_version_after: Option<serde_json::Value>,
}

/// How many versions are kept, and for how many seconds each. Zero means that somebody else decides.
#[derive(Default)]
pub(super) struct Kept {
    pub(super) most: Option<u64>,
    pub(super) life: Option<u64>,
}

#[derive(Deserialize)]
struct Metadata {
    version: Option<u64>,
}

#[derive(Deserialize)]
struct Rights {
    data: BTreeMap<String, serde_json::Value>,
}

/// Names the namespace, and shows an agent in between that the request is no browser's.
pub(super) fn on_namespace<'a>(call: Call<'a>, namespace: Option<&str>) -> Call<'a> {
    let call = call.header("x-vault-request", "true");
    match namespace {
        Some(namespace) => call.header("x-vault-namespace", namespace),
        None => call,
    }
}

/// The answer's text.
pub(super) fn document(reply: &Reply) -> Result<Secret, CallError> {
    let text = std::str::from_utf8(reply.body()).map_err(|_| reply.nonsense("not text"))?;
    Ok(Secret::new(text.to_owned()))
}

/// The fields of a version 1 answer, to the byte.
pub(super) fn fields(document: &Secret) -> Option<Zeroizing<Vec<u8>>> {
    let range = Template::json_object(document.expose(), &["data"])?;
    Some(Zeroizing::new(document.expose()[range].as_bytes().to_vec()))
}

/// The version of an answer, also of one that says that it was deleted. Version 1 has fields in that place.
pub(super) fn version(reply: &Reply) -> Result<Option<u64>, CallError> {
    let answer: Answer = match reply.json() {
        Ok(answer) => answer,
        Err(_) => return Ok(None),
    };
    Ok(answer.data.and_then(|data| data.metadata).and_then(|metadata| metadata.version))
}

pub(super) fn kept(reply: &Reply) -> Result<Kept, CallError> {
    let answer: Answer = reply.json()?;
    let Some(data) = answer.data else { return Ok(Kept::default()) };
    let life = data.delete_version_after.as_ref().and_then(seconds);
    Ok(Kept { most: data.max_versions.filter(|most| *most > 0), life: life.filter(|life| *life > 0) })
}

/// `768h`, `1h30m0s`, `90` (seconds). A life below a second counts as one; what cannot be read is none.
fn seconds(value: &serde_json::Value) -> Option<u64> {
    let text = match value {
        serde_json::Value::Number(number) => return number.as_u64(),
        other => other.as_str()?,
    };
    if let Ok(seconds) = text.parse() {
        return Some(seconds);
    }
    let span: jiff::SignedDuration = text.parse().ok()?;
    u64::try_from(span.as_secs()).ok().map(|seconds| if span.is_zero() { 0 } else { seconds.max(1) })
}

/// What a secret says whose versions delete themselves.
pub(super) fn forgetting(life: u64) -> Caution {
    let (days, hours, minutes) = (life / 86_400, life / 3_600 % 24, life / 60 % 60);
    let parts = [(days, "d"), (hours, "h"), (minutes, "m"), (life % 60, "s")];
    let parts = parts.iter().filter(|(number, _)| *number > 0).map(|(number, unit)| format!("{number}{unit}"));
    let life = parts.collect::<Vec<_>>().join(" ");
    Caution::new(
        format!("deletes each version {life} after it was written (delete_version_after), so the new value too"),
        "set delete_version_after to 0 on the secret and on the engine",
    )
}

/// What the token may do on a path.
pub(super) fn rights(reply: &Reply, path: &str) -> Result<Vec<String>, CallError> {
    let rights: Rights = reply.json()?;
    let own = rights.data.get(path).and_then(|own| own.as_array()).cloned().unwrap_or_default();
    Ok(own.iter().filter_map(|right| right.as_str().map(str::to_owned)).collect())
}

/// Refused by policy, or because the token has ended: Vault does not tell one from the other.
pub(super) fn is_denied(error: &CallError) -> bool {
    error.status() == Some(403)
}

/// A check-and-set that did not match, which has no status of its own.
pub(super) fn is_mismatch(error: &CallError) -> bool {
    matches!(error, CallError::Status { status: 400, message, .. } if message.contains("check-and-set"))
}

/// Fails, in words, for the answer of a node that does no work at present.
pub(super) fn awake(reply: &Reply) -> Result<(), String> {
    if !IDLE.contains(&reply.status()) {
        return Ok(());
    }
    let said = reply.message().unwrap_or_default();
    Err(match reply.status() {
        503 if said.contains("sealed") => "it is sealed; unseal it".to_owned(),
        412 => "its standby has not caught up yet".to_owned(),
        _ if said.contains("not active") => "none of its nodes is active".to_owned(),
        status => format!("it answered {status}"),
    })
}
