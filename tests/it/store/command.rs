//! Programs as stores: the example of the documentation and one with versions under the contract, and programs that
//! behave badly.

mod rogues;
mod settings;

use super::built;
use super::contract::{Bench, OLD, Site, Trouble};
use rekey::rotation::store::{Capabilities, Rollback};
use rekey::store::command::{Settings, Spec};
use rekey::store::{Connections, SecretStore, StoreSpec};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// Makes the trouble that the program behind it would not, and notes what it could show to others on the machine.
const WRAPPER: &str = r#"#!/bin/sh
{ echo "$@"; env; } >> "$1/said"
if [ -e "$1/words" ]; then
  others=$(cat "$1/others")
  if [ "$others" = 0 ]; then
    cat "$1/words" >&2; cat "$1/words"; rm "$1/words"
    exit "$(cat "$1/exit")"
  fi
  echo $((others - 1)) > "$1/others"
fi
trouble=$(cat "$1/trouble")
case "$trouble $2" in
  "denied "*) echo '{"why":"you may not","mend":"ask the keeper"}'; exit 11;;
  "picky write") value=$(sed 's/.*"value":"\([^"]*\)".*/\1/'); echo "{\"why\":\"I do not like $value\"}"; exit 11;;
  "limited write") echo '{"retry_after":60}'; exit 10;;
  "cut-before write") kill -9 $$;;
  "cut-after write") "$1/program" "$@" > /dev/null; kill -9 $$;;
  "slow "*) exec sleep 1000;;
  "broken read") exit 1;;
esac
exec "$1/program" "$@"
"#;

/// The exit codes by which a program says no, and one by which it says nothing.
const REFUSALS: [&str; 5] = ["11", "13", "10", "12", "1"];

/// The last block of Python in the documentation.
fn example() -> &'static str {
    let page = include_str!("../../../docs/stores/command.md");
    page.rsplit_once("```python\n").and_then(|(_, rest)| rest.split_once("```")).unwrap().0
}

/// The example of the documentation.
pub async fn of_the_docs() -> impl Site {
    Programs { keeps_versions: false }
}

/// A program that promises much.
pub async fn with_versions() -> impl Site {
    Programs { keeps_versions: true }
}

struct Programs {
    keeps_versions: bool,
}

struct Kept {
    folder: TempDir,
    keeps_versions: bool,
    store: Arc<dyn SecretStore>,
}

/// Writes a program that may be started.
pub fn install(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// The adapter on a program.
pub fn store_of(program: &Path, arguments: &[&Path], timeout: Option<Duration>) -> Arc<dyn SecretStore> {
    // The system's own interpreters first: wrappers of theirs are slow to start.
    let path = rekey::secret::Secret::new(format!("/usr/bin:/bin:{}", std::env::var("PATH").unwrap()));
    let settings = Settings {
        program: program.to_owned(),
        arguments: arguments.iter().map(|argument| argument.to_str().unwrap().to_owned()).collect(),
        environment: [("PATH".to_owned(), path)].into(),
        timeout,
    };
    let mut connections = Connections::default();
    connections.command.insert("safe".into(), settings);
    let program = connections.command["safe"].identity();
    built(&StoreSpec::Command(Spec { at: "safe".into(), program, place: "deploy-token".into() }), &connections)
}

#[async_trait::async_trait]
impl Site for Programs {
    async fn furnish(&self) -> Option<Box<dyn Bench>> {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        install(&at("wrapper"), WRAPPER);
        install(&at("program"), if self.keeps_versions { include_str!("../../python/safe.py") } else { example() });
        fs::write(at("trouble"), "none").unwrap();
        let text = json!({ "id": "entry-1", "note": "not yours", "versions": [OLD] }).to_string();
        fs::write(at("deploy-token"), if self.keeps_versions { &text } else { OLD }).unwrap();
        let patient = Some(Duration::from_secs(30));
        let store = store_of(&at("wrapper"), &[folder.path()], patient);
        Some(Box::new(Kept { folder, keeps_versions: self.keeps_versions, store }))
    }
}

impl Kept {
    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn entry(&self) -> Option<Value> {
        Some(serde_json::from_str(&fs::read_to_string(self.at("deploy-token")).ok()?).unwrap())
    }
}

#[async_trait::async_trait]
impl Bench for Kept {
    fn store(&self) -> Arc<dyn SecretStore> {
        self.store.clone()
    }

    fn hasty(&self) -> Option<Arc<dyn SecretStore>> {
        Some(store_of(&self.at("wrapper"), &[self.folder.path()], Some(Duration::from_millis(300))))
    }

    fn capabilities(&self) -> Capabilities {
        let plain = Capabilities { max_bytes: Some(10_000), ..Capabilities::plain() };
        if self.keeps_versions {
            Capabilities { versions: true, compare_and_set: true, rollback: Rollback::Native, ..plain }
        } else {
            plain
        }
    }

    async fn held(&self) -> Option<String> {
        if !self.keeps_versions {
            return fs::read_to_string(self.at("deploy-token")).ok();
        }
        Some(self.entry()?["versions"].as_array()?.last()?.as_str()?.to_owned())
    }

    async fn rest(&self) -> String {
        if self.keeps_versions { self.entry().unwrap()["note"].to_string() } else { String::new() }
    }

    async fn versions(&self) -> Option<u64> {
        let entry = self.keeps_versions.then(|| self.entry().unwrap())?;
        Some(entry["versions"].as_array()?.len() as u64)
    }

    async fn meddle(&self, value: &str) {
        let text = match self.keeps_versions.then(|| self.entry().unwrap()) {
            Some(mut entry) => {
                entry["versions"].as_array_mut().unwrap().push(json!(value));
                entry.to_string()
            }
            None => value.to_owned(),
        };
        fs::write(self.at("deploy-token"), text).unwrap();
    }

    async fn make_again(&self, value: &str) -> bool {
        if !self.keeps_versions {
            return false;
        }
        let text = json!({ "id": "entry-2", "note": "not yours", "versions": [value] }).to_string();
        fs::write(self.at("deploy-token"), text).unwrap();
        true
    }

    async fn trouble(&self, trouble: Trouble) -> bool {
        let word = match trouble {
            Trouble::None => "none",
            Trouble::Denied => "denied",
            Trouble::Picky => "picky",
            Trouble::Limited => "limited",
            Trouble::CutBefore => "cut-before",
            Trouble::CutAfter => "cut-after",
            Trouble::Slow => "slow",
            Trouble::Broken => "broken",
            Trouble::Gone => {
                fs::remove_file(self.at("deploy-token")).unwrap();
                return true;
            }
            Trouble::Expired | Trouble::Held => return false,
        };
        fs::write(self.at("trouble"), word).unwrap();
        true
    }

    async fn refuses_after(&self, others: usize, way: usize, words: &str) -> bool {
        fs::write(self.at("others"), others.to_string()).unwrap();
        fs::write(self.at("exit"), REFUSALS[(way + others) % REFUSALS.len()]).unwrap();
        fs::write(self.at("words"), json!({"why": words, "mend": words}).to_string()).unwrap();
        true
    }

    async fn takes_back_a_refusal(&self) -> bool {
        fs::remove_file(self.at("words")).is_ok()
    }

    async fn said(&self) -> String {
        fs::read_to_string(self.at("said")).unwrap()
    }
}
