//! The card as a GitLab issue. The description is written anew from the row every time, so it is always true; comments
//! are only for what should notify somebody.

pub mod markdown;

use self::markdown::{block, code, link, plain};
use super::{Action, Card, Progress, Step, Value, text};
use crate::rotation::ids::{RotationId, RotationKey};
use crate::rotation::phase::Why;
use crate::rotation::record::{Announcement, Audience, Evidence};
use jiff::{Timestamp, civil::Date};

/// Lines of evidence that are shown; older ones stay in the journal.
const MOST_EVIDENCE: usize = 200;

/// Longest log that is shown, in characters.
const LONGEST_LOG: usize = 6_000;

/// The label that every issue of ours carries, by which they are listed.
pub const LABEL: &str = "rekey";

const STATES: [&str; 4] = ["rekey::waiting", "rekey::running", "rekey::stuck", "rekey::closed"];

/// What the issue should say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssueText {
    /// At most 255 characters, which is GitLab's limit.
    pub title: String,
    /// Markdown; its first line is the marker by which the issue is found again.
    pub description: String,
    /// Labels that it should carry; others that people added stay.
    pub labels: Vec<String>,
    /// Labels of ours that no longer apply.
    pub stale_labels: Vec<String>,
    /// Due when the token expires.
    pub due_on: Option<Date>,
    /// Whether the rotation goes on.
    pub open: bool,
}

/// The issue of a rotation. `approvers` are GitLab logins from the configuration; they are mentioned while they must
/// act, which notifies each of them once.
pub fn issue(card: &Card, approvers: &[String]) -> IssueText {
    let state = state(card);
    IssueText {
        title: text::cut(&text::line(&format!("{} (#{})", card.title, card.key.token).replace('#', "")), 250),
        description: description(card, approvers),
        labels: vec![LABEL.into(), state.into()],
        stale_labels: STATES.iter().filter(|other| **other != state).map(|&other| other.into()).collect(),
        due_on: card.expires_at,
        open: card.outcome.is_none(),
    }
}

/// The first line of the description. GitLab's search does not find it: list issues by [`LABEL`] and compare.
pub fn marker(key: &RotationKey, rotation: &RotationId) -> String {
    let expires = key.expires_at.map_or_else(|| "never".into(), |date| date.to_string());
    let host: String =
        key.host.chars().filter(|c| c.is_ascii_alphanumeric() || ".:[]".contains(*c) || *c == '-').collect();
    let host = host.replace("--", "-");
    format!("<!-- rekey:v1 host={host} token={} expires={expires} rotation={rotation} -->", key.token)
}

/// The line by which comment number `index` is found again.
pub fn comment_marker(rotation: &RotationId, index: usize) -> String {
    format!("<!-- rekey:{rotation}:{index} -->")
}

/// Announcement number `index` as a comment. `approvers` are mentioned only if it is for them.
pub fn comment(card: &Card, index: usize, approvers: &[String]) -> Option<String> {
    let announcement = card.announcements.get(index)?;
    let to = match announcement.to {
        Audience::Approvers if !approvers.is_empty() => format!("{} ", mentions(approvers)),
        _ => String::new(),
    };
    Some(format!("{}\n{to}{}", comment_marker(&card.rotation, index), plain(&announcement.text)))
}

fn state(card: &Card) -> &'static str {
    match card {
        _ if card.outcome.is_some() => "rekey::closed",
        _ if card.stuck.is_some() => "rekey::stuck",
        _ if card.actions.contains(&Action::Decline) => "rekey::waiting",
        _ => "rekey::running",
    }
}

