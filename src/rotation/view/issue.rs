//! The card as a GitLab issue. The description is written anew from the row every time, so it is always true; comments
//! are only for what should notify somebody.

pub mod markdown;
mod prose;

pub use prose::prose;

use self::markdown::{block, code, link, plain, title};
use super::prose::Prose;
use super::{Action, Card, Progress, Step, Value, text};
use crate::rotation::ids::{RotationId, RotationKey};
use crate::rotation::phase::Why;
use crate::rotation::record::{Announcement, Evidence};
use jiff::{Timestamp, civil::Date};

/// Lines of evidence that are shown; older ones stay in the journal.
const MOST_EVIDENCE: usize = 200;

/// Longest description in bytes, below GitLab's 1 MiB.
const LONGEST: usize = 1_000_000;

/// Longest log that is shown, in characters.
const LONGEST_LOG: usize = 6_000;

/// The label that every issue of ours carries, by which they are listed.
pub const LABEL: &str = "rekey";

/// The label of incidents. Not of our scope `rekey::`, of which an issue can bear only one.
pub const INCIDENT: &str = "rekey-incident";

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

/// Those who are to decide, and the bot, as they are called in GitLab.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Readers {
    /// Logins of approvers; they are mentioned while they must act, which notifies each of them once.
    pub logins: Vec<String>,
    /// Names of approvers who have none.
    pub names: Vec<String>,
    /// The bot's own login, by which commands begin; none where a comment cannot decide.
    pub bot: Option<String>,
}

