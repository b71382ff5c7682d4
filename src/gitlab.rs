//! GitLab's REST API as far as a rotation needs it. Answers are parsed leniently: older versions leave fields out.
//! What the bot may do depends on whose token it is, so every call on tokens takes an [`Owner`].

mod grant;
mod instance;
mod inventory;
mod issues;
mod jobs;
mod limits;
mod people;
mod pipelines;
mod place;
mod refusal;
mod schedules;
mod shape;
mod survey;
mod tokens;
mod wire;

pub use instance::{Account, Group, Me, Metadata, Project, Role};
pub use inventory::{InventoryQuery, Scanned};
pub use issues::{Author, Issue, IssueChange, IssueQuery, NewIssue, Note};
pub use jobs::{Found, Sighting, is_named};
pub use limits::{Limit, limit_in_refusal};
pub use people::{Member, User};
pub use pipelines::{Job, Pipeline, Started, StartedQuery, Starter, Status};
pub use place::{Located, renamed};
pub use refusal::DIALECT;
pub use schedules::{Named, Schedule};
pub use shape::LONGEST as LONGEST_TOKEN;
pub use survey::{GitRef, Hook, Place, VariableFlags};
pub use tokens::{Minted, NewToken, TokenFilter};

use crate::http::{Api, Call, CallError, Reply};
use crate::secret;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use tokio::sync::OnceCell;

#[cfg(doc)]
use crate::rotation::token::Owner;

/// Rows on a page: the most that GitLab allows.
const PER_PAGE: u32 = 100;

/// Pages followed in one list before something must be wrong.
const MOST_PAGES: u32 = 10_000;

/// The outcome of a call to GitLab.
pub type Result<T> = std::result::Result<T, CallError>;

/// A GitLab instance and the credential by which the bot calls it.
#[derive(Clone)]
pub struct Client {
    api: Arc<Api>,
    host: String,
    /// Who we are, once asked.
    account: Arc<OnceCell<Account>>,
    /// Reads leave a share of the request budget to others.
    in_background: bool,
    /// How tokens of this instance may begin, besides GitLab's own way.
    prefixes: Vec<String>,
}

impl Client {
    /// A client on an API whose base is `https://<host>/api/v4`.
    pub fn new(api: Arc<Api>) -> Self {
        let host = api.host();
        Self { api, host, account: Arc::default(), in_background: false, prefixes: Vec::new() }
    }

    /// The same client for reads in no hurry, which leave a share of the request budget to others.
    pub fn in_background(&self) -> Self {
        Self { in_background: true, ..self.clone() }
    }

    /// The instance may give its tokens prefixes of its own.
    #[must_use]
    pub fn with_token_prefixes(self, prefixes: Vec<String>) -> Self {
        prefixes.iter().for_each(|prefix| secret::expect_prefix(prefix));
        Self { prefixes, ..self }
    }

    /// Host and port of the instance, as in the key of a rotation.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The API below, for adapters that speak to the same host.
    pub fn api(&self) -> Arc<Api> {
        self.api.clone()
    }

    async fn get<T: DeserializeOwned>(&self, call: Call<'_>) -> Result<T> {
        self.read(call).await?.json()
    }

    async fn read(&self, call: Call<'_>) -> Result<Reply> {
        let call = if self.in_background { call.in_background() } else { call };
        self.api.read(&call).await
    }

    async fn send<T: DeserializeOwned>(&self, call: Call<'_>) -> Result<T> {
        self.api.call(&call).await?.json()
    }

    /// Every row of a list, page by page, until `wanted` says that it has seen enough.
    async fn pages<T: DeserializeOwned>(
        &self,
        list: impl Fn() -> Call<'static>,
        mut wanted: impl FnMut(Vec<T>) -> bool,
    ) -> Result<()> {
        for page in 1..=MOST_PAGES {
            let reply = self.read(list().query("per_page", PER_PAGE).query("page", page)).await?;
            if !wanted(reply.json()?) || !wire::has_next(&reply) {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Every row of a list that is known to be short.
    async fn all<T: DeserializeOwned>(&self, list: impl Fn() -> Call<'static>) -> Result<Vec<T>> {
        let mut rows = Vec::new();
        self.pages(list, |page| {
            rows.extend(page);
            true
        })
        .await?;
        Ok(rows)
    }
}

impl Client {
    /// "There is none", where GitLab means it: a fine-grained token is told the same of what it may not see.
    async fn if_there<T>(&self, outcome: Result<T>) -> Result<Option<T>> {
        match outcome {
            Err(error) if error.status() == Some(404) => match self.proves_absence(&error).await? {
                true => Ok(None),
                false => Err(unsure(&error)),
            },
            outcome => outcome.map(Some),
        }
    }

    /// Whether GitLab's "not found" means that there is nothing. A bot that may not read its own token has a
    /// fine-grained one.
    pub async fn proves_absence(&self, refusal: &CallError) -> Result<bool> {
        if refusal.status() != Some(404) {
            return Ok(false);
        }
        match self.me_token().await {
            Ok(token) => Ok(!token.granular),
            Err(error) if error.status() == Some(403) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Whether an error only says that a fine-grained token may not see what was asked for, or that it is not there.
pub fn may_be_hidden(error: &CallError) -> bool {
    error.mend() == Some(MAY_SEE)
}

/// A "not found" that proves nothing; it may be asked again once the token may see more.
fn unsure(error: &CallError) -> CallError {
    let why = "GitLab says that it is not there, or that the bot's fine-grained token may not see it";
    CallError::NotNow { call: error.call().to_owned(), why: why.to_owned(), mend: MAY_SEE }
}

/// What helps a fine-grained token that does not see enough.
const MAY_SEE: &str = "give the bot's fine-grained token the permission to read it, or use a token with the scope api";

/// Turns a refusal with one of these statuses into "there is none".
fn none_if<T>(statuses: &[u16], outcome: Result<T>) -> Result<Option<T>> {
    match outcome {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.status().is_some_and(|status| statuses.contains(&status)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The error for something that a list should have held and did not.
fn missing(call: &str, what: String) -> CallError {
    let told = crate::http::Told::default();
    CallError::Status { call: call.to_owned(), status: 404, code: None, message: what, told }
}
