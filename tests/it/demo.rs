//! The demo: the story without a browser, both ways, and the page in a real browser.

mod browser;

use browser::Browser;
use rekey::sandbox::demo::{BotLog, Demo, Page, Report, Tempo, play};
use rekey::server::Render;
use std::sync::Arc;

fn render() -> Render {
    Arc::new(String::new)
}

async fn played(red: bool) -> Report {
    let demo = Demo::start(Tempo::QUICK, BotLog::default(), render()).await.unwrap();
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
    let report = played(false).await;
    assert!(report.timeline.iter().any(|moment| moment.what.contains("revoked, confirmed")), "{report:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_red_pipeline_leads_to_stuck_and_restore_puts_the_old_value_back() {
    let report = played(true).await;
    assert!(report.timeline.iter().any(|moment| moment.what.contains("previous value restored")), "{report:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_browser_a_person_sends_the_mail_presses_approve_and_sees_the_case_closed() {
    let Some(browser) = Browser::open().await else { return };
    let page = Page::start(0, Tempo::QUICK, BotLog::default(), render()).await.unwrap();
    browser.go(&page.url()).await;
    browser.click("button[data-mail=expiry]").await;
    browser.click("#messages button[data-key='rekey.approve']").await;
    browser.until("return document.querySelector('#status').textContent.includes('the old one is revoked')").await;
    browser.until("return document.querySelector('#issue .meta').textContent.includes('closed')").await;
    browser.until("return document.querySelectorAll('#rail .done').length === 7").await;
    let tokens = browser.read("return document.querySelector('#tokens').textContent").await;
    assert!(tokens.contains("revoked"), "{tokens}");
    let html = browser.read("return document.documentElement.outerHTML").await;
    assert!(!html.contains("glpat-"), "a token's value is on the page");
    browser.screenshot("demo.png").await;
    browser.close().await;
    page.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_answers_under_its_own_name_only_and_lets_nothing_foreign_in() {
    let page = Page::start(0, Tempo::QUICK, BotLog::default(), render()).await.unwrap();
    let client = reqwest::Client::new();
    let own = client.get(page.url()).send().await.unwrap();
    assert!(own.headers()["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));
    let foreign = client.get(page.url()).header("host", "rebound.example").send().await.unwrap();
    assert_eq!(foreign.status(), 421);
    page.stop().await;
}
