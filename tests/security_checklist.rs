//! The security checklist names for each of its fifty items what would turn red. What it names must exist.

#![expect(clippy::unwrap_used, reason = "a checklist that cannot be read is no checklist")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Everything under a folder that is written in Rust, as one text.
fn rust_below(folder: &Path, text: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_below(&path, text);
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            text.push_str(&fs::read_to_string(&path).unwrap());
        }
    }
}

#[test]
fn every_item_of_the_security_checklist_names_what_holds_it_and_that_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let checklist = fs::read_to_string(root.join("docs/security-checklist.md")).unwrap();
    let mut code = String::new();
    rust_below(&root.join("src"), &mut code);
    rust_below(&root.join("tests"), &mut code);
    let rows: Vec<Vec<&str>> = checklist
        .lines()
        .filter(|line| line.starts_with("| ") && line.as_bytes()[2].is_ascii_digit())
        .map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect())
        .collect();
    let numbers: Vec<usize> = rows.iter().map(|row| row[0].parse().unwrap()).collect();
    assert_eq!(numbers, (1..=50).collect::<Vec<_>>(), "fifty items, in order");
    let mut missing = BTreeSet::new();
    for row in &rows {
        assert!(row.len() == 3 && !row[1].is_empty() && !row[2].is_empty(), "{row:?}");
        let named = row[2].split('`').skip(1).step_by(2);
        // A story is a sentence; anything shorter is a file or a word.
        let stories = named.filter(|name| name.matches('_').count() >= 2 && !name.contains(['.', ' ']));
        missing.extend(stories.filter(|story| !code.contains(&format!("fn {story}("))));
    }
    assert!(missing.is_empty(), "these stories are no more: {missing:?}");
}
