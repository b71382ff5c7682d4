//! Security objects as DSM shows them, the names that ours have on the way, and what is done to them.

use crate::http::Call;
use crate::rotation::store::Tag;
use crate::secret::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The mark that names the rotation.
const ROTATION: &str = "rekey-rotation";

/// The mark that names the GitLab token.
const TOKEN: &str = "gitlab-token-id";

/// The mark by which an object of ours says which one it goes back to.
const ORIGIN: &str = "rekey-origin";

/// How a call names an object.
#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Which<'a> {
    Name(&'a str),
    Kid(&'a str),
}

/// A security object.
#[derive(Deserialize)]
pub(super) struct Sobject {
    pub(super) kid: String,
    #[serde(default)]
    pub(super) name: Option<String>,
    pub(super) obj_type: String,
    #[serde(default)]
    pub(super) group_id: Option<String>,
    #[serde(default)]
    pub(super) enabled: bool,
    #[serde(default)]
    creator: Creator,
    #[serde(default)]
    state: Option<String>,
    #[serde(default)]
    key_ops: Vec<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    custom_metadata: Option<BTreeMap<String, String>>,
    #[serde(default, deserialize_with = "encoded")]
    value: Option<Secret>,
}

#[derive(Default, Deserialize)]
struct Creator {
    #[serde(default)]
    app: Option<String>,
}

impl Sobject {
    /// Whether it carries the marks of that value.
    pub(super) fn is_of(&self, tag: &Tag) -> bool {
        self.mark(ROTATION) == Some(&tag.rotation.0) && self.mark(TOKEN) == Some(&tag.token.0.to_string())
    }

    pub(super) fn is_made_by(&self, app: &str) -> bool {
        self.creator.app.as_deref() == Some(app)
    }

    pub(super) fn is_exportable(&self) -> bool {
        self.key_ops.iter().any(|operation| operation == "EXPORT")
    }

    pub(super) fn is_manageable(&self) -> bool {
        self.key_ops.iter().any(|operation| operation == "APPMANAGEABLE")
    }

    pub(super) fn is_deactivated(&self) -> bool {
        self.state.as_ref().is_some_and(|state| state != "Active")
    }

    /// The exported value; `None` if it is not there, or no text.
    pub(super) fn text(&self) -> Option<Secret> {
        let bytes = STANDARD.decode(self.value.as_ref()?.expose()).ok()?;
        String::from_utf8(bytes).ok().map(Secret::new)
    }

    /// The object that it goes back to over all that the app replaced; itself where anybody else made it, whatever marks
    /// it was given.
    pub(super) fn origin(&self, is_ours: bool) -> &str {
        self.mark(ORIGIN).filter(|_| is_ours).unwrap_or(&self.kid)
    }

    fn mark(&self, key: &str) -> Option<&String> {
        self.custom_metadata.as_ref()?.get(key)
    }
}

/// An object to be imported.
#[derive(Serialize)]
pub(super) struct NewSobject {
    name: String,
    obj_type: String,
    key_ops: Vec<String>,
    enabled: bool,
    custom_metadata: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group_id: Option<String>,
    #[serde(rename = "value", serialize_with = "exposed")]
    pub(super) encoded: Secret,
}

impl NewSobject {
    /// All but name and value is as it is in the object that will be replaced: DSM asks for that. `origin` is what that
    /// one goes back to.
    pub(super) fn after(now: &Sobject, origin: &str, name: String, value: &Secret, tag: &Tag) -> Self {
        let mut custom_metadata = now.custom_metadata.clone().unwrap_or_default();
        custom_metadata.insert(ORIGIN.to_owned(), origin.to_owned());
        custom_metadata.insert(ROTATION.to_owned(), tag.rotation.0.clone());
        custom_metadata.insert(TOKEN.to_owned(), tag.token.0.to_string());
        Self {
            name,
            obj_type: now.obj_type.clone(),
            key_ops: now.key_ops.clone(),
            enabled: true,
            custom_metadata,
            description: now.description.clone(),
            group_id: now.group_id.clone(),
            encoded: Secret::new(STANDARD.encode(value.expose())),
        }
    }
}

/// What is done to an object, in a form in which a quorum can be asked for it. Nothing in it is secret.
pub(super) struct Operation {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) body: Option<Value>,
}

impl Operation {
    /// The second takes the name of the first, which is called otherwise from then on.
    pub(super) fn replace(kid: &str, new_name: String, by: &str) -> Self {
        let body = json!({ "replaced": { "kid": kid }, "replaced_new_name": new_name, "replacement": { "kid": by } });
        Self { method: Method::POST, path: "/crypto/v1/keys/replace".to_owned(), body: Some(body) }
    }

    pub(super) fn deactivate(kid: &str) -> Self {
        let body = json!({ "code": "Superseded", "message": "rekey: its token is revoked" });
        Self { method: Method::POST, path: format!("/crypto/v1/keys/{kid}/revoke"), body: Some(body) }
    }

    pub(super) fn delete(kid: &str) -> Self {
        Self { method: Method::DELETE, path: format!("/crypto/v1/keys/{kid}"), body: None }
    }

    pub(super) fn keep_enabled(kid: &str) -> Self {
        Self { method: Method::PATCH, path: format!("/crypto/v1/keys/{kid}"), body: Some(json!({ "enabled": true })) }
    }

    pub(super) fn call(&self) -> Call<'_> {
        let call = Call::new(self.method.clone(), self.path.clone());
        match &self.body {
            Some(body) => call.json(body),
            None => call,
        }
    }
}

/// What all names that a rotation gives begin with.
fn prefix(name: &str, tag: &Tag) -> String {
    format!("{name} (rekey {}, ", tag.rotation.0)
}

/// How a new object is called until it takes the name.
pub(super) fn staged_name(name: &str, tag: &Tag) -> String {
    format!("{}token {})", prefix(name, tag), tag.token.0)
}

/// How the object of now is called once another has its name.
pub(super) fn parked_name(name: &str, now: &Sobject, tag: &Tag) -> String {
    match (now.mark(ROTATION), now.mark(TOKEN)) {
        (Some(rotation), Some(token)) if *rotation == tag.rotation.0 => format!("{}token {token})", prefix(name, tag)),
        _ => format!("{}was {})", prefix(name, tag), now.kid.get(..8).unwrap_or(&now.kid)),
    }
}

/// Whether this rotation gave the object its name.
pub(super) fn is_leftover(object: &Sobject, name: &str, tag: &Tag) -> bool {
    object.name.as_ref().is_some_and(|held| held.starts_with(&prefix(name, tag)))
}

/// Whether this rotation made the object.
pub(super) fn is_staged(object: &Sobject, name: &str, tag: &Tag) -> bool {
    let prefix = format!("{}token ", prefix(name, tag));
    object.name.as_ref().is_some_and(|held| held.starts_with(&prefix))
}

fn encoded<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Secret>, D::Error> {
    Ok(Option::<String>::deserialize(from)?.map(Secret::new))
}

fn exposed<S: serde::Serializer>(secret: &Secret, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(secret.expose())
}
