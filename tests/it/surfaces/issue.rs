//! The issue: people decide by comments, and are answered by comments.

use super::bench::{Bench, Call, End};
use crate::flow::team::Team;
use async_trait::async_trait;
use pulldown_cmark::{Event, Parser, Tag, TagEnd};
use rekey::engine::desk::Desk;
use rekey::notice::Notice;
use rekey::rotation::view::Action;
use rekey::sandbox::gitlab::{Fault, Issue, Rule};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

#[derive(Default)]
pub struct Issues {
    /// Comments by the number of the intent to write them.
    written: Mutex<BTreeMap<u64, u64>>,
    intents: AtomicU64,
}

fn the_issue(team: &Team) -> Option<Issue> {
    team.stage.state.issues().into_iter().next()
}

#[async_trait]
impl Bench for Issues {
    fn offer(&self, team: &Team, who: &str, action: Action) -> Option<Value> {
        let issue = the_issue(team)?;
        let invitation = issue.description.lines().find(|line| line.contains("rite in a comment: "))?;
        let words = invitation.split('`').nth(1)?.to_owned();
        let plan = words.split_whitespace().last().unwrap_or_default().to_owned();
        let approving = words.contains(" approve ");
        let body = match action {
            Action::Approve if approving => words,
            Action::Decline if !words.contains(" retry") => "@rekey-bot decline not now".to_owned(),
            Action::Snooze if !words.contains(" retry") => format!("@rekey-bot {}", action.word()),
            Action::Retry | Action::Restore | Action::Abandon if !approving => format!("@rekey-bot {}", action.word()),
            _ => return None,
        };
        let intent = self.intents.fetch_add(1, Ordering::SeqCst);
        Some(json!({"intent": intent, "who": who, "issue": issue.id, "body": body, "plan": plan}))
    }

    async fn send(&self, team: &Team, click: &Value) {
        let (intent, issue) = (click["intent"].as_u64().unwrap(), click["issue"].as_u64().unwrap());
        let known = self.written.lock().unwrap().get(&intent).copied();
        let note = known.unwrap_or_else(|| {
            let author = team.stage.state.with(|world| {
                let found = world.users.values().find(|user| click["who"] == user.username.as_str());
                found.map(|user| user.id).unwrap()
            });
            let body = click["body"].as_str().unwrap().to_owned();
            team.stage.state.with(|world| world.add_note(issue, author, body, false))
        });
        self.written.lock().unwrap().insert(intent, note);
        let issue = the_issue(team).unwrap();
        let notice = Notice::Comment {
            host: team.engine.gitlab.host().to_owned(),
            project_id: issue.project,
            project: "acme/ops".into(),
            issue_iid: issue.iid,
            note_id: note,
            author_id: 0,
            author_username: "a webhook is only a hint".into(),
            body: "@rekey-bot abandon".into(),
            created: true,
            system: false,
        };
        // Where GitLab does not answer, the next look finds the comment.
        let _heard = team.engine.heed(&notice).await;
    }

    fn cards(&self, team: &Team) -> Vec<String> {
        let text = |issue: Issue| format!("{}\n{}", issue.title, issue.description);
        let issues = team.stage.state.issues().into_iter();
        issues.filter(|issue| issue.description.starts_with("<!-- rekey:")).map(text).collect()
    }

    fn replies(&self, team: &Team) -> Vec<String> {
        team.comments().into_iter().filter(|body| body.starts_with("<!-- rekey:") && !is_answer(body)).collect()
    }

    fn told(&self, team: &Team, who: &str) -> Vec<String> {
        let to_them = format!("@{who}");
        let answers = team.comments().into_iter().filter(|body| is_answer(body));
        let words = answers.filter_map(|body| body.split_once('\n').map(|(_, words)| words.to_owned()));
        words.filter_map(|words| words.strip_prefix(&to_them).map(|words| words.trim().to_owned())).collect()
    }

