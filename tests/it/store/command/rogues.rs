//! Programs that hang, flood, babble, die, break their word; and what they are started with.

use super::super::contract::{NEW, secret, tag};
use super::super::refusal;
use super::{install, store_of};
use rekey::store::{Base, SecretStore, StoreError, Written};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// A shell script that answers `check` and `read` like a store of one value that cannot be read, unless `does` says
/// otherwise; `$1` is its folder, `$2` the operation.
struct Rogue {
    folder: TempDir,
    store: Arc<dyn SecretStore>,
}

const BLIND: &str = r#"case "$2" in check) echo '{"readable":false}';; esac"#;

fn rogue(does: &str) -> Rogue {
    rogue_within(Duration::from_secs(30), does)
}

fn rogue_within(limit: Duration, does: &str) -> Rogue {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("program");
    install(&program, &format!("#!/bin/sh\n{does}\n{BLIND}\n"));
    let store = store_of(&program, &[folder.path()], Some(limit));
    Rogue { folder, store }
}

impl Rogue {
    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    async fn write(&self) -> Result<Written, StoreError> {
        self.store.write(&secret(NEW), &Base::default(), &tag(8)).await
    }
}

async fn until(mut holds: impl FnMut() -> bool) {
    let waited = tokio::time::timeout(Duration::from_secs(60), async {
        while !holds() {
            tokio::task::yield_now().await;
        }
    });
    waited.await.unwrap();
}

/// Whether the process whose number is in the file is gone, or only waits to be buried.
fn is_dead(number: &Path) -> bool {
    let number = fs::read_to_string(number).unwrap();
    let stat = fs::read_to_string(format!("/proc/{}/stat", number.trim()));
    stat.map_or(true, |stat| stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('Z')))
}

#[tokio::test]
async fn a_program_that_hangs_is_stopped_with_all_its_children_and_a_write_is_left_open() {
    let hang = r#"sleep 1000 & echo $! > "$1/child"; echo $$ > "$1/self"; wait"#;
    let rogue = rogue_within(Duration::from_secs(2), &format!(r#"[ "$2" = write ] && {{ {hang}; }}"#));
    let error = rogue.write().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "command safe deploy-token may or may not hold the value: its program was stopped after 2 s"
    );
    assert!(matches!(error, StoreError::Unknown { .. }));
    for number in ["child", "self"] {
        until(|| is_dead(&rogue.at(number))).await;
    }
}

#[tokio::test]
async fn a_program_is_stopped_when_nobody_waits_for_it_any_more() {
    let rogue = rogue(r#"echo $$ > "$1/self.new"; mv "$1/self.new" "$1/self"; exec sleep 1000"#);
    let (store, number) = (rogue.store.clone(), rogue.at("self"));
    let looking = tokio::spawn(async move { store.look().await.map(drop) });
    until(|| number.exists()).await;
    looking.abort();
    until(|| is_dead(&number)).await;
}

#[tokio::test]
async fn what_a_program_leaves_running_is_stopped_and_holds_nobody_up() {
    let leave = r#"[ "$2" = write ] && { sleep 1000 & echo $! > "$1/child"; }"#;
    let rogue = rogue(leave);
    assert_eq!(rogue.write().await, Ok(Written::Done));
    until(|| is_dead(&rogue.at("child"))).await;
}

#[tokio::test]
async fn a_flood_on_standard_output_is_cut_off_and_one_on_standard_error_is_swallowed() {
    let rogue = rogue(r#"[ "$2" = write ] && yes canary-flood"#);
    let error = rogue.write().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "command safe deploy-token may or may not hold the value: its program said more than 256 KiB"
    );
    let rogue = self::rogue(r#"[ "$2" = write ] && yes canary-flood | head -c 3000000 >&2"#);
    assert_eq!(rogue.write().await, Ok(Written::Done));
}

#[tokio::test]
async fn a_program_that_repeats_the_value_everywhere_gives_nothing_away() {
    let babble = r#"[ "$2" = write ] && { cat >&2; echo "canary-new-0123456789"; exit 3; }"#;
    let error = rogue(babble).write().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "command safe deploy-token may or may not hold the value: its program ended with exit code 3"
    );
    let babble = r#"[ "$2" = write ] && {
        cat <<'END'
{"why":"no canary-new-0123456789\u202e, glpat-AbCdEfGhIjKlMnOpQrSt\nnor this","mend":"canary-new-0123456789"}
END
        exit 11
    }"#;
    assert_eq!(refusal(rogue(babble).write().await), "no [MASKED], [MASKED] nor this | [MASKED]");
    let garbage = r#"[ "$2" = write ] && { echo "canary-new-0123456789"; exit 0; }"#;
    let error = rogue(garbage).write().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "command safe deploy-token may or may not hold the value: its program did not answer with the expected JSON \
         (line 1, column 1)"
    );
}

