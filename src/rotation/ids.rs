//! Names of things. Each is a type of its own, so that a store cannot be passed where a person is meant.

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! name {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $type(pub String);

        impl $type {
            /// The text as written in configuration, the database and URLs.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $type {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }
    };
}

name!(
    /// One case: one managed token, one expiry. A ULID in lower case.
    RotationId
);
name!(
    /// The `id` of a managed token in the configuration.
    TokenName
);
name!(
    /// The `id` of a person in the configuration.
    PersonId
);
name!(
    /// A store by its full identity, such as `gitlab-variable acme/deploy DEPLOY_TOKEN (scope *)`.
    StoreId
);
name!(
    /// A consumer by its full identity, such as `pipeline acme/deploy main, job deploy`.
    ConsumerId
);
name!(
    /// Where people see a rotation: `issue`, `slack`, `discord`.
    SurfaceName
);
name!(
    /// SHA-256 of a plan, in hex: what an approval is bound to.
    PlanHash
);

impl PlanHash {
    /// The first twelve digits, enough for a person to compare.
    pub fn short(&self) -> &str {
        self.0.get(..12).unwrap_or(&self.0)
    }

    /// Whether a person's (possibly shortened, at least eight digits) hash means this plan.
    pub fn is_meant_by(&self, given: &str) -> bool {
        given.len() >= 8 && given.len() <= self.0.len() && self.0.starts_with(&given.to_ascii_lowercase())
    }
}

/// GitLab's number for an access token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TokenId(pub u64);

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// What makes two notices the same case: GitLab host, token, expiry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RotationKey {
    /// Host and port of the GitLab instance, as in its URL.
    pub host: String,
    /// The token that expires.
    pub token: TokenId,
    /// Its expiry at the time of the notice; `None` for a token without one that is rotated by hand.
    pub expires_at: Option<jiff::civil::Date>,
    /// 0, or how often the case was opened again after it was closed undone.
    #[serde(default)]
    pub round: u32,
    /// Set where no token could be told to be the one that the configuration means: the case is about that name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown: Option<TokenName>,
}

impl RotationKey {
    /// The token as the database tells cases apart: no two open cases are about the same.
    pub fn token_text(&self) -> String {
        match &self.unknown {
            Some(name) => format!("unknown:{name}"),
            None => self.token.to_string(),
        }
    }
}

impl fmt::Display for RotationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.expires_at {
            Some(date) => write!(f, "{}/{}/{date}", self.host, self.token_text())?,
            None => write!(f, "{}/{}/never", self.host, self.token_text())?,
        }
        if self.round > 0 { write!(f, "/{}", self.round) } else { Ok(()) }
    }
}
