//! Whether the jobs that prove a token see what is written: their ref is there, the variable is shown to it, and no other
//! variable of the same key hides it.

use crate::engine::{Engine, EngineError};
use crate::gitlab::{GitRef, Place, Project, may_be_hidden};
use crate::rotation::plan::Plan;
use crate::rotation::token::{Consumer, ConsumerKind};
use crate::store::CiVariable;
use crate::store::VariableScope;

impl Engine {
    /// The consumer's ref, and what its jobs see.
    pub(super) async fn check_ref(
        &self,
        plan: &mut Plan,
        consumer: &Consumer,
        project: &Project,
    ) -> Result<(), EngineError> {
        let at = project.id.to_string();
        let mut set = Vec::new();
        let name = match &consumer.kind {
            ConsumerKind::Pipeline { git_ref } | ConsumerKind::RetryJob { git_ref } => git_ref.clone(),
            ConsumerKind::Schedule { schedule } => {
                let what = format!("schedule {schedule}");
                let Some(found) = seen(plan, consumer, &what, self.gitlab.schedule(&at, *schedule).await)? else {
                    return Ok(());
                };
                set.extend(found.variables.into_iter().map(|variable| variable.key));
                let name = found.git_ref.unwrap_or_default();
                let short = name.strip_prefix("refs/heads/").or_else(|| name.strip_prefix("refs/tags/"));
                short.unwrap_or(&name).to_owned()
            }
        };
        let what = format!("branch or tag {name}");
        let Some(git_ref) = seen(plan, consumer, &what, self.gitlab.git_ref(&at, &name).await)? else {
            return Ok(());
        };
        if git_ref.protected && git_ref.can_push == Some(false) {
            plan.warnings.push(format!(
                "{name} is protected, and the bot may not push to it; let the bot push or merge to {name} (GitLab then \
                 lets it run pipelines there)"
            ));
        }
        let written: Vec<CiVariable> =
            plan.stores.iter().filter_map(|planned| self.stores.get(&planned.id)?.ci_variable().cloned()).collect();
        for spec in written.iter().filter(|spec| reaches(&spec.scope, &project.path)) {
            if set.contains(&spec.key) {
                plan.blockers.push(format!(
                    "the schedule of {} sets {key} itself, so its jobs do not get the one that is written; remove {key} \
                     from the schedule",
                    consumer.project,
                    key = spec.key
                ));
            }
            self.check_protection(plan, spec, &git_ref).await?;
            self.check_narrower(plan, spec, &written).await?;
            self.check_hidden(plan, spec, &written, project).await?;
        }
        Ok(())
    }

    /// A protected variable is not there for jobs on a ref that is not.
    async fn check_protection(&self, plan: &mut Plan, spec: &CiVariable, git_ref: &GitRef) -> Result<(), EngineError> {
        if git_ref.protected {
            return Ok(());
        }
        let flags = self.gitlab.variable_flags(place_of(&spec.scope), &spec.key, &spec.environment_scope).await?;
        let protected = flags.map(|flags| flags.protected).or(spec.create.map(|create| create.protected));
        // Where several could be meant the store says so itself.
        let hidden =
            protected.is_none() && self.gitlab.scopes_of_variable(place_of(&spec.scope), &spec.key).await?.is_none();
        let (key, name) = (&spec.key, &git_ref.name);
        if hidden {
            plan.warnings.push(format!(
                "whether {key} is protected, which hides it from jobs on {name}, the bot may not see; look yourself"
            ));
        }
        if protected == Some(true) {
            plan.blockers.push(format!(
                "{key} is protected and {name} is not, so its jobs do not see it; protect {name}, or lift the \
                 protection of {key}"
            ));
        }
        Ok(())
    }

    /// Jobs of an environment get the variable whose scope names it most closely, in one place too.
    async fn check_narrower(
        &self,
        plan: &mut Plan,
        spec: &CiVariable,
        written: &[CiVariable],
    ) -> Result<(), EngineError> {
        let (key, own) = (&spec.key, &spec.environment_scope);
        let scopes = self.gitlab.scopes_if_answered(place_of(&spec.scope), key).await?.unwrap_or_default();
        let same = |other: &CiVariable, scope: &String| {
            other.scope == spec.scope && other.key == spec.key && other.environment_scope == *scope
        };
        let narrower = scopes.into_iter().filter(|scope| covers(own, scope));
        let others: Vec<String> = narrower.filter(|scope| !written.iter().any(|other| same(other, scope))).collect();
        if !others.is_empty() {
            plan.warnings.push(format!(
                "{} also has a variable {key} for some environments alone ({}), whose jobs do not get the one that is \
                 written; make it a store as well",
                spec.scope.in_words(),
                others.join(", ")
            ));
        }
        Ok(())
    }

