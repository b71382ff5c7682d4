//! Decisions: once, by the right people, about the plan that was seen.

use super::bench::{Bench as _, Place};
use super::issue::Issues;
use super::scene::Scene;
use rekey::rotation::phase::Outcome;
use rekey::rotation::view::Action;

super::on_every_surface!(
    a_decision_here_carries_a_rotation_through,
    every_action_of_the_card_does_what_it_says,
    who_may_not_decide_is_told_so_alone_and_nothing_changes,
    a_stranger_is_turned_away_and_it_is_written_down,
    a_click_that_comes_twice_counts_once,
    of_two_people_at_once_one_decides_and_the_other_hears_who_and_when,
    whoever_of_two_at_the_same_moment_comes_first_decides_alone,
    a_decision_elsewhere_takes_the_buttons_away_here,
    a_click_on_a_plan_that_has_changed_is_refused_with_the_present_one,
    a_restart_between_click_and_effect_loses_nothing,
    a_card_thirty_days_old_still_tells_the_truth,
    two_of_two_must_say_yes_and_nobody_twice,
);

async fn a_decision_here_carries_a_rotation_through(place: Place) {
    let scene = Scene::open(place).await;
    scene.decide("alice", Action::Approve).await;
    assert!(
        scene
            .team
            .rotation()
            .await
            .evidence
            .iter()
            .any(|seen| { seen.source == place.surface() && seen.what == "alice approved (1 of 1)" })
    );
    assert_eq!(scene.told("alice"), [""; 0], "the card shows it");
    scene.team.pass(3600).await;
    scene.team.done().await;
    assert!(scene.card().contains("The new token is stored and proven"), "{}", scene.card());
    assert!(!scene.offers(Action::Approve) && !scene.offers(Action::Decline));
}

async fn every_action_of_the_card_does_what_it_says(place: Place) {
    let scene = Scene::open(place).await;
    scene.decide("bob", Action::Snooze).await;
    assert!(scene.team.rotation().await.snoozed.contains_key(&"bob".into()));
    scene.team.stage.state.fail_job(Some("deploy"));
    scene.decide("alice", Action::Approve).await;
    scene.team.pass(600).await;
    assert_eq!(scene.team.phase().await, "stuck");
    scene.decide("alice", Action::Retry).await;
    scene.team.pass(600).await;
    assert_eq!(scene.team.phase().await, "stuck");
    scene.decide("bob", Action::Restore).await;
    scene.team.pass(3600).await;
    scene.team.ended(Outcome::Abandoned).await;
    assert_eq!(scene.team.held(), Some(scene.team.stage.old), "the previous value is back");

    let scene = Scene::open(place).await;
    scene.decide("alice", Action::Decline).await;
    scene.team.ended(Outcome::Declined).await;

    let scene = Scene::open(place).await;
    scene.team.stage.state.fail_job(Some("deploy"));
    scene.decide("alice", Action::Approve).await;
    scene.team.pass(600).await;
    scene.decide("bob", Action::Abandon).await;
    scene.team.pass(3600).await;
    scene.team.ended(Outcome::Abandoned).await;
}

async fn who_may_not_decide_is_told_so_alone_and_nothing_changes(place: Place) {
    let scene = Scene::open(place).await;
    let before = (scene.team.rotation().await, scene.card());
    for action in [Action::Approve, Action::Decline, Action::Snooze] {
        scene.decide("carol", action).await;
    }
    let refused = "Only its approvers may decide on this token; ask alice, bob.";
    assert_eq!(scene.told("carol"), [refused; 3]);
    assert_eq!(scene.told("alice"), [""; 0]);
    assert_eq!((scene.team.rotation().await, scene.card()), before);
}

async fn a_stranger_is_turned_away_and_it_is_written_down(place: Place) {
    let scene = Scene::open(place).await;
    let before = scene.team.rotation().await;
    let lines = scene.team.engine.ledger.verify().await.unwrap().lines;
    scene.decide("mallory", Action::Decline).await;
    let told = scene.told("mallory");
    assert!(told.len() == 1 && told[0].starts_with("rekey does not know you."), "{told:?}");
    assert_eq!(scene.team.rotation().await, before);
    let journal = scene.team.engine.ledger.verify().await.unwrap();
    assert_eq!((journal.fault, journal.lines), (None, lines + 1), "one more line, of somebody who is nobody here");
}

async fn a_click_that_comes_twice_counts_once(place: Place) {
    let scene = Scene::with(place, |setup| setup.token(|token| token.quorum = 2), |_, _| {}).await;
    scene.team.open().await;
    let click = scene.offer("alice", Action::Approve);
    for _ in 0..3 {
        scene.send(&click).await;
        scene.settle().await;
    }
    scene.send(&click).await;
    scene.send(&click).await;
    scene.settle().await;
    let rotation = scene.team.rotation().await;
    assert_eq!(rotation.approvals.len(), 1);
    let journal = scene.team.engine.ledger.journal(&rotation.id).await.unwrap();
    assert_eq!(journal.iter().filter(|line| line.line.event.contains("approve")).count(), 1, "{journal:?}");
    assert_eq!(scene.told("alice"), [""; 0]);
}

async fn of_two_people_at_once_one_decides_and_the_other_hears_who_and_when(place: Place) {
    let scene = Scene::open(place).await;
    let (first, second) = (scene.offer("alice", Action::Approve), scene.offer("bob", Action::Approve));
    scene.send(&first).await;
    scene.send(&second).await;
    scene.settle().await;
    let late = scene.told("bob");
    assert_eq!(late.len(), 1, "{late:?}");
    assert!(late[0].starts_with("Already decided: alice approved (1 of 1), 2026-11-21 14:0"), "{late:?}");
    assert_eq!(scene.told("alice"), [""; 0]);
    scene.team.pass(3600).await;
    scene.team.done().await;
}

