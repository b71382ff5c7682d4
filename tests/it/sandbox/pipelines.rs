//! Pipelines: their jobs really use the token, and see the variable as it is when a runner picks them up.

use super::stage::{OLD, stage};
use rekey::sandbox::gitlab::{JobPlan, Pace, Place, Run, Variable};
use serde_json::{Value, json};

const JOBS: &str = "/projects/acme%2Fdeploy/jobs";

#[tokio::test]
async fn a_job_that_uses_the_new_token_passes_and_leaves_its_mark_on_it() {
    let stage = stage(|_, _| {}).await;
    let (id, value) = stage.mint().await;
    stage.store(&value).await;
    let pipeline = stage.pipeline().await;
    assert!(pipeline > 1 << 31);
    let token = stage.state.token(id).unwrap();
    assert_eq!(token.last_used_ips, ["10.20.0.7"]);
    assert!(token.last_used_at.is_some());
    assert_eq!(stage.state.token(stage.old).unwrap().last_used_at, None);
    let (_, shown) = stage.call("GET", &format!("/projects/acme%2Fdeploy/pipelines/{pipeline}"), Value::Null).await;
    assert_eq!(shown["status"], "success");
}

#[tokio::test]
async fn a_job_reads_the_variable_when_it_is_picked_up_not_when_the_pipeline_is_made() {
    let stage = stage(|world, _| world.settings.pace = Pace::ByHand).await;
    stage.pipeline().await;
    let (id, value) = stage.mint().await;
    stage.store(&value).await;
    stage.state.run_pipelines();
    assert!(stage.state.token(id).unwrap().last_used_at.is_some());
}

#[tokio::test]
async fn a_dead_token_fails_the_job_with_a_401_and_the_log_masks_it() {
    let stage = stage(|_, _| {}).await;
    let path = format!("/groups/acme/service_accounts/{}/personal_access_tokens/{}", stage.account, stage.old);
    stage.call("DELETE", &path, Value::Null).await;
    let pipeline = stage.pipeline().await;
    let job = stage.state.jobs(pipeline).pop().unwrap();
    let (_, log) = stage.call("GET", &format!("{JOBS}/{}/trace", job.id), Value::Null).await;
    let log = log.as_str().unwrap();
    assert!(log.contains("invalid_token") && log.contains("error: 401") && log.contains("glpat-[MASKED]"), "{log}");
    assert!(!log.contains(OLD));
    assert_eq!(stage.state.pipelines()[0].status, "failed");
}

#[tokio::test]
async fn retrying_a_green_pipeline_does_nothing_but_retrying_its_job_makes_a_new_one() {
    let stage = stage(|_, _| {}).await;
    let pipeline = stage.pipeline().await;
    let retry = format!("/projects/acme%2Fdeploy/pipelines/{pipeline}/retry");
    let (status, body) = stage.call("POST", &retry, Value::Null).await;
    assert_eq!((status, body["id"].as_u64()), (201, Some(pipeline)));
    assert_eq!(stage.state.jobs(pipeline).len(), 2);
    let job = stage.state.jobs(pipeline)[1].id;
    let (status, new) = stage.call("POST", &format!("{JOBS}/{job}/retry"), Value::Null).await;
    assert_eq!(status, 201);
    assert_ne!(new["id"].as_u64(), Some(job));
    let path = format!("/projects/acme%2Fdeploy/pipelines/{pipeline}/jobs?scope[]=success&scope[]=failed");
    let (_, jobs) = stage.call("GET", &path, Value::Null).await;
    let ids: Vec<_> = jobs.as_array().unwrap().iter().map(|job| job["id"].as_u64().unwrap()).collect();
    assert!(!ids.contains(&job) && ids.contains(&new["id"].as_u64().unwrap()), "{ids:?}");
    assert_eq!(stage.call("POST", &format!("{JOBS}/{job}/retry"), Value::Null).await.0, 403);
}