    /// Of several variables of one key a job gets the nearest: the project's before the group's before the instance's.
    async fn check_hidden(
        &self,
        plan: &mut Plan,
        spec: &CiVariable,
        written: &[CiVariable],
        project: &Project,
    ) -> Result<(), EngineError> {
        for nearer in nearer(&spec.scope, &project.path) {
            let also = |other: &CiVariable| other.scope == nearer && other.key == spec.key;
            if written.iter().any(also) {
                return Ok(());
            }
            let (key, place) = (&spec.key, nearer.in_words());
            match self.gitlab.scopes_of_variable(place_of(&nearer), key).await? {
                None => plan.warnings.push(format!(
                    "whether {place} has a variable {key} of its own, which jobs would get instead, the bot may not see; \
                     look yourself"
                )),
                Some(scopes) if scopes.iter().any(|scope| scope == "*" || *scope == spec.environment_scope) => {
                    plan.blockers.push(format!(
                        "{place} has a variable {key} of its own, so its jobs do not get the one that is written; remove \
                         it, or make it a store of this token"
                    ));
                }
                Some(scopes) if !scopes.is_empty() => plan.warnings.push(format!(
                    "{place} has a variable {key} of its own for some environments ({}), whose jobs do not get the one \
                     that is written; make it a store as well",
                    scopes.join(", ")
                )),
                Some(_) => {}
            }
        }
        Ok(())
    }
}

/// What a consumer cannot do without. That it is not there is a blocker, unless it may only be hidden from the bot.
fn seen<T>(
    plan: &mut Plan,
    consumer: &Consumer,
    what: &str,
    found: crate::gitlab::Result<Option<T>>,
) -> Result<Option<T>, EngineError> {
    let project = &consumer.project;
    match found {
        Err(error) if may_be_hidden(&error) => plan.warnings.push(format!(
            "whether {project} has a {what} the bot may not see; give its fine-grained token the permission to read it, \
             or look yourself"
        )),
        Ok(None) => plan.blockers.push(format!("{project} has no {what}; correct it in the configuration, or make it")),
        found => return Ok(found?),
    }
    Ok(None)
}

/// Where a variable is, for GitLab's client.
pub fn place_of(scope: &VariableScope) -> Place<'_> {
    match scope {
        VariableScope::Project(path) => Place::Project(path),
        VariableScope::Group(path) => Place::Group(path),
        VariableScope::Instance => Place::Instance,
    }
}

/// Whether every environment that `narrow` means is meant by `wide` too, which is another.
fn covers(wide: &str, narrow: &str) -> bool {
    let Some((head, tail)) = wide.split_once('*') else { return false };
    wide != narrow && narrow.len() >= head.len() + tail.len() && narrow.starts_with(head) && narrow.ends_with(tail)
}

/// Whether jobs of a project get the variables of that place.
fn reaches(scope: &VariableScope, project: &str) -> bool {
    match scope {
        VariableScope::Instance => true,
        VariableScope::Project(path) => path.eq_ignore_ascii_case(project),
        VariableScope::Group(path) => below(project, path),
    }
}

fn below(project: &str, group: &str) -> bool {
    let (project, group) = (project.to_lowercase(), group.to_lowercase());
    project.strip_prefix(&group).is_some_and(|rest| rest.starts_with('/'))
}

/// The places whose variables come before those of `scope` in a project, the nearest first.
fn nearer(scope: &VariableScope, project: &str) -> Vec<VariableScope> {
    let above = std::iter::successors(project.rsplit_once('/'), |(above, _)| above.rsplit_once('/'));
    let groups = above.map(|(above, _)| above.to_owned());
    let between: Vec<VariableScope> = match scope {
        VariableScope::Project(_) => return Vec::new(),
        VariableScope::Group(own) => groups.take_while(|group| below(group, own)).map(VariableScope::Group).collect(),
        VariableScope::Instance => groups.map(VariableScope::Group).collect(),
    };
    std::iter::once(VariableScope::Project(project.to_owned())).chain(between).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_reaches_the_projects_below_its_group_and_no_others() {
        let group = |path: &str| VariableScope::Group(path.into());
        assert!(reaches(&group("acme"), "acme/tools/deploy") && reaches(&group("Acme"), "acme/deploy"));
        assert!(!reaches(&group("acme"), "acme-other/deploy"));
        assert!(!reaches(&VariableScope::Project("acme/other".into()), "acme/deploy"));
    }

    #[test]
    fn a_scope_covers_those_that_it_means_and_that_are_not_itself() {
        for (wide, narrow) in [("*", "production"), ("review/*", "review/a"), ("*", "review/*"), ("a*z", "abz")] {
            assert!(covers(wide, narrow) && !covers(narrow, wide), "{wide} {narrow}");
        }
        assert!(!covers("*", "*") && !covers("production", "production") && !covers("review/*", "production"));
    }

    #[test]
    fn what_is_nearer_than_a_group_is_the_project_and_the_groups_between() {
        let group = |path: &str| VariableScope::Group(path.into());
        let project = VariableScope::Project("a/b/c/p".into());
        assert_eq!(nearer(&group("a"), "a/b/c/p"), [project.clone(), group("a/b/c"), group("a/b")]);
        assert_eq!(nearer(&group("a/b/c"), "a/b/c/p"), std::slice::from_ref(&project));
        assert_eq!(nearer(&VariableScope::Instance, "a/b/c/p").len(), 4);
        assert_eq!(nearer(&project, "a/b/c/p"), []);
    }
}
