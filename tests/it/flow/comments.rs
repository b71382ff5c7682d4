//! Comments under the issue as commands, found by looking and hinted at by webhooks.

use super::setup::Setup;
use super::team::Team;
use crate::databases::on_each;
use crate::http::serve;
use rekey::engine::ISSUE;
use rekey::engine::desk::Desk;
use rekey::engine::desk::visitors::Visitors;
use rekey::notice::Notice;
use rekey::notice::signature::Key;
use rekey::rotation::ids::PersonId;
use rekey::rotation::phase::Outcome;
use rekey::rotation::token::ManagedToken;
use rekey::rotation::view::Action;
use rekey::sandbox::gitlab::{DEVELOPER, Fault, Hook, MAINTAINER, Note, Place, Rule};
use rekey::secret::Secret;
use rekey::server::gitlab::Door;
use rekey::server::{Settings, router};
use std::sync::Arc;

const SIGNING: &str = "whsec_AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=";

/// A team whose people comment.
struct Talk {
    team: Team,
    desk: Arc<Desk>,
}

impl Talk {
    async fn new() -> Self {
        Self::on(Team::new().await).await
    }

    async fn on(team: Team) -> Self {
        team.open().await;
        let desk = desk(&team);
        Self { team, desk }
    }

    fn user(&self, login: &str) -> u64 {
        self.team
            .stage
            .state
            .with(|world| world.users.values().find(|user| user.username == login).map(|user| user.id))
            .unwrap()
    }

    /// Somebody writes a comment; what comes of it is not awaited.
    fn write(&self, who: &str, body: &str) -> u64 {
        self.team.stage.clock.advance(1);
        let (issue, author) = (self.team.stage.state.issues()[0].id, self.user(who));
        self.team.stage.state.with(|world| world.add_note(issue, author, body.into(), false))
    }

    /// The bot looks for comments, deals with them and does what is due.
    async fn look(&self) {
        self.team.engine.listen().await.unwrap();
        self.desk.serve_some().await.unwrap();
        self.team.work().await;
    }

    /// Somebody writes a comment, and the bot deals with it.
    async fn say(&self, who: &str, body: &str) -> u64 {
        let note = self.write(who, body);
        self.look().await;
        note
    }

    async fn plan(&self) -> String {
        self.team.rotation().await.plan.hash().short().to_owned()
    }

    fn note(&self, id: u64) -> Note {
        self.team.stage.state.with(|world| world.notes[&id].clone())
    }

    /// The bot's answers to comments, without their markers.
    fn answers(&self) -> Vec<String> {
        let answers = self.team.comments().into_iter().filter(|body| body.starts_with("<!-- rekey:answer:"));
        answers.map(|body| body.split_once('\n').unwrap().1.to_owned()).collect()
    }

    async fn webhook(&self, note: u64) -> String {
        let (issue, project) = (self.team.stage.state.issues().remove(0), "acme/ops".to_owned());
        let note = self.note(note);
        let notice = Notice::Comment {
            host: self.team.engine.gitlab.host().to_owned(),
            project_id: issue.project,
            project,
            issue_iid: issue.iid,
            note_id: note.id,
            author_id: note.author,
            author_username: "whoever".into(),
            body: "whatever".into(),
            created: true,
            system: false,
        };
        self.team.engine.heed(&notice).await.unwrap()
    }
}

fn desk(team: &Team) -> Arc<Desk> {
    let home = Visitors::default().at(ISSUE, team.engine.gitlab.host());
    let known = |all: Visitors, login: &str| all.knowing(ISSUE, login, PersonId::from(login));
    let visitors = ["alice", "bob", "carol"].into_iter().fold(home, known);
    let visitors = visitors.asking(team.engine.directories.clone(), team.engine.catalog.groups());
    Arc::new(Desk::new(team.engine.clone(), visitors))
}

#[tokio::test]
async fn a_comment_carries_a_rotation_through_without_a_webhook() {
    let talk = Talk::new().await;
    let command = format!("@rekey-bot approve {}", talk.plan().await);
    assert!(talk.team.issue().contains(&format!("Write in a comment: `{command}`")), "{}", talk.team.issue());
    let note = talk.say("alice", &format!("Looks right to me.\n\n{command}\n\nThanks!")).await;
    assert_eq!(talk.note(note).reactions[0].name, "thumbsup");
    assert_eq!(talk.answers(), [""; 0], "the issue says it all");
    assert!(talk.team.issue().contains("alice approved (1 of 1)"), "{}", talk.team.issue());
    talk.team.pass(3600).await;
    talk.team.done().await;
}

