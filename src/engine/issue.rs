//! The issue as a surface: one GitLab issue a rotation, opened, kept true and closed by the bot.

use crate::chat::{ChatError, Messenger, Posted, Privacy};
use crate::engine::ISSUE;
use crate::engine::comments::place;
use crate::engine::settings::Catalog;
use crate::gitlab::{Client, Issue, IssueChange, IssueQuery, NewIssue};
use crate::http::CallError;
use crate::ledger::{Head, Ledger};
use crate::rotation::group::Approver;
use crate::rotation::ids::PersonId;
use crate::rotation::record::Audience;
use crate::rotation::view::Card;
use crate::rotation::view::issue::{
    ANSWER, IssueText, LABEL, Readers, answer, answer_marker, comment, comment_marker, issue, marker,
};
use crate::rotation::view::prose::Prose;
use async_trait::async_trait;
use jiff::SignedDuration;
use std::sync::Arc;
use std::time::Duration;

/// How long an issue or a comment may still be on its way after its answer was lost.
const LANDING: Duration = Duration::from_secs(30);
/// How often an answer is tried whose fate is unknown.
const ANSWER_TRIES: usize = 3;
/// Answers to one account under one issue.
const MOST_ANSWERS: usize = 30;

/// GitLab's number for the role that sees confidential issues.
const REPORTER: u8 = 20;
/// GitLab's clock is never farther behind ours when we look for what we opened.
const SKEW: SignedDuration = SignedDuration::from_hours(24);

/// One GitLab issue a rotation.
pub struct IssueSurface {
    gitlab: Client,
    project: String,
    labels: Vec<String>,
    confidential: bool,
    catalog: Catalog,
    journal: Option<Arc<dyn Ledger>>,
}

/// What the line begins with by which a closed issue tells where the journal ended.
const HEAD: &str = "Journal head: `";

/// The same in an open issue, for nobody to read.
const HEAD_SO_FAR: &str = "<!-- rekey:head ";
const END_SO_FAR: &str = " -->";

/// The end of the journal that an issue tells.
pub(super) fn head_of(description: &str) -> Option<Head> {
    let so_far = |line: &str| line.strip_prefix(HEAD_SO_FAR)?.strip_suffix(END_SO_FAR)?.parse().ok();
    last_head(description).or_else(|| description.lines().rev().find_map(so_far))
}

/// The one that says that we closed it.
fn last_head(description: &str) -> Option<Head> {
    description.lines().rev().find_map(|line| line.strip_prefix(HEAD)?.strip_suffix('`')?.parse().ok())
}

impl IssueSurface {
    /// Issues in `project`, with `labels` besides our own.
    pub fn new(gitlab: Client, project: String, labels: Vec<String>, confidential: bool, catalog: Catalog) -> Self {
        Self { gitlab, project, labels, confidential, catalog, journal: None }
    }

    /// Issues tell where the journal ended: whoever writes the database cannot change it there.
    #[must_use]
    pub fn telling_of(self, journal: Arc<dyn Ledger>) -> Self {
        Self { journal: Some(journal), ..self }
    }

    /// The text, with the end of the journal: what is under way must not go back in time unseen either.
    async fn text(&self, card: &Card, readers: &Readers) -> IssueText {
        let mut text = issue(card, readers);
        let Some(journal) = &self.journal else { return text };
        match journal.head().await {
            Ok(head) if text.open => text.description += &format!("\n\n{HEAD_SO_FAR}{head}{END_SO_FAR}"),
            Ok(head) => {
                // The log leaves this machine by another way than the issue.
                tracing::info!(%head, rotation = %card.rotation, "the end of the journal, written into a closed issue");
                text.description += &format!("\n\n{HEAD}{head}`");
            }
            Err(error) => tracing::warn!(%error, "an issue does not tell where the journal ended"),
        }
        text
    }

    /// GitLab logins of those who are named and asked.
    fn logins(&self, card: &Card) -> Vec<String> {
        let named = self.catalog.named(&card.token);
        let asked = named.iter().filter(|person| !card.excused.contains(person));
        asked.filter_map(|id| self.catalog.people.get(id)?.gitlab.clone()).collect()
    }

