//! Jobs over the API: lists, logs, retry (a new job with a new number) and play.

use super::model::Job;
use super::page::page;
use super::people::{DEVELOPER, REPORTER};
use super::pipelines::{self, brief, key_values};
use super::reply::{Answer, Refusal, Reply, stamp};
use super::request::Ctx;
use super::users;
use super::world::World;
use serde_json::{Value, json};

const STATES: &[&str] = &[
    "created",
    "waiting_for_resource",
    "preparing",
    "pending",
    "running",
    "success",
    "failed",
    "canceling",
    "canceled",
    "skipped",
    "manual",
    "scheduled",
];

/// GET /projects/:id/pipelines/:pipeline_id/jobs
pub(super) fn of_pipeline(ctx: &mut Ctx) -> Answer {
    let pipeline = pipelines::named(ctx, REPORTER)?;
    let retried = ctx.params.flag("include_retried")?.unwrap_or(false);
    listed(ctx, |job| job.pipeline == pipeline && (retried || !job.retried))
}

/// GET /projects/:id/jobs
pub(super) fn of_project(ctx: &mut Ctx) -> Answer {
    let project = ctx.project_as(REPORTER)?;
    let retried = ctx.params.flag("include_retried")?.unwrap_or(true);
    let of = |job: &Job| ctx.world.pipelines.get(&job.pipeline).is_some_and(|pipeline| pipeline.project == project);
    listed(ctx, |job| of(job) && (retried || !job.retried))
}

fn listed(ctx: &Ctx, among: impl Fn(&Job) -> bool) -> Answer {
    let scope = ctx.params.list("scope");
    if scope.iter().flatten().any(|state| !STATES.contains(&state.as_str())) {
        return Err(Refusal::parameter("scope does not have a valid value".into()));
    }
    let among = |job: &Job| job.plan.child.is_empty() && among(job);
    let wanted = |job: &Job| scope.as_ref().is_none_or(|states| states.iter().any(|state| state == job.status));
    let jobs: Vec<&Job> = ctx.world.jobs.values().rev().filter(|job| among(job) && wanted(job)).collect();
    page(ctx, &jobs, |job| shown(ctx.world, job))
}

/// GET /projects/:id/pipelines/:pipeline_id/bridges
pub(super) fn bridges(ctx: &mut Ctx) -> Answer {
    let pipeline = pipelines::named(ctx, REPORTER)?;
    let of = |job: &&Job| job.pipeline == pipeline && !job.retried && !job.plan.child.is_empty();
    let jobs: Vec<&Job> = ctx.world.jobs.values().rev().filter(of).collect();
    page(ctx, &jobs, |job| {
        let child = ctx.world.pipelines.values().find(|pipeline| pipeline.parent == Some(job.id));
        let mut bridge = shown(ctx.world, job);
        bridge["downstream_pipeline"] = json!(child.map(|child| brief(ctx.world, child)));
        bridge
    })
}

/// GET /projects/:id/jobs/:job_id
pub(super) fn get(ctx: &mut Ctx) -> Answer {
    let id = named(ctx, REPORTER)?;
    Ok(Reply::ok(shown(ctx.world, &ctx.world.jobs[&id])))
}

/// GET /projects/:id/jobs/:job_id/trace
pub(super) fn trace(ctx: &mut Ctx) -> Answer {
    let id = named(ctx, REPORTER)?;
    Ok(Reply::text(ctx.world.jobs[&id].log.clone()))
}

/// POST /projects/:id/jobs/:job_id/retry
pub(super) fn retry(ctx: &mut Ctx) -> Answer {
    let id = named(ctx, DEVELOPER)?;
    let job = &ctx.world.jobs[&id];
    if job.retried || !matches!(job.status, "success" | "failed" | "canceled") {
        return Err(Refusal::forbidden_because("Job is not retryable"));
    }
    let user = ctx.caller.user;
    let new = ctx.world.retry_job(id, user);
    Ok(Reply::created(shown(ctx.world, &ctx.world.jobs[&new])))
}

/// POST /projects/:id/jobs/:job_id/play
pub(super) fn play(ctx: &mut Ctx) -> Answer {
    let id = named(ctx, DEVELOPER)?;
    let variables = key_values(ctx.params.raw("job_variables_attributes"));
    if ctx.world.jobs[&id].status != "manual" {
        return Err(Refusal::bad_request("Unplayable Job"));
    }
    let user = ctx.caller.user;
    if let Some(job) = ctx.world.jobs.get_mut(&id) {
        job.variables = variables;
        job.user = user;
    }
    ctx.world.set_job(id, "pending");
    let pipeline = ctx.world.jobs[&id].pipeline;
    ctx.world.set_pipeline(pipeline, "running");
    Ok(Reply::ok(shown(ctx.world, &ctx.world.jobs[&id])))
}

fn named(ctx: &Ctx, level: u8) -> Result<u64, Refusal> {
    let project = ctx.project_as(level)?;
    let id = ctx.number("job_id", "Job")?;
    let job = ctx.world.jobs.get(&id).ok_or_else(|| Refusal::not_found("Job"))?;
    let own = ctx.world.pipelines.get(&job.pipeline).is_some_and(|pipeline| pipeline.project == project);
    if own { Ok(id) } else { Err(Refusal::not_found("Job")) }
}

fn shown(world: &World, job: &Job) -> Value {
    let pipeline = &world.pipelines[&job.pipeline];
    let path = world.projects.get(&pipeline.project).map_or("", |project| &project.path);
    let took = job.finished_at.zip(job.started_at).map(|(end, start)| (end.as_second() - start.as_second()) as f64);
    let runner = job.started_at.map(|_| {
        json!({"id": 12_270_807, "description": "small-amd64-1", "active": true,
        "is_shared": true, "runner_type": "instance_type"})
    });
    json!({
        "id": job.id, "status": job.status, "stage": job.plan.stage, "name": job.plan.name, "ref": pipeline.git_ref,
        "tag": false, "coverage": null, "allow_failure": job.plan.allow_failure, "created_at": stamp(job.created_at),
        "started_at": job.started_at.map(stamp), "finished_at": job.finished_at.map(stamp), "erased_at": null,
        "duration": took, "queued_duration": 0.5, "failure_reason": job.failure_reason,
        "user": users::brief(world, job.user), "commit": {"id": pipeline.sha}, "pipeline": brief(world, pipeline),
        "web_url": format!("{}/{path}/-/jobs/{}", world.settings.url, job.id), "artifacts": [], "runner": runner,
        "archived": false, "tag_list": [],
    })
}

impl World {
    /// A new job takes the place of an old one; what was skipped behind it waits again.
    pub(super) fn retry_job(&mut self, id: u64, user: u64) -> u64 {
        let old = self.jobs[&id].clone();
        if let Some(job) = self.jobs.get_mut(&id) {
            job.retried = true;
        }
        let new = self.add_job(old.pipeline, old.plan.clone(), user);
        if let Some(job) = self.jobs.get_mut(&new) {
            job.variables = old.variables;
        }
        let behind = |job: &&&Job| job.status == "skipped" && job.plan.run == super::plan::Run::OnSuccess;
        let behind: Vec<u64> = self.jobs_of(old.pipeline).iter().filter(behind).map(|job| job.id).collect();
        behind.into_iter().for_each(|job| self.set_job(job, "created"));
        self.set_job(new, "pending");
        if let Some(pipeline) = self.pipelines.get_mut(&old.pipeline) {
            pipeline.finished_at = None;
        }
        self.set_pipeline(old.pipeline, "running");
        new
    }
}