#[tokio::test]
async fn the_same_comment_acts_once_however_often_it_is_heard_of() {
    let talk = Talk::on(Setup::new().token(|token| token.quorum = 2).start(|_, _| {}).await).await;
    let note = talk.write("alice", &format!("@rekey-bot approve {}", talk.plan().await));
    for _ in 0..3 {
        talk.webhook(note).await;
        talk.look().await;
    }
    assert_eq!(talk.team.rotation().await.approvals.len(), 1);
    assert_eq!(talk.answers(), [""; 0]);
    let journal = talk.team.engine.ledger.journal(&talk.team.rotation().await.id).await.unwrap();
    assert_eq!(journal.iter().filter(|line| line.line.event.contains("approve")).count(), 1);
}

#[tokio::test]
async fn a_webhook_that_gitlab_delivers_twice_hurries_the_comment_and_has_one_effect() {
    let talk = Talk::on(Setup::new().token(|token| token.quorum = 2).start(|_, _| {}).await).await;
    let stage = &talk.team.stage;
    // It goes by another name than the one by which we call it.
    stage.state.with(|world| world.settings.url = "https://public.example".into());
    let door = Door {
        keys: vec![Key::from_signing_token(&Secret::new(SIGNING.into())).unwrap()],
        tokens: Vec::new(),
        hosts: vec!["public.example".into()],
        known_as: talk.team.engine.gitlab.host().to_owned(),
    };
    let doors = Settings { gitlab: Some(door), ..Settings::default() };
    let bot = serve(router(talk.team.engine.clone(), doors, None)).await;
    let project = Place::Project(stage.state.issues()[0].project);
    stage.state.with(|world| world.hook(Hook::new(project, &format!("{bot}/hooks/gitlab")).signing(SIGNING)));
    talk.write("alice", &format!("@rekey-bot approve {}", talk.plan().await));
    stage.state.flush_hooks().await;
    let first = stage.state.deliveries().into_iter().next_back().unwrap();
    stage.state.send_again(&first.id);
    stage.state.flush_hooks().await;
    let statuses: Vec<_> = stage.state.deliveries().iter().map(|delivery| delivery.status).collect();
    assert!(statuses.len() >= 2 && statuses.iter().all(|status| *status == Some(202)), "{statuses:?}");
    while talk.team.engine.read_some().await.unwrap() > 0 {}
    talk.desk.serve_some().await.unwrap();
    assert_eq!(talk.team.rotation().await.approvals.len(), 1, "without a look");
    talk.look().await;
    assert_eq!(talk.team.rotation().await.approvals.len(), 1);
    assert_eq!(talk.answers(), [""; 0]);
}

#[tokio::test]
async fn a_member_of_a_gitlab_group_decides_by_comment_and_somebody_below_that_role_does_not() {
    let by_group = |token: &mut ManagedToken| {
        token.approvers.clear();
        token.groups = ["gitlab-group:acme>=maintainer".parse().unwrap()].into();
    };
    let team = Setup::new().token(by_group).start(|_, _| {}).await;
    let group = Place::Group(team.stage.group);
    for (login, role) in [("dan", MAINTAINER), ("eve", DEVELOPER)] {
        team.stage.state.with(|world| {
            let user = world.user(login);
            world.member(group, user, role);
        });
    }
    let talk = Talk::on(team).await;
    let command = format!("@rekey-bot approve {}", talk.plan().await);
    talk.say("eve", &command).await;
    assert!(talk.answers()[0].starts_with("@eve rekey does not know you."), "{:?}", talk.answers());
    talk.say("dan", &command).await;
    talk.team.pass(3600).await;
    talk.team.done().await;
    assert_eq!(talk.answers().len(), 1);
}

#[tokio::test]
async fn who_may_not_decide_is_told_so_and_nothing_changes() {
    let talk = Talk::new().await;
    talk.team.stage.state.with(|world| world.user("mallory"));
    let before = talk.team.rotation().await;
    let plan = talk.plan().await;
    talk.say("carol", &format!("@rekey-bot approve {plan}")).await;
    talk.say("mallory", "@rekey-bot decline not now").await;
    assert_eq!(
        talk.answers(),
        [
            "@carol Only its approvers may decide on this token; ask alice, bob.",
            "@mallory rekey does not know you. Ask its administrator to add your GitLab login to the configuration.",
        ]
    );
    assert_eq!(talk.team.rotation().await.phase, before.phase);
}

