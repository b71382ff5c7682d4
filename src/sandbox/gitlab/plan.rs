//! What pipelines consist of, as `.gitlab-ci.yml` would say it.

/// When a job runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Run {
    /// When the stages before passed.
    OnSuccess,
    /// When somebody plays it.
    Manual,
    /// It is in the pipeline and is skipped.
    Skipped,
    /// A rule keeps it out of the pipeline.
    Excluded,
}

/// One job of a pipeline definition.
#[derive(Clone, Debug)]
pub struct JobPlan {
    /// Its stage; stages run in the order in which they first appear.
    pub stage: String,
    /// Its name.
    pub name: String,
    /// The variable it takes as a token.
    pub variable: Option<String>,
    /// Whether it calls the API with that token, and passes only if that works.
    pub calls: bool,
    /// One of these scopes must be among the token's for the call to work; empty: any.
    pub needs: Vec<String>,
    /// Its failure does not fail the pipeline.
    pub allow_failure: bool,
    /// When it runs.
    pub run: Run,
    /// Fails whatever the token, with this text in the log.
    pub fails: Option<String>,
    /// The environment it deploys to, which decides which scoped variables it sees.
    pub environment: Option<String>,
    /// How often GitLab itself runs it again when it fails.
    pub retries: usize,
    /// Fails only so many times; 0 is always.
    pub fails_times: usize,
    /// Why it fails, in GitLab's word, if that is not its script.
    pub reason: Option<&'static str>,
    /// It runs nothing itself but starts a child pipeline of these jobs.
    pub child: Vec<JobPlan>,
}

impl JobPlan {
    /// A job that passes and uses no token.
    pub fn new(stage: &str, name: &str) -> Self {
        Self {
            stage: stage.to_owned(),
            name: name.to_owned(),
            variable: None,
            calls: false,
            needs: Vec::new(),
            allow_failure: false,
            run: Run::OnSuccess,
            fails: None,
            environment: None,
            retries: 0,
            fails_times: 0,
            reason: None,
            child: Vec::new(),
        }
    }

    /// Calls the API with the value of this variable.
    pub fn calls_with(self, variable: &str) -> Self {
        Self { variable: Some(variable.to_owned()), calls: true, ..self }
    }

    /// The call wants one of these scopes.
    pub fn needing(self, scopes: &[&str]) -> Self {
        Self { needs: scopes.iter().map(|&scope| scope.to_owned()).collect(), ..self }
    }

    /// May fail without failing the pipeline.
    pub fn may_fail(self) -> Self {
        Self { allow_failure: true, ..self }
    }

    /// When it runs.
    pub fn when(self, run: Run) -> Self {
        Self { run, ..self }
    }

    /// Always fails, with this in the log.
    pub fn failing(self, log: &str) -> Self {
        Self { fails: Some(log.to_owned()), ..self }
    }

    /// Fails for a reason that is none of its script's.
    pub fn because_of(self, reason: &'static str) -> Self {
        Self { reason: Some(reason), ..self }
    }

    /// Fails once, with this in the log, and is run again by GitLab.
    pub fn retried_after(self, log: &str) -> Self {
        Self { retries: 2, fails_times: 1, ..self.failing(log) }
    }

    /// A job that starts a child pipeline.
    pub fn bridge(stage: &str, name: &str, child: Vec<JobPlan>) -> Self {
        Self { child, ..Self::new(stage, name) }
    }

    /// Deploys to an environment.
    pub fn deploying_to(self, environment: &str) -> Self {
        Self { environment: Some(environment.to_owned()), ..self }
    }
}

/// The jobs of pipelines on a ref of a project.
pub(super) struct Definition {
    pub project: u64,
    pub git_ref: String,
    pub jobs: Vec<JobPlan>,
}
