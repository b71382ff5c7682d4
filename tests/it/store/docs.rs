//! Every kind of store has a page, whose example is a configuration that works and whose sections say what they must.

use rekey::config::{Surroundings, WithoutSecrets, load, store_kinds};
use std::io;
use std::path::{Path, PathBuf};

const BASE: &str = r#"
[gitlab]
url = "https://gitlab.example.com"
token = "env:GITLAB_TOKEN"

[issues]
project = "acme/operations"

[people.ada]
gitlab = "ada"
"#;

const TOKEN: &str = r#"
[[token]]
id = "deploy"
owner = { group = "acme", service_account = "deploy-bot" }
name = "deploy token"
approvers = ["ada"]
"#;

/// A machine on which every file that is named exists and holds a certificate, but for the configuration.
struct Paper(String);

impl Surroundings for Paper {
    fn variable(&self, _: &str) -> Option<String> {
        None
    }

    fn text(&self, path: &Path) -> io::Result<String> {
        if path == Path::new("rekey.toml") {
            return Ok(self.0.clone());
        }
        Ok("-----BEGIN CERTIFICATE-----".into())
    }

    fn secret_file(&self, path: &Path) -> io::Result<String> {
        self.text(path)
    }

    fn mode(&self, _: &Path) -> Option<u32> {
        None
    }

    fn is_sealed(&self, _: &Path) -> bool {
        false
    }

    fn files(&self, _: &Path) -> io::Result<Vec<PathBuf>> {
        Ok(Vec::new())
    }
}

fn page(kind: &str) -> String {
    let path = format!("{}/docs/stores/{kind}.md", env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(path);
    page.unwrap_or_else(|_| unreachable!("docs/stores/{kind}.md is missing"))
}

/// The blocks of that language.
fn blocks<'p>(page: &'p str, language: &str) -> Vec<&'p str> {
    let fence = format!("```{language}\n");
    page.split(&fence).skip(1).filter_map(|rest| rest.split("\n```").next()).collect()
}

#[test]
fn the_example_of_every_page_is_a_configuration_that_works() {
    for kind in store_kinds() {
        let page = page(kind);
        let examples = blocks(&page, "toml");
        assert!(!examples.is_empty(), "{kind} has no example");
        for example in examples {
            let (connections, stores) = example.split_at(example.find("[[token.store]]").unwrap());
            let text = format!("{BASE}{connections}{TOKEN}{stores}");
            let config = load(Path::new("rekey.toml"), &WithoutSecrets(Paper(text)));
            let config = config.unwrap_or_else(|error| unreachable!("{kind}: {error}\n{example}"));
            assert!(!config.tokens[0].1.is_empty(), "{kind}: {example}");
        }
        assert!(page.contains(&format!("kind = \"{kind}\"")), "{kind} is not what its page is about");
    }
}

#[test]
fn every_page_says_what_the_bot_may_do_there_and_how_the_old_value_comes_back() {
    for kind in store_kinds() {
        let page = page(kind);
        for section in ["# ", "## Permissions", "## Example", "## Rollback"] {
            assert!(page.lines().any(|line| line.starts_with(section)), "{kind}: {section} is missing");
        }
    }
}
