//! Stores of each kind, and what a rotation makes of what they cannot do.

use super::setup::{Setup, project_variable};
use crate::sandbox::stage::OLD;
use rekey::rotation::phase::Outcome;
use rekey::rotation::view::Action;
use rekey::sandbox::gitlab::{JobPlan, Place, Variable, World};
use rekey::secret_store::CiVariable as Spec;
use rekey::secret_store::file;
use rekey::secret_store::{StoreSpec, VariableScope};
use std::os::unix::fs::PermissionsExt;

fn used_by_the_job(world: &mut World, project: u64, key: &str) {
    world.pipeline(project, "main", vec![JobPlan::new("deploy", "deploy").calls_with(key)]);
}

#[tokio::test]
async fn a_hidden_variable_cannot_be_read_back_so_its_consumer_is_the_proof() {
    let team = Setup::new()
        .stored_only_in(project_variable("HIDDEN"))
        .start(|world, project| {
            world.variable(Variable::new(Place::Project(project), "HIDDEN", OLD).hidden());
            used_by_the_job(world, project, "HIDDEN");
        })
        .await;
    team.open().await;
    assert!(team.issue().contains("cannot be read back"), "{}", team.issue());
    team.click("alice", Action::Approve).await.unwrap();
    team.pass(3600).await;
    team.ended(Outcome::Done).await;
    let variable = team.stage.state.variable(Place::Project(team.stage.project), "HIDDEN", "*").unwrap();
    assert!(variable.hidden && variable.masked, "its flags survive");
    let held = team.stage.state.held_by(Place::Project(team.stage.project), "HIDDEN", "*");
    assert_eq!(held, team.live().first().copied());
    assert_eq!(team.live().len(), 1);
}

#[tokio::test]
async fn a_hidden_variable_cannot_be_restored_and_the_words_say_so() {
    let team = Setup::new()
        .stored_only_in(project_variable("HIDDEN"))
        .start(|world, project| {
            world.variable(Variable::new(Place::Project(project), "HIDDEN", OLD).hidden());
            used_by_the_job(world, project, "HIDDEN");
        })
        .await;
    team.stage.state.fail_job(Some("deploy"));
    team.approved().await;
    team.pass(60).await;
    team.click("alice", Action::Restore).await.unwrap();
    team.pass(3600).await;
    assert!(team.stuck().await.what.contains("cannot get its previous value back"));
    assert_eq!(team.live().len(), 2, "both tokens live");
}

#[tokio::test]
async fn a_file_and_a_group_variable_get_the_same_value_as_the_project_variable() {
    let group = StoreSpec::GitlabVariable(Spec {
        scope: VariableScope::Group("acme".into()),
        key: "GROUP_TOKEN".into(),
        environment_scope: "*".into(),
        create: None,
    });
    let setup = Setup::new();
    let path = setup.file("token");
    std::fs::write(&path, format!("{OLD}\n")).unwrap();
    let before = std::fs::metadata(&path).unwrap().permissions().mode();
    let team = setup
        .also_stored_in(group)
        .also_stored_in(StoreSpec::File(file::Spec { path: path.clone() }))
        .start(|world, _| {
            let group = World::new(7, "2026-11-21T14:00:00Z".parse().unwrap()).group("acme");
            world.variable(Variable::new(Place::Group(group), "GROUP_TOKEN", OLD).masked());
        })
        .await;
    team.approved().await;
    team.pass(3600).await;
    team.done().await;
    let held = std::fs::read_to_string(&path).unwrap();
    let variable = team.stage.state.variable(Place::Project(team.stage.project), "DEPLOY_TOKEN", "*").unwrap();
    assert_eq!(held, format!("{}\n", variable.value));
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode(), before, "its readers still read it");
    let group = Place::Group(team.stage.group);
    assert_eq!(team.stage.state.held_by(group, "GROUP_TOKEN", "*"), team.held());
    let left = std::fs::read_dir(team.setup.folder.path()).unwrap().flatten();
    let names: Vec<_> =
        left.map(|entry| entry.file_name()).filter(|name| !name.to_string_lossy().contains("rekey.db")).collect();
    assert_eq!(names, ["token"], "no temporary file is left");
}

#[tokio::test]
async fn a_file_that_is_missing_blocks_the_approval_with_the_mend() {
    let setup = Setup::new();
    let path = setup.file("nothing");
    let team = setup.also_stored_in(StoreSpec::File(file::Spec { path })).start(|_, _| {}).await;
    team.open().await;
    let refusal = team.refusal("alice", Action::Approve).await;
    assert!(refusal.contains("there is no such file") && refusal.contains("create it empty"), "{refusal}");
}
