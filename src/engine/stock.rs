//! Taking stock: is the database the one that this bot wrote? What our own issues say is compared with it, and one that
//! lost its memory opens nothing and decides nothing by what it remembers.

mod gate;
mod markers;
mod word;

use super::ISSUE;
use super::desk::ASK;
use super::issue::head_of;
use super::{Engine, EngineError};
use crate::chat::Privacy;
use crate::gitlab::{Issue, IssueQuery};
use crate::ledger::{Head, LedgerError, Word};
use crate::rotation::ids::{RotationId, SurfaceName};
use crate::rotation::view::issue::{LABEL, rotation_of};
use crate::rotation::view::text::sentence;
use jiff::SignedDuration;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// How often the database is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// After so many looks GitLab is asked again, while it could not be asked.
const ASK_AGAIN: u32 = 10;
/// Issues in which the end of the journal is looked for.
const RECENT: SignedDuration = SignedDuration::from_hours(24 * 90);

const WAY_OUT: &str = "Restore it; or, if it shall be new, start once with `rekey serve --new`";

/// Whether the database may be taken for what it looks like.
#[derive(Default)]
pub struct Stock {
    state: Mutex<State>,
    /// Only our issues know how far it was, and they could not be asked yet.
    uncompared: watch::Sender<bool>,
    /// Why the bot must end, once it must.
    end: watch::Sender<Option<String>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum State {
    /// It may.
    #[default]
    Sure,
    /// It has not been looked at; or it is empty, and nobody could be asked whether that is right.
    Unasked,
    /// It is empty, and should not be.
    Lost(String),
}

impl Stock {
    fn set(&self, state: State) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }

    fn get(&self) -> State {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Ends when the bot must not go on, with words for whoever runs it.
    pub async fn lost(&self) -> String {
        let mut end = self.end.subscribe();
        let why = match end.wait_for(Option::is_some).await {
            Ok(why) => why.clone(),
            Err(_) => None,
        };
        match why {
            Some(why) => why,
            None => std::future::pending().await,
        }
    }

    /// Of a database that nobody has looked at.
    pub fn untaken() -> Self {
        let stock = Self::default();
        stock.set(State::Unasked);
        stock
    }
}

impl Engine {
    /// Nothing is opened from a database that may have forgotten that it did so before. A command that does not serve looks
    /// at it here.
    pub(super) async fn may_open(&self) -> Result<(), EngineError> {
        if self.stock.get() == State::Unasked {
            // Boxed, since everything that opens a rotation holds it.
            Box::pin(self.ask_again()).await?;
        }
        match self.stock.get() {
            State::Sure => Ok(()),
            State::Unasked => Err(EngineError::Unavailable(
                "the database is empty, and GitLab could not be asked yet whether that is right; nothing is opened before".into(),
            )),
            State::Lost(why) => Err(EngineError::Unavailable(why)),
        }
    }

    /// Before anything else is done. `word`: what somebody says of a database that is empty or doubted. The error: it
    /// should not start.
    pub async fn take_stock(&self, word: Word) -> Result<(), EngineError> {
        self.stock.uncompared.send_replace(self.settings.issues_project.is_some() && !self.ledger.knows_its_end());
        if word == Word::Adopt {
            self.may_adopt().await?;
        }
        let is_empty = self.ledger.is_empty().await?;
        if word == Word::New {
            self.may_be_new(is_empty).await?;
        }
        if word != Word::Nothing || !is_empty {
            self.settle_doubt(&[]).await?;
            self.stock.set(State::Sure);
            return if word == Word::New && is_empty { self.say_it_is_founded().await } else { Ok(()) };
        }
        if let Some(doubt) = self.ledger.doubt(&[]).await? {
            return Err(EngineError::Broken(format!("{}. {WAY_OUT}", sentence(&doubt.why).trim_end_matches('.'))));
        }
        match self.traces().await {
            Ok(None) => {
                self.stock.set(State::Sure);
                Ok(())
            }
            Ok(Some(why)) => Err(EngineError::Broken(why)),
            Err(error) => {
                tracing::warn!(%error, "the database is empty, and GitLab cannot be asked whether that is right");
                self.stock.set(State::Unasked);
                Ok(())
            }
        }
    }

