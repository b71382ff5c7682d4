//! Where tokens come from: the metadata server, the exchange of key holders' statements, the security token service and
//! the impersonation of service accounts, strict about what they are sent.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{KeyPair, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// What the other cloud's token must be.
pub const SUBJECT: &str = "sparrow-subject-of-the-cluster";
/// Whom the bot acts as in the end.
pub const ACCOUNT: &str = "rekey@acme-prod.iam.gserviceaccount.com";
/// Which pool the other cloud's tokens are for.
pub const AUDIENCE: &str = "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/k";

const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

/// The tokens that are out, and where they were asked for.
#[derive(Clone, Default)]
pub struct Tokens(Arc<Mutex<Issued>>);

#[derive(Default)]
struct Issued {
    good: Vec<String>,
    count: u32,
    paths: Vec<String>,
}

impl Tokens {
    pub fn is_good(&self, token: &str) -> bool {
        self.0.lock().unwrap().good.iter().any(|good| good == token && good.starts_with("ya29."))
    }

    /// No token that is out is accepted any more.
    pub fn expire(&self) {
        self.0.lock().unwrap().good.clear();
    }

    /// Where tokens were asked for, in order.
    pub fn paths(&self) -> Vec<String> {
        self.0.lock().unwrap().paths.clone()
    }

    pub fn router(&self) -> Router {
        Router::new().fallback(answer).with_state(self.clone())
    }

    fn issue(&self, prefix: &str) -> String {
        let mut issued = self.0.lock().unwrap();
        issued.count += 1;
        let token = format!("{prefix}sparrow-access-{}", issued.count);
        issued.good.push(token.clone());
        token
    }

    fn holds(&self, token: &str) -> bool {
        self.0.lock().unwrap().good.iter().any(|good| good == token)
    }
}

/// The key file of the samples, with another address for its exchange.
pub fn key_file(base: &str) -> String {
    let mut file: Value = serde_json::from_str(include_str!("../../../samples/stores/google/key_file.json")).unwrap();
    file["token_uri"] = json!(format!("{base}/token"));
    file.to_string()
}

/// A configuration of workload identity federation as `gcloud iam workload-identity-pools create-cred-config` writes it.
pub fn external_account(base: &str, source: Value, impersonates: bool) -> String {
    let mut file = json!({
        "universe_domain": "googleapis.com", "type": "external_account", "audience": AUDIENCE,
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt", "token_url": format!("{base}/v1/token"),
        "credential_source": source,
    });
    if impersonates {
        file["service_account_impersonation_url"] =
            json!(format!("{base}/v1/projects/-/serviceAccounts/{ACCOUNT}:generateAccessToken"));
    }
    file.to_string()
}

