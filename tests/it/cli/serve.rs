//! `rekey serve` as a whole: a mail comes in, a person presses Approve, the token is replaced, the process stops.

use super::office::{CHANNEL, MAIL_PASSWORD, Office, SIGNING_SECRET, SLACK_TOKEN, Wish, in_days};
use rekey::sandbox::gitlab::{Mint, Place};
use rekey::sandbox::slack::{Fault, Rule};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr};

/// Far more than anything here takes; only a bot that hangs meets it.
const PATIENCE: Duration = Duration::from_secs(120);

struct Bot {
    process: Child,
    log: Lines<BufReader<ChildStderr>>,
}

impl Bot {
    fn start(office: &Office) -> Self {
        let mut process = office.command(&["serve"]).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let log = BufReader::new(process.stderr.take().unwrap()).lines();
        Self { process, log }
    }

    /// The first line of the log from here on that says all of this.
    async fn logs(&mut self, words: &[&str]) -> String {
        let mut seen = Vec::new();
        let found = async {
            while let Some(line) = self.log.next_line().await.unwrap() {
                if words.iter().all(|word| line.contains(word)) {
                    return Some(line);
                }
                seen.push(line);
            }
            None
        };
        let found = tokio::time::timeout(PATIENCE, found).await.ok().flatten();
        found.unwrap_or_else(|| panic!("the log never said {words:?}:\n{}", seen.join("\n")))
    }

    async fn address(&mut self) -> String {
        let line: serde_json::Value = serde_json::from_str(&self.logs(&["\"ready\""]).await).unwrap();
        let address = regex::Regex::new(r"127\.0\.0\.1:\d+").unwrap();
        format!("http://{}", address.find(&line.to_string()).unwrap().as_str())
    }

    /// Asks it to stop as a service manager does; its exit code.
    async fn terminate(self) -> Option<i32> {
        self.signalled("-TERM").await
    }

    async fn signalled(mut self, signal: &str) -> Option<i32> {
        let pid = self.process.id().unwrap().to_string();
        std::process::Command::new("kill").args([signal, &pid]).status().unwrap();
        let drain = async { while let Ok(Some(_)) = self.log.next_line().await {} };
        let (status, ()) = tokio::join!(tokio::time::timeout(Duration::from_secs(20), self.process.wait()), drain);
        status.expect("it stops soon").unwrap().code()
    }
}

/// GitLab's mail about the token, as its text part says it.
fn mail(office: &Office) -> String {
    let url = office.gitlab.base_url();
    [
        "Date: Sat, 21 Nov 2026 01:00:14 +0000",
        "From: GitLab <gitlab@mg.gitlab.com>",
        "To: deploy-bot@corp.example",
        "Message-ID: <bd8c3a728fc64_8b844d5eed34e249@gitlab-sidekiq.mail>",
        "Subject: Your personal access tokens will expire in 7 days or less",
        "Mime-Version: 1.0",
        "Content-Type: text/plain; charset=UTF-8",
        "Content-Transfer-Encoding: 7bit",
        "Auto-Submitted: auto-generated",
        "",
        "Hi deploy-bot!",
        "",
        "One or more of your personal access tokens will expire in 7 days or less:",
        "",
        "  - deploy",
        "",
        &format!("Go to {url}/-/user_settings/personal_access_tokens to check your personal access tokens or create a new one."),
        "",
        "-- ",
        &format!("You're receiving this email because of your account on {}.", url.trim_start_matches("http://")),
    ]
    .join("\r\n")
}

#[tokio::test]
async fn a_mail_becomes_a_card_and_one_press_of_approve_a_new_token_and_a_closed_issue() {
    let office = Office::open(Wish { has_token: false, ..Wish::default() }).await;
    let far = Mint::new(office.account, "deploy", &["read_api"]).expires(in_days(300));
    let far = office.state.with(|world| world.mint(far)).id;
    let mut bot = Bot::start(&office);
    let address = bot.address().await;
    bot.logs(&["inventory scanned"]).await;
    // It comes into being after the scan, so only the mail can have told of it.
    office.state.with(|world| world.revoke(far));
    office.make_token(6);
    office.slack.state().with(|world| world.settings.bot = address.clone());
    office.slack.state().fault(Rule::new("POST", "*/chat.postMessage", Fault::HoldAfter));

    let request = reqwest::Client::new().post(format!("{address}/hooks/mail"));
    let request = request.basic_auth("actionmailbox", Some(MAIL_PASSWORD)).header("content-type", "message/rfc822");
    let answer = request.body(mail(&office)).send().await.unwrap();
    assert_eq!(answer.status(), 202);

    office.slack.state().held().await;
    let card = office.slack.state().messages(CHANNEL).remove(0);
    office.slack.state().release(true);
    office.slack.state().press("U0ADA00001", &card.ts, "rekey.approve").await.unwrap();
    bot.logs(&["moved on", "\"to\":\"closed\""]).await;
    assert_eq!(bot.terminate().await, Some(0));

    let shown = office.json(&["show", "deploy", "--json"]).await;
    assert_eq!(shown["card"]["outcome"], "done", "{shown}");
    let asked = shown["card"]["fields"].as_array().unwrap().iter().find(|field| field["label"] == "Asked by");
    assert_eq!(asked.unwrap()["value"]["text"], "an expiry email");
    let live = office.state.live_tokens(office.account);
    assert_eq!(live.len(), 1, "the old one is revoked");
    assert_eq!(office.state.held_by(Place::Project(office.project), "DEPLOY_TOKEN", "*"), Some(live[0].id));
    office.says(&["audit", "verify"]).await;
}

