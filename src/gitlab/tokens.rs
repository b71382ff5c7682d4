//! Access tokens: list, find, create, rotate, revoke, by the routes that GitLab opens for each kind of owner.

use super::grant::requested;
use super::wire::{RawToken, RawValue};
use super::{Client, Result, missing, none_if, shape};
use crate::http::{About, Call, Reply, segment};
use crate::rotation::ids::TokenId;
use crate::rotation::token::{LiveToken, Owner};
use crate::secret::Secret;
use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Which tokens of a list are wanted. The default is all, revoked and expired ones too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenFilter {
    /// `Some(true)`: only those neither revoked nor expired; `Some(false)`: only the others.
    pub active: Option<bool>,
    /// Only those that expire before that day.
    pub expires_before: Option<Date>,
    /// Only those made after that moment.
    pub created_after: Option<Timestamp>,
}

/// A token to be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NewToken {
    /// Its name.
    pub name: String,
    /// Its description, at most 255 characters, with our marker.
    pub description: String,
    /// What it may do.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub scopes: BTreeSet<String>,
    /// What it may do instead, if its permissions are fine-grained.
    #[serde(rename = "granular_scopes", skip_serializing_if = "BTreeSet::is_empty", serialize_with = "grants")]
    pub permissions: BTreeSet<String>,
    /// Unusable from 00:00 UTC of that day; `None` asks for one that never expires.
    pub expires_at: Option<Date>,
    /// The role of a project or group access token. GitLab gives Maintainer if none is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_level: Option<u8>,
}

/// A token that was just made, and the only copy of its value.
pub struct Minted {
    /// As GitLab describes it.
    pub token: LiveToken,
    /// Its value.
    pub value: Secret,
}

/// A user as far as it is needed to tell whose a token is.
#[derive(Deserialize)]
struct Account {
    id: u64,
    username: String,
}

#[derive(Serialize)]
struct Expiry {
    expires_at: Date,
}

/// Where the tokens of one owner live.
struct Routes {
    /// The list, and where one is added to it.
    list: String,
    /// Where one is created, if that is not the list.
    create: String,
    /// The user whose tokens the list must be narrowed to.
    user: Option<u64>,
    /// Whether one token can be read by its number.
    by_id: bool,
}

impl Routes {
    fn one(&self, id: TokenId) -> String {
        format!("{}/{id}", self.list)
    }
}

impl Client {
    /// The tokens of an owner.
    pub async fn list(&self, owner: &Owner, filter: &TokenFilter) -> Result<Vec<LiveToken>> {
        let routes = self.routes(owner).await?;
        let rows: Vec<RawToken> = self.all(|| list(&routes, filter)).await?;
        Ok(rows.into_iter().map(LiveToken::from).collect())
    }

    /// One token of an owner, be it alive, expired or revoked. `None`: the owner has no such token.
    pub async fn find(&self, owner: &Owner, id: TokenId) -> Result<Option<LiveToken>> {
        let routes = self.routes(owner).await?;
        self.find_by(&routes, id).await
    }

    /// Makes a token. Not to be repeated on an unknown outcome: look for its marker first.
    pub async fn create(&self, owner: &Owner, new: &NewToken) -> Result<Minted> {
        let routes = self.routes(owner).await?;
        if new.permissions.is_empty() {
            return minted(&self.api.call(&Call::post(routes.create).json(new)).await?);
        }
        // Only the route for administrators takes fine-grained permissions, for service accounts too.
        let user = self.resolve_user(owner).await?.unwrap_or_default();
        let new = NewToken { scopes: BTreeSet::new(), ..new.clone() };
        minted(&self.api.call(&Call::post(format!("/users/{user}/personal_access_tokens")).json(&new)).await?)
    }

    /// One token with its fine-grained permissions, which lists may leave out. `None`: we are not shown it singly.
    pub async fn find_singly(&self, id: TokenId) -> Result<Option<LiveToken>> {
        let call = Call::get(format!("/personal_access_tokens/{id}")).unauthorized_is_an_answer();
        Ok(none_if(&[401, 403, 404], self.get::<RawToken>(call).await)?.map(LiveToken::from))
    }

