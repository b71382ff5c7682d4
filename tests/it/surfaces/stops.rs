//! A rotation that stops, goes on and stops again: what was offered at the first stop says nothing about the second.

use super::bench::Place;
use super::scene::Scene;
use rekey::rotation::phase::Outcome;
use rekey::rotation::view::Action;

#[tokio::test]
async fn in_slack_a_button_of_an_earlier_stop_does_nothing_at_a_later_one() {
    Box::pin(a_button_of_an_earlier_stop_does_nothing_at_a_later_one(Place::Slack)).await;
}

#[tokio::test]
async fn in_discord_a_button_of_an_earlier_stop_does_nothing_at_a_later_one() {
    Box::pin(a_button_of_an_earlier_stop_does_nothing_at_a_later_one(Place::Discord)).await;
}

async fn a_button_of_an_earlier_stop_does_nothing_at_a_later_one(place: Place) {
    let scene = Scene::open(place).await;
    scene.team.stage.state.fail_job(Some("deploy"));
    scene.decide("alice", Action::Approve).await;
    scene.team.pass(600).await;
    let earlier = [Action::Retry, Action::Restore, Action::Abandon].map(|action| scene.offer("alice", action));
    scene.decide("bob", Action::Retry).await;
    scene.team.pass(600).await;
    let before = scene.team.rotation().await;
    assert_eq!((before.phase.name(), before.stops), ("stuck", 2));
    for click in &earlier {
        scene.send(click).await;
        scene.settle().await;
    }
    let refused =
        "That was an earlier stop, so nothing was done; look at the card, which says why it stands still now.";
    // Where it is asked whether it is really meant, the question is answered too.
    let told: Vec<String> = scene.told("alice").into_iter().filter(|words| !words.starts_with("Noted;")).collect();
    assert_eq!(told, [refused; 3]);
    assert_eq!(scene.team.rotation().await, before);
    scene.decide("alice", Action::Abandon).await;
    scene.team.pass(3600).await;
    scene.team.ended(Outcome::Abandoned).await;
}
