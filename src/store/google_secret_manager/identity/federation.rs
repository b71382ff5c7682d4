//! Workload identity federation: a token of another cloud or cluster, out of a file or from an address, exchanged for one
//! of Google's, and that for one of a service account if the configuration says so.

use super::super::secret;
use super::{Identity, SCOPE};
use crate::http::{Call, Credential};
use crate::secret::Secret;
use crate::store::session::{Granted, NoLogin};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// How long a service account's token is good for unless the configuration says otherwise, in seconds.
const USUAL_LIFETIME: u64 = 3_600;

/// Headers that sources of tokens are known to want.
const HEADERS: &[&str] =
    &["metadata", "metadata-flavor", "authorization", "accept", "x-identity-header", "x-ms-client-request-id"];

#[derive(Deserialize)]
pub(super) struct External {
    audience: String,
    subject_token_type: String,
    token_url: String,
    credential_source: Source,
    service_account_impersonation_url: Option<String>,
    #[serde(default)]
    service_account_impersonation: Impersonation,
}

/// One of them; others that Google knows need signatures of AWS or programs to run.
#[derive(Deserialize)]
struct Source {
    file: Option<PathBuf>,
    url: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    format: Format,
}

#[derive(Default, Deserialize)]
struct Format {
    r#type: Option<String>,
    subject_token_field_name: Option<String>,
}

#[derive(Default, Deserialize)]
struct Impersonation {
    token_lifetime_seconds: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Impersonated {
    #[serde(deserialize_with = "secret")]
    access_token: Secret,
}

pub(super) async fn token(identity: &Identity, external: &External) -> Result<Granted, NoLogin> {
    let subject = subject(identity, &external.credential_source).await?;
    let form = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("audience", &external.audience),
        ("scope", SCOPE),
        ("requested_token_type", "urn:ietf:params:oauth:token-type:access_token"),
        ("subject_token_type", &external.subject_token_type),
        ("subject_token", subject.expose()),
    ];
    let federated = identity.token(&external.token_url, |call| call.form(&form)).await?;
    match &external.service_account_impersonation_url {
        Some(address) => {
            let lifetime = external.service_account_impersonation.token_lifetime_seconds.unwrap_or(USUAL_LIFETIME);
            impersonated(identity, address, federated.credential, lifetime).await
        }
        None => Ok(federated),
    }
}

async fn impersonated(
    identity: &Identity,
    address: &str,
    federated: Secret,
    lifetime: u64,
) -> Result<Granted, NoLogin> {
    let (api, path) = identity.endpoint(address, Credential::Bearer(federated))?;
    let call = Call::post(path).json(&json!({ "scope": [SCOPE], "lifetime": format!("{lifetime}s") }));
    let answer = api.read(&call).await.and_then(|reply| reply.json());
    let Impersonated { access_token } = answer.map_err(|error| identity.of_call(&error))?;
    Ok(Granted { credential: access_token, good_for: Some(Duration::from_secs(lifetime)) })
}

/// The token that the other side gave us.
async fn subject(identity: &Identity, source: &Source) -> Result<Secret, NoLogin> {
    let text = match (&source.file, &source.url) {
        (Some(path), None) => {
            let text = tokio::fs::read_to_string(path).await.map(Secret::new);
            text.map_err(|error| identity.refused(&format!("{} cannot be read ({})", path.display(), error.kind())))?
        }
        (None, Some(address)) => from_address(identity, address, &source.headers).await?,
        _ => return Err(identity.refused("its credentials have a source that is neither a file nor an address")),
    };
    if source.format.r#type.as_deref() != Some("json") {
        return Ok(Secret::new(text.expose().trim().to_owned()));
    }
    let field = source.format.subject_token_field_name.as_deref().unwrap_or_default();
    let mut answer: Value = serde_json::from_str(text.expose()).unwrap_or_default();
    match answer.get_mut(field).map(Value::take) {
        Some(Value::String(token)) => Ok(Secret::new(token)),
        _ => Err(identity.refused(&format!("the source of its credentials gives no text called {field}"))),
    }
}

async fn from_address(
    identity: &Identity,
    address: &str,
    headers: &BTreeMap<String, String>,
) -> Result<Secret, NoLogin> {
    let (api, path) = identity.endpoint(address, Credential::Nothing)?;
    let mut call = Call::get(path);
    for (name, value) in headers {
        let Some(known) = HEADERS.iter().find(|known| name.eq_ignore_ascii_case(known)) else {
            return Err(identity.refused(&format!("its credentials ask for a header that is not known: {name}")));
        };
        call = call.header(known, value);
    }
    let reply = api.read(&call).await.map_err(|error| identity.of_call(&error))?;
    match std::str::from_utf8(reply.body()) {
        Ok(text) => Ok(Secret::new(text.to_owned())),
        Err(_) => Err(identity.refused("the source of its credentials gives no text")),
    }
}
