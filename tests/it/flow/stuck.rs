//! What a person can do with a rotation that cannot go on, and what each choice leaves behind.

use super::setup::{Setup, project_variable};
use super::team::Team;
use crate::sandbox::stage::OLD;
use rekey::rotation::phase::Outcome;
use rekey::rotation::view::Action;
use rekey::sandbox::gitlab::{Fault, Place, Rule, Variable};

/// Stuck because the deploy job is red.
async fn red() -> Team {
    let team = Team::new().await;
    team.stage.state.fail_job(Some("deploy"));
    team.approved().await;
    team.pass(60).await;
    assert!(team.stuck().await.what.starts_with("Verification failed"));
    team
}

#[tokio::test]
async fn retry_goes_on_once_the_pipeline_is_mended() {
    let team = red().await;
    let minted = team.held();
    team.stage.state.fail_job(None);
    team.click("bob", Action::Retry).await.unwrap();
    team.pass(3600).await;
    team.done().await;
    assert_eq!(team.held(), minted, "the same token");
    assert_eq!(team.stage.state.pipelines().len(), 2, "a new pipeline");
}

#[tokio::test]
async fn restore_puts_the_old_value_back_and_revokes_the_new_token_after_the_quarantine() {
    let team = red().await;
    team.click("alice", Action::Restore).await.unwrap();
    team.pass(60).await;
    assert_eq!(team.held(), Some(team.stage.old));
    assert_eq!(team.live().len(), 2, "a late write could still deliver the new one");
    team.pass(3600).await;
    team.ended(Outcome::Abandoned).await;
    assert_eq!(team.live(), [team.stage.old], "the old one is left as it was");
    assert_eq!(team.held(), Some(team.stage.old));
}

#[tokio::test]
async fn abandon_leaves_both_tokens_and_says_so() {
    let team = red().await;
    team.click("alice", Action::Abandon).await.unwrap();
    team.pass(3600).await;
    team.ended(Outcome::Abandoned).await;
    assert_eq!(team.live().len(), 2);
    assert_eq!(team.held(), team.live().last().copied());
    assert!(
        team.comments()
            .iter()
            .any(|text| text.contains("both stay alive; every store holds") && text.contains("so revoke")),
        "{:?}",
        team.comments()
    );
}

#[tokio::test]
async fn only_approvers_may_choose() {
    let team = red().await;
    for action in [Action::Retry, Action::Restore, Action::Abandon] {
        assert!(team.refusal("carol", action).await.starts_with("only its approvers may decide"));
    }
    assert_eq!(team.refusal("alice", Action::Decline).await.split(':').next(), Some("already decided"));
}

#[tokio::test]
async fn a_store_denied_after_approval_is_retried_once_its_right_is_given_back() {
    let team = Team::new().await;
    team.approved().await;
    let place = Place::Project(team.stage.project);
    let role = |level| team.stage.state.with(|world| world.member(place, team.stage.bot, level));
    // The plan is compared once more before minting; the right is lost right after.
    team.stage.state.fault(Rule::new("PUT", "*/variables/*", Fault::HoldBefore));
    let (_, ()) = tokio::join!(team.work(), async {
        team.stage.state.held().await;
        team.stage.state.with(|world| world.member(place, team.stage.bot, 0));
        team.stage.state.with(|world| world.member(Place::Group(team.stage.group), team.stage.bot, 20));
        team.stage.state.release(true);
    });
    let why = team.stuck().await;
    assert!(why.what.contains(" stops the rotation: "), "{why:?}");
    assert_eq!(why.safe, "The old token still works. 0 of 1 stores hold the new value, which works too.");
    role(40);
    team.stage.state.with(|world| world.member(Place::Group(team.stage.group), team.stage.bot, 50));
    team.click("alice", Action::Retry).await.unwrap();
    team.pass(3600).await;
    team.done().await;
    assert_eq!(mints(&team), 1, "the value was still in memory");
}

#[tokio::test]
async fn what_a_person_put_into_a_store_is_not_sent_to_gitlab_to_find_out_whose_it_is() {
    let team = Team::new().await;
    team.approved().await;
    team.pass(60).await;
    assert_eq!(team.phase().await, "grace");
    // The variable is masked, so a password with spaces would not be taken.
    assert_eq!(team.stage.store("somebodys-own-password").await.0, 200);
    team.pass(3600).await;
    let why = team.stuck().await;
    assert!(why.what.contains("somebody changed it"), "{why:?}");
    let calls = team.stage.state.calls();
    let strangers: Vec<_> = calls.iter().filter(|call| call.caller.is_none()).collect();
    assert!(strangers.is_empty(), "{strangers:?}");
}

fn mints(team: &Team) -> usize {
    let calls = team.stage.state.calls();
    calls.iter().filter(|call| call.method == "POST" && call.path.ends_with("personal_access_tokens")).count()
}

