//! What counts as proof of the new token, and what does not.

use super::setup::Setup;
use super::team::Team;
use rekey::rotation::token::ConsumerKind;
use rekey::rotation::view::Action;
use rekey::sandbox::gitlab::{Fault, JobPlan, Run};

fn deploy() -> JobPlan {
    JobPlan::new("deploy", "deploy").calls_with("DEPLOY_TOKEN")
}

/// Approved on a pipeline of these jobs, ten minutes later.
async fn after(jobs: Vec<JobPlan>) -> Team {
    let team = Setup::new().start(|world, project| world.pipeline(project, "main", jobs)).await;
    team.approved().await;
    team.pass(600).await;
    team
}

async fn proves_nothing(team: &Team, word: &str) {
    let why = team.stuck().await;
    assert!(why.what.contains(word), "{why:?}");
    assert_eq!(why.safe, "The old token still works. The new token works too.");
    assert_eq!(team.live().len(), 2, "nothing is revoked");
    assert!(team.issue().contains("rekey::stuck") || team.issue().contains("Stuck"), "{}", team.issue());
}

#[tokio::test]
async fn a_skipped_job_in_a_green_pipeline_proves_nothing() {
    let team = after(vec![JobPlan::new("build", "compile"), deploy().when(Run::Skipped)]).await;
    proves_nothing(&team, "job deploy was skipped, so it proves nothing").await;
}

#[tokio::test]
async fn a_job_that_waits_for_a_person_is_said_at_once() {
    let team = after(vec![JobPlan::new("build", "compile"), deploy().when(Run::Manual)]).await;
    proves_nothing(&team, "waits for somebody to start it by hand").await;
}

#[tokio::test]
async fn a_green_pipeline_without_the_named_job_proves_nothing() {
    let team = after(vec![JobPlan::new("build", "compile"), deploy().when(Run::Excluded)]).await;
    proves_nothing(&team, "ended without a job named deploy").await;
}

#[tokio::test]
async fn a_red_job_that_may_fail_is_red_although_its_pipeline_is_green() {
    let team = after(vec![deploy().failing("no route to host").may_fail()]).await;
    proves_nothing(&team, "does not say that a token was refused").await;
    assert_eq!(team.stage.state.pipelines()[0].status, "success");
}

#[tokio::test]
async fn a_ref_on_which_nothing_runs_is_said_in_gitlabs_words() {
    let team = Setup::new().start(|_, _| {}).await;
    team.approved().await;
    let body = serde_json::json!({"message": {"base": ["Reference not found"]}});
    team.fault("POST", "*/pipeline", Fault::Refuse { status: 400, body });
    team.pass(600).await;
    proves_nothing(&team, "could not be started").await;
}

#[tokio::test]
async fn a_green_job_that_does_not_use_the_token_proves_nothing() {
    let team = after(vec![JobPlan::new("deploy", "deploy")]).await;
    assert_eq!(team.phase().await, "verifying", "it may still be used");
    team.pass(3600).await;
    proves_nothing(&team, "GitLab has not seen the new token in use").await;
    team.stage.state.with(|world| world.pipeline(team.stage.project, "main", vec![deploy()]));
    team.click("alice", Action::Retry).await.unwrap();
    team.pass(3600).await;
    team.done().await;
}

#[tokio::test]
async fn a_red_job_shows_the_end_of_its_log_without_secrets_and_says_whether_it_looks_like_our_token() {
    let canary = "glpat-CanaryCanaryCanary12";
    let log = format!("HTTP 401 with {canary} and \u{1b}[31mred\u{1b}[0m");
    let team = after(vec![deploy().failing(&log)]).await;
    proves_nothing(&team, "looks like an authentication failure").await;
    let issue = team.issue();
    assert!(issue.contains("HTTP 401 with") && issue.contains("red"), "{issue}");
    assert!(!issue.contains("Canary") && !issue.contains('\u{1b}'), "{issue}");
    let why = team.stuck().await;
    assert!(why.link.is_some_and(|link| link.contains("/-/jobs/")));
}

