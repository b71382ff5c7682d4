//! CI/CD variables: what may be stored, and which one a job sees.

use super::model::Job;
use super::model::Variable;
use super::people::{Place, is_within};
use super::reply::Refusal;
use super::world::World;
use crate::sandbox::faults::wildcard;
use serde_json::{Value, json};

impl Variable {
    /// An ordinary variable for all environments.
    pub fn new(place: Place, key: &str, value: &str) -> Self {
        Self {
            place,
            key: key.to_owned(),
            value: value.to_owned(),
            variable_type: "env_var".into(),
            protected: false,
            masked: false,
            hidden: false,
            raw: false,
            environment_scope: "*".into(),
            description: None,
        }
    }

    /// Masked, as tokens should be.
    pub fn masked(self) -> Self {
        Self { masked: true, ..self }
    }

    /// Masked and hidden.
    pub fn hidden(self) -> Self {
        Self { masked: true, hidden: true, ..self }
    }

    /// Only on protected refs.
    pub fn protected(self) -> Self {
        Self { protected: true, ..self }
    }

    /// Only for this environment.
    pub fn scoped(self, environment: &str) -> Self {
        Self { environment_scope: environment.to_owned(), ..self }
    }

    /// As the API shows it: the value of a hidden one is null.
    pub(super) fn json(&self) -> Value {
        let mut shown = json!({
            "variable_type": self.variable_type, "key": self.key, "protected": self.protected, "masked": self.masked,
            "hidden": self.hidden, "raw": self.raw, "description": self.description,
            "value": if self.hidden { Value::Null } else { self.value.clone().into() },
        });
        if self.place != Place::Instance {
            shown["environment_scope"] = json!(self.environment_scope);
        }
        shown
    }

    /// What a record must be to be saved.
    pub(super) fn check(&self) -> Result<(), Refusal> {
        let is_key = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if self.key.is_empty() || self.key.len() > 255 || !self.key.chars().all(is_key) {
            return Err(Refusal::invalid("key", "can contain only letters, digits and '_'."));
        }
        if self.value.chars().count() > 10_000 {
            return Err(Refusal::invalid("value", "is too long (maximum is 10000 characters)"));
        }
        if self.masked && !can_be_masked(&self.value, self.raw) {
            return Err(Refusal::invalid("value", "is invalid"));
        }
        Ok(())
    }

    fn is_for(&self, environment: Option<&str>) -> bool {
        match environment {
            Some(environment) => wildcard(&self.environment_scope, environment),
            None => self.environment_scope == "*",
        }
    }
}

/// One line without spaces of at least eight characters; where values are expanded, of a small alphabet.
fn can_be_masked(value: &str, raw: bool) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_:@-+.~=/".contains(c);
    value.len() >= 8 && !value.contains(char::is_whitespace) && (raw || value.chars().all(allowed))
}

impl World {
    /// The value a job sees at this moment: the pipeline's own, the project's, the nearest group's, the instance's;
    /// protected ones only on protected refs, among scopes the most specific.
    pub(super) fn value_for(&self, job: &Job, key: &str) -> Option<String> {
        let own = job.variables.iter().chain(self.pipelines.get(&job.pipeline).into_iter().flat_map(|p| &p.variables));
        if let Some((_, value)) = own.into_iter().find(|(name, _)| name == key) {
            return Some(value.clone());
        }
        let visible = self.visible_to(job).into_iter().filter(|variable| variable.key == key);
        visible.max_by_key(|variable| self.nearness(variable)).map(|variable| variable.value.clone())
    }

    /// Values that the runner masks in the job's log.
    pub(super) fn masked_for(&self, job: &Job) -> Vec<String> {
        let visible = self.visible_to(job).into_iter();
        visible.filter(|variable| variable.masked).map(|variable| variable.value.clone()).collect()
    }

    fn visible_to(&self, job: &Job) -> Vec<&Variable> {
        let Some(pipeline) = self.pipelines.get(&job.pipeline) else { return Vec::new() };
        let protected = self.is_protected(pipeline.project, &pipeline.git_ref);
        let path = self.path_of(Place::Project(pipeline.project));
        let reaches = |place: Place| match place {
            Place::Instance => true,
            Place::Group(_) => is_within(path, self.path_of(place)),
            Place::Project(id) => id == pipeline.project,
        };
        let environment = job.plan.environment.as_deref();
        let visible = |variable: &&Variable| {
            reaches(variable.place) && (protected || !variable.protected) && variable.is_for(environment)
        };
        self.variables.iter().filter(visible).collect()
    }

    fn nearness(&self, variable: &Variable) -> (u8, usize, usize) {
        let rank = match variable.place {
            Place::Instance => 0,
            Place::Group(_) => 1,
            Place::Project(_) => 2,
        };
        (rank, self.path_of(variable.place).len(), variable.environment_scope.replace('*', "").len())
    }
}
