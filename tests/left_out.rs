//! Runs after `it`, and counts the stories that were left out there because a program is not installed: the test runner
//! shows nothing of what a test prints that passes.

use std::collections::BTreeMap;
use std::path::Path;

fn main() {
    // Runners that ask each binary for its tests get none.
    if std::env::args().any(|argument| argument == "--list") {
        return;
    }
    let name = format!("left-out-{}", std::os::unix::process::parent_id());
    let list = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let noted = std::fs::read_to_string(&list).unwrap_or_default();
    // Only this run's: the next one may find more installed.
    let _gone = std::fs::remove_file(&list);
    println!("\n{}", summary(&noted));
}

/// A line for each story, in the runner's own form.
fn summary(noted: &str) -> String {
    let stories: BTreeMap<(&str, &str), ()> =
        noted.lines().filter_map(|line| line.split_once('\t')).map(|line| (line, ())).collect();
    let mut lines: Vec<String> =
        stories.keys().map(|(story, needs)| format!("test {story} ... ignored, needs {needs}")).collect();
    if !lines.is_empty() {
        lines.push(String::new());
        lines.push(format!("{} stories were left out, or told in part; README names what they need", stories.len()));
    }
    lines.push(format!("test result: ok. 0 passed; 0 failed; {} ignored; 0 measured; 0 filtered out", stories.len()));
    lines.join("\n")
}
