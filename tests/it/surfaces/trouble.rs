//! Trouble on the way and at the other end: no second card, nothing held up, everything caught up.

use super::bench::{Call, End, Place};
use super::scene::Scene;
use rekey::engine::settings::Backoff;
use rekey::rotation::record::Rotation;
use rekey::rotation::view::Action;
use rekey::sandbox::gitlab::Fault;
use std::time::Duration;

super::on_every_card!(
    a_lost_answer_to_the_post_makes_no_second_card,
    a_lost_answer_to_an_edit_leaves_one_true_card,
    a_lost_answer_to_a_reply_is_said_once,
    a_surface_that_is_down_holds_nothing_up_and_is_caught_up,
    an_edit_that_is_refused_for_now_keeps_nothing_back_that_people_must_hear,
    a_card_that_people_removed_is_not_made_again_and_holds_nothing_up,
    a_place_that_is_closed_before_the_first_card_gets_it_once_it_is_open,
    a_place_that_is_closed_for_a_while_holds_nothing_up_and_is_told_the_truth_afterwards,
    a_place_that_stays_closed_for_a_week_after_the_end_is_left_alone,
    rules_that_forbid_it_for_a_while_hold_nothing_up_and_are_not_run_against,
    too_many_calls_are_waited_for,
);

async fn to_the_end(scene: &Scene) {
    let plan = Some(scene.team.rotation().await.plan.hash().0);
    let yes = scene.team.click_with("alice", Action::Approve, |click| {
        click.via = "cli".into();
        click.plan = plan;
    });
    yes.await.unwrap();
    scene.team.pass(3600).await;
}

/// A team whose bot waits minutes before it tries again.
async fn patient(place: Place) -> Scene {
    let backoff = Backoff { first: Duration::from_secs(60), most: Duration::from_secs(600) };
    Scene::with(place, |setup| setup.settings(|settings| settings.backoff = backoff), |_, _| {}).await
}

async fn opened(place: Place) -> Scene {
    let scene = patient(place).await;
    scene.team.open().await;
    scene
}

fn lost() -> [Fault; 3] {
    [Fault::CutAfter, Fault::ErrorAfter { status: 502 }, Fault::TruncatedJson]
}

async fn a_lost_answer_to_the_post_makes_no_second_card(place: Place) {
    for fault in lost() {
        let scene = patient(place).await;
        scene.bench.trouble(&scene.team, Call::Post, fault.clone(), 1);
        scene.team.open().await;
        scene.team.pass(600).await;
        assert!(scene.offers(Action::Approve), "{fault:?}: {}", scene.card());
        scene.decide("alice", Action::Approve).await;
        scene.team.pass(3600).await;
        scene.team.done().await;
        scene.card();
    }
}

async fn a_lost_answer_to_an_edit_leaves_one_true_card(place: Place) {
    for fault in lost() {
        let scene = opened(place).await;
        scene.bench.trouble(&scene.team, Call::Edit, fault, 3);
        scene.decide("alice", Action::Approve).await;
        scene.team.pass(3600).await;
        scene.team.done().await;
        assert!(scene.card().contains("Done"), "{}", scene.card());
    }
}

async fn a_lost_answer_to_a_reply_is_said_once(place: Place) {
    for fault in lost() {
        let scene = opened(place).await;
        scene.bench.trouble(&scene.team, Call::Reply, fault, 1);
        scene.decide("alice", Action::Approve).await;
        scene.team.pass(3600).await;
        scene.team.done().await;
        let replies = scene.bench.replies(&scene.team);
        assert_eq!(replies.len(), scene.team.rotation().await.announcements.len(), "{replies:#?}");
    }
}

async fn a_surface_that_is_down_holds_nothing_up_and_is_caught_up(place: Place) {
    let scene = opened(place).await;
    scene.bench.trouble(&scene.team, Call::Any, Fault::ErrorBefore { status: 503 }, 0);
    to_the_end(&scene).await;
    let rotation = scene.team.rotation().await;
    assert!(rotation.phase.is_closed(), "{:?}", rotation.phase);
    assert!(scene.offers(Action::Approve), "nobody could tell the card");
    scene.bench.calm(&scene.team);
    scene.team.pass(3600).await;
    assert!(scene.card().contains("Done"), "{}", scene.card());
    assert!(Action::ALL.iter().all(|action| !scene.offers(*action)));
    assert_eq!(scene.bench.replies(&scene.team).len(), rotation.announcements.len());
}