fn description(card: &Card, approvers: &[String]) -> String {
    let status = &card.status;
    let parts = [
        Some(marker(&card.key, &card.rotation)),
        Some(format!("{} **{}.** {}", status.symbol, status.word, plain(&status.sentence))),
        card.waiting.as_ref().map(|w| format!("⏸️ Nothing moves since {}: {}", moment(w.since), plain(&w.why))),
        who_must_act(card, approvers),
        card.stuck.as_ref().and_then(stuck),
        Some(plan(card)),
        Some(format!("## Steps\n\n{}", checklist(&card.steps))),
        section("Evidence", &evidence(&card.evidence)),
        section("Who was told", &told(&card.announcements)),
        Some(footer(card)),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join("\n\n") + "\n"
}

fn section(title: &str, lines: &[String]) -> Option<String> {
    (!lines.is_empty()).then(|| format!("## {title}\n\n{}", lines.join("\n")))
}

fn who_must_act(card: &Card, approvers: &[String]) -> Option<String> {
    let verb = match card {
        _ if card.actions.contains(&Action::Approve) => "approve or decline",
        _ if card.actions.contains(&Action::Retry) => "decide how it goes on",
        _ if card.actions.contains(&Action::Snooze) => "mend this",
        _ => return None,
    };
    if approvers.is_empty() {
        return Some(format!("**Nobody can {verb}:** no approver with a GitLab login is left."));
    }
    let slack = card.links.iter().find(|(name, _)| name == "slack");
    let place = slack.map_or_else(|| "Decide in Slack".to_owned(), |(_, url)| link("Decide in Slack", url));
    let command = match card.actions.first() {
        Some(Action::Approve) => format!(", or type `/rekey approve {} {}` there", card.rotation, card.plan.short()),
        Some(Action::Retry) => format!(", or type `/rekey retry {}` there", card.rotation),
        _ => String::new(),
    };
    Some(format!("**Please {verb}:** {}. {place}{command}.", mentions(approvers)))
}

/// Logins come from the configuration; what is no login is shown and mentions nobody.
fn mentions(logins: &[String]) -> String {
    let is_login =
        |login: &str| !login.is_empty() && login.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    let one = |login: &String| if is_login(login) { format!("@{login}") } else { code(login) };
    logins.iter().map(one).collect::<Vec<_>>().join(" ")
}

fn stuck(why: &Why) -> Option<String> {
    let link = why.link.as_deref().map(|url| link("Look at the job", url));
    let log = why.log.as_deref().map(|log| format!("The end of its log:\n\n{}", block(&text::tail(log, LONGEST_LOG))));
    let parts: Vec<String> = [link, log].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| format!("## What failed\n\n{}", parts.join("\n\n")))
}

fn plan(card: &Card) -> String {
    let mut lines = vec!["## Plan".to_owned(), String::new(), "| | |".into(), "|---|---|".into()];
    lines.extend(card.fields.iter().map(|field| format!("| {} | {} |", field.label, cell(&field.value))));
    lines.push(format!("| Plan | {} |", code(&card.plan.0)));
    lines.push(String::new());
    lines.extend(card.reasons.iter().map(|reason| format!("- Why: {}", plain(reason))));
    lines.extend(card.warnings.iter().map(|warning| format!("- ⚠️ {}", plain(warning))));
    if card.outcome.is_none() && card.stuck.is_none() {
        lines.push(format!("- What stays safe: {}", plain(&card.safety)));
    }
    lines.join("\n").trim_end().to_owned()
}

fn cell(value: &Value) -> String {
    match value {
        Value::Text(text) => plain(text),
        Value::Code(names) if names.is_empty() => "none".into(),
        Value::Code(names) => names.iter().map(|name| code(name)).collect::<Vec<_>>().join(", "),
        Value::Date(date) => format!("{date}, 00:00 UTC"),
        Value::Moment(at) => moment(*at),
    }
}

fn checklist(steps: &[Step]) -> String {
    let one = |step: &Step| {
        let (mark, symbol) = match step.progress {
            Progress::Done => ("x", ""),
            Progress::Now => (" ", "🔄 "),
            Progress::Todo => (" ", ""),
            Progress::Failed => (" ", "❌ "),
            Progress::Skipped => ("~", ""),
        };
        format!("- [{mark}] {symbol}{}", plain(&step.text))
    };
    steps.iter().map(one).collect::<Vec<_>>().join("\n")
}

fn evidence(all: &[Evidence]) -> Vec<String> {
    if all.is_empty() {
        return Vec::new();
    }
    let earlier = all.len().saturating_sub(MOST_EVIDENCE);
    let mut lines = vec!["| When | Who says so | What |".to_owned(), "|---|---|---|".into()];
    lines.extend(all.iter().skip(earlier).map(|e| {
        let seen = e.link.as_deref().and_then(text::url).map(|url| format!(" ([look](<{url}>))")).unwrap_or_default();
        format!("| {} | {} | {}{seen} |", moment(e.at), plain(&e.source), plain(&e.what))
    }));
    if earlier > 0 {
        lines.push(format!("\n{earlier} earlier lines are in the journal."));
    }
    lines
}

fn told(all: &[Announcement]) -> Vec<String> {
    let one = |told: &Announcement| {
        let whom = match told.to {
            Audience::Approvers => "approvers",
            Audience::Followers => "followers",
        };
        format!("- {}, {whom}: {}", moment(told.at), plain(&told.text))
    };
    all.iter().map(one).collect()
}

fn footer(card: &Card) -> String {
    let end = match card.outcome {
        None => "rekey rewrites this description; comments stay.",
        Some(_) => "This rotation is over.",
    };
    format!("---\n{end} Rotation {}.", code(card.rotation.as_str()))
}

fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}
