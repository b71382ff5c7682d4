//! Headers under names that people choose, in a table `headers` of a section.

use super::section::Section;
use reqwest::header::HeaderName;

/// What the client itself writes.
const OURS: [&str; 5] = ["host", "content-length", "content-type", "transfer-encoding", "connection"];

/// The headers of a section, each with what `read` makes of it.
pub(crate) fn named<T>(
    section: &Section<'_>,
    read: impl Fn(&Section<'_>, &str) -> Option<T>,
) -> Option<Vec<(HeaderName, T)>> {
    let all = section.section_of_names("headers")?.called(format!("{}: headers", section.label()));
    let mut headers = Vec::new();
    for key in all.names() {
        match HeaderName::from_bytes(key.as_bytes()) {
            Ok(name) if OURS.contains(&name.as_str()) => {
                all.complain_name(key, &format!("{key} is written by rekey; for the body there is content_type"));
            }
            Ok(name) => headers.extend(read(&all, key).map(|value| (name, value))),
            Err(_) => all.complain_name(key, &format!("\"{key}\" is no name of a header")),
        }
    }
    Some(headers)
}
