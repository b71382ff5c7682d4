//! Pipelines in motion. Each tick moves every pipeline one step: a stage becomes pending, a runner picks its jobs up
//! (and reads the variables then, not before), the jobs end.

use super::job_log;
use super::model::{Job, Pipeline};
use super::plan::{JobPlan, Run};
use super::world::World;

impl World {
    /// Moves everything one step; false when nothing moved.
    pub fn tick(&mut self) -> bool {
        let played = std::mem::take(&mut self.played);
        let mut moved = !played.is_empty();
        for (schedule, user) in played {
            self.start_schedule(schedule, user);
        }
        let open = |pipeline: &&Pipeline| matches!(pipeline.status, "created" | "pending" | "running");
        let open: Vec<u64> = self.pipelines.values().filter(open).map(|pipeline| pipeline.id).collect();
        for pipeline in open {
            moved |= self.step(pipeline);
        }
        moved
    }

    /// Moves everything to the end.
    pub fn run_pipelines(&mut self) {
        while self.tick() {}
    }

    /// The jobs of a pipeline that count, in order.
    pub(super) fn jobs_of(&self, pipeline: u64) -> Vec<&Job> {
        self.jobs.values().filter(|job| job.pipeline == pipeline && !job.retried).collect()
    }

    fn step(&mut self, pipeline: u64) -> bool {
        for (from, act) in [("running", World::finish as fn(&mut World, u64)), ("pending", World::pick_up)] {
            let jobs = self.with_status(pipeline, from);
            if !jobs.is_empty() {
                jobs.into_iter().for_each(|job| act(self, job));
                self.set_pipeline(pipeline, "running");
                return true;
            }
        }
        let waiting = self.with_status(pipeline, "created");
        let Some(&first) = waiting.first() else { return self.conclude(pipeline) };
        let stage = self.jobs[&first].plan.stage.clone();
        let broken = self.jobs_of(pipeline).iter().any(|job| job.status == "failed" && !job.plan.allow_failure);
        for job in waiting {
            if broken {
                self.set_job(job, "skipped");
            } else if self.jobs[&job].plan.stage == stage {
                self.set_job(job, "pending");
            }
        }
        if self.pipelines[&pipeline].status == "created" {
            self.set_pipeline(pipeline, "pending");
        }
        true
    }

    fn with_status(&self, pipeline: u64, status: &str) -> Vec<u64> {
        self.jobs_of(pipeline).iter().filter(|job| job.status == status).map(|job| job.id).collect()
    }

    fn pick_up(&mut self, id: u64) {
        let job = &self.jobs[&id];
        let picked = job.plan.variable.as_deref().and_then(|key| self.value_for(job, key));
        let now = self.now;
        if let Some(job) = self.jobs.get_mut(&id) {
            job.picked = picked;
            job.started_at = Some(now);
            if let Some(pipeline) = self.pipelines.get_mut(&job.pipeline) {
                pipeline.started_at.get_or_insert(now);
            }
        }
        self.set_job(id, "running");
    }

    fn finish(&mut self, id: u64) {
        let job = self.jobs[&id].clone();
        let (passed, log) = job_log::run(self, &job);
        let now = self.now;
        if let Some(job) = self.jobs.get_mut(&id) {
            job.log = log;
            job.finished_at = Some(now);
            job.failure_reason = (!passed).then(|| job.plan.reason.unwrap_or("script_failure"));
        }
        self.set_job(id, if passed { "success" } else { "failed" });
        let twins =
            self.jobs.values().filter(|other| other.pipeline == job.pipeline && other.plan.name == job.plan.name);
        if !passed && twins.count() <= job.plan.retries {
            self.retry_job(id, job.user);
        }
        if passed && !job.plan.child.is_empty() {
            self.start_child(&job);
        }
    }

    fn conclude(&mut self, id: u64) -> bool {
        let jobs = self.jobs_of(id);
        let any = |status: &str| jobs.iter().any(|job| job.status == status && !job.plan.allow_failure);
        let status = if any("failed") {
            "failed"
        } else if any("canceled") {
            "canceled"
        } else if jobs.iter().any(|job| matches!(job.status, "success" | "failed")) {
            "success"
        } else if any("manual") {
            "manual"
        } else {
            "skipped"
        };
        let now = self.now;
        if let Some(pipeline) = self.pipelines.get_mut(&id) {
            pipeline.finished_at = Some(now);
        }
        self.set_pipeline(id, status);
        true
    }

    pub(super) fn set_job(&mut self, id: u64, status: &'static str) {
        if let Some(job) = self.jobs.get_mut(&id) {
            job.status = status;
            self.job_changed(id);
        }
    }

    pub(super) fn set_pipeline(&mut self, id: u64, status: &'static str) {
        let now = self.now;
        match self.pipelines.get_mut(&id) {
            Some(pipeline) if pipeline.status != status => {
                pipeline.status = status;
                pipeline.updated_at = now;
                self.pipeline_changed(id);
            }
            _ => {}
        }
    }

    /// The state a job is born in.
    pub(super) fn first_status(plan: &JobPlan) -> &'static str {
        match plan.run {
            Run::Manual => "manual",
            Run::Skipped => "skipped",
            Run::OnSuccess | Run::Excluded => "created",
        }
    }
}