/// A rotation that stops for a person, approved elsewhere.
async fn stops(scene: &Scene) {
    scene.team.stage.state.fail_job(Some("deploy"));
    to_the_end(scene).await;
    assert_eq!(scene.team.phase().await, "stuck");
}

async fn an_edit_that_is_refused_for_now_keeps_nothing_back_that_people_must_hear(place: Place) {
    let scene = opened(place).await;
    scene.bench.trouble(&scene.team, Call::Edit, Fault::ErrorBefore { status: 503 }, 0);
    stops(&scene).await;
    assert!(scene.offers(Action::Approve), "nobody could edit the card");
    let is_it = |said: &&String| said.contains("Stuck.") && said.contains(&scene.bench.mention("alice"));
    assert_eq!(scene.bench.replies(&scene.team).iter().filter(is_it).count(), 1);
    scene.bench.calm(&scene.team);
    scene.team.pass(3600).await;
    assert!(scene.offers(Action::Retry), "{}", scene.card());
    assert_eq!(scene.bench.replies(&scene.team).iter().filter(is_it).count(), 1);
}

#[tokio::test]
async fn in_slack_without_their_card_people_still_hear_once_that_they_are_needed() {
    people_still_hear_that_they_are_needed(Place::Slack).await;
}

#[tokio::test]
async fn in_discord_without_their_card_people_still_hear_once_that_they_are_needed() {
    people_still_hear_that_they_are_needed(Place::Discord).await;
}

async fn people_still_hear_that_they_are_needed(place: Place) {
    let scene = opened(place).await;
    scene.bench.end(&scene.team, End::Removed);
    stops(&scene).await;
    assert!(said_gone(&scene.team.rotation().await, place));
    let heard = || {
        let all = scene.bench.cards(&scene.team).into_iter().chain(scene.bench.replies(&scene.team));
        all.filter(|said| said.contains("Stuck.") && said.contains(&scene.bench.mention("alice"))).count()
    };
    assert_eq!(heard(), 1);
    scene.team.pass(3600).await;
    assert_eq!(heard(), 1);
    assert!(Action::ALL.iter().all(|action| !scene.offers(*action)), "it is no card");
}

async fn a_card_that_people_removed_is_not_made_again_and_holds_nothing_up(place: Place) {
    let scene = opened(place).await;
    scene.bench.end(&scene.team, End::Removed);
    to_the_end(&scene).await;
    let rotation = scene.team.rotation().await;
    assert!(rotation.phase.is_closed(), "{:?}", rotation.phase);
    assert_eq!(scene.team.held(), scene.team.live().first().copied());
    assert!(scene.bench.cards(&scene.team).is_empty(), "no second card");
    assert!(said_gone(&rotation, place), "{:?}", rotation.evidence);
    assert!(place == Place::Issue || scene.team.issue().contains("no longer there"), "{}", scene.team.issue());
}

fn said_gone(rotation: &Rotation, place: Place) -> bool {
    let mut seen = rotation.evidence.iter().filter(|seen| seen.source == place.surface());
    seen.any(|seen| seen.what.starts_with("no longer there"))
}

/// What people do to a place and may take back.
const CLOSED: [End; 2] = [End::Archived, End::Expelled];

async fn a_place_that_is_closed_before_the_first_card_gets_it_once_it_is_open(place: Place) {
    for how in CLOSED {
        let scene = patient(place).await;
        scene.bench.end(&scene.team, how);
        scene.team.open().await;
        scene.team.pass(3600).await;
        assert!(scene.bench.cards(&scene.team).is_empty());
        scene.bench.undo(&scene.team, how);
        scene.team.pass(600).await;
        assert!(scene.offers(Action::Approve), "{how:?}: {}", scene.card());
        scene.decide("alice", Action::Approve).await;
        scene.team.pass(3600).await;
        scene.team.done().await;
        assert!(scene.card().contains("Done"), "{how:?}: {}", scene.card());
    }
}