/// Two variables; the second refuses its first write.
async fn half_written() -> Team {
    let team = Setup::new()
        .also_stored_in(project_variable("SECOND"))
        .start(|world, project| world.variable(Variable::new(Place::Project(project), "SECOND", OLD).masked()))
        .await;
    team.approved().await;
    team.stage.state.fault(Rule::new("PUT", "*/variables/SECOND", Fault::HoldBefore));
    let second = Place::Project(team.stage.project);
    tokio::join!(team.work(), async {
        team.stage.state.held().await;
        team.stage.state.with(|world| {
            world.member(Place::Project(team.stage.project), team.stage.bot, 30);
            world.member(Place::Group(team.stage.group), team.stage.bot, 30);
        });
        team.stage.state.release(true);
    });
    assert_eq!(team.stage.state.held_by(second, "SECOND", "*"), Some(team.stage.old));
    let why = team.stuck().await;
    assert!(why.safe.contains("1 of 2 stores hold the new value"), "{why:?}");
    team.stage.state.with(|world| {
        world.member(Place::Project(team.stage.project), team.stage.bot, 40);
        world.member(Place::Group(team.stage.group), team.stage.bot, 50);
    });
    team
}

#[tokio::test]
async fn a_second_store_that_fails_keeps_both_tokens_until_it_is_mended() {
    let team = half_written().await;
    assert_eq!(team.live().len(), 2);
    team.click("alice", Action::Retry).await.unwrap();
    team.pass(3600).await;
    team.done().await;
    let second = team.stage.state.held_by(Place::Project(team.stage.project), "SECOND", "*");
    assert_eq!(second, team.held());
}

#[tokio::test]
async fn restoring_a_half_written_rotation_touches_only_what_was_written() {
    let team = half_written().await;
    team.click("alice", Action::Restore).await.unwrap();
    team.pass(3600).await;
    team.ended(Outcome::Abandoned).await;
    assert_eq!(team.live(), [team.stage.old]);
    assert_eq!(team.held(), Some(team.stage.old));
    let writes = team.stage.state.calls().iter().filter(|c| c.method == "PUT" && c.path.ends_with("SECOND")).count();
    assert_eq!(writes, 1, "only the refused one");
}

#[tokio::test]
async fn restore_never_overwrites_what_a_person_put_there() {
    let team = red().await;
    team.stage.store("a-value-of-a-person").await;
    team.click("alice", Action::Restore).await.unwrap();
    team.pass(3600).await;
    let why = team.stuck().await;
    assert!(why.what.contains("it holds another value, which somebody put there"), "{why:?}");
    assert_eq!(team.live().len(), 2);
    team.stage.store(OLD).await;
    team.click("alice", Action::Retry).await.unwrap();
    team.pass(3600).await;
    team.ended(Outcome::Abandoned).await;
    assert_eq!(team.live(), [team.stage.old]);
}

#[tokio::test]
async fn restore_after_a_restart_says_that_the_previous_value_is_gone_and_what_to_do() {
    let mut team = red().await;
    team.restarted().await;
    team.click("alice", Action::Restore).await.unwrap();
    team.pass(60).await;
    let why = team.stuck().await;
    assert!(why.what.contains("rekey was restarted since"), "{why:?}");
    assert!(why.todo.contains("Put the previous value back by hand and retry"), "{why:?}");
    team.stage.store(OLD).await;
    team.click("alice", Action::Retry).await.unwrap();
    team.pass(3600).await;
    team.ended(Outcome::Abandoned).await;
    assert_eq!(team.live(), [team.stage.old]);
}

#[tokio::test]
async fn a_store_changed_by_a_person_before_the_revoke_keeps_every_token_alive() {
    let team = Team::new().await;
    team.approved().await;
    team.pass(60).await;
    assert_eq!(team.phase().await, "grace");
    let new = team.held().unwrap();
    team.stage.store(OLD).await;
    team.pass(3600).await;
    let why = team.stuck().await;
    assert!(why.what.contains(&format!("holds token {}, not the new one", team.stage.old)), "{why:?}");
    assert_eq!(team.live(), [team.stage.old, new], "never revoked");
    team.click("alice", Action::Retry).await.unwrap();
    team.pass(60).await;
    assert_ne!(team.held(), Some(team.stage.old), "nobody but the bot ever held the value, so it made another");
    team.pass(2 * 3600).await;
    team.done().await;
}

#[tokio::test]
async fn abandoning_after_somebody_changed_a_store_keeps_every_token_alive() {
    let team = Team::new().await;
    team.approved().await;
    team.pass(60).await;
    team.stage.store(OLD).await;
    team.pass(3600).await;
    team.stuck().await;
    team.click("alice", Action::Abandon).await.unwrap();
    team.pass(3600).await;
    team.ended(Outcome::Abandoned).await;
    assert_eq!(team.live().len(), 2);
}

#[tokio::test]
async fn a_new_token_revoked_by_a_person_is_noticed_before_the_old_one_dies() {
    let team = Team::new().await;
    team.stage.state.fail_job(Some("deploy"));
    team.approved().await;
    team.pass(60).await;
    let new = team.held().unwrap();
    team.stage.state.with(|world| world.revoke(new));
    team.stage.state.fail_job(None);
    team.click("alice", Action::Retry).await.unwrap();
    team.pass(60).await;
    assert!(team.stuck().await.what.contains("looks like an authentication failure"));
    assert_eq!(team.live(), [team.stage.old]);
}
