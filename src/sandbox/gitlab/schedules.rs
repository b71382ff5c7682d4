//! Pipeline schedules. Playing one answers with a message only; the pipeline appears later.

use super::model::Schedule;
use super::page::page;
use super::people::{DEVELOPER, REPORTER};
use super::pipelines::{self, Start, brief};
use super::reply::{Answer, Refusal, Reply, stamp};
use super::request::Ctx;
use super::users;
use super::world::World;
use serde_json::{Value, json};

/// GET /projects/:id/pipeline_schedules
pub(super) fn list(ctx: &mut Ctx) -> Answer {
    let project = ctx.project_as(REPORTER)?;
    let own: Vec<&Schedule> = ctx.world.schedules.values().filter(|schedule| schedule.project == project).collect();
    page(ctx, &own, |schedule| shown(ctx.world, schedule))
}

/// GET /projects/:id/pipeline_schedules/:schedule_id
pub(super) fn get(ctx: &mut Ctx) -> Answer {
    let id = named(ctx, REPORTER)?;
    let mut shown = shown(ctx.world, &ctx.world.schedules[&id]);
    let last = ctx.world.pipelines.values().rev().find(|pipeline| pipeline.schedule == Some(id));
    shown["last_pipeline"] = last.map_or(
        Value::Null,
        |pipeline| json!({"id": pipeline.id, "sha": pipeline.sha, "ref": pipeline.git_ref, "status": pipeline.status}),
    );
    let variables = ctx.world.schedules[&id].variables.iter();
    let variables =
        variables.map(|(key, value)| json!({"key": key, "value": value, "variable_type": "env_var", "raw": false}));
    shown["variables"] = variables.collect();
    Ok(Reply::ok(shown))
}

/// GET /projects/:id/pipeline_schedules/:schedule_id/pipelines, oldest first unless told otherwise.
pub(super) fn pipelines(ctx: &mut Ctx) -> Answer {
    let id = named(ctx, REPORTER)?;
    let found = pipelines::filtered(ctx, |pipeline| pipeline.schedule == Some(id), "asc")?;
    page(ctx, &found, |pipeline| brief(ctx.world, pipeline))
}

/// POST /projects/:id/pipeline_schedules/:schedule_id/play
pub(super) fn play(ctx: &mut Ctx) -> Answer {
    let id = named(ctx, DEVELOPER)?;
    let user = ctx.caller.user;
    ctx.world.played.push((id, user));
    Ok(Reply::created(json!({"message": "201 Created"})))
}

fn named(ctx: &Ctx, level: u8) -> Result<u64, Refusal> {
    let project = ctx.project_as(level)?;
    let id = ctx.number("schedule_id", "Pipeline Schedule")?;
    let known = ctx.world.schedules.get(&id).filter(|schedule| schedule.project == project);
    known.map(|schedule| schedule.id).ok_or_else(|| Refusal::not_found("Pipeline Schedule"))
}

fn shown(world: &World, schedule: &Schedule) -> Value {
    json!({
        "id": schedule.id, "description": schedule.description, "ref": format!("refs/heads/{}", schedule.git_ref),
        "cron": "0 2 * * *", "cron_timezone": "UTC", "next_run_at": null, "active": true,
        "created_at": stamp(schedule.created_at), "updated_at": stamp(schedule.created_at),
        "owner": users::brief(world, schedule.owner),
    })
}

impl World {
    /// A schedule sets a variable of its own.
    pub fn set_in_schedule(&mut self, id: u64, key: &str, value: &str) {
        if let Some(schedule) = self.schedules.get_mut(&id) {
            schedule.variables.push((key.to_owned(), value.to_owned()));
        }
    }

    /// The pipeline of a played schedule comes into being.
    pub(super) fn start_schedule(&mut self, id: u64, user: u64) {
        let Some(schedule) = self.schedules.get(&id) else { return };
        let (project, git_ref, variables) = (schedule.project, schedule.git_ref.clone(), schedule.variables.clone());
        let start = Start { project, git_ref, source: "schedule", user, variables, schedule: Some(id) };
        // A schedule on a ref without jobs makes no pipeline, as in GitLab.
        let _ = self.start_pipeline(start);
    }
}
