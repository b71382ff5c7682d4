//! Whether a refusal is GitLab's own, or that of something before it: what is not GitLab's says nothing about a token, a
//! right or an object.

use crate::http::Refused;
use serde_json::{Map, Value};

/// What GitLab's API may say beside its words when it says no; other keys are another's.
const KEYS: [&str; 6] = ["message", "error", "error_description", "error_uri", "scope", "realm"];

/// Keys by which frameworks and gateways are known whatever they refuse. GitLab uses none of them.
const FOREIGN: [&str; 8] =
    ["timestamp", "statusCode", "status_code", "request_id", "requestId", "traceId", "path", "fault"];

/// Headers that only a gateway's own answer has, and not one that it passes on.
const OF_A_GATEWAY: [&str; 2] = ["x-amzn-errortype", "x-kong-response-latency"];

/// What GitLab puts on everything that it answers itself, unless a proxy takes it away.
const OF_GITLAB: &str = "x-gitlab-meta";

/// How gateways say no in JSON, whole. GitLab begins with the number, or says more.
const BARE: [&str; 13] = [
    "access denied",
    "authentication required",
    "authorization required",
    "forbidden",
    "forbidden resource",
    "invalid authentication credentials",
    "invalid token",
    "method not allowed",
    "no route matched with those values",
    "not authorized",
    "unauthenticated",
    "unauthorized",
    "you cannot consume this service",
];

/// How their longer sentences begin.
const SENTENCES: [&str; 12] = [
    "access denied due to",
    "authorization header",
    "ip address not allowed",
    "jwt ",
    "missing authentication token",
    "no api key found in",
    "request forbidden by",
    "the incoming token has expired",
    "the security token included in the request",
    "the request could not be authenticated",
    "user is not authorized to access",
    "your ip address is not allowed",
];

/// GitLab's API says no in JSON, under `message` or `error`; a page, nothing, or other JSON comes from something else on
/// the way.
pub(super) fn is_gitlabs(refused: &Refused<'_>) -> bool {
    let Ok(Value::Object(body)) = serde_json::from_slice(refused.body) else { return false };
    if refused.headers.contains_key(OF_GITLAB) {
        return true;
    }
    if has_any(&body, &FOREIGN) || OF_A_GATEWAY.iter().any(|name| refused.headers.contains_key(*name)) {
        return false;
    }
    // What it says of a form may have any shape; what it says of the caller or the path has few.
    !matches!(refused.status, 401..=407) || is_in_its_words(&body)
}

fn is_in_its_words(body: &Map<String, Value>) -> bool {
    let is_its_own = |said: &Value| said.as_str().is_none_or(|said| !is_a_gateways(said));
    has_any(body, &["message", "error"])
        && body.keys().all(|key| KEYS.contains(&key.as_str()))
        && body.get("message").is_none_or(is_its_own)
        && body.get("error").is_none_or(|said| said.is_string() && is_its_own(said))
}

fn is_a_gateways(said: &str) -> bool {
    let said = said.trim_end_matches(['.', '!']).to_lowercase();
    BARE.contains(&said.as_str()) || SENTENCES.iter().any(|start| said.starts_with(start))
}

fn has_any(body: &Map<String, Value>, keys: &[&str]) -> bool {
    keys.iter().any(|key| body.contains_key(*key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

    fn is_gitlabs_own(status: u16, header: Option<&'static str>, body: &str) -> bool {
        let mut headers = HeaderMap::new();
        if let Some(name) = header {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static("x"));
        }
        let (path, base, origin) = ("/api/v4/user", "/api/v4", "https://h");
        let (location, words, body) = (None, None, body.as_bytes());
        is_gitlabs(&Refused { is_write: false, path, base, origin, status, headers: &headers, location, body, words })
    }

    #[test]
    fn what_gateways_say_in_json_is_told_from_gitlabs_own_words() {
        for (status, header, body) in [
            (403, None, r#"{"timestamp":"2026-01-01T00:00:00Z","status":403,"error":"Forbidden","path":"/api/v4/x"}"#),
            (405, None, r#"{"timestamp":1,"status":405,"error":"Method Not Allowed","path":"/api/v4/x"}"#),
            (401, None, r#"{"error":{"code":"Unauthorized","message":"Access token is missing"}}"#),
            (403, None, r#"{"statusCode":403,"message":"403 Quota exceeded"}"#),
            (401, None, r#"{"statusCode":401,"message":"Access denied due to invalid subscription key."}"#),
            (400, None, r#"{"timestamp":1,"status":400,"error":"Bad Request","path":"/api/v4/x"}"#),
            (403, Some("x-amzn-errortype"), r#"{"message":"403 whatever it says"}"#),
            (403, None, r#"{"message":"User is not authorized to access this resource with an explicit deny"}"#),
            (403, None, r#"{"Message":"User is not authorized to access this resource"}"#),
            (403, None, r#"{"message":"Missing Authentication Token"}"#),
            (401, None, r#"{"message":"The incoming token has expired"}"#),
            (401, None, r#"{"message":"No API key found in request","request_id":"f00"}"#),
            (403, None, r#"{"message":"You cannot consume this service"}"#),
            (403, None, r#"{"message":"IP address not allowed: 10.0.0.7"}"#),
            (403, Some("x-kong-response-latency"), r#"{"message":"403 Forbidden"}"#),
            (401, None, r#"{"error":"unauthorized"}"#),
            (401, None, r#"{"error":"Unauthorized","message":"401 no session"}"#),
            (403, None, r#"{"status":"error","message":"403 blocked"}"#),
            (403, None, r#"{"type":"about:blank","title":"Forbidden","status":403,"detail":"x"}"#),
            (403, None, r#"{"fault":{"faultstring":"Invalid ApiKey","detail":{"errorcode":"x"}}}"#),
            (404, None, r#"{"message":"no Route matched with those values"}"#),
            (403, None, "[]"),
            (403, None, "<html></html>"),
        ] {
            assert!(!is_gitlabs_own(status, header, body), "{body}");
        }
    }

    #[test]
    fn gitlabs_own_words_stay_its_own() {
        for (status, header, body) in [
            (401, None, r#"{"message":"401 Unauthorized"}"#),
            (401, None, r#"{"error":"invalid_token","error_description":"Token is expired."}"#),
            (403, None, r#"{"error":"insufficient_scope","error_description":"needs more","scope":"api"}"#),
            (403, None, r#"{"error":"insufficient_granular_scope","error_description":"needs more"}"#),
            (403, None, r#"{"message":"403 Forbidden"}"#),
            (403, None, r#"{"message":"403 Forbidden - Access from your IP address is not allowed"}"#),
            (404, None, r#"{"error":"404 Not Found"}"#),
            (404, None, r#"{"message":"404 Project Not Found"}"#),
            (405, None, r#"{"error":"405 Not Allowed"}"#),
            (405, None, r#"{"message":"Non GET methods are not allowed for moved projects"}"#),
            (400, None, r#"{"message":{"name":["is too long"]}}"#),
            (403, Some("x-gitlab-meta"), r#"{"message":"Forbidden"}"#),
        ] {
            assert!(is_gitlabs_own(status, header, body), "{body}");
        }
    }
}
