//! The key of a service account: signs a statement that Google exchanges for a token.

use super::super::secret;
use super::{Identity, SCOPE};
use crate::secret::Secret;
use crate::store::session::{Granted, NoLogin};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;
use serde::Deserialize;
use serde_json::json;

/// How long a statement counts, in seconds; Google's maximum.
const GOOD_FOR: i64 = 3_600;

#[derive(Deserialize)]
pub(super) struct KeyFile {
    client_email: String,
    private_key_id: Option<String>,
    #[serde(deserialize_with = "secret")]
    private_key: Secret,
    token_uri: String,
}

pub(super) async fn token(identity: &Identity, key: &KeyFile) -> Result<Granted, NoLogin> {
    let now = identity.clock.now().as_second();
    let statement = statement(key, now).ok_or_else(|| identity.refused("the key in its credentials is no RSA key"))?;
    let form = [("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"), ("assertion", statement.expose())];
    identity.token(&key.token_uri, |call| call.form(&form)).await
}

/// A JSON Web Token, signed with RS256.
fn statement(key: &KeyFile, now: i64) -> Option<Secret> {
    let pem = PrivatePkcs8KeyDer::from_pem_slice(key.private_key.expose().as_bytes()).ok()?;
    let pair = RsaKeyPair::from_pkcs8(pem.secret_pkcs8_der()).ok()?;
    let header = json!({ "alg": "RS256", "typ": "JWT", "kid": key.private_key_id });
    let claims = json!({
        "iss": key.client_email, "scope": SCOPE, "aud": key.token_uri, "iat": now, "exp": now + GOOD_FOR,
    });
    let encode = |part: &serde_json::Value| URL_SAFE_NO_PAD.encode(part.to_string());
    let signed = format!("{}.{}", encode(&header), encode(&claims));
    let mut signature = vec![0; pair.public().modulus_len()];
    pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).ok()?;
    Some(Secret::new(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))))
}
