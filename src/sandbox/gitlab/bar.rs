//! What turns calls away although their token is good: a proxy that wants a login of its own, and the settings of an
//! administrator. GitLab words each of them differently.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{Response, StatusCode};
use axum::response::{Html, IntoResponse};
use serde_json::json;

/// Why nobody gets in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bar {
    /// A proxy before it passes on only what carries these headers.
    Proxy(Vec<(String, String)>),
    /// Groups, and what is in them, are open to certain addresses only.
    Addresses,
    /// Groups, and what is in them, are open to who has a session of their single sign-on.
    SingleSignOn,
    /// The account wants every call signed.
    Dpop,
    /// Nobody has accepted the terms of service for the account.
    Terms,
}

impl Bar {
    /// The answer to a call that does not get through.
    pub(super) fn refusal(&self, request: &Request) -> Option<Response<Body>> {
        let path = request.uri().path();
        let in_groups = path.contains("/groups/") || path.contains("/projects/");
        let refused = |status: StatusCode, body| Some((status, axum::Json(body)).into_response());
        match self {
            Self::Proxy(wanted) => {
                let has =
                    |(name, value): &(String, String)| request.headers().get(name).is_some_and(|had| had == value);
                let page =
                    || (StatusCode::UNAUTHORIZED, Html("<html><title>401 Authorization Required</title></html>"));
                (!wanted.iter().all(has)).then(|| page().into_response())
            }
            Self::Addresses | Self::SingleSignOn if !in_groups => None,
            Self::Addresses => {
                let words = "403 Forbidden - Access from your IP address is not allowed";
                refused(StatusCode::FORBIDDEN, json!({ "message": words }))
            }
            Self::SingleSignOn => {
                let words = "403 Forbidden - Cannot find valid SSO session. Please login via your group's SSO at \
                             https://gitlab.example/groups/acme/-/saml/sso";
                refused(StatusCode::FORBIDDEN, json!({ "message": words }))
            }
            Self::Dpop => {
                let body = json!({"error": "dpop_error", "error_description": "DPoP header is missing"});
                refused(StatusCode::UNAUTHORIZED, body)
            }
            Self::Terms => {
                let words = "403 Forbidden - You must accept the Terms of Service in order to perform this action. To \
                             accept these terms, please access GitLab from a web browser at https://gitlab.example.";
                refused(StatusCode::FORBIDDEN, json!({ "message": words }))
            }
        }
    }
}
