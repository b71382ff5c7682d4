//! Who calls, and whether the token's scopes allow it. A revoked token on a rotate path kills its whole family.

use super::reply::Refusal;
use super::world::World;
use axum::http::{HeaderMap, header};

/// What scope an endpoint wants.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// Any live token.
    Any,
    /// `api`, `read_api` or `read_user`.
    ReadUser,
    /// `api` or `read_api`.
    Read,
    /// `api`.
    Api,
    /// `api` or `self_rotate`.
    SelfRotate,
}

/// The authenticated caller.
#[derive(Clone)]
pub(super) struct Caller {
    pub user: u64,
    pub token: u64,
    pub admin: bool,
}

impl Need {
    fn is_met_by(self, scopes: &[String]) -> bool {
        self == Self::Any || self.scopes().iter().any(|wanted| scopes.iter().any(|scope| scope == wanted))
    }

    fn scopes(self) -> &'static [&'static str] {
        match self {
            Self::Any => &[],
            Self::ReadUser => &["api", "read_api", "read_user"],
            Self::Read => &["api", "read_api"],
            Self::Api => &["api"],
            Self::SelfRotate => &["api", "self_rotate"],
        }
    }
}

/// The token value in the headers, if any.
pub(super) fn credential(headers: &HeaderMap) -> Option<&str> {
    let bearer = |value: &axum::http::HeaderValue| {
        value.to_str().ok().and_then(|text| text.strip_prefix("Bearer ")).map(str::len).unwrap_or(0)
    };
    if let Some(value) = headers.get("private-token") {
        return value.to_str().ok();
    }
    let value = headers.get(header::AUTHORIZATION)?;
    let length = bearer(value);
    (length > 0).then(|| value.to_str().ok()).flatten().map(|text| &text[text.len() - length..])
}

impl World {
    /// Checks the credential as GitLab does: unknown, revoked, expired, blocked, scope; notes the use.
    pub(super) fn authenticate(
        &mut self,
        value: Option<&str>,
        path: &str,
        need: Need,
        ip: &str,
    ) -> Result<Caller, Refusal> {
        let token = value.and_then(|value| self.token_with(value)).cloned().ok_or_else(Refusal::unauthorized)?;
        if token.revoked {
            if is_rotate(path) {
                self.revoke_family(token.family);
            }
            return Err(Refusal::invalid_token("Token was revoked. You have to re-authorize from the user."));
        }
        if !token.is_active(self.today()) {
            let why = "Token is expired. You can either do re-authorization or token refresh.";
            return Err(Refusal::invalid_token(why));
        }
        let user = self.users.get(&token.user).ok_or_else(Refusal::unauthorized)?;
        if user.blocked {
            return Err(Refusal::forbidden_because("Your account has been blocked."));
        }
        let caller = Caller { user: user.id, token: token.id, admin: user.admin };
        // What a fine-grained token may do is not looked at: its permissions are as many as GitLab's routes.
        if !token.granular && !need.is_met_by(&token.scopes) {
            return Err(Refusal::insufficient_scope(&need.scopes().join(" ")));
        }
        self.touch(token.id, ip);
        Ok(caller)
    }
}

/// `…access_tokens/<number or self>/rotate`: where GitLab looks for reuse.
fn is_rotate(path: &str) -> bool {
    let mut parts = path.rsplit('/');
    let (last, id, list) = (parts.next(), parts.next(), parts.next());
    last == Some("rotate")
        && id.is_some_and(|id| id == "self" || id.parse::<u64>().is_ok())
        && list.is_some_and(|list| list.ends_with("access_tokens"))
}