async fn a_place_that_is_closed_for_a_while_holds_nothing_up_and_is_told_the_truth_afterwards(place: Place) {
    for how in CLOSED {
        let scene = opened(place).await;
        scene.bench.end(&scene.team, how);
        to_the_end(&scene).await;
        caught_up(&scene, || scene.bench.undo(&scene.team, how)).await;
    }
}

async fn rules_that_forbid_it_for_a_while_hold_nothing_up_and_are_not_run_against(place: Place) {
    let scene = opened(place).await;
    scene.bench.forbid(&scene.team);
    to_the_end(&scene).await;
    caught_up(&scene, || scene.bench.calm(&scene.team)).await;
}

/// It came to its end without the surface, which is asked now and then, and shows the end once people have mended it.
async fn caught_up(scene: &Scene, mend: impl Fn()) {
    let rotation = scene.team.rotation().await;
    assert!(rotation.phase.is_closed(), "{:?}", rotation.phase);
    assert_eq!(scene.team.held(), scene.team.live().first().copied());
    let before = scene.bench.calls(&scene.team);
    scene.team.pass(3600).await;
    let calls = scene.bench.calls(&scene.team) - before;
    // Eight tries, each at most a look, the card, and every way of announcing.
    assert!((1..=8 * 5).contains(&calls), "{calls} calls in an hour");
    mend();
    scene.team.pass(600).await;
    assert!(scene.card().contains("Done"), "{}", scene.card());
    assert!(Action::ALL.iter().all(|action| !scene.offers(*action)));
    assert_eq!(scene.bench.replies(&scene.team).len(), rotation.announcements.len());
}

async fn a_place_that_stays_closed_for_a_week_after_the_end_is_left_alone(place: Place) {
    let backoff = Backoff { first: Duration::from_secs(60), most: Duration::from_secs(6 * 3600) };
    let scene = Scene::with(place, |setup| setup.settings(|settings| settings.backoff = backoff), |_, _| {}).await;
    scene.team.open().await;
    scene.bench.end(&scene.team, End::Archived);
    to_the_end(&scene).await;
    scene.team.pass(6 * 86_400).await;
    assert!(!said_gone(&scene.team.rotation().await, place));
    scene.team.pass(2 * 86_400).await;
    let rotation = scene.team.rotation().await;
    assert!(rotation.phase.is_closed() && said_gone(&rotation, place), "{:?}", rotation.evidence);
    let before = scene.bench.calls(&scene.team);
    scene.team.pass(30 * 86_400).await;
    assert_eq!(scene.bench.calls(&scene.team), before);
}

#[tokio::test]
async fn in_slack_a_token_that_holds_no_more_holds_nothing_up_and_another_makes_the_card_true() {
    another_token_makes_the_card_true(Place::Slack).await;
}

#[tokio::test]
async fn in_discord_a_token_that_holds_no_more_holds_nothing_up_and_another_makes_the_card_true() {
    another_token_makes_the_card_true(Place::Discord).await;
}

async fn another_token_makes_the_card_true(place: Place) {
    let mut scene = opened(place).await;
    scene.bench.revoke(&scene.team);
    let before = scene.bench.calls(&scene.team);
    to_the_end(&scene).await;
    assert!(scene.team.rotation().await.phase.is_closed());
    let calls = scene.bench.calls(&scene.team) - before;
    assert!((1..=20).contains(&calls), "{calls} calls");
    scene.bench.calm(&scene.team);
    scene.restart().await;
    scene.team.pass(600).await;
    assert!(scene.card().contains("Done"), "{}", scene.card());
}

async fn too_many_calls_are_waited_for(place: Place) {
    let scene = opened(place).await;
    scene.bench.trouble(&scene.team, Call::Edit, Fault::TooManyRequests { retry_after: 1 }, 2);
    scene.decide("alice", Action::Approve).await;
    // A surface's own second is a real one.
    let caught_up = async {
        while !scene.card().contains("Done") {
            scene.team.pass(600).await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(60), caught_up).await.is_ok(), "{}", scene.card());
}
