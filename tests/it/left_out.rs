//! Stories that need a program which is not installed: outside CI they are left out, and `tests/left_out.rs` counts them
//! after the run as ignored, each with what it needs; in CI they fail.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Writes down that the story of this thread was left out because `needs` is missing. Fails in CI.
pub fn note(needs: &str) {
    let story = std::thread::current().name().unwrap_or("main").to_owned();
    assert!(!in_ci(), "{story} needs {needs}; CI must leave nothing out");
    let mut list = OpenOptions::new().create(true).append(true).open(list()).unwrap();
    // One write, so that stories side by side do not mix their lines.
    list.write_all(format!("{story}\t{needs}\n").as_bytes()).unwrap();
}

/// Hands over what is installed, and notes the story otherwise.
pub fn unless<T>(found: Option<T>, needs: &str) -> Option<T> {
    if found.is_none() {
        note(needs);
    }
    found
}

fn in_ci() -> bool {
    std::env::var("CI").is_ok_and(|ci| ci == "true")
}

/// One list for each `cargo test`, by the process that runs all of its binaries.
fn list() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("left-out-{}", std::os::unix::process::parent_id()))
}
