//! `kind = "gitlab_secure_file"`: a secure file of a project on the GitLab that the bot works with.

use super::Kind;
use crate::settings::naming::project_path;
use crate::settings::section::Section;
use crate::secret_store::gitlab_secure_file::Spec;
use crate::secret_store::{Connections, StoreSpec};

pub(super) const KIND: Kind = Kind { name: "gitlab_secure_file", keys: &["project", "name"], read };

fn read(section: &Section<'_>, _: &Connections) -> Option<StoreSpec> {
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
    Some(StoreSpec::GitlabSecureFile(Spec { project: project?, name: name? }))
}
