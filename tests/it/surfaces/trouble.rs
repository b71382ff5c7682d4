//! Trouble on the way and at the other end: no second card, nothing held up, everything caught up.

use super::bench::{Call, End, Place};
use super::scene::Scene;
use rekey::engine::settings::Backoff;
use rekey::rotation::view::Action;
use rekey::sandbox::gitlab::Fault;
use std::time::Duration;

super::on_every_card!(
    a_lost_answer_to_the_post_makes_no_second_card,
    a_lost_answer_to_an_edit_leaves_one_true_card,
    a_lost_answer_to_a_reply_is_said_once,
    a_surface_that_is_down_holds_nothing_up_and_is_caught_up,
    a_card_that_people_removed_is_not_made_again_and_holds_nothing_up,
    a_place_that_was_archived_holds_nothing_up,
    a_bot_that_was_shown_the_door_holds_nothing_up,
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

async fn ended(place: Place, how: End) {
    let scene = opened(place).await;
    scene.bench.end(&scene.team, how);
    to_the_end(&scene).await;
    let rotation = scene.team.rotation().await;
    assert!(rotation.phase.is_closed(), "{:?}", rotation.phase);
    assert_eq!(scene.team.held(), scene.team.live().first().copied());
    assert!(scene.bench.cards(&scene.team).len() <= 1, "no second card");
    // GitLab says of a project that it closed what it says of a passing refusal.
    let is_clear = place != Place::Issue || how == End::Removed;
    let mut seen = rotation.evidence.iter().filter(|seen| seen.source == place.surface());
    assert_eq!(seen.any(|seen| seen.what.starts_with("no longer there")), is_clear, "{:?}", rotation.evidence);
}

async fn a_card_that_people_removed_is_not_made_again_and_holds_nothing_up(place: Place) {
    ended(place, End::Removed).await;
}

async fn a_place_that_was_archived_holds_nothing_up(place: Place) {
    ended(place, End::Archived).await;
}

async fn a_bot_that_was_shown_the_door_holds_nothing_up(place: Place) {
    ended(place, End::Expelled).await;
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
