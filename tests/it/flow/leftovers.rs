//! What earlier rotations of the same token left, and tokens that were used while nobody held them: named, swept, silent.

use super::setup::Setup;
use super::team::Team;
use rekey::engine::stock::Stock;
use rekey::ledger::Word;
use rekey::rotation::phase::{Outcome, Phase};
use rekey::rotation::record::Origin;
use rekey::rotation::view::Action;
use rekey::sandbox::gitlab::{Fault, Mint, Rule};
use std::sync::Arc;

/// Abandoned with a new token in the store and the old one alive.
async fn abandoned() -> (Team, u64) {
    let team = Team::new().await;
    team.stage.state.fail_job(Some("deploy"));
    team.approved().await;
    team.pass(60).await;
    team.click("alice", Action::Abandon).await.unwrap();
    team.pass(3600).await;
    team.ended(Outcome::Abandoned).await;
    team.stage.state.fail_job(None);
    let left = team.held().unwrap();
    assert_eq!(team.live(), [team.stage.old, left]);
    (team, left)
}

#[tokio::test]
async fn the_next_rotation_knows_what_an_abandoned_one_left_and_sweeps_it() {
    let (team, left) = abandoned().await;
    team.engine.consider(&team.setup.tokens[0], Origin::Cli, true).await.unwrap();
    team.work().await;
    let rotation = team.rotation().await;
    let named = format!("token {left} is left of rotation");
    assert!(rotation.plan.warnings.iter().any(|warning| warning.starts_with(&named)), "{:?}", rotation.plan.warnings);
    let held = format!("holds token {left}, not {}", team.stage.old);
    assert!(rotation.plan.warnings.iter().any(|warning| warning.contains(&held)), "{:?}", rotation.plan.warnings);
    team.click("alice", Action::Approve).await.unwrap();
    team.pass(2 * 3600).await;
    let rotation = team.rotation().await;
    assert!(matches!(rotation.phase, Phase::Closed { outcome: Outcome::Done, .. }), "{:?}", rotation.phase);
    assert_eq!(team.live(), [team.held().unwrap()], "one token lives, and the store holds it");
    assert!(!team.live().contains(&left));
}

#[tokio::test]
async fn two_live_tokens_of_which_one_is_ours_are_no_dead_end() {
    let team = Setup::new().token(|token| token.rotate_before_days = 1).start(|_, _| {}).await;
    team.stage.state.fail_job(Some("deploy"));
    team.engine.consider(&team.setup.tokens[0], Origin::Cli, true).await.unwrap();
    team.work().await;
    team.click("alice", Action::Approve).await.unwrap();
    team.pass(60).await;
    team.click("alice", Action::Abandon).await.unwrap();
    team.pass(3600).await;
    assert_eq!(team.live().len(), 2);
    let meant = team.engine.live_token(&team.setup.tokens[0]).await.unwrap();
    assert_eq!(meant.id.0, team.stage.old);
    let list = team.engine.overview().await.unwrap();
    assert_eq!((list[0].id, list[0].problem.clone()), (Some(team.stage.old), None));
}

#[tokio::test]
async fn a_marker_that_anybody_may_write_is_shown_and_never_swept() {
    let team = Team::new().await;
    let forged = Mint::new(team.stage.account, "deploy", &["read_api"]).expires("2027-11-20".parse().unwrap());
    let forged = Mint { description: Some("rekey:01rotation0000000000000000.1".into()), ..forged };
    let forged = team.stage.state.with(|world| world.mint(forged)).id;
    team.open().await;
    let warnings = team.rotation().await.plan.warnings;
    let said = format!(
        "token {forged} has the same name, and token {forged} carries \"rekey:01rotation0000000000000000.1\", of which rekey \
         knows nothing: its database lost it, or somebody wrote it, so it stays alive; revoke it by hand if nobody needs it"
    );
    assert!(warnings.contains(&said), "{warnings:?}");
    assert!(team.rotation().await.plan.leftovers.is_empty());
}

#[tokio::test]
async fn a_marker_that_somebody_copied_from_a_rotation_of_ours_makes_no_token_ours() {
    let (team, left) = abandoned().await;
    let copied = team.stage.state.token(left).unwrap().description.unwrap();
    assert!(copied.contains(&format!("rekey:{}.1", team.rotation().await.id)), "{copied}");
    let forged = Mint::new(team.stage.account, "deploy", &["read_api"]).expires("2027-11-20".parse().unwrap());
    let forged = team.stage.state.with(|world| world.mint(Mint { description: Some(copied), ..forged })).id;
    team.engine.consider(&team.setup.tokens[0], Origin::Cli, true).await.unwrap();
    team.work().await;
    let plan = team.rotation().await.plan;
    assert_eq!(plan.leftovers.iter().map(|left| left.token.0).collect::<Vec<_>>(), [left]);
    let said = format!("token {forged} has the same name, and token {forged} carries");
    assert!(plan.warnings.iter().any(|warning| warning.starts_with(&said)), "{:?}", plan.warnings);
    team.click("alice", Action::Approve).await.unwrap();
    team.pass(2 * 3600).await;
    assert_eq!(team.live(), [forged, team.held().unwrap()], "theirs stays alive");
}