    /// Those, and the groups: a mention would notify all of a group, whatever their role, so that groups are only named.
    fn approvers(&self, card: &Card) -> Vec<String> {
        let groups = self.catalog.approvers(&card.token).into_iter().filter_map(|approver| match approver {
            Approver::Group(group) => Some(group.to_string()),
            Approver::Person(_) => None,
        });
        self.logins(card).into_iter().chain(groups).collect()
    }

    async fn readers(&self, card: &Card) -> Result<Readers, CallError> {
        let nameless = |id: &PersonId| self.catalog.people.get(id).is_some_and(|person| person.gitlab.is_none());
        let named = self.catalog.named(&card.token).into_iter();
        let names = named.filter(|id| !card.excused.contains(id) && nameless(id)).map(|id| id.0);
        let bot = Some(self.gitlab.account().await?.login.clone());
        Ok(Readers { logins: self.approvers(card), names: names.collect(), bot })
    }

    /// GitLab logins of those for whom an announcement is.
    fn mentioned(&self, card: &Card, index: usize) -> Vec<String> {
        match card.announcements.get(index).map(|told| &told.to) {
            Some(Audience::Approvers) => {
                let awake = Card { excused: card.excused.union(&card.snoozing).cloned().collect(), ..card.clone() };
                self.logins(&awake)
            }
            Some(Audience::Person { person }) => {
                self.catalog.people.get(person).and_then(|person| person.gitlab.clone()).into_iter().collect()
            }
            _ => Vec::new(),
        }
    }

    /// The issue that an earlier request made, though its answer was lost.
    async fn lost(&self, card: &Card) -> Result<Option<Issue>, CallError> {
        let marker = marker(&card.key, &card.rotation);
        let me = self.gitlab.account().await?.id;
        let created_after = card.opened_at.saturating_sub(SKEW).ok();
        let query =
            IssueQuery { labels: vec![LABEL.to_owned()], author_id: Some(me), created_after, ..IssueQuery::default() };
        let issues = self.gitlab.issues(&self.project, &query).await?;
        Ok(issues.into_iter().find(|issue| issue.description.lines().next() == Some(marker.as_str())))
    }

    /// The issue whose creation was not answered. Where it is not there yet it may still come: whoever makes it again too
    /// early makes two.
    async fn landed(&self, card: &Card, error: &CallError) -> Result<Issue, ChatError> {
        match self.lost(card).await {
            Ok(Some(issue)) => Ok(issue),
            _ => Err(unconfirmed(unavailable(error))),
        }
    }

    async fn create(&self, card: &Card, text: IssueText) -> Result<Issue, ChatError> {
        let mut assignee_ids = Vec::new();
        for login in self.logins(card) {
            assignee_ids.extend(self.gitlab.user_id(&login).await.map_err(|error| self.unmade(&error))?);
        }
        let labels = text.labels.into_iter().chain(self.labels.iter().cloned()).collect();
        let new = NewIssue {
            title: text.title,
            description: text.description,
            labels,
            assignee_ids,
            due_date: text.due_on,
            confidential: self.confidential,
        };
        match self.gitlab.create_issue(&self.project, &new).await {
            Ok(made) => Ok(made),
            Err(error @ (CallError::Unknown { .. } | CallError::Nonsense { .. })) => self.landed(card, &error).await,
            Err(error) => Err(self.unmade(&error)),
        }
    }

    async fn update(&self, known: &Issue, text: IssueText) -> Result<Issue, CallError> {
        let open = known.state == "opened";
        // One that we closed in a time that is lost goes on; one that people closed stays closed.
        let again = !open && text.open && last_head(&known.description).is_some();
        let change = IssueChange {
            title: Some(text.title),
            description: Some(text.description),
            add_labels: Some(text.labels.join(",")),
            remove_labels: Some(text.stale_labels.join(",")),
            due_date: text.due_on,
            assignee_ids: None,
            state_event: (open && !text.open).then_some("close").or(again.then_some("reopen")),
            confidential: None,
        };
        self.gitlab.update_issue(&self.project, known.iid, &change).await
    }
}

