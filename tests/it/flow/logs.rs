//! Logs of failed jobs: a job prints what it has in whatever spelling, and nothing of it may be seen or kept.

use super::setup::Setup;
use super::team::Team;
use crate::spelled;
use rekey::rotation::view::Action;
use rekey::sandbox::gitlab::{JobPlan, Pace};

/// What `curl -v -u`, a script with `set -x` and a dump of a request leave behind.
const TALKATIVE: &str = "> Authorization: Basic {basic}\n+ echo {bare}\ndump: {hex}\n{\\\"token\\\":\\\"{json}\\\"}\n\
                         https://deploy:{percent}@gitlab.example/x.git\nfatal: could not read Username for 'https://x'";

async fn failed(text: &str) -> Team {
    failing(JobPlan::new("deploy", "deploy").calls_with("DEPLOY_TOKEN").failing(text)).await
}

async fn failing(job: JobPlan) -> Team {
    let jobs = vec![job];
    let setup = |world: &mut rekey::sandbox::gitlab::World, project| {
        world.settings.token_prefix = "nordwind".into();
        world.pipeline(project, "main", jobs);
    };
    let team = Setup::new().start(setup).await;
    team.approved().await;
    team
}

async fn is_nowhere(team: &Team, value: &str) {
    let rotation = team.rotation().await;
    let journal = team.engine.ledger.journal(&rotation.id).await.unwrap();
    let texts = [format!("{rotation:?}"), format!("{journal:?}"), team.issue(), team.comments().join("\n")];
    for text in texts {
        assert_eq!(spelled::find(text.as_bytes(), value), None);
    }
}

fn stored(team: &Team) -> String {
    let place = rekey::sandbox::gitlab::Place::Project(team.stage.project);
    team.stage.state.variable(place, "DEPLOY_TOKEN", "*").unwrap().value
}

#[tokio::test]
async fn a_log_that_prints_the_token_in_other_spellings_shows_the_rest_of_it() {
    let team = failed(TALKATIVE).await;
    team.pass(600).await;
    let why = team.stuck().await;
    let log = why.log.clone().unwrap();
    assert!(log.contains("> Authorization: Basic [MASKED]"), "{log}");
    assert!(log.contains("+ echo [MASKED]") && log.contains("dump: [MASKED]"), "{log}");
    assert!(log.contains("could not read Username"), "{log}");
    assert!(why.what.contains("looks like an authentication failure"), "{}", why.what);
    let new = stored(&team);
    assert!(new.starts_with("nordwind"), "{new}");
    is_nowhere(&team, &new).await;
}

#[tokio::test]
async fn a_log_is_not_shown_by_a_process_that_has_not_seen_the_old_value() {
    let mut team = failed(TALKATIVE).await;
    team.stage.state.with(|world| world.settings.pace = Pace::ByHand);
    for _ in 0..50 {
        if team.phase().await == "verifying" {
            break;
        }
        team.work_once().await;
    }
    assert_eq!(team.phase().await, "verifying");
    team.stage.clock.advance(200);
    team.restarted().await;
    team.pass(600).await;
    let why = team.stuck().await;
    assert_eq!(why.log, None, "{why:?}");
    assert!(why.link.is_some() && why.what.contains("looks like an authentication failure"), "{why:?}");
    is_nowhere(&team, &stored(&team)).await;
}

#[tokio::test]
async fn of_a_log_that_says_nothing_known_nothing_is_claimed() {
    let team = failed("1401 tests run, 3 failed").await;
    team.pass(600).await;
    let why = team.stuck().await;
    assert!(!why.what.contains("authentication") && why.what.contains("does not say"), "{}", why.what);
    team.click("alice", Action::Retry).await.unwrap();
}

#[tokio::test]
async fn a_refusal_at_the_beginning_of_a_long_log_is_seen_and_only_its_end_is_shown() {
    let chatter = "still trying to reach the target, one of many lines that say nothing\n".repeat(400);
    let team = failed(&format!("fatal: could not read Username for 'https://x'\n{chatter}giving up")).await;
    team.pass(600).await;
    let why = team.stuck().await;
    assert!(why.what.contains("looks like an authentication failure"), "{}", why.what);
    let log = why.log.unwrap();
    assert!(log.contains("giving up") && !log.contains("could not read") && log.len() <= 2_000, "{log}");
}

#[tokio::test]
async fn of_a_log_too_long_to_be_read_whole_nothing_is_said_but_of_its_end() {
    let chatter = "still trying to reach the target, one of many lines that say nothing\n".repeat(5_000);
    let team = failed(&chatter).await;
    team.pass(600).await;
    let why = team.stuck().await;
    assert!(why.what.contains("the end of its log does not say"), "{}", why.what);
}

#[tokio::test]
async fn what_broke_down_around_the_script_is_told_and_not_looked_for_in_its_log() {
    for (reason, words) in [
        ("runner_system_failure", "its runner broke down, not its script"),
        ("no_matching_runner", "no runner may take it"),
        ("ci_quota_exceeded", "the compute minutes of its group are used up"),
        ("of_another_day", "GitLab calls it of_another_day"),
    ] {
        let job = JobPlan::new("deploy", "deploy").calls_with("DEPLOY_TOKEN").failing("no more").because_of(reason);
        let team = failing(job).await;
        team.pass(600).await;
        let what = team.stuck().await.what;
        assert!(what.contains(words) && !what.contains("its log"), "{reason}: {what}");
    }
}
