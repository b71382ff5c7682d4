//! `kind = "gitlab_secure_file"`: a secure file of a project on the GitLab that the bot works with.

use super::Spec;
use crate::settings::naming::project_path;
use crate::settings::section::Section;

/// The keys of a place.
pub(in crate::store) const KEYS: &[&str] = &["project", "name"];

pub(in crate::store) fn read(section: &Section<'_>) -> Option<Spec> {
    let project = project_path(section, "project", "write the project's full path, \"acme/deploy\"");
    let name = section.required("name", "write the file's name, \"deploy.npmrc\"");
    let name = name.filter(|name| {
        let unfit = |c: char| c.is_control() || "\"/\\".contains(c);
        let fits = !name.contains(unfit) && !name.contains("..");
        if !fits {
            section.complain("name", "name must be a file's name, without quotes, slashes and \"..\"");
        }
        fits
    });
    Some(Spec { project: project?, name: name? })
}
