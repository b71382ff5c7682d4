//! The real binary on a disk that fails, and on databases that lost their memory: a cut or flipped log, a file of nothing,
//! an older copy.

use super::house::{Bot, House};
use crate::postgres;
use crate::until::until;
use rekey::sandbox::gitlab::{Fault, Rule};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until the bot says something. There is no event to wait for: its log is looked at.
async fn says(house: &House, words: &str) {
    let start = Instant::now();
    let mut look = tokio::time::interval(Duration::from_millis(50));
    while !house.said().contains(words) {
        look.tick().await;
        assert!(start.elapsed() < PATIENCE, "it never says {words:?}:\n{}", house.said());
    }
}

/// No file of the bot may grow beyond this.
fn limit(bot: &Bot, bytes: &str) {
    let done = Command::new("prlimit").arg(format!("--fsize={bytes}:")).args(["--pid", &bot.id().to_string()]).status();
    assert!(done.unwrap().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_fails_for_a_while_stops_nothing_for_good() {
    let house = House::on_sqlite().await;
    house.state.fault(Rule::new("POST", "*/personal_access_tokens", Fault::HoldBefore).caller(house.bot));
    let bot = house.serve_where_files_may_fail();
    house.state.held().await;
    // Smaller than any page of the database, and larger than whatever else is written.
    limit(&bot, "4096");
    house.state.clear_faults();
    house.state.release(true);
    says(&house, "the database does not answer").await;
    limit(&bot, "unlimited");
    house.closed(&bot).await;
    house.holds("after the disk failed");
}

/// The bot dies in the middle; then something happens to its database.
async fn died_in_the_middle() -> House {
    let house = House::on_sqlite().await;
    house.state.fault(Rule::new("PUT", "*/variables/*", Fault::HoldAfter).caller(house.bot));
    let mut bot = house.serve();
    house.state.held().await;
    // What is known outside follows at once, and is looked at until it did.
    until("the end is known outside", || {
        std::fs::read_to_string(house.database(".head")).is_ok_and(|head| lines(&head) >= 5)
    })
    .await;
    bot.kill();
    house.state.clear_faults();
    house.state.release(false);
    house
}

fn lines(head: &str) -> u64 {
    head.split(':').next().and_then(|size| size.parse().ok()).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_without_its_log_does_not_start_a_second_rotation() {
    let house = died_in_the_middle().await;
    for file in ["-wal", "-shm"] {
        let _gone = std::fs::remove_file(house.database(file));
    }
    asks_people(&house).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_flipped_bit_in_the_log_does_not_start_a_second_rotation() {
    let house = died_in_the_middle().await;
    let log = house.database("-wal");
    let mut bytes = std::fs::read(&log).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&log, bytes).unwrap();
    let _gone = std::fs::remove_file(house.database("-shm"));
    asks_people(&house).await;
}

/// Nothing is made, written or revoked; people are asked.
async fn asks_people(house: &House) {
    let before = house.made();
    let bot = house.serve();
    says(house, "the journal begins again").await;
    owns_up_on_the_issue(house).await;
    drop(bot);
    assert_eq!(house.made(), before, "{}", house.said());
    assert_eq!(house.state.issues().len(), 1);
}

async fn owns_up_on_the_issue(house: &House) {
    let asks = || house.state.issues().iter().any(|issue| issue.description.contains("approvals of before are void"));
    until("people are asked anew", asks).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_of_nothing_is_no_new_installation_until_somebody_says_so() {
    let house = died_in_the_middle().await;
    for file in ["-wal", "-shm"] {
        let _gone = std::fs::remove_file(house.database(file));
    }
    std::fs::write(house.database(""), "").unwrap();
    for known in [true, false] {
        if !known {
            // Without the file that knows the end, our own issues do.
            std::fs::remove_file(house.database(".head")).unwrap();
        }
        let refused = house.command(&["serve"]).output().unwrap();
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && said.contains("rekey serve --new"), "{said}");
    }
    let before = house.made();
    let bot = house.serve_anew();
    let owns_up = || {
        let issues = house.state.issues();
        let notes = issues.iter().flat_map(|issue| house.state.notes(issue.id));
        notes.into_iter().any(|note| note.body.contains("does not remember this case"))
    };
    until("the forgotten case is told of", owns_up).await;
    drop(bot);
    assert_eq!(house.made(), before, "nothing without a yes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_copy_after_a_failover_mints_nothing_and_its_issue_tells_the_truth() {
    let house = House::on_sqlite().await;
    let older = house.database(".older");
    std::fs::copy(house.database(""), &older).unwrap();
    let bot = house.serve();
    house.closed(&bot).await;
    house.holds("before the failover");
    let text = house.state.issues()[0].description.clone();
    assert!(text.contains("Journal head: `"), "the end is known there: {text}");
    drop(bot);
    for file in ["-wal", "-shm"] {
        let _gone = std::fs::remove_file(house.database(file));
    }
    std::fs::rename(&older, house.database("")).unwrap();
    let (before, opened) = (house.made(), house.state.issues().len());
    let bot = house.serve();
    owns_up_on_the_issue(&house).await;
    drop(bot);
    assert_eq!(house.made(), before, "{}", house.said());
    assert_eq!(house.state.issues().len(), opened);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_failover_of_postgres_nothing_is_done_before_our_issues_could_be_asked() {
    let Some(url) = postgres::fresh_database().await else { return };
    let house = House::on(url.clone()).await;
    let older = postgres::copy(&url).await;
    let bot = house.serve();
    house.closed(&bot).await;
    house.holds("before the failover");
    drop(bot);
    postgres::put_back(&older, &url).await;
    let (before, opened) = (house.made(), house.state.issues().len());
    house.state.fault(Rule::new("GET", "*/issues", Fault::ErrorBefore { status: 503 }).times(0));
    let bot = house.serve();
    says(&house, "nothing is made, written or revoked before").await;
    assert_eq!(house.made(), before, "{}", house.said());
    house.state.clear_faults();
    owns_up_on_the_issue(&house).await;
    drop(bot);
    assert_eq!(house.made(), before, "{}", house.said());
    assert_eq!(house.state.issues().len(), opened);
    postgres::drop_database(&url).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_database_ends_the_bot_once_gitlab_tells_that_it_should_not_be_empty() {
    let house = died_in_the_middle().await;
    for file in ["-wal", "-shm", ".head"] {
        let _gone = std::fs::remove_file(house.database(file));
    }
    std::fs::write(house.database(""), "").unwrap();
    let (before, opened) = (house.made(), house.state.issues().len());
    house.state.fault(Rule::new("GET", "*/issues", Fault::ErrorBefore { status: 503 }).times(0));
    let mut bot = house.serve();
    says(&house, "GitLab cannot be asked whether that is right").await;
    says(&house, "ready").await;
    house.state.clear_faults();
    says(&house, "start once with `rekey serve --new`").await;
    let start = Instant::now();
    let mut look = tokio::time::interval(Duration::from_millis(50));
    while bot.status().is_none() {
        look.tick().await;
        assert!(start.elapsed() < PATIENCE, "it never ends:\n{}", house.said());
    }
    assert!(bot.status().is_some_and(|status| !status.success()));
    assert_eq!((house.made(), house.state.issues().len()), (before, opened), "nothing is opened");
}

impl House {
    fn database(&self, end: &str) -> PathBuf {
        self.folder().join(format!("rekey.db{end}"))
    }
}
