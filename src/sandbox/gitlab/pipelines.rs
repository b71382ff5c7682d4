//! Pipelines over the API, and how one comes into being.

use super::model::{Job, Pipeline};
use super::page::page;
use super::people::{DEVELOPER, REPORTER};
use super::plan::{Definition, JobPlan, Run};
use super::reply::{Answer, Refusal, Reply, stamp};
use super::request::Ctx;
use super::users;
use super::world::World;
use jiff::Timestamp;
use serde_json::{Value, json};

/// What starts a pipeline.
pub(super) struct Start {
    pub project: u64,
    pub git_ref: String,
    pub source: &'static str,
    pub user: u64,
    pub variables: Vec<(String, String)>,
    pub schedule: Option<u64>,
}

/// POST /projects/:id/pipeline
pub(super) fn create(ctx: &mut Ctx) -> Answer {
    let project = ctx.project_as(DEVELOPER)?;
    ctx.params.require(&["ref"])?;
    if ctx.world.projects.get(&project).is_some_and(|project| project.archived) {
        return Err(Refusal::forbidden());
    }
    let git_ref = ctx.params.text("ref").unwrap_or_default().trim_start_matches("refs/heads/").to_owned();
    let variables = key_values(ctx.params.raw("variables"));
    let user = ctx.caller.user;
    let start = Start { project, git_ref, source: "api", user, variables, schedule: None };
    let id = ctx.world.start_pipeline(start).map_err(|why| Refusal::invalid("base", why))?;
    Ok(Reply::created(detail(ctx.world, id)))
}

/// GET /projects/:id/pipelines
pub(super) fn list(ctx: &mut Ctx) -> Answer {
    let project = ctx.project_as(REPORTER)?;
    let found = filtered(ctx, |pipeline| pipeline.project == project, "desc")?;
    page(ctx, &found, |pipeline| brief(ctx.world, pipeline))
}

/// The pipelines that pass the query's filters, in its order.
pub(super) fn filtered(
    ctx: &Ctx,
    among: impl Fn(&Pipeline) -> bool,
    default_sort: &str,
) -> Result<Vec<Pipeline>, Refusal> {
    let params = &ctx.params;
    let (status, source, git_ref) = (params.text("status"), params.text("source"), params.text("ref"));
    let (after, before) = (params.parsed::<Timestamp>("created_after")?, params.parsed("created_before")?);
    let username = params.text("username");
    let sort = params.word("sort", &["asc", "desc"])?.unwrap_or(default_sort.to_owned());
    params.word("order_by", &["id", "status", "ref", "updated_at", "user_id"])?;
    let who = |id: u64| ctx.world.users.get(&id).map(|user| user.username.as_str());
    let passes = |pipeline: &&Pipeline| {
        among(pipeline)
            && status.as_deref().is_none_or(|status| pipeline.status == status)
            && source.as_deref().map_or(pipeline.parent.is_none(), |source| pipeline.source == source)
            && git_ref.as_deref().is_none_or(|name| pipeline.git_ref == name)
            && username.as_deref().is_none_or(|name| who(pipeline.user) == Some(name))
            && after.is_none_or(|after| pipeline.created_at >= after)
            && before.is_none_or(|before| pipeline.created_at <= before)
    };
    let mut found: Vec<Pipeline> = ctx.world.pipelines.values().filter(passes).cloned().collect();
    if sort == "desc" {
        found.reverse();
    }
    Ok(found)
}

/// GET /projects/:id/pipelines/:pipeline_id
pub(super) fn get(ctx: &mut Ctx) -> Answer {
    let id = named(ctx, REPORTER)?;
    Ok(Reply::ok(detail(ctx.world, id)))
}

/// GET /projects/:id/pipelines/latest
pub(super) fn latest(ctx: &mut Ctx) -> Answer {
    let project = ctx.project_as(REPORTER)?;
    let git_ref = ctx.params.text("ref").unwrap_or("main".into());
    let of_ref = |pipeline: &&Pipeline| pipeline.project == project && pipeline.git_ref == git_ref;
    let id = ctx.world.pipelines.values().rev().find(of_ref).map(|pipeline| pipeline.id);
    Ok(Reply::ok(detail(ctx.world, id.ok_or_else(|| Refusal::not_found("Pipeline"))?)))
}

/// GET /projects/:id/pipelines/:pipeline_id/variables
pub(super) fn variables(ctx: &mut Ctx) -> Answer {
    let id = named(ctx, DEVELOPER)?;
    let own = ctx.world.pipelines[&id].variables.iter();
    let shown = own.map(|(key, value)| json!({"key": key, "value": value, "variable_type": "env_var"}));
    Ok(Reply::ok(Value::Array(shown.collect())))
}

/// POST …/retry: only failed and canceled jobs, and what was skipped behind them. Nothing on a green pipeline.
pub(super) fn retry(ctx: &mut Ctx) -> Answer {
    let id = named(ctx, DEVELOPER)?;
    let user = ctx.caller.user;
    let again: Vec<u64> = ctx
        .world
        .jobs_of(id)
        .iter()
        .filter(|job| matches!(job.status, "failed" | "canceled"))
        .map(|job| job.id)
        .collect();
    for job in again {
        ctx.world.retry_job(job, user);
    }
    Ok(Reply::created(detail(ctx.world, id)))
}

/// POST …/cancel
pub(super) fn cancel(ctx: &mut Ctx) -> Answer {
    let id = named(ctx, DEVELOPER)?;
    let open = |job: &&&Job| matches!(job.status, "created" | "pending" | "running" | "manual");
    let open: Vec<u64> = ctx.world.jobs_of(id).iter().filter(open).map(|job| job.id).collect();
    if !open.is_empty() {
        open.into_iter().for_each(|job| ctx.world.set_job(job, "canceled"));
        ctx.world.set_pipeline(id, "canceled");
    }
    Ok(Reply::ok(detail(ctx.world, id)))
}

