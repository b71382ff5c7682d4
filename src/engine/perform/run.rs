//! Consumers: started after the switch, watched until the named job ran and passed.

use super::log::{READ_BYTES, tells_of_a_refusal};
use super::reason;
use super::{in_words, trouble};
use crate::engine::Engine;
use crate::engine::report::Stop;
use crate::engine::worker::{Hold, Performed};
use crate::gitlab::{Job, Pipeline, StartedQuery, is_named};
use crate::http::CallError;
use crate::rotation::event::Event;
use crate::rotation::ids::ConsumerId;
use crate::rotation::phase::{Run, RunRef};
use crate::rotation::policy::later;
use crate::rotation::record::Rotation;
use crate::rotation::token::{Consumer, ConsumerKind};
use jiff::Timestamp;
use std::time::Duration;

/// A played schedule that shows no pipeline after this long is played again.
const SCHEDULE_SECONDS: u64 = 60;
/// Jobs among which a retry is looked for whose answer was lost.
const NEWEST_JOBS: u32 = 100;

impl Engine {
    pub(super) async fn start_consumer(
        &self,
        hold: &Hold<'_>,
        rotation: &Rotation,
        id: &ConsumerId,
    ) -> Result<Performed, Stop> {
        let Some((consumer, run)) = self.consumer(rotation, id) else { return Ok(Performed::Misfit) };
        let (since, earlier) = match run {
            Run::Starting { since, after } => (*since, Some(*after)),
            _ => {
                let after = match self.newest(&consumer).await {
                    Ok(newest) => Some(newest),
                    // Starting it will be refused as well, and that says more.
                    Err(CallError::Status { .. }) => None,
                    Err(error) => return Ok(trouble(&error)),
                };
                let claim = hold.ensure().await?;
                let starting = Event::ConsumerStarting { consumer: id.clone(), after };
                self.advance(&rotation.id, &starting, Some(&claim)).await?;
                (self.clock.now(), None)
            }
        };
        let started = match self.find_or_start(&consumer, since, earlier).await {
            Ok(started) => started,
            Err(error @ CallError::Status { .. }) if !error.bars_everything() && hold.believes(&error) => {
                let what = format!("could not be started: {}", in_words(&error));
                let failed = Event::ConsumerFailed { consumer: id.clone(), what, url: None, log: None };
                return hold.report(rotation, &failed).await;
            }
            Err(error) => return Ok(trouble(&error)),
        };
        match started {
            Begun::Runs(run) => hold.report(rotation, &Event::ConsumerStarted { consumer: id.clone(), run }).await,
            _ if self.clock.now() >= later(since, consumer.timeout_seconds) => {
                let what = format!("no pipeline came of it within {} s", consumer.timeout_seconds);
                let failed = Event::ConsumerFailed { consumer: id.clone(), what, url: None, log: None };
                hold.report(rotation, &failed).await
            }
            // It is not looked at before it could be played once more: one pipeline is wanted, not one a look.
            Begun::AskedAgain => Ok(Performed::Later(Duration::from_secs(SCHEDULE_SECONDS))),
            Begun::Unseen => Ok(Performed::Later(self.settings.poll)),
        }
    }

    /// The newest run of the consumer's kind, by GitLab's number. What is started later has a higher one, whatever the
    /// clocks say.
    async fn newest(&self, consumer: &Consumer) -> Result<u64, CallError> {
        let project = &consumer.project;
        match &consumer.kind {
            ConsumerKind::Pipeline { .. } => self.gitlab.newest_pipeline(project).await,
            ConsumerKind::RetryJob { .. } => {
                Ok(self.gitlab.newest_jobs(project, 1).await?.first().map_or(0, |job| job.id))
            }
            ConsumerKind::Schedule { schedule } => {
                let pipelines = self.gitlab.schedule_pipelines(project, *schedule).await?;
                Ok(pipelines.first().map_or(0, |pipeline| pipeline.id))
            }
        }
    }

    /// What was started since the intent; otherwise starts it. A duplicate run is harmless, a missed one is not.
    /// `earlier` is set if the request may have been sent before, to the newest run of then if anybody could look.
    async fn find_or_start(
        &self,
        consumer: &Consumer,
        since: Timestamp,
        earlier: Option<Option<u64>>,
    ) -> Result<Begun, CallError> {
        if let Some(Some(after)) = earlier
            && let Some(run) = self.find(consumer, after).await?
        {
            return Ok(Begun::Runs(run));
        }
        let project = &consumer.project;
        match &consumer.kind {
            ConsumerKind::Pipeline { git_ref } => {
                let pipeline = self.gitlab.create_pipeline(project, git_ref).await?;
                Ok(Begun::Runs(run_of(pipeline)))
            }
            ConsumerKind::RetryJob { git_ref } => {
                let Some(last) = self.gitlab.latest_finished_job(project, git_ref, &consumer.job).await? else {
                    return Err(no_such_job(consumer, git_ref));
                };
                let job = self.gitlab.retry_job(project, last.id).await?;
                let pipeline = job.pipeline.or(last.pipeline).map_or(0, |pipeline| pipeline.id);
                Ok(Begun::Runs(RunRef { pipeline, job: Some(job.id), url: job.web_url }))
            }
            // GitLab does not say which pipeline a played schedule starts: it is the first one after the intent.
            ConsumerKind::Schedule { .. } if earlier.is_some() && self.clock.now() < later(since, SCHEDULE_SECONDS) => {
                Ok(Begun::Unseen)
            }
            ConsumerKind::Schedule { schedule } => {
                self.gitlab.play_schedule(project, *schedule).await?;
                Ok(if earlier.is_some() { Begun::AskedAgain } else { Begun::Unseen })
            }
        }
    }

