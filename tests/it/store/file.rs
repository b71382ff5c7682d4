//! A file: what it is besides a store like any other.

use super::contract::{Bench, NEW, OLD, Site, Trouble, secret, tag, write};
use super::{built, refusal};
use crate::left_out;
use rekey::rotation::store::Capabilities;
use rekey::store::file::Spec;
use rekey::store::template::Template;
use rekey::store::{Base, Connections, SecretStore, StoreError, StoreSpec, Written};
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
async fn a_file_keeps_its_line_end_and_its_mode() {
    let directory = tempfile::tempdir().unwrap();
    for (before, after) in [
        ("old", NEW.to_owned()),
        ("old\n", format!("{NEW}\n")),
        ("old\r\n", format!("{NEW}\r\n")),
        ("\u{feff}old\n", format!("\u{feff}{NEW}\n")),
    ] {
        let path = directory.path().join("token");
        fs::write(&path, before).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        write(&*store(&path), NEW).await.unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), after);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
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
async fn what_a_crash_left_behind_after_it_was_given_to_its_owner_is_used_up_too() {
    let directory = tempfile::tempdir().unwrap();
    let (path, left) = (directory.path().join("token"), directory.path().join(".token.rekey"));
    let (owner, stranger) = (12_345, 54_321);
    let give = |path: &Path, user| std::os::unix::fs::chown(path, Some(user), None);
    fs::write(&path, OLD).unwrap();
    if left_out::unless(give(&path, owner).ok(), "the right to give files away (root)").is_none() {
        return;
    }
    let store = store(&path);
    fs::write(&left, NEW).unwrap();
    give(&left, stranger).unwrap();
    let told = refusal(store.preflight().await);
    assert!(told.contains(&format!("rm {}", left.display())), "{told}");
    give(&left, owner).unwrap();
    store.preflight().await.unwrap();
    let other = fs::File::open(&left).unwrap();
    other.lock().unwrap();
    let error = write(&*store, NEW).await.unwrap_err().to_string();
    assert!(error.contains("another write is on the way") && left.exists(), "{error}");
    drop(other);
    write(&*store, NEW).await.unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), NEW);
    assert_eq!(std::os::unix::fs::MetadataExt::uid(&fs::metadata(&path).unwrap()), owner);
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

#[tokio::test]
async fn a_file_that_its_group_reads_is_still_read_by_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("token");
    fs::write(&path, OLD).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    write(&*store(&path), NEW).await.unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
}

#[tokio::test]
async fn looking_and_asking_change_nothing_and_a_file_with_other_names_is_never_touched() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    fs::write(at("token"), OLD).unwrap();
    fs::write(at("treasure"), "somebody else's").unwrap();
    fs::hard_link(at("treasure"), at(".token.rekey")).unwrap();
    let store = store(&at("token"));
    assert!(refusal(store.preflight().await).contains(".token.rekey in its folder is not the bot's own file"));
    assert!(refusal(write(&*store, NEW).await).contains(&format!("rm {}", at(".token.rekey").display())));
    assert_eq!(fs::read_to_string(at("treasure")).unwrap(), "somebody else's");
    fs::remove_file(at(".token.rekey")).unwrap();
    store.preflight().await.unwrap();
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2, "nothing was made");
    fs::hard_link(at("token"), at("twin")).unwrap();
    assert!(refusal(store.preflight().await).contains("hard links"));
}

#[tokio::test]
async fn a_folder_that_others_may_write_holds_no_place_for_a_value() {
    let directory = tempfile::tempdir().unwrap();
    let (folder, link) = (directory.path().join("open"), directory.path().join("link"));
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("token"), OLD).unwrap();
    symlink(&folder, &link).unwrap();
    let mode = |mode| fs::set_permissions(&folder, fs::Permissions::from_mode(mode)).unwrap();
    mode(0o777);
    for way in [&folder, &link] {
        let store = store(&way.join("token"));
        let told = refusal(store.preflight().await);
        assert!(told.contains("everybody may write the folder") && told.contains("chmod o-w"), "{told}");
        assert!(refusal(store.write(&secret(NEW), &Base::default(), &tag(8)).await).contains("chmod o-w"));
    }
    assert_eq!(fs::read_to_string(folder.join("token")).unwrap(), OLD);
    for fine in [0o755, 0o1777] {
        mode(fine);
        store(&link.join("token")).preflight().await.unwrap();
    }
}

#[tokio::test]
async fn another_file_of_that_name_is_another_place_even_with_the_same_text() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    fs::write(at("token"), OLD).unwrap();
    let store = store(&at("token"));
    let seen = store.look().await.unwrap();
    fs::write(at("other"), OLD).unwrap();
    fs::rename(at("other"), at("token")).unwrap();
    assert_ne!(store.look().await.unwrap().identity, seen.identity);
    let error = store.write(&secret(NEW), &seen.base, &tag(8)).await.unwrap_err();
    assert!(matches!(error, StoreError::Conflict { .. }), "{error}");
    assert_eq!(fs::read_to_string(at("token")).unwrap(), OLD);
}

