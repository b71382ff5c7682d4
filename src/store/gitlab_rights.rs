//! What the bot may do in GitLab, asked before anybody approves: a write that is refused only afterwards helps nobody.

use super::StoreError;
use crate::http::{Api, Call, CallError};
use crate::rotation::ids::StoreId;
use serde::Deserialize;

/// Who asks, and what they tell people to do about a refusal with that status.
pub(super) struct Rights<'a> {
    pub(super) api: &'a Api,
    pub(super) id: &'a StoreId,
    pub(super) mend: &'a (dyn Fn(u16) -> String + Send + Sync),
}

const SCOPE: &str = "give the bot a personal access token with the scope api";

#[derive(Deserialize)]
struct User {
    id: u64,
    #[serde(default)]
    is_admin: Option<bool>,
}

#[derive(Deserialize)]
struct Token {
    #[serde(default)]
    scopes: Vec<String>,
    #[serde(default)]
    granular: bool,
}

#[derive(Deserialize)]
struct Member {
    access_level: u8,
}

#[derive(Deserialize)]
struct Holder {
    #[serde(default)]
    archived: Option<bool>,
}

impl Rights<'_> {
    /// The bot's token is not for reading only.
    pub(super) async fn credential_may_write(&self) -> Result<(), StoreError> {
        let token = self.token().await?;
        let may_write = |scope: &String| scope == "api" || scope == "granular";
        if token.granular || token.scopes.iter().any(may_write) {
            return Ok(());
        }
        Err(StoreError::refused(self.id, "the bot's token may only read", SCOPE))
    }

    async fn token(&self) -> Result<Token, StoreError> {
        self.get(Call::get("/personal_access_tokens/self"), |_| SCOPE.to_owned()).await
    }

    /// The bot has at least that level in the group or project at `place`, and nothing there is frozen.
    pub(super) async fn role_may_write(&self, place: &str, needed: u8) -> Result<(), StoreError> {
        let user: User = self.get(Call::get("/user"), self.mend).await?;
        let found: Holder = self.get(Call::get(place), self.mend).await?;
        if found.archived == Some(true) {
            return Err(StoreError::refused(self.id, "the project is archived", "unarchive it, or remove the store"));
        }
        if user.is_admin == Some(true) {
            return Ok(());
        }
        match self.level(place, user.id).await? {
            Some(level) if level >= needed => return Ok(()),
            // A fine-grained token is told of what it may not see that it is not there, its own role included.
            None if self.token().await?.granular => return Ok(()),
            _ => {}
        }
        Err(StoreError::refused(self.id, "the bot's role is too low to write it", (self.mend)(403)))
    }

    async fn level(&self, place: &str, user: u64) -> Result<Option<u8>, StoreError> {
        match self.api.read(&Call::get(format!("{place}/members/all/{user}"))).await.and_then(|reply| reply.json()) {
            Ok(Member { access_level }) => Ok(Some(access_level)),
            Err(CallError::Status { status: 404, .. }) => Ok(None),
            Err(error) => Err(StoreError::of_read(self.id, &error, self.mend)),
        }
    }

    async fn get<T: serde::de::DeserializeOwned>(
        &self,
        call: Call<'_>,
        mend: impl FnOnce(u16) -> String,
    ) -> Result<T, StoreError> {
        let answer = self.api.read(&call).await.and_then(|reply| reply.json());
        answer.map_err(|error| StoreError::of_read(self.id, &error, mend))
    }
}
