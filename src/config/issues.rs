//! `[issues]`: where each rotation has its issue.

use crate::settings::naming::project_path;
use crate::settings::section::Section;

pub(super) const KEYS: &[&str] = &["project", "labels", "confidential"];

const LABEL: &str = "rekey";

/// The issues that the bot opens.
#[derive(Clone, Debug)]
pub struct Issues {
    /// Full path of the project.
    pub project: String,
    /// Given to every issue; the first also finds them again.
    pub labels: Vec<String>,
    /// Only members of the project see them.
    pub confidential: bool,
}

pub(super) fn read(section: &Section<'_>) -> Option<Issues> {
    let project = project_path(section, "project", "write the full path of the project, \"acme/operations\"");
    let mut labels = section.texts("labels");
    if labels.is_empty() {
        labels.push(LABEL.into());
    }
    if let Some(index) = labels.iter().position(|label| label.contains(',') || label.trim().is_empty()) {
        section.complain_item("labels", index, "a label must not be empty or contain a comma");
    }
    Some(Issues { project: project?, labels, confidential: section.flag("confidential").unwrap_or(true) })
}