    /// Goes on looking until told to stop.
    pub async fn keep_stock(self: Arc<Self>, stop: CancellationToken) {
        let (mut compared, mut looks) = (false, 0_u32);
        while !stop.is_cancelled() {
            if let Err(error) = self.settle_doubt(&[]).await {
                tracing::error!(%error, "the database is not believed, and that could not be settled; nothing is done");
            }
            self.tell_of_damage().await;
            if looks.is_multiple_of(ASK_AGAIN) {
                if self.stock.get() == State::Unasked {
                    self.ask_again().await.unwrap_or_else(|error| tracing::warn!(%error, "stock was not taken yet"));
                }
                compared = compared || self.compare_with_issues().await;
            }
            looks = looks.wrapping_add(1);
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    async fn ask_again(&self) -> Result<(), EngineError> {
        if !self.ledger.is_empty().await? {
            self.stock.set(State::Sure);
            return Ok(());
        }
        match self.traces().await {
            Ok(None) => self.stock.set(State::Sure),
            Ok(Some(why)) => {
                tracing::error!(why, "nothing is opened");
                self.stock.set(State::Lost(why.clone()));
                self.stock.end.send_replace(Some(why));
            }
            Err(error) => tracing::warn!(%error, "GitLab cannot be asked yet whether an empty database is right"),
        }
        Ok(())
    }

    /// Whether our issues could be looked at: they know ends of the journal, and cases that it should know.
    async fn compare_with_issues(&self) -> bool {
        if self.stock.get() != State::Sure {
            return false;
        }
        let issues = match self.our_issues(Some(RECENT)).await {
            Ok(issues) => issues,
            Err(error) => {
                tracing::info!(%error, "the database is compared with our issues later");
                return false;
            }
        };
        let heads: Vec<Head> = issues.iter().filter_map(|issue| head_of(&issue.description)).collect();
        if let Err(error) = self.settle_doubt(&heads).await {
            tracing::error!(%error, "the database is not the one that our issues know");
            return false;
        }
        for issue in issues.iter().filter(|issue| issue.state == "opened") {
            if let Err(error) = self.own_up(issue).await {
                tracing::warn!(%error, issue = issue.iid, "an issue was not compared");
            }
        }
        self.stock.uncompared.send_replace(false);
        true
    }

    /// An open issue of ours about a case that nobody remembers says so, once.
    async fn own_up(&self, issue: &Issue) -> Result<(), EngineError> {
        let Some(id) = rotation_of(&issue.description) else { return Ok(()) };
        match self.ledger.load(&RotationId(id.clone())).await {
            Ok(None) => {}
            Ok(Some(_)) | Err(LedgerError::Broken { .. }) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        tracing::error!(
            issue = issue.web_url,
            rotation = id,
            "an open issue of ours is about a case that is not remembered"
        );
        if let Some(surface) = self.surfaces.get(&SurfaceName::from(ISSUE)) {
            let privacy = surface.privacy(&issue.iid.to_string()).await;
            if privacy.map_err(|error| EngineError::Unavailable(error.to_string()))? == Privacy::Exposed {
                tracing::error!(issue = issue.web_url, "it is public, so nothing is said there");
                return Ok(());
            }
        }
        let marker = format!("<!-- rekey:forgotten:{id} -->");
        let (Some(project), words) = (&self.settings.issues_project, forgotten(&id)) else { return Ok(()) };
        let notes = self.gitlab.notes(project, issue.iid).await?;
        if !notes.iter().any(|note| note.body.starts_with(&marker)) {
            self.gitlab.create_note(project, issue.iid, &format!("{marker}\n{words}")).await?;
        }
        Ok(())
    }

    /// What we left outside, if there is anything; an empty database should know it.
    async fn traces(&self) -> Result<Option<String>, EngineError> {
        let issues = self.our_issues(None).await?;
        if issues.is_empty() { self.marked_tokens().await } else { Ok(Some(lost(&issues))) }
    }

    /// Issues of ours: with our label, written by us, with our marker.
    async fn our_issues(&self, recent: Option<SignedDuration>) -> Result<Vec<Issue>, EngineError> {
        let Some(project) = &self.settings.issues_project else { return Ok(Vec::new()) };
        let me = self.gitlab.account().await?.id;
        let updated_after = recent.and_then(|recent| self.clock.now().saturating_sub(recent).ok());
        let query =
            IssueQuery { labels: vec![LABEL.to_owned()], author_id: Some(me), updated_after, ..IssueQuery::default() };
        let issues = self.gitlab.issues(project, &query).await?;
        Ok(issues.into_iter().filter(|issue| rotation_of(&issue.description).is_some()).collect())
    }

    /// A database that is not believed begins again: what it says of authority is void, and people are told.
    async fn settle_doubt(&self, heads: &[Head]) -> Result<(), EngineError> {
        let Some(doubt) = self.ledger.doubt(heads).await? else { return Ok(()) };
        tracing::error!(
            why = doubt.why,
            "approvals, clicks and codes of before are void; what was under way waits for a person"
        );
        let asked = self.ledger.begin_again(self.clock.now(), ASK).await?;
        for id in &asked {
            self.custody.forget(id);
        }
        tracing::error!(rotations = asked.len(), "the journal begins again; the gap is written down");
        Ok(())
    }
}

fn lost(issues: &[Issue]) -> String {
    let newest = issues.iter().max_by_key(|issue| issue.iid).map(|issue| issue.web_url.as_str()).unwrap_or_default();
    format!(
        "the database is empty, but {} of our own exist (the last one: {newest}), so it has lost its memory or is another \
         one. {WAY_OUT}",
        if issues.len() == 1 { "an issue".to_owned() } else { format!("{} issues", issues.len()) }
    )
}

fn forgotten(id: &str) -> String {
    format!(
        "rekey does not remember this case: its database lost it. Nothing here goes on. Tokens that this case made carry \
         `rekey:{id}.` in their description: see that no store holds one before you revoke it. Then close this issue."
    )
}
