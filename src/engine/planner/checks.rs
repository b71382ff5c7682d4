//! What must be mended before anyone can approve (blockers), and what an approver should know (warnings).

use super::authority::{check_authority, check_own, check_strategy};
use super::subject::{Inspection, Subject, Subjects};
use crate::engine::{Engine, EngineError};
use crate::gitlab::{Me, Role, renamed};
use crate::rotation::plan::Plan;
use crate::rotation::token::{Consumer, LiveToken, ManagedToken, Owner};

/// GitLab's number for the role of a developer, who may start pipelines.
const DEVELOPER: u8 = 30;

/// What holds of every fine-grained token of a bot, since GitLab tells only when it is asked.
pub const FINE_GRAINED_BOT: &str = "the bot's own token is fine-grained: whether its permissions suffice shows only when                                     they are used, and what it is not allowed to see looks as if it were not there";

impl Engine {
    pub(super) async fn check(
        &self,
        plan: &mut Plan,
        managed: &ManagedToken,
        live: &LiveToken,
        me: &Me,
        before: Option<&Plan>,
    ) -> Result<Subjects, EngineError> {
        let mut subjects = Subjects::default();
        self.check_owner(plan, managed, live, before).await?;
        check_scopes(plan, managed, live, me);
        check_strategy(plan, me);
        self.check_self(plan, live).await?;
        check_authority(plan, me);
        check_own(plan, me, self.settings.own_token_renews);
        self.check_role(plan, managed, live, me).await?;
        let twins = self.check_twins(plan, managed).await?;
        self.check_schedule(plan);
        subjects.mark(plan, &Subject::Token);
        self.check_stores(plan, managed, before, &twins, &mut subjects).await?;
        for consumer in &managed.consumers {
            self.check_one_consumer(plan, consumer, me, before).await?;
            subjects.mark(plan, &Subject::Consumer(consumer.id.clone()));
        }
        if managed.consumers.is_empty() {
            plan.warnings.push("no pipeline proves the new token; the proof is its first use by anybody".into());
        }
        if self.settings.paused {
            plan.blockers.push("rekey is paused: [rotation] paused = true in its configuration".into());
        }
        plan.blockers.extend(self.too_few_approvers(managed).await);
        subjects.mark(plan, &Subject::Token);
        Ok(subjects)
    }

    /// What the checks of its consumers find of a token for which there can be no plan.
    pub async fn inspect_consumers(&self, managed: &ManagedToken) -> Result<Inspection, EngineError> {
        let me = self.gitlab.me().await?;
        let mut plan = self.blocked_plan(managed, None, String::new());
        plan.blockers.clear();
        let mut subjects = Subjects::default();
        for consumer in &managed.consumers {
            self.check_one_consumer(&mut plan, consumer, &me, None).await?;
            subjects.mark(&plan, &Subject::Consumer(consumer.id.clone()));
        }
        Ok(subjects.inspection(plan))
    }

    /// Which group or project the owner is in, and whose the token is.
    async fn check_owner(
        &self,
        plan: &mut Plan,
        managed: &ManagedToken,
        live: &LiveToken,
        before: Option<&Plan>,
    ) -> Result<(), EngineError> {
        let known = before.filter(|before| before.owner == managed.owner).and_then(|before| before.owner_number);
        let found = self.gitlab.owner_number(&managed.owner, known).await?;
        plan.owner_number = found.as_ref().map(|found| found.id).or(known);
        let named = match &managed.owner {
            Owner::GroupServiceAccount { group: path, .. } | Owner::Group { group: path } => path,
            Owner::ProjectServiceAccount { project: path, .. } | Owner::Project { project: path } => path,
            Owner::InstanceServiceAccount { username } | Owner::User { username } => username,
        };
        plan.warnings.extend(found.and_then(|found| renamed(named, &found.full_path)));
        if matches!(managed.owner, Owner::Project { .. } | Owner::Group { .. }) {
            return Ok(());
        }
        match self.gitlab.resolve_user(&plan.addressed_owner()).await? {
            Some(user) if user == live.user_id => {}
            Some(_) => plan.blockers.push(format!("token {} belongs to another user than {}", live.id, managed.owner)),
            None => plan.blockers.push(format!("{} does not exist, or the bot cannot see it", managed.owner)),
        }
        Ok(())
    }