#[tokio::test]
async fn a_failed_pipeline_is_retried_from_the_failed_job_on() {
    let stage = stage(|world, project| {
        let jobs = vec![JobPlan::new("a", "first").calls_with("DEPLOY_TOKEN"), JobPlan::new("b", "second")];
        world.pipeline(project, "main", jobs);
    })
    .await;
    stage.state.fail_job(Some("first"));
    let pipeline = stage.pipeline().await;
    let states = |stage: &super::stage::Stage| {
        let jobs = stage.state.jobs(pipeline);
        jobs.iter().filter(|job| !job.retried).map(|job| (job.plan.name.clone(), job.status)).collect::<Vec<_>>()
    };
    assert_eq!(states(&stage), [("first".into(), "failed"), ("second".into(), "skipped")]);
    stage.state.fail_job(None);
    stage.call("POST", &format!("/projects/acme%2Fdeploy/pipelines/{pipeline}/retry"), Value::Null).await;
    let mut now = states(&stage);
    now.sort();
    assert_eq!(now, [("first".into(), "success"), ("second".into(), "success")]);
}

#[tokio::test]
async fn protected_and_scoped_variables_are_seen_only_where_they_belong() {
    let stage = stage(|world, project| {
        let deploy = JobPlan::new("deploy", "deploy").calls_with("DEPLOY_TOKEN");
        world.pipeline(project, "feature", vec![deploy.clone()]);
        world.pipeline(project, "staging", vec![deploy.deploying_to("staging")]);
        world.variable(Variable::new(Place::Project(project), "DEPLOY_TOKEN", OLD).scoped("stag*"));
    })
    .await;
    let path = "/projects/acme%2Fdeploy/pipeline";
    stage.call("POST", path, json!({"ref": "feature"})).await;
    stage.call("POST", path, json!({"ref": "staging"})).await;
    let states: Vec<_> = stage.state.pipelines().iter().map(|pipeline| pipeline.status).collect();
    assert_eq!(states, ["failed", "success"]);
    assert_eq!(stage.call("POST", path, json!({"ref": "nowhere"})).await.0, 400);
}

#[tokio::test]
async fn skipped_manual_and_tolerated_jobs_leave_a_pipeline_green() {
    let stage = stage(|world, project| {
        let jobs = vec![
            JobPlan::new("a", "fine"),
            JobPlan::new("a", "flaky").failing("boom").may_fail(),
            JobPlan::new("b", "deploy").calls_with("DEPLOY_TOKEN").when(Run::Skipped),
            JobPlan::new("b", "by hand").when(Run::Manual),
            JobPlan::new("b", "absent").when(Run::Excluded),
        ];
        world.pipeline(project, "main", jobs);
    })
    .await;
    let pipeline = stage.pipeline().await;
    assert_eq!(stage.state.pipelines()[0].status, "success");
    let jobs = stage.state.jobs(pipeline);
    let states: Vec<_> = jobs.iter().map(|job| job.status).collect();
    assert_eq!(states, ["success", "failed", "skipped", "manual"]);
    let play = format!("{JOBS}/{}/play", jobs[3].id);
    assert_eq!(stage.call("POST", &play, Value::Null).await.0, 200);
    assert_eq!(stage.state.jobs(pipeline)[3].status, "success");
    assert_eq!(stage.call("POST", &play, Value::Null).await.0, 400);
}

#[tokio::test]
async fn playing_a_schedule_answers_with_a_message_only_and_the_pipeline_comes_later() {
    let stage = stage(|world, _| world.settings.pace = Pace::ByHand).await;
    let base = format!("/projects/acme%2Fdeploy/pipeline_schedules/{}", stage.schedule);
    let (status, body) = stage.call("POST", &format!("{base}/play"), Value::Null).await;
    assert_eq!((status, body), (201, json!({"message": "201 Created"})));
    assert_eq!(stage.call("GET", &format!("{base}/pipelines"), Value::Null).await.1, json!([]));
    stage.state.tick();
    stage.call("POST", &format!("{base}/play"), Value::Null).await;
    stage.state.run_pipelines();
    let (_, list) = stage.call("GET", &format!("{base}/pipelines"), Value::Null).await;
    assert!(list[0]["id"].as_u64() < list[1]["id"].as_u64());
    let (_, shown) = stage.call("GET", &base, Value::Null).await;
    assert_eq!((&shown["last_pipeline"]["id"], &shown["ref"]), (&list[1]["id"], &json!("refs/heads/main")));
}
