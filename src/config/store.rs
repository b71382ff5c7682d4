//! `[[token.store]]`: the places that hold a token's value, in the order in which they are written.

use super::issues::full_path;
use super::section::Section;
use crate::secret_store::{StoreSpec, VariableScope};
use std::path::PathBuf;

pub(super) const KEYS: &[&str] = &["kind", "project", "group", "instance", "key", "environment_scope", "path"];

const VARIABLE_KEYS: &[&str] = &["project", "group", "instance", "key", "environment_scope"];
const FILE_KEYS: &[&str] = &["path"];

#[derive(Clone, Copy)]
enum Kind {
    GitlabVariable,
    File,
}

const KINDS: [(&str, Kind); 2] = [("gitlab_variable", Kind::GitlabVariable), ("file", Kind::File)];

pub(super) fn read(token: &Section<'_>) -> Vec<StoreSpec> {
    let sections = token.sections("store", &format!("{}: store", token.label()), KEYS);
    if !token.has("store") {
        token.complain("store", "has no [[token.store]], so a new value would be lost; say where it lives");
    }
    sections.iter().filter_map(read_one).collect()
}

fn read_one(section: &Section<'_>) -> Option<StoreSpec> {
    let kinds = "write \"gitlab_variable\" or \"file\"";
    section.required("kind", kinds)?;
    match section.choice("kind", &KINDS)? {
        Kind::GitlabVariable => {
            section.refuse_others(&["kind"], VARIABLE_KEYS, "kind = \"gitlab_variable\"");
            variable(section)
        }
        Kind::File => {
            section.refuse_others(&["kind"], FILE_KEYS, "kind = \"file\"");
            file(section)
        }
    }
}

fn variable(section: &Section<'_>) -> Option<StoreSpec> {
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
    Some(StoreSpec::GitlabVariable { scope: scope?, key: key?, environment_scope })
}

fn scope(section: &Section<'_>) -> Option<VariableScope> {
    let given: Vec<&str> = ["project", "group", "instance"].into_iter().filter(|key| section.has(key)).collect();
    match given.as_slice() {
        ["project"] => full_path(section, "project", "").map(VariableScope::Project),
        ["group"] => full_path(section, "group", "").map(VariableScope::Group),
        ["instance"] if section.flag("instance")? => Some(VariableScope::Instance),
        _ => {
            section.complain("", "needs exactly one of project = \"…\", group = \"…\" and instance = true");
            None
        }
    }
}

fn file(section: &Section<'_>) -> Option<StoreSpec> {
    let path = PathBuf::from(section.required("path", "write an absolute path, \"/etc/deploy/token\"")?);
    if !path.is_absolute() {
        section.complain("path", "path must be absolute, so that it means the same wherever rekey is started");
        return None;
    }
    Some(StoreSpec::File { path })
}
