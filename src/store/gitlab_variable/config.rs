//! `kind = "gitlab_variable"`: a CI/CD variable of a project, a group or the instance.

use crate::settings::naming::{group_path, project_path};
use crate::settings::section::Section;
use crate::store::VariableScope;
use crate::store::{CiVariable, Create};

/// The keys of a place.
pub(in crate::store) const KEYS: &[&str] =
    &["project", "group", "instance", "key", "environment_scope", "create", "masked", "hidden", "protected"];

pub(in crate::store) fn read(section: &Section<'_>) -> Option<CiVariable> {
    let scope = scope(section);
    let key = section.required("key", "write the name of the CI/CD variable, \"DEPLOY_TOKEN\"");
    let fits = |symbol: char| symbol.is_ascii_alphanumeric() || symbol == '_';
    if key.as_deref().is_some_and(|key| !key.chars().all(fits)) {
        section.complain("key", "key may have letters, digits and underscores, as GitLab demands");
        return None;
    }
    let environment_scope = section.text("environment_scope").unwrap_or_else(|| "*".into());
    if matches!(scope, Some(VariableScope::Instance)) && environment_scope != "*" {
        section.complain("environment_scope", "a variable of the instance has no environment scope; remove it");
    }
    let create = create(section);
    Some(CiVariable { scope: scope?, key: key?, environment_scope, create })
}

/// The flags mean something only for a variable that the bot makes: those of one that is there stay.
fn create(section: &Section<'_>) -> Option<Create> {
    let flag = |key: &str, usual| section.flag(key).unwrap_or(usual);
    if flag("create", false) {
        let (masked, hidden) = (flag("masked", true), flag("hidden", false));
        if hidden && !masked {
            section.complain("masked", "a hidden variable is always masked; remove masked = false");
        }
        return Some(Create { masked, hidden, protected: flag("protected", false) });
    }
    for key in ["masked", "hidden", "protected"].into_iter().filter(|key| section.has(key)) {
        section.complain(key, &format!("{key} is for a variable that the bot makes; add create = true or remove it"));
    }
    None
}

fn scope(section: &Section<'_>) -> Option<VariableScope> {
    let given: Vec<&str> = ["project", "group", "instance"].into_iter().filter(|key| section.has(key)).collect();
    match given.as_slice() {
        ["project"] => project_path(section, "project", "").map(VariableScope::Project),
        ["group"] => group_path(section, "group", "").map(VariableScope::Group),
        ["instance"] if section.flag("instance")? => Some(VariableScope::Instance),
        _ => {
            section.complain("", "needs exactly one of project = \"…\", group = \"…\" and instance = true");
            None
        }
    }
}
