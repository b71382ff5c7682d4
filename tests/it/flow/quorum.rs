//! A store whose own people must agree: the rotation waits for them, says so, and takes no for an answer.

use super::setup::Setup;
use super::team::Team;
use crate::http::serve;
use crate::sandbox::stage::OLD;
use crate::secret_store::fortanix::fake::{Fake, NAME, api_key};
use rekey::rotation::phase::Outcome;
use rekey::rotation::view::Action;
use rekey::secret::Secret;
use rekey::secret_store::fortanix::{Key, Replaced, Settings, Spec};
use rekey::secret_store::{Link, Source, StoreSpec};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

const DAY: i64 = 86_400;

/// The deploy variable, and an object in a Fortanix DSM whose group has a quorum for replacing.
async fn guarded() -> (Team, Fake) {
    let fake = Fake::new();
    fake.world().objects.clear();
    fake.world().add(NAME, OLD, json!({ "user": "ada" }));
    fake.world().guarded = vec!["replace"];
    let link = Link { url: serve(fake.router()).await, ..Link::default() };
    let key = Arc::new(Key::Api(Source::Fixed(Secret::new(api_key()))));
    let mut setup = Setup::new().settings(|settings| settings.poll = Duration::from_secs(3600));
    setup.connections.fortanix.insert("main".into(), Settings { link, key });
    let host = "amer.smartkey.io".to_owned();
    let spec = Spec { at: "main".into(), host, name: NAME.into(), replaced: Replaced::Deactivate };
    let team = setup.also_stored_in(StoreSpec::Fortanix(spec)).start(|_, _| {}).await;
    (team, fake)
}

#[tokio::test]
async fn a_rotation_waits_for_the_quorum_of_a_store_and_says_whom_it_waits_for() {
    let (team, fake) = guarded().await;
    team.approved().await;
    team.pass(3600).await;
    assert_eq!((team.phase().await, fake.requests().len()), ("distributing", 1));
    let words = "the approvers of deploy token in Fortanix DSM must agree to request";
    assert!(team.issue().contains(words), "{}", team.issue());
    assert_eq!(fake.value(NAME).as_deref(), Some(OLD));
    assert_eq!(team.live().len(), 2, "both tokens live meanwhile");
    fake.world().approve();
    team.pass(DAY / 2).await;
    team.done().await;
    assert_ne!(fake.value(NAME).as_deref(), Some(OLD));
    assert!(fake.requests().is_empty());
}

#[tokio::test]
async fn a_quorum_that_says_no_leaves_the_decision_to_the_approvers_of_the_rotation() {
    let (team, fake) = guarded().await;
    team.approved().await;
    team.pass(600).await;
    fake.world().deny();
    team.pass(3600).await;
    let why = team.stuck().await;
    assert!(why.what.contains("its approvers denied request"), "{why:?}");
    team.click("alice", Action::Restore).await.unwrap();
    team.pass(DAY / 2).await;
    team.ended(Outcome::Abandoned).await;
    assert_eq!((fake.value(NAME).as_deref(), fake.requests().len()), (Some(OLD), 0), "nothing is asked any more");
    assert_eq!(team.live(), [team.stage.old]);
}

#[tokio::test]
async fn a_quorum_that_says_nothing_ends_the_waiting_when_an_approval_would_have_ended() {
    let (team, fake) = guarded().await;
    team.approved().await;
    team.pass(2 * DAY).await;
    assert_eq!(team.phase().await, "distributing");
    team.pass(2 * DAY).await;
    let why = team.stuck().await;
    assert!(why.what.contains("nobody decided in time"), "{why:?}");
    fake.world().approve();
    team.click("alice", Action::Retry).await.unwrap();
    team.pass(DAY / 2).await;
    team.done().await;
}