    /// The run that an earlier request started, though its answer was lost.
    async fn find(&self, consumer: &Consumer, after: u64) -> Result<Option<RunRef>, CallError> {
        let project = &consumer.project;
        match &consumer.kind {
            ConsumerKind::Pipeline { git_ref } => {
                let query = StartedQuery { git_ref, source: "api", after, user_id: self.gitlab.me().await?.user_id };
                Ok(self.gitlab.find_started(project, &query).await?.map(run_of))
            }
            ConsumerKind::RetryJob { git_ref } => {
                let jobs = self.gitlab.newest_jobs(project, NEWEST_JOBS).await?;
                let ours = |job: &Job| {
                    job.id > after && is_named(&job.name, &consumer.job) && job.git_ref.as_ref() == Some(git_ref)
                };
                Ok(jobs.into_iter().find(ours).map(|job| RunRef {
                    pipeline: job.pipeline.map_or(0, |pipeline| pipeline.id),
                    job: Some(job.id),
                    url: job.web_url,
                }))
            }
            ConsumerKind::Schedule { schedule } => {
                let mut pipelines = self.gitlab.schedule_pipelines(project, *schedule).await?.into_iter();
                Ok(pipelines.rfind(|pipeline| pipeline.id > after).map(run_of))
            }
        }
    }

    pub(super) async fn check_consumer(
        &self,
        hold: &Hold<'_>,
        rotation: &Rotation,
        id: &ConsumerId,
    ) -> Result<Performed, Stop> {
        let Some((consumer, Run::Started { run, since })) = self.consumer(rotation, id) else {
            return Ok(Performed::Misfit);
        };
        let verdict = match self.verdict(&consumer, run).await {
            Ok(verdict) => self.shown(rotation, verdict).await,
            Err(error) => return Ok(trouble(&error)),
        };
        let event = match verdict {
            Verdict::Passed { run, copies } => Event::ConsumerPassed { consumer: id.clone(), run, copies },
            Verdict::Failed { what, url, log } => Event::ConsumerFailed { consumer: id.clone(), what, url, log },
            Verdict::Running(_) if self.clock.now() < later(*since, consumer.timeout_seconds) => {
                return Ok(Performed::Later(self.settings.poll.max(Duration::from_millis(50))));
            }
            Verdict::Running(why) => {
                let what = format!("did not finish within {} s: {why}", consumer.timeout_seconds);
                Event::ConsumerFailed { consumer: id.clone(), what, url: Some(run.url.clone()), log: None }
            }
        };
        hold.report(rotation, &event).await
    }

    /// With the log as it may be shown, if it may be shown.
    async fn shown(&self, rotation: &Rotation, verdict: Verdict) -> Verdict {
        let Verdict::Failed { what, url, log: Some(log) } = verdict else { return verdict };
        Verdict::Failed { what, url, log: self.shown_log(rotation, &log).await }
    }

    pub(super) async fn red(&self, project: &str, job: &Job) -> Result<Verdict, CallError> {
        let log = self.gitlab.trace_tail(project, job.id, READ_BYTES).await.ok();
        let why = job.failure_reason.as_deref().and_then(reason::in_words);
        let what = match (&log, why) {
            (Some(log), _) if tells_of_a_refusal(log) => {
                "the job failed, and its log looks like an authentication failure: it may not see the new token".into()
            }
            (_, Some(why)) => format!("the job failed: {why}"),
            (Some(log), None) => {
                let log = if log.len() < READ_BYTES { "its log" } else { "the end of its log" };
                format!("the job failed, and {log} does not say that a token was refused: see what it says")
            }
            (None, None) => "the job failed; its log could not be read".into(),
        };
        Ok(Verdict::Failed { what, url: Some(job.web_url.clone()), log })
    }
}

/// What came of starting a consumer.
enum Begun {
    /// This runs.
    Runs(RunRef),
    /// It was asked for, and no pipeline shows yet.
    Unseen,
    /// It was asked for once more, because no pipeline showed for long.
    AskedAgain,
}

/// How far a consumer's run is.
pub(super) enum Verdict {
    /// What had to run has run and passed.
    Passed {
        /// Where.
        run: RunRef,
        /// How many copies of the job there were, if several.
        copies: Option<u32>,
    },
    /// It proves nothing.
    Failed {
        /// Why.
        what: String,
        /// Where people look.
        url: Option<String>,
        /// The end of the log.
        log: Option<String>,
    },
    /// It is on the way; what it waits for, in words.
    Running(String),
}

fn run_of(pipeline: Pipeline) -> RunRef {
    RunRef { pipeline: pipeline.id, job: None, url: pipeline.web_url }
}

fn no_such_job(consumer: &Consumer, git_ref: &str) -> CallError {
    CallError::Status {
        call: format!("the list of jobs of {}", consumer.project),
        status: 404,
        code: None,
        message: format!("no finished job {} on {git_ref}", consumer.job),
        told: crate::http::Told::default(),
    }
}