#[tokio::test]
async fn a_pipeline_that_does_not_end_is_waited_for_and_then_said() {
    let team = Setup::new().start(|_, _| {}).await;
    team.stage.state.with(|world| world.settings.pace = rekey::sandbox::gitlab::Pace::ByHand);
    team.approved().await;
    // Steps by hand, because `work` would run the pipelines to their end.
    for _ in 0..500 {
        team.work_once().await;
        team.stage.clock.advance(10);
    }
    proves_nothing(&team, "did not finish within 3600 s: job deploy waits for the jobs before it").await;
}

#[tokio::test]
async fn a_job_is_retried_where_the_configuration_says_so() {
    let kind = ConsumerKind::RetryJob { git_ref: "main".into() };
    let team = Setup::new().proven_by(kind, "deploy").start(|_, _| {}).await;
    team.stage.pipeline().await;
    team.stage.state.run_pipelines();
    team.approved().await;
    team.pass(3600).await;
    team.done().await;
    assert_eq!(team.stage.state.pipelines().len(), 1, "no new pipeline");
}

#[tokio::test]
async fn a_retry_whose_answer_is_lost_is_found_and_not_repeated() {
    let kind = ConsumerKind::RetryJob { git_ref: "main".into() };
    let team = Setup::new().proven_by(kind, "deploy").start(|_, _| {}).await;
    // The job that is retried is a moment old, and is not taken for the retry.
    let pipeline = team.stage.pipeline().await;
    team.stage.state.run_pipelines();
    team.fault("POST", "*/retry", Fault::CutAfter);
    team.approved().await;
    team.pass(3600).await;
    team.done().await;
    let runs = team.stage.state.jobs(pipeline).iter().filter(|job| job.plan.name == "deploy").count();
    assert_eq!(runs, 2, "retried once");
}

#[tokio::test]
async fn nothing_to_retry_is_said() {
    let kind = ConsumerKind::RetryJob { git_ref: "main".into() };
    let team = Setup::new().proven_by(kind, "deploy").start(|_, _| {}).await;
    team.approved().await;
    team.pass(600).await;
    proves_nothing(&team, "no finished job deploy on main").await;
}

#[tokio::test]
async fn a_schedule_is_played_and_its_pipeline_found() {
    for lost in [false, true] {
        let schedule = 1;
        let team = Setup::new().proven_by(ConsumerKind::Schedule { schedule }, "deploy").start(|_, _| {}).await;
        assert_eq!(team.stage.schedule, schedule);
        if lost {
            team.fault("POST", "*/play", Fault::CutAfter);
        }
        team.approved().await;
        team.pass(3600).await;
        team.done().await;
        assert_eq!(team.stage.state.pipelines().len(), 1, "played once");
    }
}

/// The ends of the addresses by which consumers are started.
const STARTS: [&str; 3] = ["/play", "/retry", "/pipeline"];

#[tokio::test]
async fn what_was_started_is_found_although_gitlabs_clock_is_behind() {
    let git_ref = || "main".to_owned();
    let kinds = [
        ConsumerKind::RetryJob { git_ref: git_ref() },
        ConsumerKind::Pipeline { git_ref: git_ref() },
        ConsumerKind::Schedule { schedule: 1 },
    ];
    for kind in kinds {
        let team = Setup { ahead: 600, ..Setup::new().proven_by(kind.clone(), "deploy") }.start(|_, _| {}).await;
        team.stage.pipeline().await;
        team.stage.state.run_pipelines();
        let before = team.stage.state.calls().len();
        for path in STARTS {
            team.fault("POST", &format!("*{path}"), Fault::CutAfter);
        }
        team.approved().await;
        team.pass(2 * 3600).await;
        team.done().await;
        let calls = team.stage.state.calls().split_off(before);
        let starts = calls.iter().filter(|call| call.method == "POST" && STARTS.iter().any(|s| call.path.ends_with(s)));
        assert_eq!(starts.count(), 1, "{kind:?} is started once");
    }
}

