//! A file: what it is besides a store like any other.

use super::contract::{Bench, NEW, OLD, Site, Trouble, secret, tag, write};
use super::{built, refusal};
use rekey::rotation::store::Capabilities;
use rekey::secret_store::file::Spec;
use rekey::secret_store::template::Template;
use rekey::secret_store::{Base, Connections, SecretStore, StoreError, StoreSpec, Written};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

struct Files {
    before: &'static str,
    after: &'static str,
    template: Option<Template>,
}

/// Files in which the value stands between two texts.
pub async fn with(before: &'static str, after: &'static str) -> impl Site {
    Files { before, after, template: None }
}

/// Files of which the value is a part.
pub async fn templated() -> impl Site {
    let template = Some(Template::Dotenv { key: "TOKEN".into() });
    Files { before: "# a comment\nA='x y'\nexport TOKEN=\"", after: "\"  # ours\r\nB=2\n\n", template }
}

struct File {
    folder: TempDir,
    before: &'static str,
    after: &'static str,
    template: Option<Template>,
}

#[async_trait::async_trait]
impl Site for Files {
    async fn furnish(&self) -> Option<Box<dyn Bench>> {
        let folder = tempfile::tempdir().unwrap();
        let file = File { folder, before: self.before, after: self.after, template: self.template.clone() };
        file.meddle(OLD).await;
        Some(Box::new(file))
    }
}

impl File {
    fn path(&self) -> PathBuf {
        self.folder.path().join("token")
    }
}

#[async_trait::async_trait]
impl Bench for File {
    fn store(&self) -> Arc<dyn SecretStore> {
        let spec = StoreSpec::File(Spec { path: self.path() });
        match self.template.clone() {
            Some(template) => built(&StoreSpec::Templated(Box::new(spec), template), &Connections::default()),
            None => built(&spec, &Connections::default()),
        }
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { max_bytes: Some(65_535), ..Capabilities::plain() }
    }

    async fn held(&self) -> Option<String> {
        let text = fs::read_to_string(self.path()).ok()?;
        let start = self.before.len();
        let end = text[start..].find(['"', '\n']).map_or(text.len(), |found| start + found);
        Some(text[start..end].to_owned())
    }

    async fn rest(&self) -> String {
        let text = fs::read_to_string(self.path()).unwrap();
        text.replace(&self.held().await.unwrap(), "")
    }

    async fn meddle(&self, value: &str) {
        fs::write(self.path(), format!("{}{value}{}", self.before, self.after)).unwrap();
    }

    async fn meddle_with_the_rest(&self) -> bool {
        if self.template.is_some() {
            let text = fs::read_to_string(self.path()).unwrap();
            fs::write(self.path(), text.replace("B=2", "B=3")).unwrap();
        }
        self.template.is_some()
    }

    async fn trouble(&self, trouble: Trouble) -> bool {
        match trouble {
            Trouble::Gone => {
                fs::remove_file(self.path()).unwrap();
                true
            }
            trouble => trouble == Trouble::None,
        }
    }
}

/// A store that is not there, to begin with.
pub fn nowhere() -> Arc<dyn SecretStore> {
    store(Path::new("/nowhere"))
}

fn store(path: &Path) -> Arc<dyn SecretStore> {
    built(&StoreSpec::File(Spec { path: path.to_owned() }), &Connections::default())
}

#[tokio::test]
async fn a_file_keeps_its_line_end_and_is_for_its_owner_only() {
    let directory = tempfile::tempdir().unwrap();
    for (before, after) in [("old", NEW.to_owned()), ("old\n", format!("{NEW}\n")), ("old\r\n", format!("{NEW}\r\n"))] {
        let path = directory.path().join("token");
        fs::write(&path, before).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        write(&*store(&path), NEW).await.unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), after);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "nothing is left behind");
    }
}

#[tokio::test]
async fn a_file_is_replaced_whole_so_an_open_reader_keeps_the_old_one() {
    use std::io::Read;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("token");
    fs::write(&path, OLD).unwrap();
    let mut reader = fs::File::open(&path).unwrap();
    write(&*store(&path), NEW).await.unwrap();
    let mut seen = String::new();
    reader.read_to_string(&mut seen).unwrap();
    assert_eq!(seen, OLD);
}

#[tokio::test]
async fn what_a_crash_left_behind_is_used_up_by_the_next_write() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("token");
    fs::write(&path, OLD).unwrap();
    fs::write(directory.path().join(".token.rekey"), "half a value that is longer than the next one").unwrap();
    write(&*store(&path), NEW).await.unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), NEW);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn a_write_beside_another_one_waits_its_turn() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("token");
    fs::write(&path, OLD).unwrap();
    let other = fs::File::create(directory.path().join(".token.rekey")).unwrap();
    other.try_lock().unwrap();
    let store = store(&path);
    assert!(matches!(write(&*store, NEW).await, Err(StoreError::Unavailable { .. })));
    assert_eq!(fs::read_to_string(&path).unwrap(), OLD);
    drop(other);
    write(&*store, NEW).await.unwrap();
}

#[tokio::test]
async fn a_link_a_directory_and_a_binary_are_no_place_for_a_value() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    fs::write(at("real"), OLD).unwrap();
    symlink(at("real"), at("link")).unwrap();
    fs::create_dir(at("directory")).unwrap();
    fs::write(at("binary"), [0xff, 0xfe]).unwrap();
    for (name, why) in [("link", "symbolic link"), ("directory", "not a file"), ("binary", "not hold text")] {
        let store = store(&at(name));
        assert!(refusal(store.preflight().await).contains(why));
        assert!(refusal(store.write(&secret(NEW), &Base::default(), &tag(8)).await).contains(why));
    }
    assert_eq!(fs::read_to_string(at("real")).unwrap(), OLD);
    assert!(at("link").is_symlink());
}

#[tokio::test]
async fn two_values_in_one_file_are_written_one_after_the_other_and_both_stay() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("env");
    fs::write(&path, "A=a\nB=b\n").unwrap();
    let part = |key: &str| {
        let spec = Box::new(StoreSpec::File(Spec { path: path.clone() }));
        built(&StoreSpec::Templated(spec, Template::Dotenv { key: key.into() }), &Connections::default())
    };
    let (a, b) = (part("A"), part("B"));
    let (base_a, base_b) = (a.look().await.unwrap().base, b.look().await.unwrap().base);
    assert_eq!(a.write(&secret("new-a"), &base_a, &tag(8)).await, Ok(Written::Done));
    let error = b.write(&secret("new-b"), &base_b, &tag(9)).await.unwrap_err();
    assert!(matches!(error, StoreError::Conflict { .. }), "{error}");
    assert_eq!(write(&*b, "new-b").await, Ok(Written::Done));
    assert_eq!(fs::read_to_string(&path).unwrap(), "A=new-a\nB=new-b\n");
}