#[async_trait]
impl Messenger for IssueSurface {
    fn name(&self) -> &str {
        ISSUE
    }

    async fn show(&self, card: &Card, reference: Option<&str>) -> Result<Posted, ChatError> {
        let readers = self.readers(card).await.map_err(|error| self.unmade(&error))?;
        let text = self.text(card, &readers).await;
        let known = match reference.map(iid).transpose()? {
            Some(iid) => match self.gitlab.issue(&self.project, iid).await {
                Ok(Some(issue)) => Some(issue),
                Ok(None) => return Err(self.vanished("the issue was deleted").await),
                Err(error) => return Err(self.failed(&error).await),
            },
            None => self.lost(card).await.map_err(|error| self.unmade(&error))?,
        };
        let shown = match known {
            Some(known) => self.update(&known, text).await,
            // A closed case is opened as an issue first and closed by the edit that follows.
            None => match self.create(card, text.clone()).await? {
                made if text.open => Ok(made),
                made => self.update(&made, text).await,
            },
        };
        let issue = match shown {
            Ok(issue) => issue,
            Err(error) => return Err(self.failed(&error).await),
        };
        Ok(Posted { reference: issue.iid.to_string(), url: Some(issue.web_url).filter(|url| !url.is_empty()) })
    }

    async fn privacy(&self, reference: &str) -> Result<Privacy, ChatError> {
        let iid = iid(reference)?;
        match self.kept_confidential(iid).await {
            Ok(privacy) => Ok(privacy),
            Err(error) => Err(self.failed(&error).await),
        }
    }

    /// Only owners delete issues, so it is closed and says where to look; nothing in it is taken for a card any more.
    async fn withdraw(&self, reference: &str, counts: &str) -> Result<(), ChatError> {
        let words = format!("Opened twice; see #{}", iid(counts)?);
        let change = IssueChange {
            title: Some(words.clone()),
            description: Some(words),
            remove_labels: Some(LABEL.to_owned()),
            state_event: Some("close"),
            ..IssueChange::default()
        };
        match self.gitlab.update_issue(&self.project, iid(reference)?, &change).await {
            Ok(_) => Ok(()),
            Err(error) => Err(self.failed(&error).await),
        }
    }

    async fn announce(&self, card: &Card, reference: &str, index: usize) -> Result<(), ChatError> {
        let iid = iid(reference)?;
        let marker = comment_marker(&card.rotation, index);
        let notes = match self.gitlab.notes(&self.project, iid).await {
            Ok(notes) => notes,
            Err(error) => return Err(self.failed(&error).await),
        };
        if notes.iter().any(|note| note.body.contains(&marker)) {
            return Ok(());
        }
        let Some(text) = comment(card, index, &self.mentioned(card, index)) else { return Ok(()) };
        match self.gitlab.create_note(&self.project, iid, &text).await {
            Ok(_) => Ok(()),
            Err(error) => Err(unconfirmed(self.failed(&error).await)),
        }
    }

    async fn whisper(&self, channel: Option<&str>, account: &str, prose: &Prose) -> Result<(), ChatError> {
        let Some((iid, note)) = channel.and_then(place) else { return Ok(()) };
        if self.privacy(&iid.to_string()).await? == Privacy::Exposed {
            let why = "the issue is public, so nothing is said there".to_owned();
            return Err(ChatError::Refused { messenger: ISSUE.to_owned(), why });
        }
        let mut outcome = Ok(());
        for _ in 0..ANSWER_TRIES {
            outcome = self.answer(iid, note, account, prose).await;
            match &outcome {
                Err(error) if error.status().is_none() => continue,
                _ => break,
            }
        }
        match outcome {
            Ok(()) => Ok(()),
            Err(error) => Err(self.failed(&error).await),
        }
    }
}