/// A bot whose deploy job fails with the new token, asked and approved on the command line beside it.
async fn stuck() -> (Office, Bot) {
    let office = Office::open(Wish::default()).await;
    let mut bot = Bot::start(&office);
    bot.logs(&["inventory scanned"]).await;
    office.state.fail_job(Some("deploy"));
    office.says(&["rotate", "deploy", "--as", "grace"]).await;
    let plan = office.plan_hash().await;
    office.says(&["approve", "deploy", "--as", "ada", "--plan", &plan]).await;
    bot.logs(&["moved on", "\"to\":\"stuck\""]).await;
    (office, bot)
}

#[tokio::test]
async fn a_stuck_rotation_goes_on_when_somebody_types_retry_beside_the_running_bot() {
    let (office, mut bot) = stuck().await;
    assert_eq!(office.json(&["list", "--json"]).await[0]["state"], "stuck");
    office.state.fail_job(None);
    insta::assert_snapshot!("retry", office.says(&["retry", "deploy", "--as", "ada"]).await);
    bot.logs(&["moved on", "\"to\":\"closed\""]).await;
    assert_eq!(office.json(&["show", "deploy", "--json"]).await["card"]["outcome"], "done");
    assert_eq!(bot.terminate().await, Some(0));
}

#[tokio::test]
async fn a_stuck_rotation_gives_the_old_value_back_when_somebody_types_restore() {
    let (office, mut bot) = stuck().await;
    insta::assert_snapshot!("restore", office.says(&["restore", "deploy", "--as", "ada"]).await);
    bot.logs(&["moved on", "\"to\":\"closed\""]).await;
    let held = office.state.held_by(Place::Project(office.project), "DEPLOY_TOKEN", "*").unwrap();
    let live = office.state.live_tokens(office.account);
    assert_eq!(live.iter().map(|token| token.id).collect::<Vec<_>>(), [held], "the old one lives and is stored");
    assert_eq!(office.json(&["show", "deploy", "--json"]).await["card"]["outcome"], "abandoned");
}

#[tokio::test]
async fn a_stuck_rotation_is_closed_with_both_tokens_alive_when_somebody_types_abandon() {
    let (office, mut bot) = stuck().await;
    insta::assert_snapshot!("abandon", office.says(&["abandon", "deploy", "--as", "ada"]).await);
    bot.logs(&["moved on", "\"to\":\"closed\""]).await;
    assert_eq!(office.state.live_tokens(office.account).len(), 2);
    insta::assert_snapshot!("show_abandoned", office.says(&["show", "deploy"]).await);
}

#[tokio::test]
async fn without_a_public_address_commands_and_clicks_come_over_a_socket() {
    let office = Office::open(Wish::default()).await;
    office.connect_by_socket();
    let slack = office.slack.state();
    let mut bot = Bot::start(&office);
    let address = bot.address().await;
    bot.logs(&["inventory scanned"]).await;
    slack.connected(2).await;
    let endpoint = reqwest::Client::new().post(format!("{address}/slack/interactions")).send().await.unwrap();
    assert_eq!(endpoint.status(), 404, "what nobody needs is not there");

    slack.fault(Rule::new("POST", "*/chat.postMessage", Fault::HoldAfter));
    slack.command("U0GRACE001", CHANNEL, "rotate deploy").await.unwrap();
    slack.held().await;
    let card = slack.messages(CHANNEL).remove(0);
    slack.release(true);
    slack.press("U0ADA00001", &card.ts, "rekey.approve").await.unwrap();
    bot.logs(&["moved on", "\"to\":\"closed\""]).await;
    assert_eq!(office.json(&["show", "deploy", "--json"]).await["card"]["outcome"], "done");
    assert_eq!(bot.terminate().await, Some(0));
    slack.connected(0).await;
}

