//! The managed tokens: those in the main file, and those in the files of `tokens_dir`.

use super::entry::Entry;
use super::token::{self, Known};
use super::{across, approvers, step_up};
use crate::rotation::token::ManagedToken;
use crate::settings::problem::{Place, Problems};
use crate::settings::section::Section;
use crate::settings::source::Source;
use crate::store::StoreSpec;
use std::path::{Path, PathBuf};

/// What a file in the folder may have.
const KEYS: &[&str] = &["token"];

/// All tokens, those of the main file first, then file by file in the order of names.
pub(super) fn tokens(root: &Section<'_>, known: &Known<'_>) -> Vec<(ManagedToken, Vec<StoreSpec>)> {
    let mut entries = entries(root, known);
    for path in files(root) {
        entries.extend(read_file(root.source, &path, known));
    }
    across::check(&entries, root.source.problems);
    across::check_window(&entries, known.defaults.window.as_ref(), root.source.problems);
    approvers::check_services(&entries, root);
    approvers::check_organisation(&entries, root, known.team);
    step_up::check(&entries, root);
    entries.into_iter().map(|entry| (entry.token, entry.stores)).collect()
}

fn entries(root: &Section<'_>, known: &Known<'_>) -> Vec<Entry> {
    let sections = root.sections("token", "token", token::KEYS).into_iter();
    sections.filter_map(|section| token::read(section, known)).collect()
}

/// The `.toml` files of the folder, hidden ones (an editor's) left out.
fn files(root: &Section<'_>) -> Vec<PathBuf> {
    let Some(folder) = root.text("tokens_dir") else { return Vec::new() };
    let mut files = match root.source.surroundings.files(&root.source.folder.join(&folder)) {
        Ok(files) => files,
        Err(error) => {
            let why = error.kind();
            root.complain("tokens_dir", &format!("tokens_dir: the folder {folder} cannot be read ({why}); create it"));
            return Vec::new();
        }
    };
    let hidden = |path: &Path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
    files.retain(|path| path.extension().is_some_and(|end| end == "toml") && !hidden(path));
    files.sort();
    files
}

fn read_file(main: &Source<'_>, path: &Path, known: &Known<'_>) -> Vec<Entry> {
    let name = path.display().to_string();
    let text = match main.surroundings.text(path) {
        Ok(text) => text,
        Err(error) => {
            unreadable(main.problems, &name, &error);
            return Vec::new();
        }
    };
    let folder = path.parent().unwrap_or(Path::new(""));
    let source = Source::new(&name, &text, folder, main.problems, main.surroundings);
    let Some(root) = source.parse() else { return Vec::new() };
    entries(&Section::new(&source, root.get_ref(), 0..0, String::new(), KEYS), known)
}

fn unreadable(problems: &Problems, name: &str, error: &std::io::Error) {
    let place = Place { file: name.into(), at: None };
    problems.error(place, format!("the file cannot be read ({}); mend or remove it", error.kind()));
}