impl IssueSurface {
    /// Hides an issue that somebody made public, before anything more is written into it.
    async fn kept_confidential(&self, iid: u64) -> Result<Privacy, CallError> {
        let is_public = |issue: &Issue| self.confidential && !issue.confidential;
        match self.gitlab.issue(&self.project, iid).await? {
            Some(issue) if is_public(&issue) => {}
            // What is not there is found out by whoever writes into it.
            _ => return Ok(Privacy::Kept),
        }
        let hide = IssueChange { confidential: Some(true), ..IssueChange::default() };
        match self.gitlab.update_issue(&self.project, iid, &hide).await {
            Ok(issue) if !is_public(&issue) => Ok(Privacy::Mended),
            Ok(_) => Ok(Privacy::Exposed),
            Err(error) if error.status().is_some() => Ok(Privacy::Exposed),
            Err(error) => Err(error),
        }
    }

    /// Answers a comment once, and nobody without end: two bots must not talk to each other for ever.
    async fn answer(&self, iid: u64, note: u64, account: &str, prose: &Prose) -> Result<(), CallError> {
        let notes = self.gitlab.notes(&self.project, iid).await?;
        let marker = answer_marker(note);
        if notes.iter().any(|known| known.body.starts_with(&marker)) {
            return Ok(());
        }
        let Some(asked) = notes.iter().find(|known| known.id == note) else { return Ok(()) };
        let mentioned = format!("@{}", asked.author.username);
        let for_them = |body: &str| body.starts_with(ANSWER) && body.split_whitespace().nth(3) == Some(&mentioned);
        if notes.iter().filter(|known| for_them(&known.body)).count() >= MOST_ANSWERS {
            tracing::warn!(issue = iid, account, "too many comments by one account; no more answers");
            return Ok(());
        }
        self.gitlab.create_note(&self.project, iid, &answer(note, &asked.author.username, prose)).await.map(drop)
    }

    /// An issue that was never there is not gone: a project that does not answer, or refuses, is asked again.
    fn unmade(&self, error: &CallError) -> ChatError {
        if error.status().is_none() {
            return unavailable(error);
        }
        let why = match error.mend() {
            Some(mend) => format!("{error}; {mend}"),
            None => format!("{error}; the bot needs the Reporter role or more in {}", self.project),
        };
        ChatError::Refused { messenger: ISSUE.to_owned(), why }
    }

    async fn failed(&self, error: &CallError) -> ChatError {
        match error.status() {
            Some(404 | 410) => self.vanished(&error.to_string()).await,
            Some(_) => self.unmade(error),
            None => unavailable(error),
        }
    }

    /// GitLab says the same of an issue that was deleted and of a project that the bot is out of for a while: only in a
    /// project that can be seen is an issue gone for good.
    async fn vanished(&self, why: &str) -> ChatError {
        let messenger = ISSUE.to_owned();
        let me = match self.gitlab.me().await {
            Ok(me) => me,
            Err(error) => return unavailable(&error),
        };
        if me.token.granular {
            let why = format!("{why}, which a fine-grained token is told of what it may not see as well");
            return ChatError::Refused { messenger, why };
        }
        match self.gitlab.project(&self.project, me.user_id).await {
            Ok(Some(project)) if me.admin || !project.role.is_below(REPORTER) => {
                ChatError::Gone { messenger, why: why.to_owned() }
            }
            Ok(_) => {
                let why = format!("the bot is not in {}; give it the Reporter role or more there", self.project);
                ChatError::Refused { messenger, why }
            }
            Err(error) => unavailable(&error),
        }
    }
}

fn unavailable(error: &CallError) -> ChatError {
    ChatError::Unavailable {
        messenger: ISSUE.to_owned(),
        why: error.to_string(),
        retry_after: Some(error.retry_after()).filter(|wait| *wait > Duration::ZERO),
    }
}

/// What was sent and not answered may still land, and is looked for only then.
fn unconfirmed(error: ChatError) -> ChatError {
    match error {
        ChatError::Unavailable { messenger, why, retry_after } => {
            let retry_after = Some(retry_after.unwrap_or_default().max(LANDING));
            ChatError::Unavailable { messenger, why, retry_after }
        }
        error => error,
    }
}

fn iid(reference: &str) -> Result<u64, ChatError> {
    reference.parse().map_err(|_| gone())
}

fn gone() -> ChatError {
    ChatError::Gone { messenger: ISSUE.to_owned(), why: "the issue was deleted".into() }
}
