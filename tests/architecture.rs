//! The house rules of the code, checked by machine: floors, sizes, openings, forbidden words.

#![expect(clippy::unwrap_used, reason = "a rule that cannot be checked is broken")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use syn::visit::Visit;

/// Every module below the crate's root with its floor; siblings on floor 1 do not import each other.
const FLOORS: &[(&str, u8)] = &[
    ("rotation", 0),
    ("notice", 0),
    ("secret", 0),
    ("clock", 0),
    ("http", 0),
    ("settings", 0),
    ("telemetry", 0),
    ("ledger", 1),
    ("gitlab", 1),
    ("chat", 1),
    ("store", 1),
    ("engine", 2),
    ("config", 3),
    ("server", 3),
    ("app", 4),
    ("cli", 4),
    ("demo", 4),
    ("sandbox", 1),
];

/// Modules of the pure domain, and what they must not know.
const PURE: &[&str] = &["rotation", "notice"];
const IMPURE: &[&str] = &["tokio", "sqlx", "reqwest", "axum", "serenity", "slack_morphism", "hyper", "rand"];

struct Source {
    path: PathBuf,
    module: String,
    text: String,
    syntax: syn::File,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&root, &mut files);
    files.sort();
    files
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            let inside = path.strip_prefix(&root).unwrap();
            let first = inside.components().next().unwrap().as_os_str().to_string_lossy();
            let module = first.trim_end_matches(".rs").to_owned();
            let syntax = syn::parse_file(&text).unwrap();
            Source { path: inside.to_path_buf(), module, text, syntax }
        })
        .collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let tokens = quote_tokens(attribute);
        attribute.path().is_ident("cfg") && tokens.contains("test")
    })
}

fn quote_tokens(attribute: &syn::Attribute) -> String {
    match &attribute.meta {
        syn::Meta::List(list) => list.tokens.to_string(),
        _ => String::new(),
    }
}

/// Which top-level modules of this crate, and which other crates, a file names outside its tests.
#[derive(Default)]
struct Imports {
    own: BTreeSet<String>,
    crates: BTreeSet<String>,
}

impl<'ast> Visit<'ast> for Imports {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if !is_test(&item.attrs) {
            syn::visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if !is_test(&item.attrs) && !item.attrs.iter().any(|a| quote_tokens(a) == "doc") {
            self.tree(&item.tree, true);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        match names.as_slice() {
            [first, second, ..] if first == "crate" => drop(self.own.insert(second.clone())),
            [first, _, ..] => drop(self.crates.insert(first.clone())),
            _ => {}
        }
        syn::visit::visit_path(self, path);
    }
}

impl Imports {
    fn tree(&mut self, tree: &syn::UseTree, first: bool) {
        match tree {
            syn::UseTree::Path(path) if first && path.ident == "crate" => self.second(&path.tree),
            syn::UseTree::Path(path) if first => drop(self.crates.insert(path.ident.to_string())),
            syn::UseTree::Group(group) => group.items.iter().for_each(|item| self.tree(item, first)),
            _ => {}
        }
    }

