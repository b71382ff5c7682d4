//! What a consumer's jobs would see is looked at before anybody approves: a ref that is not there, a variable that is not
//! shown to it, and one that another hides.

use super::setup::Setup;
use super::team::Team;
use rekey::rotation::token::ConsumerKind;
use rekey::sandbox::gitlab::{JobPlan, Place, Variable};
use rekey::secret_store::CiVariable as Spec;
use rekey::secret_store::{StoreSpec, VariableScope};

const KEY: &str = "SHARED_TOKEN";

fn on(git_ref: &str) -> Setup {
    Setup::new().proven_by(ConsumerKind::Pipeline { git_ref: git_ref.into() }, "deploy")
}

fn deploy() -> Vec<JobPlan> {
    vec![JobPlan::new("deploy", "deploy").calls_with("DEPLOY_TOKEN")]
}

async fn blockers(team: &Team) -> Vec<String> {
    team.open().await.plan.blockers
}

#[tokio::test]
async fn a_protected_variable_on_a_ref_that_is_not_blocks_the_plan_until_it_is_mended() {
    let team = on("topic").start(|world, project| world.pipeline(project, "topic", deploy())).await;
    let found = blockers(&team).await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].starts_with("DEPLOY_TOKEN is protected and topic is not, so its jobs do not see it; protect topic")
    );
    team.stage.state.with(|world| world.protect(team.stage.project, "topic"));
    team.pass(600).await;
    assert_eq!(team.rotation().await.plan.blockers, Vec::<String>::new());
}

#[tokio::test]
async fn a_ref_that_is_not_there_blocks_the_plan() {
    let team = on("nowhere").start(|_, _| {}).await;
    let found = blockers(&team).await;
    assert!(found.iter().any(|what| what.contains("has no branch or tag nowhere")), "{found:?}");
}

#[tokio::test]
async fn a_variable_of_the_project_hides_the_one_of_the_group_unless_it_is_written_too() {
    let group = StoreSpec::GitlabVariable(Spec {
        scope: VariableScope::Group("acme".into()),
        key: KEY.into(),
        environment_scope: "*".into(),
        create: None,
    });
    for (scope, blocked, warned) in [(Some("*"), true, false), (Some("production"), false, true), (None, false, false)]
    {
        let setup = Setup::new().stored_only_in(group.clone());
        let team = setup
            .start(|world, project| {
                let acme = world.group_named("acme").unwrap();
                world.variable(Variable::new(Place::Group(acme), KEY, crate::sandbox::stage::OLD).masked());
                if let Some(scope) = scope {
                    world.variable(Variable::new(Place::Project(project), KEY, "another").scoped(scope));
                }
            })
            .await;
        let plan = team.open().await.plan;
        let says = |found: &[String]| found.iter().any(|what| what.contains("has a variable SHARED_TOKEN of its own"));
        assert_eq!((says(&plan.blockers), says(&plan.warnings)), (blocked, warned), "{scope:?}: {plan:#?}");
    }
}

#[tokio::test]
async fn another_variable_of_the_same_place_that_some_environments_get_instead_is_told() {
    for scope in ["production", "review/*"] {
        let team = Setup::new()
            .start(|world, project| {
                let other = Variable::new(Place::Project(project), "DEPLOY_TOKEN", "another").scoped(scope);
                world.variable(other);
            })
            .await;
        let plan = team.open().await.plan;
        let says = format!("acme/deploy also has a variable DEPLOY_TOKEN for some environments alone ({scope})");
        assert!(plan.warnings.iter().any(|what| what.starts_with(&says)), "{:?}", plan.warnings);
        assert_eq!(plan.blockers, Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_schedule_that_sets_the_variable_itself_blocks_the_plan() {
    let team = Team::new().await;
    let id = team.stage.schedule;
    team.stage.state.with(|world| world.set_in_schedule(id, "DEPLOY_TOKEN", "of the schedule"));
    let mut managed = team.setup.tokens[0].clone();
    managed.consumers[0].kind = ConsumerKind::Schedule { schedule: id };
    let live = team.engine.live_token(&managed).await.unwrap();
    let plan = team.engine.plan(&managed, &live, None, None).await.unwrap();
    assert!(
        plan.blockers.iter().any(|what| what.starts_with("the schedule of acme/deploy sets DEPLOY_TOKEN itself")),
        "{:?}",
        plan.blockers
    );
}

#[tokio::test]
async fn whether_a_variable_is_protected_is_not_claimed_where_the_bot_may_not_see_it() {
    let team = on("topic").start(|world, project| world.pipeline(project, "topic", deploy())).await;
    let flags = rekey::sandbox::gitlab::Fault::ErrorBefore { status: 403 };
    team.stage.state.fault(rekey::sandbox::gitlab::Rule::new("GET", "*/variables*", flags).times(0));
    let plan = team.open().await.plan;
    let told = plan.warnings.iter().any(|what| what.starts_with("whether DEPLOY_TOKEN is protected"));
    assert!(told, "{:?}", plan.warnings);
}