    /// Replaces a token in place: its old value dies in that instant. Never to be repeated: presenting a token that
    /// is revoked by then kills its whole family.
    pub async fn rotate(&self, owner: &Owner, id: TokenId, expires_at: Date) -> Result<Minted> {
        let routes = self.routes(owner).await?;
        let call = Call::post(format!("{}/rotate", routes.one(id))).json(&Expiry { expires_at });
        minted(&self.api.call(&call).await?)
    }

    /// Replaces a token in place by its own authority. Never to be repeated, as [`Client::rotate`].
    pub async fn rotate_self(&self, current: &Secret, expires_at: Date) -> Result<Minted> {
        let call = Call::post("/personal_access_tokens/self/rotate").credential(current).json(&Expiry { expires_at });
        minted(&self.api.call(&call).await?)
    }

    /// Revokes a token. One that is revoked already is a success, once reading it confirms that.
    pub async fn revoke(&self, owner: &Owner, id: TokenId) -> Result<()> {
        let routes = self.routes(owner).await?;
        let call = Call::delete(routes.one(id)).unauthorized_is_an_answer();
        let answer = self.api.call(&call).await;
        if let Err(error) = &answer
            && error.status().is_none()
        {
            return Err(error.clone());
        }
        // Read in any case: a proxy's page answers 200 as well, and revoked already is refused.
        match (self.find_by(&routes, id).await?, answer) {
            (Some(token), _) if token.revoked => Ok(()),
            (Some(_), Ok(reply)) => Err(reply.nonsense("the token is still alive")),
            (None, Ok(_)) => Ok(()),
            (_, Err(refusal)) => Err(refusal),
        }
    }

