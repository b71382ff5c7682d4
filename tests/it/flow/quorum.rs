//! A store whose own people must agree: the rotation waits for them, says so, and takes no for an answer.

use super::setup::Setup;
use super::team::Team;
use crate::http::serve;
use crate::sandbox::stage::OLD;
use crate::store::fortanix::fake::{Fake, NAME, api_key};
use rekey::rotation::phase::Outcome;
use rekey::rotation::view::Action;
use rekey::secret::Secret;
use rekey::store::fortanix::{Key, Replaced, Settings, Spec};
use rekey::store::{Link, Source, StoreSpec};
use serde_json::json;
use std::cell::Cell;
use std::sync::Arc;

/// The deploy variable, and an object in a Fortanix DSM whose group has a quorum for replacing.
async fn guarded() -> (Team, Fake) {
    let fake = Fake::new();
    fake.world().objects.clear();
    fake.world().add(NAME, OLD, json!({ "user": "ada" }));
    fake.world().guarded = vec!["replace"];
    let link = Link { url: serve(fake.router()).await, ..Link::default() };
    let key = Arc::new(Key::Api(Source::Fixed(Secret::new(api_key()))));
    let mut setup = Setup::new();
    setup.connections.fortanix.insert("main".into(), Settings { link, key });
    let host = "amer.smartkey.io".to_owned();
    let spec = Spec { at: "main".into(), host, name: NAME.into(), replaced: Replaced::Deactivate };
    let team = setup.also_stored_in(StoreSpec::Fortanix(spec)).start(|_, _| {}).await;
    (team, fake)
}

/// Two workers work while the story is told, because who holds a value does not let go of it while it waits, and somebody
/// must say on the issue what there is to say.
async fn meanwhile(team: &Team, story: impl Future<Output = ()>) {
    let told = Cell::new(false);
    let worker = async || {
        while !told.get() {
            team.work_once().await;
            team.stage.state.run_pipelines();
            tokio::task::yield_now().await;
        }
    };
    tokio::join!(worker(), worker(), async {
        story.await;
        told.set(true);
    });
}

/// Lets time pass until it is so.
async fn until(team: &Team, is_so: impl AsyncFn() -> bool) {
    while !is_so().await {
        team.stage.clock.advance(1);
    }
}

async fn asked(team: &Team, fake: &Fake) {
    let words = "the approvers of deploy token in Fortanix DSM must agree to request";
    until(team, async || {
        team.rotation().await;
        fake.requests().len() == 1 && team.issue().contains(words)
    })
    .await;
}

/// Until it is no longer the stores that are waited for.
async fn moved_on(team: &Team) {
    until(team, async || !["minting", "distributing"].contains(&team.phase().await)).await;
}

#[tokio::test]
async fn a_rotation_waits_for_the_quorum_of_a_store_and_says_whom_it_waits_for() {
    let (team, fake) = guarded().await;
    team.approved().await;
    Box::pin(meanwhile(&team, async {
        asked(&team, &fake).await;
        assert_eq!((team.phase().await, team.live().len()), ("distributing", 2), "both tokens live meanwhile");
        assert_eq!(fake.value(NAME).as_deref(), Some(OLD));
        fake.world().approve();
        moved_on(&team).await;
    }))
    .await;
    team.pass(43_200).await;
    team.done().await;
    assert_ne!(fake.value(NAME).as_deref(), Some(OLD));
    assert!(fake.requests().is_empty());
}

#[tokio::test]
async fn a_quorum_that_says_no_leaves_the_decision_to_the_approvers_of_the_rotation() {
    let (team, fake) = guarded().await;
    team.approved().await;
    Box::pin(meanwhile(&team, async {
        asked(&team, &fake).await;
        fake.world().deny();
        moved_on(&team).await;
    }))
    .await;
    let why = team.stuck().await;
    assert!(why.what.contains("its approvers denied request"), "{why:?}");
    team.click("alice", Action::Restore).await.unwrap();
    team.pass(43_200).await;
    team.ended(Outcome::Abandoned).await;
    assert_eq!((fake.value(NAME).as_deref(), fake.requests().len()), (Some(OLD), 0), "nothing is asked any more");
    assert_eq!(team.live(), [team.stage.old]);
}