    fn second(&mut self, tree: &syn::UseTree) {
        match tree {
            syn::UseTree::Path(path) => drop(self.own.insert(path.ident.to_string())),
            syn::UseTree::Name(name) => drop(self.own.insert(name.ident.to_string())),
            syn::UseTree::Rename(name) => drop(self.own.insert(name.ident.to_string())),
            syn::UseTree::Group(group) => group.items.iter().for_each(|item| self.second(item)),
            syn::UseTree::Glob(_) => {}
        }
    }
}

fn imports(source: &Source) -> Imports {
    let mut imports = Imports::default();
    imports.visit_file(&source.syntax);
    imports
}

#[test]
fn imports_go_downwards_and_floor_one_has_no_sideways_ones() {
    let floors: BTreeMap<&str, u8> = FLOORS.iter().copied().collect();
    let mut wrong = Vec::new();
    for source in sources().iter().filter(|source| !["lib", "main"].contains(&source.module.as_str())) {
        let own = floors.get(source.module.as_str());
        let own = own.unwrap_or_else(|| panic!("{} stands on no floor", source.path.display()));
        for other in imports(source).own.iter().filter(|other| **other != source.module) {
            let Some(floor) = floors.get(other.as_str()) else { continue };
            let tool = *floor == 0;
            if floor > own || (floor == own && !tool && *own <= 1) {
                wrong.push(format!("{} (floor {own}) imports {other} (floor {floor})", source.path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn modules_form_no_circles() {
    let mut edges: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let known: BTreeSet<&str> = FLOORS.iter().map(|(name, _)| *name).collect();
    for source in sources() {
        let others = imports(&source).own.into_iter().filter(|o| known.contains(o.as_str()) && *o != source.module);
        edges.entry(source.module.clone()).or_default().extend(others);
    }
    for start in edges.keys() {
        let (mut seen, mut open) = (BTreeSet::new(), vec![start.clone()]);
        while let Some(module) = open.pop() {
            for next in edges.get(&module).into_iter().flatten() {
                assert_ne!(next, start, "{start} is reached again from {module}");
                if seen.insert(next.clone()) {
                    open.push(next.clone());
                }
            }
        }
    }
}

/// Every path that a file names outside its tests, by segments.
#[derive(Default)]
struct Paths(Vec<Vec<String>>);

impl Paths {
    fn tree(&mut self, tree: &syn::UseTree, before: &[String]) {
        let with = |ident: &syn::Ident| before.iter().cloned().chain([ident.to_string()]).collect::<Vec<_>>();
        match tree {
            syn::UseTree::Path(path) => self.tree(&path.tree, &with(&path.ident)),
            syn::UseTree::Name(name) => self.0.push(with(&name.ident)),
            syn::UseTree::Rename(name) => self.0.push(with(&name.ident)),
            syn::UseTree::Group(group) => group.items.iter().for_each(|item| self.tree(item, before)),
            syn::UseTree::Glob(_) => self.0.push(before.to_vec()),
        }
    }
}

impl<'ast> Visit<'ast> for Paths {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if !is_test(&item.attrs) {
            syn::visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if !is_test(&item.attrs) {
            self.tree(&item.tree, &[]);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.0.push(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        syn::visit::visit_path(self, path);
    }
}

/// The file that a path leads to from `own`, each by the names of its modules.
fn leads_to(path: &[String], own: &[String], files: &BTreeSet<Vec<String>>) -> Option<Vec<String>> {
    let up = path.iter().take_while(|name| *name == "super").count();
    let (mut at, rest) = match path.first()?.as_str() {
        "crate" => (Vec::new(), &path[1..]),
        "self" => (own.to_vec(), &path[1..]),
        "super" => (own[..own.len().saturating_sub(up)].to_vec(), &path[up..]),
        _ => return None,
    };
    for name in rest {
        at.push(name.clone());
        if !files.contains(&at) {
            at.pop();
            break;
        }
    }
    files.contains(&at).then_some(at)
}

/// Files that still import each other; the list only gets shorter.
const CIRCLES: &[&str] = &[
    "ledger/audit",
    "ledger/database",
    "ledger/health",
    "ledger/journal",
    "ledger/stock",
    "ledger/stock/end",
    "ledger/trail",
];

#[test]
fn files_form_no_circles() {
    let named = |source: &Source| -> Vec<String> {
        let path = source.path.with_extension("");
        path.components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect()
    };
    let sources = sources();
    let files: BTreeSet<Vec<String>> = sources.iter().map(named).collect();
    let mut edges: BTreeMap<Vec<String>, BTreeSet<Vec<String>>> = BTreeMap::new();
    for source in sources.iter().filter(|source| !["lib", "main"].contains(&source.module.as_str())) {
        let own = named(source);
        let mut paths = Paths::default();
        paths.visit_file(&source.syntax);
        let others = paths.0.iter().filter_map(|path| leads_to(path, &own, &files));
        // A parent that lists or uses what lies in its folder is no circle.
        let others = others.filter(|other| !other.starts_with(&own)).collect();
        edges.insert(own, others);
    }
    for start in edges.keys().filter(|start| !CIRCLES.contains(&start.join("/").as_str())) {
        let (mut seen, mut open) = (BTreeSet::new(), vec![start]);
        while let Some(file) = open.pop() {
            for next in edges.get(file).into_iter().flatten() {
                let (from, back) = (start.join("/"), file.join("/"));
                let way_out = "move what both need into a file of its own below them";
                assert_ne!(next, start, "{from}.rs is imported again by {back}.rs, on which it depends: {way_out}");
                if seen.insert(next) {
                    open.push(next);
                }
            }
        }
    }
}

#[test]
fn the_domain_knows_no_io() {
    for source in sources().iter().filter(|source| PURE.contains(&source.module.as_str())) {
        let crates = imports(source).crates;
        for impure in IMPURE {
            assert!(!crates.contains(*impure), "{} knows {impure}", source.path.display());
        }
    }
}

#[test]
fn the_sandbox_models_the_world_and_not_the_bot() {
    let tools = ["clock", "secret", "http", "sandbox"];
    for source in sources().iter().filter(|source| source.module == "sandbox") {
        for other in imports(source).own {
            assert!(tools.contains(&other.as_str()), "{} imports {other}", source.path.display());
        }
    }
}

/// Lines before the tests of a file begin.
fn own_lines(text: &str) -> usize {
    text.lines().take_while(|line| !line.starts_with("#[cfg(test)]")).count()
}

fn percentile(sorted: &[usize], percent: usize) -> usize {
    sorted[(sorted.len() - 1) * percent / 100]
}

#[test]
fn files_are_small() {
    let sources = sources();
    let mut lines: Vec<usize> = sources.iter().map(|source| own_lines(&source.text)).collect();
    for source in &sources {
        assert!(own_lines(&source.text) <= 400, "{} is too long", source.path.display());
    }
    lines.sort_unstable();
    let (median, most) = (percentile(&lines, 50), percentile(&lines, 90));
    assert!(median <= 110, "the median file has {median} lines");
    assert!(most <= 250, "nine files in ten should have at most 250 lines, not {most}");
}

#[derive(Default)]
struct Functions(Vec<(String, usize)>);

impl Functions {
    fn add(&mut self, name: &syn::Ident, block: &syn::Block) {
        let span = block.brace_token.span;
        let lines = span.close().end().line - span.open().start().line + 1;
        self.0.push((name.to_string(), lines));
    }
}

impl<'ast> Visit<'ast> for Functions {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if !is_test(&item.attrs) {
            syn::visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.add(&item.sig.ident, &item.block);
        syn::visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.add(&item.sig.ident, &item.block);
        syn::visit::visit_impl_item_fn(self, item);
    }
}

#[test]
fn functions_are_short() {
    let mut all = Vec::new();
    for source in sources() {
        let mut functions = Functions::default();
        functions.visit_file(&source.syntax);
        for (name, lines) in functions.0 {
            assert!(lines <= 80, "{}: {name} has {lines} lines", source.path.display());
            all.push(lines);
        }
    }
    all.sort_unstable();
    let (median, most) = (percentile(&all, 50), percentile(&all, 90));
    assert!(median <= 12, "the median function has {median} lines");
    assert!(most <= 35, "nine functions in ten should have at most 35 lines, not {most}");
}

#[test]
fn every_file_says_first_what_it_is_and_why() {
    for source in sources() {
        assert!(source.text.starts_with("//! "), "{} does not open with //!", source.path.display());
    }
}

#[test]
fn there_are_no_forbidden_words_and_no_catch_all_modules() {
    let forbidden = [
        ".unwrap()",
        "panic!(",
        "todo!(",
        "unimplemented!(",
        "dbg!(",
        "unsafe {",
        "unsafe fn",
        "#[allow(",
        "#![allow(",
    ];
    for source in sources() {
        let own: Vec<&str> = source.text.lines().take_while(|line| !line.starts_with("#[cfg(test)]")).collect();
        for (number, line) in own.iter().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//")) {
            for word in forbidden {
                assert!(!line.contains(word), "{}:{} has {word}", source.path.display(), number + 1);
            }
        }
        let name = source.path.file_stem().unwrap().to_string_lossy().into_owned();
        assert!(!["utils", "common", "helpers", "manager", "mod"].contains(&name.as_str()), "{name} says nothing");
    }
}

#[test]
fn tests_neither_sleep_nor_are_called_test() {
    let mut files = Vec::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests"), &mut files);
    let (sleep, named) = (["time::", "sleep("].concat(), ["fn ", "test_"].concat());
    for path in files {
        let text = fs::read_to_string(&path).unwrap();
        assert!(!text.contains(&sleep), "{} sleeps", path.display());
        assert!(!text.contains(&named), "{} has a test called test", path.display());
    }
}

/// What would bring a second TLS provider, a C library to keep up to date, or a second SQLite.
const UNWANTED: &[&str] = &["openssl", "openssl-sys", "native-tls", "aws-lc-rs", "aws-lc-sys", "rusqlite"];

#[test]
fn every_dependency_comes_with_a_checksum_from_the_one_registry_and_none_is_unwanted() {
    let lock = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.lock")).unwrap();
    let packages = lock.split("[[package]]").skip(1);
    for package in packages.filter(|package| !package.contains("name = \"rekey\"\n")) {
        let is_pinned =
            package.contains("source = \"registry+https://github.com/rust-lang/crates.io-index\"\nchecksum = ");
        assert!(is_pinned, "{package}");
        let name = package.split('"').nth(1).unwrap();
        assert!(!UNWANTED.contains(&name), "{name}");
    }
}