#[tokio::test]
async fn a_wrong_plan_is_refused_with_the_present_one_and_a_lost_race_with_who_was_first() {
    let talk = Talk::new().await;
    let plan = talk.plan().await;
    talk.say("alice", "@rekey-bot approve 0123456789ab").await;
    let wrong = format!("@alice The plan has changed; the present one is {plan}. Look at it before you approve.");
    assert_eq!(talk.answers(), [wrong.as_str()]);
    talk.say("alice", &format!("@rekey-bot approve {plan}")).await;
    talk.say("bob", &format!("@rekey-bot approve {plan}")).await;
    let late = "@bob Already decided: alice approved (1 of 1), 2026-11-21 14:00 UTC.";
    assert_eq!(talk.answers(), [wrong.as_str(), late]);
}

#[tokio::test]
async fn an_edited_comment_counts_as_nothing() {
    let talk = Talk::new().await;
    let harmless = talk.say("alice", "I will look at it today.").await;
    talk.team.stage.clock.advance(60);
    let command = format!("@rekey-bot approve {}", talk.plan().await);
    talk.team.stage.state.with(|world| world.edit_note(harmless, command));
    talk.webhook(harmless).await;
    talk.look().await;
    assert_eq!(talk.team.phase().await, "awaiting_approval");
    assert_eq!(talk.answers().len(), 1, "{:?}", talk.answers());
    assert!(talk.answers()[0].starts_with("@alice This comment was edited"), "{:?}", talk.answers());
}

#[tokio::test]
async fn a_comment_that_acted_and_is_edited_afterwards_neither_acts_again_nor_is_answered() {
    let talk = Talk::new().await;
    let note = talk.say("alice", "@rekey-bot snooze 1d").await;
    let snoozed = talk.team.rotation().await.snoozed;
    talk.team.stage.clock.advance(60);
    talk.team.stage.state.with(|world| world.edit_note(note, "@rekey-bot decline not now".into()));
    talk.webhook(note).await;
    talk.look().await;
    assert_eq!((talk.team.phase().await, talk.team.rotation().await.snoozed), ("awaiting_approval", snoozed));
    assert_eq!(talk.answers(), [""; 0]);
}

#[tokio::test]
async fn the_bot_never_obeys_itself() {
    let talk = Talk::new().await;
    talk.say("rekey-bot", "@rekey-bot decline not now").await;
    assert_eq!(talk.team.phase().await, "awaiting_approval");
    assert_eq!(talk.answers(), [""; 0]);
}

#[tokio::test]
async fn a_login_that_changed_hands_is_not_the_person_any_more() {
    let talk = Talk::new().await;
    talk.say("alice", "@rekey-bot status").await;
    talk.team.stage.state.with(|world| {
        world
            .users
            .values_mut()
            .filter(|user| user.username == "alice")
            .for_each(|user| user.username = "alice-old".into());
        world.user("alice");
    });
    talk.say("alice", "@rekey-bot decline not now").await;
    talk.say("alice-old", "@rekey-bot decline not now").await;
    assert_eq!(talk.team.phase().await, "awaiting_approval");
    let answers = talk.answers();
    assert!(answers[1].starts_with("@alice Your login belonged to another account"), "{answers:?}");
    assert!(answers[2].starts_with("@alice-old rekey does not know you."), "{answers:?}");
}

#[tokio::test]
async fn a_login_that_changed_hands_before_its_first_comment_is_not_the_person_either() {
    let talk = Talk::new().await;
    assert!(talk.team.engine.scan_and_tell().await);
    talk.team.stage.state.with(|world| {
        let alice = world.users.values_mut().find(|user| user.username == "alice");
        alice.into_iter().for_each(|user| user.username = "alice-old".into());
        world.user("alice");
    });
    talk.say("alice", "@rekey-bot decline not now").await;
    assert_eq!(talk.team.phase().await, "awaiting_approval");
    let answers = talk.answers();
    assert!(answers[0].starts_with("@alice Your login belonged to another account"), "{answers:?}");
}