/// An access list by which one more user may read the file, as the kernel keeps it.
fn list_with_one_more(user: u32) -> Vec<u8> {
    list(&[(1, 6, u32::MAX), (2, 4, user), (4, 0, u32::MAX), (16, 4, u32::MAX), (32, 0, u32::MAX)])
}

/// Entries of a tag, rights and an id.
fn list(entries: &[(u16, u16, u32)]) -> Vec<u8> {
    let mut list = 2u32.to_le_bytes().to_vec();
    for (tag, rights, id) in entries {
        list.extend(tag.to_le_bytes().into_iter().chain(rights.to_le_bytes()).chain(id.to_le_bytes()));
    }
    list
}

#[tokio::test]
async fn a_folder_that_its_list_lets_others_write_holds_no_place_for_a_value() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("token");
    fs::write(&path, OLD).unwrap();
    let store = store(&path);
    let (none, us) = (u32::MAX, rustix::process::geteuid().as_raw());
    let set = |name: &str, list: &[u8]| {
        rustix::fs::setxattr(directory.path(), name, list, rustix::fs::XattrFlags::empty()).ok()
    };
    let listed = |tag, rights, id, mask| {
        let entries = [(1, 7, none), (tag, rights, id), (4, 5, none), (16, mask, none), (32, 0, none)];
        let mut entries = entries.to_vec();
        entries.sort_unstable();
        set("system.posix_acl_access", &list(&entries))
    };
    if left_out::unless(listed(2, 7, 12_345, 7), "a disk that keeps access lists").is_none() {
        return;
    }
    for (tag, told) in [(2, "setfacl -x u:12345"), (8, "setfacl -x g:12345")] {
        listed(tag, 7, 12_345, 7).unwrap();
        let refused = refusal(store.preflight().await);
        assert!(refused.contains("12345 may write the folder") && refused.contains(told), "{refused}");
        assert!(refusal(write(&*store, NEW).await).contains(told));
    }
    for (rights, id, mask) in [(5, 12_345, 7), (7, 12_345, 5), (7, us, 7)] {
        listed(2, rights, id, mask).unwrap();
        store.preflight().await.unwrap();
    }
    let given = [(1, 6, none), (2, 6, 12_345), (4, 4, none), (16, 6, none), (32, 0, none)];
    set("system.posix_acl_default", &list(&given)).unwrap();
    write(&*store, NEW).await.unwrap();
    assert_eq!(attribute(&path, "system.posix_acl_access"), None, "the old file had no list either");
}

fn attribute(path: &Path, name: &str) -> Option<Vec<u8>> {
    let mut value = vec![0; 1024];
    let length = rustix::fs::getxattr(path, name, value.as_mut_slice()).ok()?;
    value.truncate(length);
    Some(value)
}

#[tokio::test]
async fn who_else_may_read_a_file_and_what_is_noted_beside_it_stays() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("token");
    fs::write(&path, OLD).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    let (list, note) = ("system.posix_acl_access", "user.note");
    let set = |name, value: &[u8]| rustix::fs::setxattr(&path, name, value, rustix::fs::XattrFlags::empty());
    if left_out::unless(set(note, b"ask Ada").ok(), "a disk that keeps extended attributes").is_none() {
        return;
    }
    let lists = set(list, &list_with_one_more(12_345)).is_ok();
    let before = fs::metadata(&path).unwrap().permissions().mode();
    write(&*store(&path), NEW).await.unwrap();
    assert_eq!(attribute(&path, note).as_deref(), Some(b"ask Ada".as_slice()));
    assert_eq!(attribute(&path, list).is_some(), lists);
    assert!(!lists || attribute(&path, list) == Some(list_with_one_more(12_345)));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode(), before);
}

#[tokio::test]
async fn a_file_that_nobody_may_change_is_found_before_anything_is_made() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("token");
    fs::write(&path, OLD).unwrap();
    let file = fs::File::open(&path).unwrap();
    let set = |flags| rustix::fs::ioctl_setflags(&file, flags);
    let flags = rustix::fs::ioctl_getflags(&file).unwrap_or(rustix::fs::IFlags::empty());
    let fixed = set(flags | rustix::fs::IFlags::IMMUTABLE).ok();
    if left_out::unless(fixed, "the right to fix a file (CAP_LINUX_IMMUTABLE)").is_none() {
        return;
    }
    let told = refusal(store(&path).preflight().await);
    set(flags).unwrap();
    assert!(told.contains("its attributes forbid") && told.contains("chattr -i"), "{told}");
    store(&path).preflight().await.unwrap();
}
