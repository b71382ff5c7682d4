//! Where credentials come from: a security token service, the endpoint of a pod, the metadata of an instance; strict about
//! what they are sent.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// What the cluster says who the pod is.
pub const WEB_IDENTITY: &str = "sparrow-web-identity";
/// Who the bot is.
pub const BASE_ROLE: &str = "arn:aws:iam::111111111111:role/rekey";
/// Who it is at the target.
pub const TARGET_ROLE: &str = "arn:aws:iam::222222222222:role/rekey-writes";
/// What the target's trust policy asks for.
pub const EXTERNAL_ID: &str = "rekey-of-acme";

/// The keys that are out, each with its session token, and for what they were given.
#[derive(Clone, Default)]
pub struct Keys(Arc<Mutex<Issued>>);

#[derive(Default)]
struct Issued {
    good: BTreeMap<String, (String, String)>,
    count: u32,
}

impl Keys {
    /// For what the pair was given, if it still counts.
    pub fn holder(&self, key: &str, session: &str) -> Option<String> {
        let issued = self.0.lock().unwrap();
        issued.good.get(key).filter(|(token, _)| token == session).map(|(_, holder)| holder.clone())
    }

    /// No pair that is out counts any more.
    pub fn expire(&self) {
        self.0.lock().unwrap().good.clear();
    }

    pub fn router(&self) -> Router {
        Router::new().fallback(answer).with_state(self.clone())
    }

    /// A new pair: key, secret, session token.
    pub fn issue(&self, holder: &str) -> [String; 3] {
        let mut issued = self.0.lock().unwrap();
        issued.count += 1;
        let (key, session) = (format!("ASIAFAKE{:08}", issued.count), format!("sparrow-session-{}", issued.count));
        issued.good.insert(key.clone(), (session.clone(), holder.to_owned()));
        [key, "sparrow-secret-key".to_owned(), session]
    }
}

async fn answer(State(keys): State<Keys>, request: Request) -> Response {
    let (request, body) = request.into_parts();
    let (method, path) = (request.method.clone(), request.uri.path().to_owned());
    let header =
        |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let (authorization, session) = (header("authorization"), header("x-amz-security-token"));
    let imds_token = header("x-aws-ec2-metadata-token");
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let form: BTreeMap<String, String> = form_urlencoded::parse(&body).into_owned().collect();
    match (&method, path.as_str()) {
        (&Method::POST, "/") => sts(&keys, &form, &authorization, &session),
        (&Method::GET, "/v1/credentials") if authorization == WEB_IDENTITY => credentials(&keys, "pod", "Token"),
        (&Method::PUT, "/latest/api/token") => {
            ([("x-aws-ec2-metadata-token-ttl-seconds", "21600")], "imds").into_response()
        }
        (&Method::GET, "/latest/meta-data/iam/security-credentials/") if imds_token == "imds" => {
            "rekey".into_response()
        }
        (&Method::GET, "/latest/meta-data/iam/security-credentials/rekey") if imds_token == "imds" => {
            credentials(&keys, "instance", "Token")
        }
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

/// As the endpoints of pods and instances give them.
fn credentials(keys: &Keys, holder: &str, token: &str) -> Response {
    let [key, secret, session] = keys.issue(holder);
    let mut answer = json!({
        "Code": "Success", "Type": "AWS-HMAC", "LastUpdated": "2026-01-01T00:00:00Z",
        "AccessKeyId": key, "SecretAccessKey": secret, "Expiration": "2099-01-01T00:00:00Z",
    });
    answer[token] = json!(session);
    axum::Json(answer).into_response()
}

fn sts(keys: &Keys, form: &BTreeMap<String, String>, authorization: &str, session: &str) -> Response {
    let is = |key: &str, value: &str| form.get(key).is_some_and(|given| given == value);
    let action = form.get("Action").map(String::as_str).unwrap_or_default();
    let caller = super::fake::key_in(authorization, "sts").and_then(|key| keys.holder(&key, session));
    let role = form.get("RoleArn").map(String::as_str).unwrap_or_default();
    let refusal = match action {
        _ if !is("Version", "2011-06-15") => Some(("ValidationError", "no version")),
        "AssumeRoleWithWebIdentity" if !is("WebIdentityToken", WEB_IDENTITY) => {
            Some(("InvalidIdentityToken", "The web identity token is not from here"))
        }
        "AssumeRoleWithWebIdentity" if role == BASE_ROLE => None,
        "AssumeRole" if caller.as_deref() != Some(BASE_ROLE) => Some(("InvalidClientTokenId", "The token is invalid")),
        "AssumeRole" if role == TARGET_ROLE && is("ExternalId", EXTERNAL_ID) => None,
        _ => Some(("AccessDenied", "User is not authorized to perform: sts:AssumeRole")),
    };
    if let Some((code, message)) = refusal {
        let error = format!("<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>");
        let text = format!("<ErrorResponse {XMLNS}>{error}<RequestId>1</RequestId></ErrorResponse>");
        return (StatusCode::FORBIDDEN, [("content-type", "text/xml")], text).into_response();
    }
    let [key, secret, session] = keys.issue(role);
    let credentials = format!(
        "<Credentials><AccessKeyId>{key}</AccessKeyId><SecretAccessKey>{secret}</SecretAccessKey>\
         <SessionToken>{session}</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>"
    );
    let user = format!("<AssumedRoleUser><AssumedRoleId>A:rekey</AssumedRoleId><Arn>{role}</Arn></AssumedRoleUser>");
    let result = format!("<{action}Result>{credentials}{user}</{action}Result>");
    let metadata = "<ResponseMetadata><RequestId>1</RequestId></ResponseMetadata>";
    let text = format!("<{action}Response {XMLNS}>{result}{metadata}</{action}Response>");
    ([("content-type", "text/xml")], text).into_response()
}

const XMLNS: &str = "xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"";
