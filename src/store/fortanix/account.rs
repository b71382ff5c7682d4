//! The calls to one account of a DSM. It says what is wrong in plain text.

use super::Settings;
use super::login::Apps;
use super::object::{NewSobject, Operation, Sobject, Which};
use crate::http::{Api, Call, CallError, Credential, Reply};
use crate::rotation::ids::StoreId;
use crate::secret::Secret;
use crate::store::connection::BadConnection;
use crate::store::error::StoreError;
use crate::store::session::Session;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// Objects in one page of a list.
const PAGE: usize = 100;

/// Pages that are read at most.
const PAGES: usize = 100;

/// By these words DSM says that a quorum must agree.
const QUORUM: &str = "requires approval";

/// An account.
pub(in crate::store) struct Account {
    api: Arc<Api>,
    session: Session<Apps>,
}

/// What an export brought.
pub(super) enum Exported {
    Value(Secret),
    NeedsQuorum,
}

/// What an import brought.
pub(super) enum Imported {
    As(String),
    NameTaken,
}

/// What a change brought.
pub(super) enum Performed {
    Done,
    NeedsQuorum,
}

/// Old versions answer with the list alone.
#[derive(Deserialize)]
#[serde(untagged)]
enum Page {
    Plain(Vec<Sobject>),
    Wrapped { items: Vec<Sobject> },
}

impl Account {
    pub(super) fn open(settings: &Settings, section: &str) -> Result<Self, BadConnection> {
        let credential = Credential::PerCall { header: "authorization", prefix: "Bearer " };
        let api = Arc::new(settings.link.open(section, credential)?);
        let apps = Apps::new(settings, section, api.clone());
        Ok(Self { api, session: Session::new(apps) })
    }

    /// Whether the bot's own app made the object.
    pub(super) fn made(&self, object: &Sobject) -> bool {
        self.session.login().me().is_some_and(|me| object.is_made_by(&me))
    }

    pub(super) async fn find(&self, store: &StoreId, which: &Which<'_>) -> Result<Option<Sobject>, StoreError> {
        match self.read(store, &Call::post("/crypto/v1/keys/info").json(which)).await? {
            Err(CallError::Status { status: 404, .. }) => Ok(None),
            outcome => understood(store, outcome).map(Some),
        }
    }

    pub(super) async fn export(&self, store: &StoreId, kid: &str) -> Result<Exported, StoreError> {
        let outcome = self.read(store, &Call::post("/crypto/v1/keys/export").json(&Which::Kid(kid))).await?;
        if outcome.as_ref().is_err_and(needs_quorum) {
            return Ok(Exported::NeedsQuorum);
        }
        let object: Sobject = understood(store, outcome)?;
        let text = object.text().map(Exported::Value);
        text.ok_or_else(|| {
            StoreError::refused(store, "it does not hold text", "import the value once by hand, as text")
        })
    }

    /// All objects of the group that the app sees.
    pub(super) async fn list(&self, store: &StoreId, group: Option<&str>) -> Result<Vec<Sobject>, StoreError> {
        let mut all = Vec::new();
        for page in 0..PAGES {
            let call = Call::get("/crypto/v1/keys").maybe("group_id", group).query("limit", PAGE);
            let outcome = self.read(store, &call.query("offset", page * PAGE)).await?;
            let (Page::Plain(found) | Page::Wrapped { items: found }) = understood(store, outcome)?;
            let last = found.len() < PAGE;
            all.extend(found);
            if last {
                break;
            }
        }
        Ok(all)
    }

    pub(super) async fn import(&self, store: &StoreId, new: &NewSobject) -> Result<Imported, StoreError> {
        let call = Call::put("/crypto/v1/keys").json(new);
        match self.call(store, &call).await? {
            Err(CallError::Status { status: 409, .. }) => Ok(Imported::NameTaken),
            outcome => {
                changed(store, outcome.and_then(|reply| reply.json::<Sobject>())).map(|made| Imported::As(made.kid))
            }
        }
    }

    /// Does it, unless a quorum must agree first.
    pub(super) async fn perform(&self, store: &StoreId, operation: &Operation) -> Result<Performed, StoreError> {
        match self.call(store, &operation.call()).await? {
            Err(error) if needs_quorum(&error) => Ok(Performed::NeedsQuorum),
            outcome => changed(store, outcome).map(|_| Performed::Done),
        }
    }

    pub(super) async fn read(&self, store: &StoreId, call: &Call<'_>) -> Result<Result<Reply, CallError>, StoreError> {
        self.session.read(store, &self.api, call, is_unauthorized).await
    }

    pub(super) async fn call(&self, store: &StoreId, call: &Call<'_>) -> Result<Result<Reply, CallError>, StoreError> {
        self.session.call(store, &self.api, call, is_unauthorized).await
    }
}

/// The answer to a call that changes nothing.
pub(super) fn understood<T: DeserializeOwned>(
    store: &StoreId,
    outcome: Result<Reply, CallError>,
) -> Result<T, StoreError> {
    outcome.and_then(|reply| reply.json()).map_err(|error| StoreError::of_read(store, &error, mend))
}

/// The answer to a call that changes something.
pub(super) fn changed<T>(store: &StoreId, outcome: Result<T, CallError>) -> Result<T, StoreError> {
    outcome.map_err(|error| StoreError::of_write(store, &error, mend))
}

fn is_unauthorized(error: &CallError) -> bool {
    error.status() == Some(401)
}

fn needs_quorum(error: &CallError) -> bool {
    matches!(error, CallError::Status { status: 403, message, .. } if message.to_lowercase().contains(QUORUM))
}

fn mend(status: u16) -> String {
    match status {
        401 => "enable the bot's app in DSM",
        403 => "give the bot's app the permissions Export and Manage in the object's group",
        404 => "correct the object's name, or add the bot's app to its group",
        409 => "give the other object of that name another one",
        423 => "unlock the account or the object in DSM",
        _ => "do it once by hand in DSM to see what it objects to",
    }
    .to_owned()
}