    fn pings(&self, team: &Team) -> Vec<String> {
        let issues = team.stage.state.issues();
        // A title has no markup, but people, references and addresses are found in it.
        let titles = issues.iter().flat_map(|issue| [references(&issue.title), addresses(&issue.title)].concat());
        let texts = issues.iter().map(|issue| issue.description.clone()).chain(self.replies(team));
        titles.chain(texts.flat_map(|text| found(&text))).collect()
    }

    fn trouble(&self, team: &Team, call: Call, fault: Fault, times: u64) {
        let (method, path) = match call {
            Call::Post => ("POST", "*/acme%2Fops/issues"),
            Call::Edit => ("PUT", "*/acme%2Fops/issues/*"),
            Call::Reply => ("POST", "*/acme%2Fops/issues/*/notes"),
            Call::Any => ("*", "*/acme%2Fops/*"),
        };
        let mut rule = Rule::new(method, path, fault).times(times);
        rule.method = rule.method.filter(|method| method != "*");
        team.stage.state.fault(rule);
    }

    fn calm(&self, team: &Team) {
        team.stage.state.clear_faults();
    }

    async fn held(&self, team: &Team) {
        team.stage.state.held().await;
    }

    fn release(&self, team: &Team) {
        team.stage.state.release(true);
    }

    async fn land(&self, team: &Team) {
        team.stage.state.land_late().await;
    }

    fn end(&self, team: &Team, how: End) {
        match how {
            End::Removed => team.stage.state.with(|world| world.issues.clear()),
            End::Archived => self.trouble(team, Call::Any, Fault::ErrorBefore { status: 403 }, 0),
            // GitLab does not tell what is hidden from what was never there.
            End::Expelled => {
                team.stage.state.fault(Rule::new("GET", "*/acme%2Fops", Fault::ErrorBefore { status: 404 }).times(0));
                self.trouble(team, Call::Any, Fault::ErrorBefore { status: 404 }, 0);
            }
        }
    }

    fn undo(&self, team: &Team, _: End) {
        self.calm(team);
    }

    fn forbid(&self, team: &Team) {
        self.trouble(team, Call::Any, Fault::ErrorBefore { status: 403 }, 0);
    }

    fn revoke(&self, _: &Team) {
        unreachable!("without GitLab there is no bot");
    }

    fn calls(&self, team: &Team) -> usize {
        team.stage.state.calls().iter().filter(|call| call.path.contains("/issues")).count()
    }

    fn mention(&self, who: &str) -> String {
        format!("@{who}")
    }

    fn open_channel(&self) -> Option<String> {
        None
    }

    fn said_there(&self) -> Vec<String> {
        Vec::new()
    }

    fn trouble_there(&self, _: Fault) {}

    fn close_channel(&self) {}

    async fn restarted(&mut self, _: &Team, _: &Arc<Desk>) {}
}

fn is_answer(body: &str) -> bool {
    body.starts_with("<!-- rekey:answer:")
}

/// Mentions, references and links as GitLab would find them: not in code, and only where a sigil meets a name.
fn found(markdown: &str) -> Vec<String> {
    let (mut found, mut code) = (Vec::new(), false);
    for event in Parser::new_ext(markdown, pulldown_cmark::Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::CodeBlock(_)) => code = true,
            Event::End(TagEnd::CodeBlock) => code = false,
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => found.push(dest_url.to_string()),
            Event::Text(text) if !code => found.extend([references(&text), addresses(&text)].concat()),
            _ => {}
        }
    }
    found
}

/// What GitLab makes a link of although it is not written as one.
fn addresses(text: &str) -> Vec<String> {
    let begins = |word: &str| word.strip_prefix("www.").is_some_and(|rest| rest.starts_with(char::is_alphanumeric));
    let words = text.split_whitespace().filter(|word| word.contains("://") || begins(word));
    words.map(str::to_owned).collect()
}

fn references(text: &str) -> Vec<String> {
    let letters: Vec<char> = text.chars().collect();
    let pairs = letters.windows(2).filter(|pair| "@#!~%$&".contains(pair[0]) && pair[1].is_alphanumeric());
    pairs.map(|pair| pair.iter().collect()).collect()
}