#[tokio::test]
async fn a_login_that_changes_hands_while_the_bot_is_away_is_not_the_person_until_somebody_says_so() {
    on_each(|url| async move {
        let mut talk = Talk::on(Setup::new().database(url).start(|_, _| {}).await).await;
        talk.say("bob", "@rekey-bot status").await;
        talk.team.stage.state.with(|world| {
            let alice = world.users.values_mut().find(|user| user.username == "alice");
            alice.into_iter().for_each(|user| user.username = "alice-old".into());
            world.user("alice");
        });
        talk.team.restarted().await;
        talk.desk = desk(&talk.team);
        talk.say("alice", "@rekey-bot decline not now").await;
        assert_eq!(talk.team.phase().await, "awaiting_approval");
        let answers = talk.answers();
        let told = "@alice Your login belonged to another account when I first saw it, so it decides nothing. An \
                    administrator who knows that it is yours runs `rekey people forget-login` with it; then write a new \
                    comment.";
        assert_eq!(answers.last().map(|said| said.replace('\\', "")), Some(told.to_owned()), "{answers:?}");

        assert!(!talk.team.engine.forget_login("mallory", "cli").await.unwrap());
        assert!(talk.team.engine.forget_login("Alice", "cli").await.unwrap());
        talk.say("alice", "@rekey-bot decline not now").await;
        talk.team.ended(Outcome::Declined).await;
    })
    .await;
}

#[tokio::test]
async fn a_blocked_user_and_an_internal_note_decide_nothing() {
    let talk = Talk::new().await;
    let (issue, alice) = (talk.team.stage.state.issues()[0].id, talk.user("alice"));
    talk.team.stage.state.with(|world| world.add_note(issue, alice, "@rekey-bot decline not now".into(), true));
    talk.look().await;
    assert!(talk.answers()[0].starts_with("@alice Internal notes do not count"), "{:?}", talk.answers());
    talk.write("alice", "@rekey-bot decline not now");
    talk.team.stage.state.with(|world| world.block(alice, true));
    talk.look().await;
    assert_eq!(talk.team.phase().await, "awaiting_approval");
    assert_eq!(talk.answers().len(), 1);
}

#[tokio::test]
async fn comments_written_while_the_bot_was_away_are_answered_and_do_not_count() {
    let talk = Talk::new().await;
    talk.write("alice", "@rekey-bot decline not now");
    talk.team.stage.clock.advance(3_600);
    talk.look().await;
    talk.look().await;
    assert_eq!(talk.team.phase().await, "awaiting_approval");
    assert_eq!(talk.answers().len(), 1, "{:?}", talk.answers());
    assert!(talk.answers()[0].starts_with("@alice I read this comment too late"), "{:?}", talk.answers());
}

#[tokio::test]
async fn a_lost_answer_is_not_written_twice_and_a_lost_look_is_made_again() {
    let talk = Talk::new().await;
    talk.team.fault("POST", "*/notes", Fault::CutAfter);
    talk.say("carol", "@rekey-bot decline not now").await;
    assert_eq!(talk.answers().len(), 1, "{:?}", talk.answers());
    talk.team.stage.state.fault(Rule::new("GET", "*/notes", Fault::ErrorBefore { status: 503 }).times(4));
    talk.write("alice", "@rekey-bot decline not now");
    assert!(talk.team.engine.listen().await.is_err());
    talk.look().await;
    talk.team.ended(Outcome::Declined).await;
}

#[tokio::test]
async fn a_restart_between_the_comment_and_its_effect_loses_nothing() {
    let mut talk = Talk::new().await;
    talk.write("alice", "@rekey-bot decline not now");
    talk.team.engine.listen().await.unwrap();
    talk.team.restarted().await;
    talk.desk = desk(&talk.team);
    talk.look().await;
    talk.team.ended(Outcome::Declined).await;
}

#[tokio::test]
async fn the_bot_answers_what_is_asked_where_it_is_asked() {
    let talk = Talk::new().await;
    talk.say("bob", "@rekey-bot help").await;
    talk.say("bob", "@rekey-bot aprove it").await;
    talk.say("bob", "@rekey-bot approve").await;
    talk.say("bob", "@rekey-bot list").await;
    talk.say("bob", "@rekey-bot status").await;
    talk.say("bob", "@rekey-bot details").await;
    let host = talk.team.engine.gitlab.host();
    let answers = talk.answers().join("\n\n---\n\n").replace(host, "gitlab.example");
    insta::assert_snapshot!(answers.replace(&talk.plan().await, "<the plan>"));
}