    /// The token whose value this is. `None`: GitLab does not accept it (any more). What cannot be a token of this
    /// instance is not sent.
    pub async fn whoami(&self, value: &Secret) -> Result<Option<LiveToken>> {
        if !self.could_be_token(value) {
            return Ok(None);
        }
        match self.introspect(value).await {
            Ok(token) => Ok(Some(token)),
            // GitLab also says 401 to a token that lives: its account wants signed calls, or a second factor.
            Err(error) if error.status() == Some(401) && error.about() == About::Credential => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// As [`Client::whoami`], with GitLab's words where it does not accept the value.
    pub async fn introspect(&self, value: &Secret) -> Result<LiveToken> {
        let call = Call::get("/personal_access_tokens/self").credential(value).unauthorized_is_an_answer();
        self.get::<RawToken>(call).await.map(LiveToken::from)
    }

    /// The number of the token whose value this is, as an administrator may ask since GitLab 17.5: that is no use of it.
    /// `None`: there is none, or this GitLab does not tell us.
    pub async fn number_of(&self, value: &Secret) -> Option<TokenId> {
        #[derive(serde::Serialize)]
        struct Asked<'a> {
            token: &'a str,
        }
        #[derive(serde::Deserialize)]
        struct Known {
            id: u64,
        }
        let call = Call::post("/admin/token").json(&Asked { token: value.expose() });
        let known = self.get::<Known>(call).await;
        known
            .inspect_err(|error| tracing::debug!(%error, "GitLab does not tell whose a value is"))
            .ok()
            .map(|k| TokenId(k.id))
    }

    /// Whether the value has the shape of an access token of this instance. Asks nobody.
    pub fn could_be_token(&self, value: &Secret) -> bool {
        shape::could_be_token(value, &self.prefixes)
    }

    /// The number of the user behind an owner. A service account must belong to the group or project that is named.
    /// Project and group access tokens have a user each, so `None`.
    pub async fn resolve_user(&self, owner: &Owner) -> Result<Option<u64>> {
        match owner {
            Owner::GroupServiceAccount { group, username } => {
                self.service_account(format!("/groups/{}/service_accounts", segment(group)), username).await.map(Some)
            }
            Owner::ProjectServiceAccount { project, username } => {
                let list = format!("/projects/{}/service_accounts", segment(project));
                self.service_account(list, username).await.map(Some)
            }
            Owner::InstanceServiceAccount { username } | Owner::User { username } => {
                let user = self.user_id(username).await?;
                user.map(Some).ok_or_else(|| missing("GET /users", format!("there is no user {username}")))
            }
            Owner::Project { .. } | Owner::Group { .. } => Ok(None),
        }
    }

    /// The number of a user by login.
    pub async fn user_id(&self, username: &str) -> Result<Option<u64>> {
        let users: Vec<Account> = self.get(Call::get("/users").query("username", username)).await?;
        Ok(users.iter().find(|user| user.username.eq_ignore_ascii_case(username)).map(|user| user.id))
    }

    async fn service_account(&self, list: String, username: &str) -> Result<u64> {
        let mut found = None;
        self.pages(
            || Call::get(list.clone()),
            |page: Vec<Account>| {
                found = page.iter().find(|user| user.username.eq_ignore_ascii_case(username)).map(|user| user.id);
                found.is_none()
            },
        )
        .await?;
        found.ok_or_else(|| missing(&format!("GET {list}"), format!("there is no service account {username}")))
    }

    async fn routes(&self, owner: &Owner) -> Result<Routes> {
        let user = self.resolve_user(owner).await?;
        Ok(match (owner, user) {
            (Owner::GroupServiceAccount { group, .. }, Some(user)) => nested("groups", group, user),
            (Owner::ProjectServiceAccount { project, .. }, Some(user)) => nested("projects", project, user),
            (Owner::Project { project }, _) => of_resource("projects", project),
            (Owner::Group { group }, _) => of_resource("groups", group),
            (_, user) => Routes {
                list: "/personal_access_tokens".to_owned(),
                create: format!("/users/{}/personal_access_tokens", user.unwrap_or_default()),
                user,
                by_id: true,
            },
        })
    }

    /// By number where GitLab has such a route and lets us, else through the lists: the living first, then all.
    async fn find_by(&self, routes: &Routes, id: TokenId) -> Result<Option<LiveToken>> {
        if routes.by_id {
            let call = Call::get(routes.one(id)).unauthorized_is_an_answer();
            if let Some(raw) = none_if(&[401, 403, 404], self.get::<RawToken>(call).await)? {
                let token = LiveToken::from(raw);
                return Ok(Some(token).filter(|token| routes.user.is_none_or(|user| user == token.user_id)));
            }
        }
        for active in [Some(true), None] {
            let filter = TokenFilter { active, ..TokenFilter::default() };
            let mut found = None;
            self.pages(
                || list(routes, &filter),
                |page: Vec<RawToken>| {
                    found = page.into_iter().find(|raw| raw.id == id.0);
                    found.is_none()
                },
            )
            .await?;
            if let Some(raw) = found {
                return Ok(Some(raw.into()));
            }
        }
        Ok(None)
    }
}

fn nested(kind: &str, path: &str, user: u64) -> Routes {
    let list = format!("/{kind}/{}/service_accounts/{user}/personal_access_tokens", segment(path));
    Routes { create: list.clone(), list, user: None, by_id: false }
}

fn of_resource(kind: &str, path: &str) -> Routes {
    let list = format!("/{kind}/{}/access_tokens", segment(path));
    Routes { create: list.clone(), list, user: None, by_id: true }
}

fn list(routes: &Routes, filter: &TokenFilter) -> Call<'static> {
    let state = filter.active.map(|active| if active { "active" } else { "inactive" });
    Call::get(routes.list.clone())
        .maybe("user_id", routes.user)
        .maybe("state", state)
        .maybe("expires_before", filter.expires_before)
        .maybe("created_after", filter.created_after)
}

fn grants<S: serde::Serializer>(permissions: &BTreeSet<String>, to: S) -> std::result::Result<S::Ok, S::Error> {
    requested(permissions).serialize(to)
}

/// The value leaves the body first; the body itself is wiped with the reply.
fn minted(reply: &Reply) -> Result<Minted> {
    let RawValue { token: value } = reply.json()?;
    let token = reply.json::<RawToken>()?.into();
    Ok(Minted { token, value })
}