async fn answer(State(tokens): State<Tokens>, request: Request) -> Response {
    let (request, body) = request.into_parts();
    let path = request.uri.path().to_owned();
    let header =
        |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let (flavor, bearer, azure) = (header("metadata-flavor"), header("authorization"), header("metadata"));
    let query = request.uri.query().unwrap_or_default().to_owned();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    tokens.0.lock().unwrap().paths.push(path.clone());
    let form: BTreeMap<String, String> = form_urlencoded::parse(&body).into_owned().collect();
    let ok = match path.as_str() {
        // Google's own client asks for the account's name first.
        "/computeMetadata/v1/instance/service-accounts/default/" if flavor == "Google" => {
            let account = json!({ "aliases": ["default"], "email": ACCOUNT, "scopes": [SCOPE] });
            return Json(account).into_response();
        }
        path if machines_token(path) => flavor == "Google",
        "/token" => holds_a_good_statement(&form),
        "/v1/token" => is_a_good_exchange(&form),
        "/metadata/identity/oauth2/token" => {
            let answer = json!({ "access_token": SUBJECT, "expires_in": "3599" });
            let good = azure == "True" && query == "api-version=2018-02-01&resource=api%3A%2F%2Fpool";
            return if good { Json(answer).into_response() } else { StatusCode::BAD_REQUEST.into_response() };
        }
        path if path == format!("/v1/projects/-/serviceAccounts/{ACCOUNT}:generateAccessToken") => {
            let wanted: Value = serde_json::from_slice(&body).unwrap_or_default();
            let good = bearer.strip_prefix("Bearer ").is_some_and(|token| tokens.holds(token));
            if !good || wanted["scope"] != json!([SCOPE]) {
                return refuse(StatusCode::FORBIDDEN, &json!({"code": 403, "status": "PERMISSION_DENIED"}));
            }
            let token = tokens.issue("ya29.");
            return Json(json!({ "accessToken": token, "expireTime": "2099-01-01T00:00:00Z" })).into_response();
        }
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    if !ok {
        return refuse(StatusCode::BAD_REQUEST, &json!("invalid_grant"));
    }
    let federated = path == "/v1/token";
    let mut answer = json!({ "access_token": tokens.issue("ya29."), "expires_in": 3599, "token_type": "Bearer" });
    if federated {
        answer["issued_token_type"] = json!("urn:ietf:params:oauth:token-type:access_token");
    }
    Json(answer).into_response()
}

/// By its alias or by its name.
fn machines_token(path: &str) -> bool {
    let accounts = path.strip_prefix("/computeMetadata/v1/instance/service-accounts/");
    let account = accounts.and_then(|rest| rest.strip_suffix("/token"));
    account.is_some_and(|account| account == "default" || account == ACCOUNT)
}

fn refuse(status: StatusCode, error: &Value) -> Response {
    (status, Json(json!({ "error": error, "error_description": "no" }))).into_response()
}

fn is_a_good_exchange(form: &BTreeMap<String, String>) -> bool {
    let is = |key: &str, value: &str| form.get(key).is_some_and(|given| given == value);
    is("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange")
        && is("audience", AUDIENCE)
        && is("requested_token_type", "urn:ietf:params:oauth:token-type:access_token")
        && is("subject_token_type", "urn:ietf:params:oauth:token-type:jwt")
        && is("subject_token", SUBJECT)
        // Google's own client asks for no more than it takes to act as a service account.
        && (is("scope", SCOPE) || is("scope", "https://www.googleapis.com/auth/iam"))
}

/// Signed by the key of the samples, for this account, for now.
fn holds_a_good_statement(form: &BTreeMap<String, String>) -> bool {
    let file: Value = serde_json::from_str(include_str!("../../../samples/stores/google/key_file.json")).unwrap();
    let pem = PrivatePkcs8KeyDer::from_pem_slice(file["private_key"].as_str().unwrap().as_bytes()).unwrap();
    let pair = RsaKeyPair::from_pkcs8(pem.secret_pkcs8_der()).unwrap();
    let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public_key().as_ref());
    let Some((signed, signature)) = form.get("assertion").and_then(|statement| statement.rsplit_once('.')) else {
        return false;
    };
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part.trim_end_matches('=')).unwrap();
    let parse = |part: &str| serde_json::from_slice::<Value>(&decode(part)).unwrap();
    let (header, claims) = signed.split_once('.').unwrap();
    let (header, claims) = (parse(header), parse(claims));
    let now = jiff::Timestamp::now().as_second();
    let (issued, ends) = (claims["iat"].as_i64().unwrap(), claims["exp"].as_i64().unwrap());
    form.get("grant_type").is_some_and(|grant| grant == "urn:ietf:params:oauth:grant-type:jwt-bearer")
        && key.verify(signed.as_bytes(), &decode(signature)).is_ok()
        && header["alg"] == "RS256"
        && header["kid"] == file["private_key_id"]
        && claims["iss"] == ACCOUNT
        && claims["scope"] == SCOPE
        && claims["aud"].as_str().is_some_and(|aud| aud.ends_with("/token"))
        && (now - 300..=now + 300).contains(&issued)
        && ends > now
        && ends - issued <= 3_600
}
