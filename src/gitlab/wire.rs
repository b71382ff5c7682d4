//! What GitLab's JSON and headers have in common: tokens in all their ages, dates in two notations, next pages.

use super::grant::Grant;
use crate::http::Reply;
use crate::rotation::ids::TokenId;
use crate::rotation::token::LiveToken;
use crate::secret::Secret;
use jiff::fmt::strtime;
use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Deserializer, de};
use std::collections::BTreeSet;

/// The scope by which GitLab says that there are fine-grained permissions instead.
const GRANULAR: &str = "granular";

/// A token as any version of GitLab describes it.
#[derive(Deserialize)]
pub(super) struct RawToken {
    pub id: u64,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    scopes: Option<BTreeSet<String>>,
    #[serde(default, deserialize_with = "date")]
    expires_at: Option<Date>,
    #[serde(default, deserialize_with = "moment")]
    created_at: Option<Timestamp>,
    #[serde(default, deserialize_with = "moment")]
    last_used_at: Option<Timestamp>,
    #[serde(default)]
    last_used_ips: Option<Vec<String>>,
    #[serde(default)]
    user_id: Option<u64>,
    #[serde(default)]
    active: Option<bool>,
    #[serde(default)]
    revoked: Option<bool>,
    #[serde(default)]
    access_level: Option<u8>,
    #[serde(default)]
    granular: Option<bool>,
    #[serde(default)]
    granular_scopes: Option<Vec<Grant>>,
}

impl From<RawToken> for LiveToken {
    fn from(raw: RawToken) -> Self {
        let revoked = raw.revoked.unwrap_or(false);
        let permissions = raw.granular_scopes.map(|grants| grants.iter().flat_map(Grant::atoms).collect());
        let permissions: BTreeSet<String> = permissions.unwrap_or_default();
        // Lists of service accounts' tokens show the fact and the pretended scope, and not the permissions.
        let pretended = raw.scopes.as_ref().is_some_and(|scopes| scopes.contains(GRANULAR));
        let granular = raw.granular.unwrap_or(false) || pretended || !permissions.is_empty();
        Self {
            id: TokenId(raw.id),
            name: raw.name.unwrap_or_default(),
            description: raw.description.unwrap_or_default(),
            scopes: raw.scopes.unwrap_or_default(),
            expires_at: raw.expires_at,
            created_at: raw.created_at,
            last_used_at: raw.last_used_at,
            last_used_ips: raw.last_used_ips.unwrap_or_default(),
            user_id: raw.user_id.unwrap_or_default(),
            active: raw.active.unwrap_or(!revoked),
            revoked,
            access_level: raw.access_level,
            granular,
            permissions,
        }
    }
}

/// The value in the answer to create and rotate: from the wiped body straight into a [`Secret`].
#[derive(Deserialize)]
pub(super) struct RawValue {
    #[serde(deserialize_with = "secret")]
    pub token: Secret,
}

fn secret<'de, D: Deserializer<'de>>(from: D) -> Result<Secret, D::Error> {
    let value = String::deserialize(from)?;
    if value.is_empty() { Err(de::Error::custom("empty")) } else { Ok(Secret::new(value)) }
}

/// A date, also where a version writes a whole moment. An unreadable one is an error: it must not pass for "never".
pub(super) fn date<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Date>, D::Error> {
    let Some(text) = Option::<&str>::deserialize(from)? else { return Ok(None) };
    let day = text.get(..10).unwrap_or(text);
    day.parse().map(Some).map_err(|_| de::Error::custom("no date"))
}

/// A moment, in ISO 8601 or in Ruby's notation. An unreadable one is an error: it must not pass for "never used".
pub(super) fn moment<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Timestamp>, D::Error> {
    let Some(text) = Option::<&str>::deserialize(from)? else { return Ok(None) };
    read_moment(text).map(Some).ok_or_else(|| de::Error::custom("no moment"))
}

fn read_moment(text: &str) -> Option<Timestamp> {
    let ruby = || strtime::parse("%Y-%m-%d %H:%M:%S %z", text.replace("UTC", "+0000")).ok()?.to_timestamp().ok();
    text.parse().ok().or_else(ruby)
}

/// Whether the list goes on, by the header of old and new versions. Totals are left out of long lists, so never used.
pub(super) fn has_next(reply: &Reply) -> bool {
    reply.header("x-next-page").is_some_and(|page| !page.trim().is_empty())
        || reply.header("link").is_some_and(|links| links.contains(r#"rel="next""#))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(json: &str) -> Option<LiveToken> {
        serde_json::from_str::<RawToken>(json).ok().map(LiveToken::from)
    }

    #[test]
    fn a_token_of_an_old_version_is_understood() {
        let old =
            token(r#"{"id":42,"name":"x","revoked":true,"scopes":["api"],"user_id":1,"expires_at":null}"#).unwrap();
        assert!(old.revoked && !old.active && old.expires_at.is_none() && old.description.is_empty());
    }

    #[test]
    fn a_token_of_a_new_version_is_understood() {
        let new = token(
            r#"{"id":5000000000,"name":"x","description":null,"revoked":false,"active":true,"scopes":[],"user_id":1,
                "expires_at":"2027-01-31","created_at":"2026-01-31T10:00:00.000Z","last_used_at":"2026-11-21 14:20:01 UTC",
                "last_used_ips":["10.0.0.1"],"access_level":40,"granular_scopes":[{"access":"user",
                "permissions":["read_user"],"project_id":null,"group_id":null}],"future":{}}"#,
        )
        .unwrap();
        assert_eq!(new.expires_at.unwrap().to_string(), "2027-01-31");
        assert_eq!(new.last_used_at.unwrap().to_string(), "2026-11-21T14:20:01Z");
        assert!(new.granular && new.access_level == Some(40) && new.id.0 == 5_000_000_000);
    }

    #[test]
    fn a_fine_grained_token_is_known_by_any_of_its_signs() {
        for sign in [r#""granular":true"#, r#""scopes":["granular"]"#, r#""granular":true,"scopes":["granular"]"#] {
            let listed = token(&format!(r#"{{"id":1,{sign}}}"#)).unwrap();
            assert!(listed.granular && listed.permissions.is_empty(), "{sign}");
        }
        assert!(!token(r#"{"id":1,"granular":false,"scopes":["api"]}"#).unwrap().granular);
    }

    #[test]
    fn an_unreadable_date_is_not_taken_for_never() {
        assert!(token(r#"{"id":1,"expires_at":"soon"}"#).is_none());
        assert!(token(r#"{"id":1,"last_used_at":"a moment ago"}"#).is_none());
    }
}