/// The pipeline that the path means, where the caller has at least this level.
pub(super) fn named(ctx: &Ctx, level: u8) -> Result<u64, Refusal> {
    let project = ctx.project_as(level)?;
    let id = ctx.number("pipeline_id", "Pipeline")?;
    let known = ctx.world.pipelines.get(&id).filter(|pipeline| pipeline.project == project);
    known.map(|pipeline| pipeline.id).ok_or_else(|| Refusal::not_found("Pipeline"))
}

/// `[{key, value}]` as pairs.
pub(super) fn key_values(sent: Option<Value>) -> Vec<(String, String)> {
    let items = sent.and_then(|value| value.as_array().cloned()).unwrap_or_default();
    let text = |item: &Value, key: &str| item[key].as_str().map(str::to_owned);
    items.iter().filter_map(|item| Some((text(item, "key")?, text(item, "value")?))).collect()
}

/// A pipeline in a list.
pub(super) fn brief(world: &World, pipeline: &Pipeline) -> Value {
    let path = world.projects.get(&pipeline.project).map_or("", |project| &project.path);
    json!({
        "id": pipeline.id, "iid": pipeline.iid, "project_id": pipeline.project, "sha": pipeline.sha,
        "ref": pipeline.git_ref, "status": pipeline.status, "source": pipeline.source,
        "created_at": stamp(pipeline.created_at), "updated_at": stamp(pipeline.updated_at),
        "web_url": format!("{}/{path}/-/pipelines/{}", world.settings.url, pipeline.id), "name": null,
    })
}

/// A pipeline by itself.
pub(super) fn detail(world: &World, id: u64) -> Value {
    let pipeline = &world.pipelines[&id];
    let mut shown = brief(world, pipeline);
    shown["before_sha"] = json!("0".repeat(40));
    shown["tag"] = json!(false);
    shown["yaml_errors"] = Value::Null;
    shown["user"] = users::brief(world, pipeline.user);
    shown["started_at"] = json!(pipeline.started_at.map(stamp));
    shown["finished_at"] = json!(pipeline.finished_at.map(stamp));
    shown["committed_at"] = Value::Null;
    let took = pipeline.finished_at.zip(pipeline.started_at).map(|(end, start)| end.as_second() - start.as_second());
    shown["duration"] = json!(took);
    shown["detailed_status"] = json!({"text": pipeline.status, "label": pipeline.status, "group": pipeline.status});
    shown
}

impl World {
    /// Starts a pipeline on a ref that has a definition.
    pub(super) fn start_pipeline(&mut self, start: Start) -> Result<u64, &'static str> {
        let plans = self.plans(start.project, &start.git_ref).ok_or("Reference not found")?;
        if plans.is_empty() {
            return Err("Pipeline will not run for the selected trigger. The rules configuration prevented any jobs \
                        from being added to the pipeline.");
        }
        let id = self.next_id("pipeline");
        let iid = self.pipelines.values().filter(|pipeline| pipeline.project == start.project).count() as u64 + 1;
        let (sha, now) = (self.hex(40), self.now);
        let pipeline = Pipeline {
            id,
            iid,
            project: start.project,
            git_ref: start.git_ref,
            source: start.source.to_owned(),
            user: start.user,
            status: "created",
            created_at: now,
            updated_at: now,
            started_at: None,
            finished_at: None,
            variables: start.variables,
            schedule: start.schedule,
            parent: None,
            sha,
        };
        self.pipelines.insert(id, pipeline);
        for plan in plans {
            self.add_job(id, plan, start.user);
        }
        self.pipeline_changed(id);
        Ok(id)
    }

    /// The child pipeline of a bridge, which no list of pipelines shows unless it is asked for.
    pub(super) fn start_child(&mut self, bridge: &Job) {
        let Some(parent) = self.pipelines.get(&bridge.pipeline).cloned() else { return };
        let (id, now) = (self.next_id("pipeline"), self.now);
        let child = Pipeline {
            id,
            source: "parent_pipeline".to_owned(),
            status: "created",
            created_at: now,
            updated_at: now,
            started_at: None,
            finished_at: None,
            parent: Some(bridge.id),
            ..parent
        };
        self.pipelines.insert(id, child);
        for plan in bridge.plan.child.clone() {
            self.add_job(id, plan, bridge.user);
        }
        self.pipeline_changed(id);
    }

    /// The jobs that rules let into a pipeline on this ref, by stage; `None` where the ref is unknown.
    fn plans(&self, project: u64, git_ref: &str) -> Option<Vec<JobPlan>> {
        let of = |name: &str| {
            let meant = |known: &&Definition| known.project == project && known.git_ref == name;
            self.definitions.iter().find(meant)
        };
        let definition = of(git_ref).or_else(|| of("*"))?;
        Some(definition.jobs.iter().filter(|plan| plan.run != Run::Excluded).cloned().collect())
    }

    /// A new job in a pipeline.
    pub(super) fn add_job(&mut self, pipeline: u64, plan: JobPlan, user: u64) -> u64 {
        let id = self.next_id("job");
        let job = Job {
            id,
            pipeline,
            status: Self::first_status(&plan),
            plan,
            retried: false,
            created_at: self.now,
            started_at: None,
            finished_at: None,
            failure_reason: None,
            log: String::new(),
            user,
            variables: Vec::new(),
            picked: None,
        };
        self.jobs.insert(id, job);
        self.job_changed(id);
        id
    }
}
