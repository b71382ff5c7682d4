//! A token that somebody made or rotated by hand and stored nowhere: its stores hold a dead value, whether it is due or not.

use super::setup::Setup;
use super::team::Team;
use rekey::ledger::Filter;
use rekey::notice::{Change, Notice, Source, Subject};
use rekey::rotation::phase::Outcome;
use rekey::rotation::record::Rotation;
use rekey::rotation::view::Action;
use rekey::sandbox::gitlab::Mint;

/// A team whose token has time.
async fn in_no_hurry() -> Team {
    Setup::new().token(|token| token.rotate_before_days = 2).start(|_, _| {}).await
}

async fn scan(team: &Team) {
    assert!(team.engine.scan_and_tell().await);
    team.work().await;
}

async fn open_cases(team: &Team) -> Vec<Rotation> {
    team.engine.ledger.list(Filter { open_only: true, token: None, limit: 10 }).await.unwrap()
}

/// Somebody presses Rotate and stores nothing; the value that nobody has.
fn rotated_by_hand(team: &Team) -> (u64, String) {
    let mint = Mint::new(team.stage.account, "deploy", &["read_api"]).expires("2026-12-20".parse().unwrap());
    team.stage.state.with(|world| {
        world.revoke(team.stage.old);
        let minted = world.mint(mint);
        (minted.id, minted.value.expose().to_owned())
    })
}

#[tokio::test]
async fn a_token_that_was_rotated_by_hand_and_stored_nowhere_is_told_by_the_next_scan_until_it_is_stored() {
    let team = in_no_hurry().await;
    scan(&team).await;
    scan(&team).await;
    assert!(open_cases(&team).await.is_empty(), "all is well");
    let (heir, value) = rotated_by_hand(&team);
    for _ in 0..3 {
        scan(&team).await;
    }
    let issue = team.issue();
    assert!(issue.contains("🚧") && issue.contains(&format!("token {heir} of that name lives, but")), "{issue}");
    assert!(issue.contains("@alice"), "people are told: {issue}");
    assert!(team.refusal("alice", Action::Approve).await.starts_with("cannot be approved yet"));
    let asked = || team.stage.state.calls().iter().filter(|call| call.path.ends_with("/self")).count();
    team.pass(600).await;
    let calls = asked();
    team.pass(1200).await;
    assert_eq!(asked(), calls, "a dead value is not presented over and over");
    team.stage.store(&value).await;
    team.pass(300).await;
    team.ended(Outcome::Superseded).await;
    scan(&team).await;
    assert!(open_cases(&team).await.is_empty());
    team.stage.clock.set("2026-12-18T09:00:00Z".parse().unwrap());
    scan(&team).await;
    assert_eq!(open_cases(&team).await.len(), 1, "and when its time has come it is asked about");
}

#[tokio::test]
async fn a_mail_that_says_so_is_heeded_at_once_and_one_about_a_token_in_its_place_costs_nothing() {
    let team = in_no_hurry().await;
    let mail = Notice::Tokens {
        change: Change::Rotated,
        subject: Subject::Personal { display_name: None },
        host: team.engine.gitlab.host().to_owned(),
        names: vec!["deploy".into()],
        days: None,
        source: Source::Mail { message_id: None, from: "gitlab@gitlab.example".into(), forwarded: false },
    };
    assert!(team.engine.heed(&mail).await.unwrap().contains("is where it belongs"));
    rotated_by_hand(&team);
    assert!(team.engine.heed(&mail).await.unwrap().contains("opened"));
    team.work().await;
    assert!(team.issue().contains("does not hold it; what it holds instead is dead or another's"), "{}", team.issue());
}

#[tokio::test]
async fn what_is_in_the_stores_of_a_token_that_died_is_looked_at_before_it_is_called_dead() {
    let team = Team::new().await;
    team.open().await;
    let other = Mint::new(team.stage.account, "deploy-2027", &["read_api"]);
    let (id, value) = team.stage.state.with(|world| {
        world.revoke(team.stage.old);
        let minted = world.mint(other);
        (minted.id, minted.value.expose().to_owned())
    });
    team.stage.store(&value).await;
    team.pass(7 * 3600).await;
    let issue = team.issue();
    assert!(issue.contains(&format!("holds token {id}, which lives")) && !issue.contains("is dead"), "{issue}");
}