#[tokio::test]
async fn a_schedule_that_starts_nothing_is_not_played_for_ever() {
    let team = Setup::new()
        .proven_by(ConsumerKind::Schedule { schedule: 1 }, "deploy")
        .start(|world, project| world.pipeline(project, "main", vec![]))
        .await;
    team.approved().await;
    team.pass(2 * 3600).await;
    proves_nothing(&team, "no pipeline came of it within 3600 s").await;
}

#[tokio::test]
async fn a_pipeline_whose_answer_is_lost_is_found_and_not_started_again() {
    let team = Team::new().await;
    team.fault("POST", "*/pipeline", Fault::CutAfter);
    team.approved().await;
    team.pass(3600).await;
    team.done().await;
    assert_eq!(team.stage.state.pipelines().len(), 1);
}

#[tokio::test]
async fn an_old_token_that_nobody_ever_used_is_revoked_after_the_grace_period() {
    let team = Team::new().await;
    assert_eq!(team.stage.state.token(team.stage.old).unwrap().last_used_at, None);
    team.approved().await;
    team.pass(3600).await;
    team.done().await;
}

#[tokio::test]
async fn a_use_of_the_old_token_starts_the_grace_period_again() {
    let team = Team::new().await;
    team.approved().await;
    team.pass(800).await;
    assert_eq!(team.phase().await, "grace");
    team.stage
        .call_as(crate::sandbox::stage::OLD, "GET", "/personal_access_tokens/self", serde_json::Value::Null)
        .await;
    team.pass(600).await;
    assert_eq!(team.phase().await, "grace", "it is used, so it lives");
    assert!(team.comments().iter().any(|text| text.contains("The old token is still in use from 127.0.0.1")));
    team.pass(3600).await;
    team.done().await;
}

#[tokio::test]
async fn an_old_token_that_is_never_silent_asks_a_person() {
    let team = Team::new().await;
    team.approved().await;
    team.pass(60).await;
    for _ in 0..60 {
        team.pass(700).await;
        let path = "/personal_access_tokens/self";
        team.stage.call_as(crate::sandbox::stage::OLD, "GET", path, serde_json::Value::Null).await;
    }
    assert!(team.stuck().await.what.contains("The old token does not fall silent"));
    assert_eq!(team.live().len(), 2);
    team.pass(2000).await;
    team.click("alice", Action::Retry).await.unwrap();
    team.pass(3600).await;
    team.done().await;
}

#[tokio::test]
async fn a_job_in_a_child_pipeline_proves_the_token() {
    let nested = JobPlan::bridge("deploy", "inner", vec![deploy()]);
    let team = after(vec![JobPlan::new("build", "compile"), JobPlan::bridge("deploy", "outer", vec![nested])]).await;
    team.pass(3600).await;
    team.done().await;
}

#[tokio::test]
async fn a_red_job_in_a_child_pipeline_is_seen_with_its_log() {
    let team = after(vec![JobPlan::bridge("deploy", "outer", vec![deploy().failing("no route to host")])]).await;
    proves_nothing(&team, "the job failed").await;
    assert!(team.issue().contains("no route to host"), "{}", team.issue());
}

#[tokio::test]
async fn a_job_that_gitlab_runs_again_is_followed_by_its_name() {
    for kind in [ConsumerKind::Pipeline { git_ref: "main".into() }, ConsumerKind::RetryJob { git_ref: "main".into() }] {
        let plan = vec![deploy().retried_after("pod did not start")];
        let setup = Setup::new().proven_by(kind.clone(), "deploy");
        let team = setup.start(|world, project| world.pipeline(project, "main", plan)).await;
        if matches!(kind, ConsumerKind::RetryJob { .. }) {
            team.stage.pipeline().await;
            team.stage.state.run_pipelines();
            // The retry fails once as well.
            team.stage.state.with(|world| world.make_flaky("deploy"));
        }
        team.approved().await;
        team.pass(3600).await;
        team.done().await;
    }
}

