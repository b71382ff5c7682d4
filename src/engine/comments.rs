//! Comments under the issue of a rotation, as commands. A webhook only says where to look, and without one the issues
//! that changed are looked at: what counts is what GitLab's API says of the comment. Each acts once, by its number.

mod judge;
mod pins;
mod reply;

use super::ISSUE;
use super::desk::{Ask, Caller, Reception as _};
use super::{Engine, EngineError};
use crate::gitlab::{Account, Issue, IssueQuery, Note};
use crate::rotation::record::Rotation;
use crate::rotation::view::issue::{LABEL, marker};
use crate::rotation::view::prose::Prose;
use crate::rotation::wish::Wish;
use crate::telemetry::noted;
use jiff::{SignedDuration, Timestamp};
use judge::Verdict;
use pins::Pins;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio_util::sync::CancellationToken;

/// How far a process looks back that has not looked yet, and the most it looks back at all.
const LOOK_BACK: SignedDuration = SignedDuration::from_hours(24);
/// How far GitLab's clock and ours may differ, and more than the minute within which GitLab does not touch an issue again
/// for another comment (`ThrottledTouch` in its source).
const SKEW: SignedDuration = SignedDuration::from_mins(5);

/// What one process remembers of its looks; forgetting it costs a few requests.
#[derive(Default)]
pub struct Looks {
    last: Mutex<Option<Timestamp>>,
    pins: Pins,
}

impl Looks {
    fn last(&self) -> MutexGuard<'_, Option<Timestamp>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Engine {
    /// Looks for comments until told to stop.
    pub async fn keep_listening(self: Arc<Self>, stop: CancellationToken) {
        let mut failures = 0;
        while !stop.is_cancelled() {
            let looked = tokio::select! {
                looked = self.listen_in_turn() => noted("comments", looked),
                () = stop.cancelled() => return,
            };
            let mut pause = self.settings.poll;
            if let Err(error) = looked {
                failures += 1;
                pause = pause.max(self.settings.backoff.pause(failures, self.dice.spread()));
                tracing::warn!(%error, "cannot look for comments");
            } else {
                failures = 0;
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    async fn listen_in_turn(&self) -> Result<(), EngineError> {
        let open = self.ledger.phases().await?;
        let turn = open.iter().any(|(_, count)| *count > 0)
            && self.ledger.take_turn("comments", self.clock.now(), self.settings.poll.as_secs()).await?;
        if turn { self.listen().await } else { Ok(()) }
    }

    /// Reads the new comments of every issue of ours that changed since the last look, or shortly before it: a comment
    /// within a minute of a change leaves the issue's own time as it is. One request if none did.
    pub async fn listen(&self) -> Result<(), EngineError> {
        let Some(project) = &self.settings.issues_project else { return Ok(()) };
        let now = self.clock.now();
        let furthest = now.saturating_sub(LOOK_BACK).unwrap_or(Timestamp::MIN);
        let last = self.looks.last().and_then(|last| last.saturating_sub(SKEW).ok());
        let since = last.map_or(furthest, |last| last.max(furthest));
        let bot = self.gitlab.account().await?;
        let query = IssueQuery {
            labels: vec![LABEL.to_owned()],
            author_id: Some(bot.id),
            updated_after: Some(since),
            ..IssueQuery::default()
        };
        let issues = self.gitlab.issues(project, &query).await?;
        for issue in &issues {
            self.read_issue(project, issue, since).await?;
        }
        *self.looks.last() = Some(now);
        Ok(())
    }

    async fn read_issue(&self, project: &str, issue: &Issue, since: Timestamp) -> Result<(), EngineError> {
        let Some(rotation) = self.rotation_of(issue).await? else { return Ok(()) };
        let mut notes = self.gitlab.notes_since(project, issue.iid, since).await?;
        notes.reverse();
        for note in &notes {
            self.heed_note(&rotation, issue.iid, note).await?;
        }
        Ok(())
    }

    /// A webhook says that there is a comment: GitLab is asked for it.
    pub(super) async fn heed_comment(&self, project: &str, iid: u64, note: u64) -> Result<String, EngineError> {
        let ours = self.settings.issues_project.as_deref().filter(|ours| ours.eq_ignore_ascii_case(project));
        let Some(project) = ours else { return Ok(format!("a comment in {project}, where we have no issues")) };
        let issue = self.gitlab.issue(project, iid).await?;
        let Some(issue) = issue else { return Ok("a comment on an issue that is gone".into()) };
        let Some(rotation) = self.rotation_of(&issue).await? else { return Ok("a comment on another's issue".into()) };
        match self.gitlab.note(project, iid, note).await? {
            Some(note) => self.heed_note(&rotation, iid, &note).await,
            None => Ok("a comment that is gone".into()),
        }
    }

    /// The rotation whose issue this is: opened by us, with the marker that only we write.
    async fn rotation_of(&self, issue: &Issue) -> Result<Option<Rotation>, EngineError> {
        if issue.author.id != self.gitlab.account().await?.id {
            return Ok(None);
        }
        for id in self.ledger.by_reference(ISSUE, &issue.iid.to_string()).await? {
            let Some(rotation) = self.ledger.load(&id).await? else { continue };
            if issue.description.lines().next() == Some(marker(&rotation.key, &rotation.id).as_str()) {
                return Ok(Some(rotation));
            }
        }
        Ok(None)
    }

    /// Remembers what a comment asks for; the desk deals with it. What must not count is answered at once.
    async fn heed_note(&self, rotation: &Rotation, iid: u64, note: &Note) -> Result<String, EngineError> {
        let bot: &Account = self.gitlab.account().await?;
        let caller = Caller {
            surface: ISSUE.into(),
            place: self.gitlab.host().to_owned(),
            account: note.author.username.to_lowercase(),
            guest: false,
            roles: [].into(),
            channel: Some(place_of(iid, note.id)),
        };
        let (now, key) = (self.clock.now(), format!("comment:{}", note.id));
        let mut verdict = judge::judge(note, bot, now);
        if let Verdict::Nothing(why) = verdict {
            return Ok(format!("comment {}: {why}", note.id));
        }
        // Also one that acted and was edited or liked since.
        if self.ledger.was_told(&key).await? {
            return Ok(format!("comment {}: known", note.id));
        }
        if !self.is_same_account(&note.author.username, note.author.id).await? {
            verdict = Verdict::DoesNotCount(judge::ANOTHER);
        }
        let said = match verdict {
            Verdict::Said(text) => {
                let wish = Wish::under(&rotation.id, &rotation.plan.token, &text).on_stop(rotation.stops);
                let said = wish.in_short();
                self.remember(&Ask::new(note.id.to_string(), caller, wish)).await?;
                self.ledger.first_time(&key, now).await?;
                said
            }
            Verdict::DoesNotCount(why) | Verdict::Nothing(why) => {
                if self.ledger.first_time(&key, now).await? {
                    self.whisper(&caller, &Prose::words(why)).await;
                }
                why.to_owned()
            }
        };
        Ok(format!("comment {}: {said}", note.id))
    }
}

/// An issue and a comment on it, as a caller's channel.
pub(super) fn place_of(iid: u64, note: u64) -> String {
    format!("{iid}#{note}")
}

/// The other way round.
pub(super) fn place(channel: &str) -> Option<(u64, u64)> {
    let (iid, note) = channel.split_once('#')?;
    Some((iid.parse().ok()?, note.parse().ok()?))
}