    /// A project or group token may not have a wider role than the bot itself.
    async fn check_role(
        &self,
        plan: &mut Plan,
        managed: &ManagedToken,
        live: &LiveToken,
        me: &Me,
    ) -> Result<(), EngineError> {
        let own = match &plan.addressed_owner() {
            Owner::Project { project } => self.gitlab.project(project, me.user_id).await?.map(|p| p.role),
            Owner::Group { group } => self.gitlab.group(group, me.user_id).await?.map(|g| g.role),
            _ => return Ok(()),
        };
        if let (false, Some(role)) = (me.admin, live.access_level)
            && own.is_none_or(|own| own.is_below(role))
        {
            plan.blockers.push(format!("the token's role ({role}) is wider than the bot's own in {}", managed.owner));
        }
        Ok(())
    }

    async fn check_one_consumer(
        &self,
        plan: &mut Plan,
        consumer: &Consumer,
        me: &Me,
        before: Option<&Plan>,
    ) -> Result<(), EngineError> {
        let known = before.and_then(|before| before.consumers.iter().find(|known| known.id == consumer.id));
        let known = known.and_then(|known| known.identity.clone());
        let number = self.gitlab.project_number(known.as_ref());
        let found = self.gitlab.project_known_as(&consumer.project, number, me.user_id).await?;
        let identity = found.as_ref().map(|project| self.gitlab.project_identity(project.id)).or(known);
        if let Some(planned) = plan.consumers.iter_mut().find(|planned| planned.id == consumer.id) {
            planned.identity = identity;
        }
        let Some(project) = found else {
            plan.blockers.push(format!("project {} does not exist, or the bot cannot see it", consumer.project));
            return Ok(());
        };
        let found = plan.blockers.len();
        plan.warnings.extend(renamed(&consumer.project, &project.path));
        if project.archived {
            plan.blockers.push(format!("project {} is archived and runs no pipelines", consumer.project));
        }
        if !me.admin && project.role.is_below(DEVELOPER) {
            plan.blockers.push(format!(
                "the bot may not run pipelines in {}; give it the Developer role there",
                consumer.project
            ));
        }
        if project.role == Role::Hidden {
            plan.warnings
                .push(format!("the bot's fine-grained token may not see its own role in {}", consumer.project));
        }
        // Where the bot may do too little it may not look at refs either.
        if plan.blockers.len() == found {
            self.check_ref(plan, consumer, &project).await?;
        }
        Ok(())
    }
}

fn check_scopes(plan: &mut Plan, managed: &ManagedToken, live: &LiveToken, me: &Me) {
    if me.token.granular {
        plan.warnings.push(FINE_GRAINED_BOT.into());
    } else if !me.token.scopes.contains("api") {
        plan.blockers.push("the bot's own token lacks the scope api".into());
    }
    if me.token.scopes.contains("sudo") {
        plan.blockers.push(
            "the bot's own token has the scope sudo, by which it could act as anybody; give it one with api alone"
                .into(),
        );
    }
    if plan.new.scopes.is_empty() {
        plan.blockers.push(format!("the policy of {} leaves the new token no scope", managed.id));
    }
    let dropped: Vec<&str> = live.scopes.difference(&plan.new.scopes).map(String::as_str).collect();
    if !dropped.is_empty() {
        plan.warnings.push(format!("narrower than before, by policy: without {}", dropped.join(", ")));
    }
    if let Some(allowed) = &managed.scopes
        && (plan.rotates() || live.granular)
        && !live.scopes.is_subset(allowed)
    {
        plan.blockers
            .push("rotate copies all scopes, but the policy allows fewer; use overlap, or widen the policy".into());
    }
}