#[tokio::test]
async fn every_copy_of_a_parallel_job_must_pass() {
    let copies = |last: JobPlan| vec![JobPlan::new("deploy", "deploy: [aws, eu]").calls_with("DEPLOY_TOKEN"), last];
    let named = |name: &str| JobPlan::new("deploy", name).calls_with("DEPLOY_TOKEN");
    let team = after(copies(named("deploy: [gcp, eu]").failing("no route to host"))).await;
    proves_nothing(&team, "the job failed").await;
    let team = after(copies(named("deploy: [gcp, eu]"))).await;
    team.pass(3600).await;
    team.done().await;
    let team = after(vec![named("deploy 1/2"), named("deploy 2/2"), JobPlan::new("deploy", "deploy-docs")]).await;
    team.pass(3600).await;
    team.done().await;
}

#[tokio::test]
async fn every_copy_of_a_job_that_is_retried_runs_again_and_must_pass() {
    let named = |name: &str| JobPlan::new("deploy", name).calls_with("DEPLOY_TOKEN");
    let kind = || ConsumerKind::RetryJob { git_ref: "main".into() };
    for names in [["deploy 1/3", "deploy 2/3", "deploy 3/3"], ["deploy: [eu, a]", "deploy: [eu, b]", "deploy: [us, a]"]]
    {
        let jobs = names.map(named).to_vec();
        let setup = Setup::new().proven_by(kind(), "deploy");
        let team = setup.start(|world, project| world.pipeline(project, "main", jobs)).await;
        let pipeline = team.stage.pipeline().await;
        team.stage.state.run_pipelines();
        team.approved().await;
        team.pass(3600).await;
        team.done().await;
        for name in names {
            let runs = team.stage.state.jobs(pipeline).iter().filter(|job| job.plan.name == name).count();
            assert_eq!(runs, 2, "{name} ran with the old token and with the new one");
        }
        let seen = team.rotation().await.evidence;
        assert!(seen.iter().any(|seen| seen.what.ends_with("ran and passed, all 3 copies of it")), "{seen:#?}");
    }
}

#[tokio::test]
async fn one_copy_that_passes_when_it_is_retried_does_not_prove_the_others() {
    let named = |name: &str| JobPlan::new("deploy", name).calls_with("DEPLOY_TOKEN");
    let setup = Setup::new().proven_by(ConsumerKind::RetryJob { git_ref: "main".into() }, "deploy");
    let jobs = vec![named("deploy 1/2"), named("deploy 2/2")];
    let team = setup.start(|world, project| world.pipeline(project, "main", jobs)).await;
    team.stage.pipeline().await;
    team.stage.state.run_pipelines();
    team.stage.state.fail_job(Some("deploy 1/2"));
    team.approved().await;
    team.pass(600).await;
    proves_nothing(&team, "the job failed").await;
}

#[tokio::test]
async fn a_matrix_of_child_pipelines_proves_with_all_of_them() {
    let child = |name: &str, job: JobPlan| JobPlan::bridge("deploy", name, vec![job]);
    let all = |last: JobPlan| vec![child("region: [eu]", deploy()), child("region: [us]", last)];
    let team = after(all(deploy().failing("no route to host"))).await;
    proves_nothing(&team, "the job failed").await;
    let team =
        after(vec![child("region: [eu]", deploy().failing("no route to host")), child("region: [us]", deploy())]);
    proves_nothing(&team.await, "the job failed").await;
    let team = after(all(deploy())).await;
    team.pass(3600).await;
    team.done().await;
}

#[tokio::test]
async fn an_old_token_that_is_used_is_not_revoked_because_our_clock_is_ahead() {
    let team = Setup { ahead: 3 * 3600, ..Setup::new() }.start(|_, _| {}).await;
    team.approved().await;
    team.pass(60).await;
    assert_eq!(team.phase().await, "grace");
    let old = team.stage.old;
    for _ in 0..24 {
        team.stage.state.with(|world| world.used(old, "127.0.0.1"));
        team.pass(300).await;
        assert!(team.live().contains(&old), "a token was revoked that was used {}", team.phase().await);
    }
    team.pass(7200).await;
    team.done().await;
}