/// The issue of a rotation.
pub fn issue(card: &Card, readers: &Readers) -> IssueText {
    let state = state(card);
    IssueText {
        title: text::cut(&title(&format!("{} ({})", card.title, card.key.token)), 250),
        description: description(card, readers),
        labels: [Some(LABEL), Some(state), card.incident.then_some(INCIDENT)]
            .into_iter()
            .flatten()
            .map(Into::into)
            .collect(),
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

/// Which rotation an issue of ours is about; `None`: its description is not one of ours.
pub fn rotation_of(description: &str) -> Option<String> {
    let inside = description.lines().next()?.strip_prefix("<!-- rekey:v1 ")?.strip_suffix(" -->")?;
    inside.rsplit_once("rotation=").map(|(_, id)| id.to_owned())
}

/// The line by which comment number `index` is found again.
pub fn comment_marker(rotation: &RotationId, index: usize) -> String {
    format!("<!-- rekey:{rotation}:{index} -->")
}

/// The line by which the answer to a comment is found again.
pub fn answer_marker(note: u64) -> String {
    format!("<!-- rekey:answer:{note} -->")
}

/// What the lines of all answers begin with.
pub const ANSWER: &str = "<!-- rekey:answer:";

/// The answer to comment number `note`, for whoever wrote it.
pub fn answer(note: u64, login: &str, words: &Prose) -> String {
    let apart = if words.0.len() > 1 { "\n\n" } else { " " };
    format!("{}\n{}{apart}{}", answer_marker(note), mentions(&[login.to_owned()]), prose(words))
}

/// Announcement number `index` as a comment that mentions these logins.
pub fn comment(card: &Card, index: usize, logins: &[String]) -> Option<String> {
    let announcement = card.announcements.get(index)?;
    let to = if logins.is_empty() { String::new() } else { format!("{} ", mentions(logins)) };
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

fn description(card: &Card, readers: &Readers) -> String {
    let status = &card.status;
    let parts = [
        Some(marker(&card.key, &card.rotation)),
        Some(format!("{} **{}.** {}", status.symbol, status.word, plain(&status.sentence))),
        card.waiting.as_ref().map(|w| format!("⏸️ Nothing moves since {}: {}", moment(w.since), plain(&w.why))),
        who_must_act(card, readers),
        card.stuck.as_ref().and_then(stuck),
        Some(plan(card)),
        Some(format!("## Steps\n\n{}", checklist(&card.steps))),
        section("Evidence", &evidence(&card.evidence)),
        section("Who was told", &told(&card.announcements)),
        Some(footer(card)),
    ];
    fitting(parts.into_iter().flatten().collect::<Vec<_>>().join("\n\n") + "\n")
}

/// GitLab refuses a longer text whole; what is cut off is in the journal.
fn fitting(text: String) -> String {
    if text.len() <= LONGEST {
        return text;
    }
    let end = text.floor_char_boundary(LONGEST);
    let whole_lines = text[..end].rfind('\n').map_or(end, |at| at + 1);
    format!("{}\n… the rest does not fit here; see `rekey show`.\n", &text[..whole_lines])
}

fn section(title: &str, lines: &[String]) -> Option<String> {
    (!lines.is_empty()).then(|| format!("## {title}\n\n{}", lines.join("\n")))
}

fn who_must_act(card: &Card, readers: &Readers) -> Option<String> {
    let verb = match card {
        _ if card.actions.contains(&Action::Approve) && card.stuck.is_some() => "approve again or abandon",
        _ if card.actions.contains(&Action::Approve) => "approve or decline",
        _ if card.actions.contains(&Action::Retry) => "decide how it goes on",
        _ if !card.blockers.is_empty() && !card.actions.is_empty() => "mend this",
        _ => return None,
    };
    if readers.logins.is_empty() && readers.names.is_empty() {
        return Some(nobody_can(verb, card));
    }
    let names = readers.names.iter().map(|name| plain(name));
    let whom: Vec<String> =
        Some(mentions(&readers.logins)).filter(|it| !it.is_empty()).into_iter().chain(names).collect();
    Some(format!("**Please {verb}:** {}. {}", whom.join(", "), where_to_decide(card, readers)).trim_end().to_owned())
}

/// Whose turn it is if it is nobody's, and the way out.
fn nobody_can(verb: &str, card: &Card) -> String {
    let why = match (&card.requester, card.excused.is_empty()) {
        (_, true) => return format!("**Nobody can {verb}:** no approver is named. Add one under `approvers`."),
        (Some(person), _) => format!("{} asked for it and no other approver is named", plain(person.as_str())),
        (None, _) => "who said yes already does not count twice, and no other approver is named".to_owned(),
    };
    format!("**Nobody can approve:** {why}. Add one under `approvers`, or decline.")
}

/// The ways to decide, with the exact words for a comment.
fn where_to_decide(card: &Card, readers: &Readers) -> String {
    let messengers = [("slack", "Slack"), ("discord", "Discord")];
    let links = messengers.iter().filter_map(|(surface, name)| {
        card.links.iter().find(|(known, _)| known == surface).map(|(_, url)| link(name, url))
    });
    let places: Vec<String> = links.collect();
    if !card.blockers.is_empty() && card.actions.contains(&Action::Decline) {
        let comment = readers.bot.as_ref().map(|bot| code(&format!("@{bot} {} <reason>", Action::Decline.word())));
        let give_up = comment.map(|said| format!(" To give up instead: {said}")).unwrap_or_default();
        return format!("Then rekey looks again by itself.{give_up}");
    }
    let said = match card.actions.first() {
        Some(Action::Approve) => format!("approve {}", card.plan.short()),
        Some(action) => action.word().to_owned(),
        None => return String::new(),
    };
    let comment = readers.bot.as_ref().map(|bot| code(&format!("@{bot} {said}")));
    match (places.is_empty(), comment) {
        (false, Some(comment)) => format!("Decide in {}, or write in a comment: {comment}", places.join(" or ")),
        (true, Some(comment)) => format!("Write in a comment: {comment}"),
        (false, None) => format!("Decide in {}.", places.join(" or ")),
        (true, None) => String::new(),
    }
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
        Value::Date(date) => format!("{date} 00:00 UTC"),
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
    let one =
        |told: &Announcement| format!("- {}, {}: {}", moment(told.at), plain(&told.to.to_string()), plain(&told.text));
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
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}
