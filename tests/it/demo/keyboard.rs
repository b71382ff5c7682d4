//! The page as somebody sees and uses it: by keyboard, at a common width, with one way to write a date.

use super::browser::Browser;
use super::render;
use rekey::demo::{BotLog, Chats, Page, Scene, Tempo, samples};

async fn open(chats: Chats) -> Option<(Browser, Page)> {
    let browser = Browser::open().await?;
    let scene = Scene { chats, ..Scene::default() };
    let page = Page::start(0, Tempo::QUICK, scene, BotLog::default(), render()).await.unwrap();
    browser.go(&page.url()).await;
    Some((browser, page))
}

async fn close((browser, page): (Browser, Page)) {
    browser.close().await;
    page.stop().await;
}

/// Nobody's hand leaves the keyboard.
async fn press_enter_on(browser: &Browser, button: &str) {
    browser.until(&format!("return !!document.querySelector({button:?})")).await;
    browser.read(&format!("document.querySelector({button:?}).focus(); return ''")).await;
    browser.write(button, "\u{e007}").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_approves_by_keyboard_stays_on_the_card_until_it_is_closed() {
    let Some(seen) = open(Chats::Both).await else { return };
    let browser = &seen.0;
    press_enter_on(browser, "button[data-mail=expiry]").await;
    assert_eq!(browser.read("return document.activeElement.dataset.mail ?? 'elsewhere'").await, "expiry");
    press_enter_on(browser, "#slack button[data-key='rekey.approve']").await;
    browser.until("return document.querySelector('#status').textContent.includes('the old one is revoked')").await;
    browser.until("return !document.querySelector('#slack .actions')").await;
    let focus =
        browser.read("return document.activeElement.closest('#slack > [data-entry]') ? 'card' : 'elsewhere'").await;
    assert_eq!(focus, "card");
    close(seen).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_is_closed_gives_the_focus_back_to_the_card_it_came_from() {
    let Some(seen) = open(Chats::Slack).await else { return };
    let browser = &seen.0;
    press_enter_on(browser, "button[data-mail=expiry]").await;
    press_enter_on(browser, "#slack button[data-key='rekey.decline']").await;
    browser.until("return document.querySelector('#form').open").await;
    browser.write("#form textarea, #form input", "release freeze").await;
    browser.click("#form button[type=submit]").await;
    browser.until("return document.querySelector('#status').textContent.includes('Declined')").await;
    browser.until("return !document.querySelector('#form').open").await;
    browser.until("return !!document.activeElement.closest('#slack > [data-entry]')").await;
    close(seen).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn at_a_common_width_no_name_is_cut_and_every_date_is_written_alike() {
    let Some(seen) = open(Chats::Both).await else { return };
    let browser = &seen.0;
    browser.resize(1280, 800).await;
    browser.click("button[data-mail=expiry]").await;
    browser.until("return !!document.querySelector('#slack button[data-key=\"rekey.approve\"]')").await;
    let cut = "return [...document.querySelectorAll('td, summary, .tab, .variable code, .mail header span, h3')] \
               .filter((one) => one.scrollWidth > one.clientWidth + 1 && one.clientWidth) \
               .map((one) => one.textContent).join(' | ')";
    assert_eq!(browser.read(cut).await, "");
    let months = regex::Regex::new(r"\d+ (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]* \d{4}").unwrap();
    for chat in ["slack", "discord"] {
        browser.click(&format!("#chats button[data-key={chat}]")).await;
        let text = browser.read("return document.querySelector('main').innerText").await;
        let shown = text.lines().filter(|line| !line.starts_with("Date:")).find(|line| months.is_match(line));
        assert_eq!(shown, None, "{chat}");
    }
    browser.screenshot("demo-1280.png").await;
    close(seen).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_of_ones_own_is_believed_as_our_server_would_deliver_it_and_not_otherwise() {
    let Some(seen) = open(Chats::Slack).await else { return };
    let browser = &seen.0;
    let real =
        samples()[0].raw.replace("Authentication-Results: mx.corp.example", "X-Found-Elsewhere: mx.corp.example");
    let real = serde_json::to_string(&real).unwrap();
    let send = "document.querySelector('#own').closest('details').open = true; document.querySelector('#own').requestSubmit();";
    browser.read(&format!("document.querySelector('#raw').value = {real}; {send} return ''")).await;
    browser.until("return document.querySelector('#own-answer').textContent.startsWith('202')").await;
    browser.click("#delivered").await;
    browser.read(&format!("{send} return ''")).await;
    browser.until("return document.querySelector('#own-answer').textContent.startsWith('200')").await;
    close(seen).await;
}