async fn whoever_of_two_at_the_same_moment_comes_first_decides_alone(place: Place) {
    let scene = Scene::open(place).await;
    let (yes, no) = (scene.offer("alice", Action::Approve), scene.offer("bob", Action::Decline));
    tokio::join!(scene.send(&yes), scene.send(&no));
    scene.settle().await;
    let evidence = scene.team.rotation().await.evidence;
    let said = |what: &str| evidence.iter().filter(|line| line.what.starts_with(what)).count();
    let (loser, winner) = match (said("alice approved"), said("bob declined")) {
        (1, 0) => ("bob", "alice approved (1 of 1)"),
        (0, 1) => ("alice", "bob declined"),
        both => unreachable!("{both:?} {evidence:?}"),
    };
    let told = scene.told(loser);
    assert!(told.len() == 1 && told[0].starts_with(&format!("Already decided: {winner}, ")), "{told:?}");
}

async fn a_decision_elsewhere_takes_the_buttons_away_here(place: Place) {
    let scene = Scene::open(place).await;
    let late = scene.offer("bob", Action::Approve);
    scene.team.click_with("alice", Action::Decline, |click| click.via = "cli".into()).await.unwrap();
    scene.settle().await;
    assert!(Action::ALL.iter().all(|action| !scene.offers(*action)), "{}", scene.card());
    assert!(scene.card().contains("Declined"), "{}", scene.card());
    scene.send(&late).await;
    scene.settle().await;
    let told = scene.told("bob");
    assert!(told.len() == 1 && told[0].starts_with("Already decided: alice declined, 2026-11-21"), "{told:?}");
    scene.team.ended(Outcome::Declined).await;
}

async fn a_click_on_a_plan_that_has_changed_is_refused_with_the_present_one(place: Place) {
    let mut scene = Scene::open(place).await;
    let old = scene.offer("alice", Action::Approve);
    scene.team.setup.tokens[0].grace_seconds = 1_800;
    scene.restart().await;
    scene.team.engine.look_again(&scene.team.rotation().await).await.unwrap();
    scene.send(&old).await;
    scene.settle().await;
    let present = scene.team.rotation().await.plan.hash();
    let words = format!("The plan has changed; the present one is {}. Look at it before you approve.", present.short());
    assert_eq!(scene.told("alice"), [words]);
    assert_eq!(scene.team.phase().await, "awaiting_approval");
    scene.decide("alice", Action::Approve).await;
    scene.team.pass(7200).await;
    scene.team.done().await;
}

async fn a_restart_between_click_and_effect_loses_nothing(place: Place) {
    let mut scene = Scene::open(place).await;
    let click = scene.offer("alice", Action::Approve);
    scene.send(&click).await;
    scene.restart().await;
    scene.settle().await;
    scene.team.pass(3600).await;
    scene.team.done().await;
    scene.card();
}

async fn a_card_thirty_days_old_still_tells_the_truth(place: Place) {
    let scene = Scene::with(
        place,
        |setup| setup.token(|token| token.rotate_before_days = 90),
        |world, _| {
            let expires = "2027-01-20".parse().unwrap();
            world
                .tokens
                .values_mut()
                .filter(|token| token.name == "deploy")
                .for_each(|token| token.expires_at = Some(expires));
        },
    )
    .await;
    scene.team.open().await;
    scene.team.pass(30 * 86_400).await;
    scene.decide("carol", Action::Approve).await;
    assert_eq!(scene.told("carol").len(), 1);
    scene.decide("alice", Action::Decline).await;
    assert_eq!(scene.told("alice"), [""; 0], "the card tells");
    scene.team.pass(60).await;
    scene.team.ended(Outcome::Declined).await;
    assert!(scene.card().contains("Declined"), "{}", scene.card());
    assert!(Action::ALL.iter().all(|action| !scene.offers(*action)));
}

async fn two_of_two_must_say_yes_and_nobody_twice(place: Place) {
    let scene = Scene::with(place, |setup| setup.token(|token| token.quorum = 2), |_, _| {}).await;
    scene.team.open().await;
    scene.decide("alice", Action::Approve).await;
    scene.decide("alice", Action::Approve).await;
    assert_eq!(scene.told("alice"), ["You approved this plan already; 1 more needed."]);
    assert!(scene.card().contains("alice approved (1 of 2)"), "{}", scene.card());
    scene.decide("bob", Action::Approve).await;
    scene.team.pass(3600).await;
    scene.team.done().await;
}

#[tokio::test]
async fn of_a_click_and_a_comment_at_once_one_decides_and_the_other_hears_who_and_when() {
    for place in [Place::Slack, Place::Discord] {
        let (scene, issues) = (Scene::open(place).await, Issues::default());
        let click = scene.offer("alice", Action::Approve);
        let comment = issues.offer(&scene.team, "bob", Action::Decline).unwrap();
        scene.send(&click).await;
        scene.team.stage.clock.advance(1);
        issues.send(&scene.team, &comment).await;
        scene.settle().await;
        let told = issues.told(&scene.team, "bob");
        assert!(told.len() == 1 && told[0].starts_with("Already decided: alice approved (1 of 1), "), "{told:?}");
        scene.team.pass(3600).await;
        scene.team.done().await;
    }
}