#[tokio::test]
async fn an_empty_database_beside_tokens_that_carry_our_marker_starts_only_with_a_word() {
    let team = Team::new().await;
    team.engine.take_stock(Word::Nothing).await.unwrap();
    let ours = Mint::new(team.stage.account, "deploy", &["read_api"]).expires("2027-11-20".parse().unwrap());
    let ours = Mint { description: Some("for the deployment rekey:01forgotten.1".into()), ..ours };
    let ours = team.stage.state.with(|world| world.mint(ours)).id;
    let refused = team.engine.take_stock(Word::Nothing).await.unwrap_err().to_string();
    let said = format!("token {ours} of service account deploy-bot of group acme carries \"rekey:01forgotten.1\"");
    assert!(refused.contains(&said) && refused.ends_with("start once with `rekey serve --new`"), "{refused}");
    team.engine.take_stock(Word::New).await.unwrap();
}

#[tokio::test]
async fn a_database_that_holds_nothing_but_a_login_is_empty_until_somebody_says_that_it_shall_be_new() {
    let mut team = Team::new().await;
    let ours = Mint::new(team.stage.account, "deploy", &["read_api"]).expires("2027-11-20".parse().unwrap());
    let ours = Mint { description: Some("for the deployment rekey:01forgotten.1".into()), ..ours };
    team.stage.state.with(|world| world.mint(ours));
    team.engine.ledger.hold_login("gitlab.example", "alice", 11, team.now()).await.unwrap();
    let refused = team.engine.take_stock(Word::Nothing).await.unwrap_err().to_string();
    assert!(refused.contains("the database is empty"), "{refused}");
    // A command that does not serve opens nothing in it either.
    let mut command = team.twin().await;
    Arc::get_mut(&mut command).unwrap().stock = Stock::untaken();
    let refused = command.consider(&team.setup.tokens[0], Origin::Cli, true).await.unwrap_err().to_string();
    assert!(refused.contains("the database is empty"), "{refused}");
    assert!(command.rotation("deploy").await.is_err());

    team.engine.take_stock(Word::New).await.unwrap();
    team.restarted().await;
    team.engine.take_stock(Word::Nothing).await.expect("it was said once");
    let refused = team.engine.take_stock(Word::New).await.unwrap_err().to_string();
    assert!(refused.starts_with("--new is for a database that is empty, behind or changed"), "{refused}");
    team.open().await;
}

#[tokio::test]
async fn what_an_abandoned_rotation_left_is_known_however_long_ago_it_was() {
    let (team, left) = abandoned().await;
    let abandoned = team.rotation().await.id;
    let forget = async || team.engine.ledger.forget_closed(team.now(), team.now()).await.unwrap();
    assert_eq!(forget().await, 0, "nothing else tells whose token that is");
    team.engine.consider(&team.setup.tokens[0], Origin::Cli, true).await.unwrap();
    team.work().await;
    let rotation = team.rotation().await;
    assert_eq!(rotation.plan.leftovers.iter().map(|left| left.token.0).collect::<Vec<_>>(), [left]);
    team.click("alice", Action::Approve).await.unwrap();
    team.pass(2 * 3600).await;
    assert_eq!(team.live(), [team.held().unwrap()]);
    assert_eq!(forget().await, 2, "once it is swept nobody needs to know");
    assert!(team.engine.ledger.load(&abandoned).await.unwrap().is_none());
}

#[tokio::test]
async fn the_plan_says_before_the_click_that_a_store_holds_another_live_token_of_the_name() {
    let team = Team::new().await;
    let (other, value) = team.stage.mint().await;
    team.stage.store(&value).await;
    team.open().await;
    let plan = team.rotation().await.plan;
    let said = format!("holds token {other}, not {}; it will be overwritten", team.stage.old);
    assert!(plan.warnings.iter().any(|warning| warning.contains(&said)), "{:?}", plan.warnings);
    team.click("alice", Action::Approve).await.unwrap();
    team.pass(2 * 3600).await;
    team.ended(Outcome::Done).await;
    assert!(team.live().contains(&other), "nobody asked to revoke it");
}

#[tokio::test]
async fn a_lost_token_that_was_used_once_is_revoked_once_it_stays_silent() {
    let team = Team::new().await;
    team.stage.state.fault(Rule::new("POST", "*/personal_access_tokens", Fault::CutAfter));
    team.approved().await;
    team.pass(120).await;
    let lost = *team.rotation().await.lost.first().expect("the first answer was lost");
    // A job that had started with it shows up late, after the stores were written.
    team.stage.state.with(|world| world.used(lost.0, "10.0.0.9"));
    team.pass(3 * 3600).await;
    team.done().await;
}

#[tokio::test]
async fn a_token_that_goes_on_being_used_is_not_revoked_and_a_person_decides() {
    let team = Team::new().await;
    team.stage.state.fault(Rule::new("POST", "*/personal_access_tokens", Fault::CutAfter));
    team.approved().await;
    team.pass(120).await;
    let lost = *team.rotation().await.lost.first().expect("the first answer was lost");
    for _ in 0..60 {
        team.stage.state.with(|world| world.used(lost.0, "10.0.0.9"));
        team.pass(700).await;
        if team.phase().await == "stuck" {
            break;
        }
    }
    assert!(team.stuck().await.what.contains("does not fall silent"));
    assert!(team.live().contains(&lost.0));
    team.click("alice", Action::Retry).await.unwrap();
    team.pass(3 * 3600).await;
    team.done().await;
}