#[tokio::test]
async fn an_approval_that_names_no_plan_is_answered_with_the_present_one() {
    let talk = Talk::new().await;
    talk.say("alice", "@rekey-bot approve").await;
    let said = talk.answers().remove(0);
    let line = format!("Which plan? For the present one write `@rekey-bot approve {}`.", talk.plan().await);
    assert!(said.ends_with(&line), "{said}");
}

#[tokio::test]
async fn looking_costs_one_request_while_nobody_says_anything() {
    let talk = Talk::new().await;
    talk.look().await;
    talk.team.stage.clock.advance(600);
    talk.look().await;
    let before = talk.team.stage.state.calls().len();
    talk.look().await;
    talk.look().await;
    assert_eq!(talk.team.stage.state.calls().len() - before, 2);
}

/// GitLab touches an issue for a comment at most once a minute.
#[tokio::test]
async fn a_comment_that_leaves_the_issues_own_time_as_it_is_counts_all_the_same() {
    let talk = Talk::new().await;
    talk.look().await;
    talk.team.stage.clock.advance(120);
    talk.say("alice", "@rekey-bot declne").await;
    let touched = talk.team.stage.state.issues()[0].updated_at;
    talk.team.stage.clock.advance(30);
    talk.write("alice", "@rekey-bot decline not now");
    assert_eq!(talk.team.stage.state.issues()[0].updated_at, touched);
    talk.look().await;
    talk.team.ended(Outcome::Declined).await;
}

#[tokio::test]
async fn an_issue_that_is_not_the_rotations_own_commands_nothing() {
    let talk = Talk::new().await;
    let issue = talk.team.stage.state.issues().remove(0);
    talk.team.stage.state.with(|world| {
        let foreign = world.issues.get_mut(&issue.id).unwrap();
        foreign.description = foreign.description.replacen("rotation=", "rotation=x", 1);
    });
    let note = talk.write("alice", "@rekey-bot decline not now");
    assert_eq!(talk.webhook(note).await, "a comment on another's issue");
    talk.look().await;
    assert_eq!(talk.team.phase().await, "awaiting_approval");
}

#[tokio::test]
async fn two_bots_do_not_talk_to_each_other_for_ever() {
    let talk = Talk::new().await;
    talk.team.stage.state.with(|world| world.user("other-bot"));
    for _ in 0..40 {
        talk.say("other-bot", "@rekey-bot I did not understand you.").await;
    }
    assert_eq!(talk.answers().len(), 30);
}

#[tokio::test]
async fn a_stuck_rotation_goes_on_by_comment() {
    let talk = Talk::new().await;
    talk.team.stage.state.fail_job(Some("deploy"));
    talk.say("alice", &format!("@rekey-bot approve {}", talk.plan().await)).await;
    talk.team.pass(600).await;
    assert_eq!(talk.team.phase().await, "stuck");
    assert!(talk.team.issue().contains("Write in a comment: `@rekey-bot retry`"), "{}", talk.team.issue());
    talk.team.stage.state.fail_job(None);
    talk.say("bob", "@rekey-bot retry").await;
    talk.team.pass(7200).await;
    talk.team.done().await;
}

#[tokio::test]
async fn an_incident_is_reported_under_the_issue_and_approved_there() {
    let talk = Talk::new().await;
    talk.say("alice", "@rekey-bot incident").await;
    talk.say("alice", "@rekey-bot incident it stands in a public ticket").await;
    let answers = talk.answers();
    assert!(answers[0].contains("`@rekey-bot incident <what happened>`"), "{answers:?}");
    let go_on = format!("To go on, write: `@rekey-bot approve {}`", talk.plan().await);
    assert!(answers[1].contains(&go_on), "{answers:?}");
    talk.say("alice", &format!("@rekey-bot approve {}", talk.plan().await)).await;
    assert!(talk.team.stage.state.token(talk.team.stage.old).unwrap().revoked, "at once");
    talk.team.pass(7200).await;
    talk.team.done().await;
    let clicked = talk.team.click("bob", Action::Approve).await;
    assert!(clicked.is_err());
}