#[tokio::test]
async fn a_program_that_dies_leaves_a_write_open_and_a_read_to_be_repeated() {
    let error = rogue(r#"[ "$2" = write ] && kill -TERM $$"#).write().await.unwrap_err();
    assert!(
        matches!(&error, StoreError::Unknown { why, .. } if why == "its program was ended by signal 15"),
        "{error}"
    );
    let error = rogue(r#"[ "$2" = read ] && kill -SEGV $$"#).write().await.unwrap_err();
    assert!(matches!(&error, StoreError::Unavailable { why, .. } if why.ends_with("signal 11")), "{error}");
}

#[tokio::test]
async fn a_program_has_four_turns_and_everybody_gets_one() {
    let count = r#"[ "$2" = read ] && {
        touch "$1/run.$$"; ls "$1" | grep -c '^run' >> "$1/counts"; sleep 0.05; rm "$1/run.$$"
    }"#;
    let rogue = rogue(count);
    rogue.store.preflight().await.unwrap();
    let looks = (0..12).map(|_| rogue.store.look());
    let outcomes = futures::future::join_all(looks).await;
    assert!(outcomes.iter().all(Result::is_ok));
    let counts = fs::read_to_string(rogue.at("counts")).unwrap();
    let counts: Vec<u32> = counts.lines().map(|line| line.parse().unwrap()).collect();
    assert_eq!(counts.len(), 13);
    assert!(counts.iter().all(|count| *count <= 4), "{counts:?}");
}

#[tokio::test]
async fn a_program_gets_the_value_on_standard_input_and_nothing_of_our_environment() {
    let note = r#"{ echo "$@"; env | sort; } >> "$1/seen"; [ "$2" = write ] && cat > "$1/input""#;
    let rogue = rogue(note);
    rogue.write().await.unwrap();
    let seen = fs::read_to_string(rogue.at("seen")).unwrap();
    let names: std::collections::BTreeSet<_> = seen.lines().filter_map(|line| line.split_once('=')).collect();
    let of_the_shell = ["PWD", "OLDPWD", "SHLVL", "_"];
    let names: std::collections::BTreeSet<_> = names.iter().map(|(name, _)| *name).collect();
    let names: Vec<_> = names.into_iter().filter(|name| !of_the_shell.contains(name)).collect();
    assert_eq!(names, ["PATH", "REKEY_RUN"], "and the name of the run");
    assert!(!seen.contains("canary"));
    assert_eq!(
        fs::read_to_string(rogue.at("input")).unwrap(),
        "{\"protocol\":1,\"operation\":\"write\",\"place\":\"deploy-token\",\"value\":\"canary-new-0123456789\",\
         \"rotation\":\"01kakf7rm0000000000000000a\",\"attempt\":1,\"token_id\":8,\"expires_at\":\"2027-11-21\"}\n"
    );
}

#[tokio::test]
async fn people_of_the_store_may_have_to_agree_first() {
    let rogue = rogue(r#"[ "$2" = write ] && { echo '{"why":"two keepers must sign"}'; exit 13; }"#);
    assert_eq!(rogue.write().await, Ok(Written::Waiting { why: "two keepers must sign".into() }));
}

#[tokio::test]
async fn a_program_that_breaks_its_word_is_refused_before_approval() {
    for (check, read, why) in [
        (r#"{"readible":false}"#, "{}", "not available"),
        (r#"{"readable":false,"rollback":"rewrite"}"#, "{}", "for what cannot be read"),
        (r#"{"rollback":"native"}"#, r#"{"value":"x"}"#, "without versions or staging"),
        (r#"{"rollback":"native","versions":true}"#, r#"{"value":"x"}"#, "names no undo"),
        (r#"{"rollback":"native","versions":true}"#, r#"{"value":"secret","undo":"secret"}"#, "names no undo"),
        (r#"{"compare_and_set":true}"#, r#"{"value":"x"}"#, "names no version"),
        (r#"{"readable":false}"#, r#"{"value":"x"}"#, "does not fit"),
        ("{}", "{}", "does not fit"),
    ] {
        let does = format!("case $2 in check) echo '{check}'; exit;; read) echo '{read}'; exit;; esac");
        let error = rogue(&does).store.preflight().await.unwrap_err().to_string();
        assert!(error.contains(why), "{check} {read}: {error}");
    }
    let rogue = rogue(r#"[ "$2" = write ] && exit 14"#);
    rogue.store.preflight().await.unwrap();
    assert!(refusal(rogue.write().await).contains("does not know the operation write"));
    rogue.store.finish(&tag(8), None).await.unwrap();
}

#[tokio::test]
async fn a_program_must_be_there_and_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let rogue = rogue("");
    for (mode, why) in [(0o644, "not executable"), (0o775, "others may change"), (0o757, "others may change")] {
        fs::set_permissions(rogue.at("program"), fs::Permissions::from_mode(mode)).unwrap();
        assert!(refusal(rogue.store.preflight().await).contains(why), "{mode:o}");
    }
    fs::remove_file(rogue.at("program")).unwrap();
    assert!(refusal(rogue.store.preflight().await).contains("is not there"));
    assert!(refusal(rogue.write().await).contains("is not there"));
}

#[tokio::test]
async fn a_child_that_left_the_group_ends_with_the_run_all_the_same() {
    let rogue = rogue(
        r#"setsid sh -c 'echo $$ > "$0/child"; exec sleep 300' "$1" </dev/null >/dev/null 2>&1 &
        while [ ! -s "$1/child" ]; do :; done"#,
    );
    rogue.write().await.unwrap();
    let number = rogue.at("child");
    until(|| is_dead(&number)).await;
}

#[tokio::test]
async fn a_program_in_a_folder_that_everybody_may_write_is_refused_at_every_step() {
    let rogue = rogue(r#"echo ran > "$1/ran""#);
    fs::set_permissions(rogue.folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    for told in [refusal(rogue.store.preflight().await), refusal(rogue.write().await)] {
        assert!(told.contains("everybody may write the folder") && told.contains("chmod o-w"), "{told}");
    }
    assert!(!rogue.at("ran").exists());
}
