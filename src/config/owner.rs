//! `owner = { … }` of a token: whose it is, told by which keys are there.

use crate::rotation::token::Owner;
use crate::settings::naming;
use crate::settings::section::Section;

pub(super) const KEYS: &[&str] = &["group", "project", "service_account", "instance_service_account", "user"];

const SHAPES: &str = "write { group = \"acme\", service_account = \"deploy-bot\" }, the same with project, \
    { instance_service_account = \"…\" }, { user = \"…\" }, { project = \"…\" } or { group = \"…\" }";

pub(super) fn read(token: &Section<'_>) -> Option<Owner> {
    if !token.has("owner") {
        token.complain("owner", &format!("owner is missing; {SHAPES}"));
    }
    let section = token.section("owner", "owner".into(), KEYS)?.called(format!("{}: owner", token.label()));
    let given: Vec<&str> = KEYS.iter().copied().filter(|key| section.has(key)).collect();
    let group = || naming::group_path(&section, "group", "");
    let project = || naming::project_path(&section, "project", "");
    let login = |key| naming::login(&section, key);
    match given.as_slice() {
        ["group", "service_account"] => {
            Some(Owner::GroupServiceAccount { group: group()?, username: login("service_account")? })
        }
        ["project", "service_account"] => {
            Some(Owner::ProjectServiceAccount { project: project()?, username: login("service_account")? })
        }
        ["instance_service_account"] => {
            Some(Owner::InstanceServiceAccount { username: login("instance_service_account")? })
        }
        ["user"] => Some(Owner::User { username: login("user")? }),
        ["project"] => Some(Owner::Project { project: project()? }),
        ["group"] => Some(Owner::Group { group: group()? }),
        ["service_account"] => {
            section.complain("service_account", "service_account needs the group or project it belongs to; add it");
            None
        }
        _ => {
            section.complain("", &format!("does not say whose token it is; {SHAPES}"));
            None
        }
    }
}