#[tokio::test]
async fn a_hangup_ends_the_bot_as_gracefully_as_a_service_manager_does() {
    let office = Office::open(Wish::default()).await;
    let mut bot = Bot::start(&office);
    bot.address().await;
    assert_eq!(bot.signalled("-HUP").await, Some(0));
}

#[tokio::test]
async fn the_environment_of_the_running_bot_holds_no_secret_and_signals_still_reach_it() {
    let office = Office::open(Wish::default()).await;
    let mut bot = Bot::start(&office);
    bot.address().await;
    let process = format!("/proc/{}", bot.process.id().unwrap());
    for file in ["environ", "cmdline"] {
        // Nobody but root may read it at all.
        let text = std::fs::read(format!("{process}/{file}")).unwrap_or_default();
        for value in [MAIL_PASSWORD, SIGNING_SECRET] {
            assert_eq!(crate::spelled::find(&text, value), None, "{file}");
        }
        // A token that this configuration does not name begins alike, and is left where it was.
        assert!(!String::from_utf8_lossy(&text).contains(SLACK_TOKEN), "{file}");
    }
    assert_eq!(bot.terminate().await, Some(0));
}

/// An address where nobody listens yet.
fn free_address() -> String {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

/// Takes connections at `address` and leads them to `server`.
async fn lead(address: &str, server: String) {
    let listener = tokio::net::TcpListener::bind(address).await.unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut behind = tokio::net::TcpStream::connect(&server).await.unwrap();
            tokio::spawn(async move { drop(tokio::io::copy_bidirectional(&mut stream, &mut behind).await) });
        }
    });
}

#[tokio::test]
async fn a_database_that_is_not_up_yet_is_waited_for_in_words_and_the_bot_is_alive_but_not_ready() {
    let Some(url) = crate::postgres::fresh_database().await else { return };
    let server = regex::Regex::new(r"127\.0\.0\.1:\d+").unwrap().find(&url).unwrap().as_str().to_owned();
    let (database, own) = (free_address(), free_address());
    let office = Office::open(Wish::default()).await;
    let sqlite = format!("sqlite:{}/rekey.db", office.folder.path().display());
    let key = office.folder.path().join("database-key");
    std::fs::write(&key, "a2V5LW9mLXRoZS1zdG9yaWVzLTMyLWJ5dGVzLWxvbmc=").unwrap();
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let behind = format!("{}\"\nkey = \"file:{}", url.replace(&server, &database), key.display());
    office.configure(|text| text.replace(&sqlite, &behind).replace("127.0.0.1:0", &own));

    let mut bot = Bot::start(&office);
    bot.logs(&["waiting for the database", "next_try_in"]).await;
    let client = rekey::http::client(None).unwrap();
    let status = async |path: &str| client.get(format!("http://{own}{path}")).send().await.unwrap().status().as_u16();
    assert_eq!((status("/healthz").await, status("/readyz").await, status("/hooks/mail").await), (200, 503, 503));
    assert_eq!(bot.terminate().await, Some(0), "whoever waits can be stopped");

    let mut bot = Bot::start(&office);
    bot.logs(&["waiting for the database"]).await;
    lead(&database, server).await;
    bot.logs(&["\"ready\""]).await;
    assert_eq!((status("/healthz").await, status("/readyz").await), (200, 200));
    assert_eq!(bot.terminate().await, Some(0));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_secrets_of_its_environment_are_gone_once_the_bot_runs_and_a_crash_would_leave_no_core() {
    let office = Office::open(Wish::default()).await;
    let mut bot = Bot::start(&office);
    bot.address().await;
    let process = std::path::PathBuf::from(format!("/proc/{}", bot.process.id().unwrap()));
    // Where it cannot be read at all nobody else reads it either.
    if let Ok(environment) = std::fs::read(process.join("environ")) {
        let environment = String::from_utf8_lossy(&environment).into_owned();
        assert!(environment.contains("TZ=UTC") && environment.contains("REKEY_ENVIRONMENT_FD="), "{environment}");
        for secret in [SLACK_TOKEN, SIGNING_SECRET, MAIL_PASSWORD, "hook-secret-hook-secret"] {
            assert!(!environment.contains(secret), "{environment}");
        }
        let open = std::fs::read_dir(process.join("fd")).unwrap().flatten().map(|entry| entry.path());
        let carriers: Vec<_> = open
            .filter(|path| std::fs::read_link(path).is_ok_and(|to| to.to_string_lossy().contains("memfd:rekey")))
            .collect();
        assert_eq!(carriers.len(), 1);
        assert_eq!(std::fs::read(&carriers[0]).unwrap(), b"", "what carried them is empty");
    }
    let limits = std::fs::read_to_string(process.join("limits")).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().rev().skip(1).take(2).collect::<Vec<_>>(), ["0", "0"], "{core}");
    assert_eq!(bot.terminate().await, Some(0));
}
