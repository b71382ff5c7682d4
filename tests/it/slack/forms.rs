//! Forms, the home tab, details and offers: what goes beyond a click and a line, by either way the same.

use super::door::{By, Story, by_both_ways, story, story_of};
use super::messenger::CHANNEL;
use super::rotations;
use crate::until::until;
use rekey::rotation::phase::Phase;
use rekey::rotation::token::Strategy;
use rekey::sandbox::slack::{Fault, NoAnswer, Rule, Submitted};
use serde_json::{Value, json};

const ALICE: &str = "U0ALICE001";

fn texts(blocks: &Value) -> String {
    let text = |value: &Value| value["text"].as_str().map(str::to_owned);
    let all =
        blocks.as_array().unwrap().iter().filter_map(|block| text(&block["text"]).or(text(&block["elements"][0])));
    all.collect::<Vec<_>>().join("\n")
}

impl Story {
    fn form_text(&self) -> String {
        texts(&self.slack.form(ALICE).unwrap().content["blocks"])
    }

    fn home_text(&self, user: &str) -> String {
        texts(&self.slack.home(user).unwrap().content["blocks"])
    }

    async fn sees_home(&self, user: &str) {
        self.slack.open_home(user).await.unwrap();
        until("the home tab is there", || self.slack.home(user).is_some()).await;
    }
}

async fn an_incident_asks_for_a_reason_then_for_a_yes_and_revokes_first(by: By) {
    let story = story(by).await;
    let answer = story.slack.command(ALICE, CHANNEL, "incident deploy-bot").await.unwrap();
    assert_eq!(answer, Value::Null);
    assert!(story.form_text().starts_with("The value of `deploy-bot` leaked?"), "{}", story.form_text());
    assert_eq!(story.desk.row().plan.strategy, Strategy::Overlap);
    assert!(matches!(story.slack.submit(ALICE, &[]).await, Err(NoAnswer::NoForm(_))));
    assert!(matches!(story.slack.submit(ALICE, &[("reason", "x")]).await, Err(NoAnswer::NoForm(_))));
    let sent = story.slack.submit(ALICE, &[("reason", "pasted into <!channel>")]).await;
    assert_eq!(sent, Ok(Submitted::Replaced));
    assert!(story.form_text().contains("Nothing was done yet."), "{}", story.form_text());
    assert_eq!(story.desk.row().phase, Phase::AwaitingApproval);
    assert_eq!(story.slack.form(ALICE).unwrap().content["submit"]["text"], "Revoke it now");
    assert_eq!(story.slack.submit(ALICE, &[]).await, Ok(Submitted::Closed));
    assert_eq!(story.desk.row().plan.strategy, Strategy::RevokeFirst);
    assert!(!matches!(story.desk.row().phase, Phase::AwaitingApproval));
}

async fn a_form_that_is_closed_or_that_slack_does_not_open_changes_nothing(by: By) {
    let story = story(by).await;
    story.slack.command(ALICE, CHANNEL, "incident deploy-bot").await.unwrap();
    story.slack.close_form(ALICE);
    assert!(matches!(story.slack.submit(ALICE, &[("reason", "leaked")]).await, Err(NoAnswer::NoForm(_))));
    let late = json!({"ok": false, "error": "expired_trigger_id"});
    story.slack.fault(Rule::new("POST", "/api/views.open", Fault::Refuse { status: 200, body: late }));
    let told = story.types(ALICE, "incident deploy-bot").await;
    assert_eq!(told, "Slack did not open the form, so nothing happened. Please try again.");
    assert_eq!(story.desk.row().plan.strategy, Strategy::Overlap);
}

async fn a_form_of_somebody_else_or_with_a_forged_purpose_is_ignored(by: By) {
    let story = story(by).await;
    story.slack.command(ALICE, CHANNEL, "incident deploy-bot").await.unwrap();
    let form = story.slack.form(ALICE).unwrap();
    for (name, value) in [("callback_id", "another.app"), ("private_metadata", "rekey:dance:01")] {
        let mut other = form.clone();
        other.content[name] = value.into();
        story.slack.with(|world| world.views.insert(other.id.clone(), other));
        assert_eq!(story.slack.submit(ALICE, &[("reason", "leaked")]).await, Ok(Submitted::Closed));
    }
    assert_eq!(story.desk.row().plan.strategy, Strategy::Overlap);
}

async fn an_outsider_gets_no_form_and_cannot_send_one(by: By) {
    let story = story(by).await;
    let told = story.types("U0EVE00001", "incident deploy-bot").await;
    assert!(told.starts_with("rekey does not know you."), "{told}");
    assert_eq!(story.slack.form("U0EVE00001"), None);
    story.slack.command(ALICE, CHANNEL, "incident deploy-bot").await.unwrap();
    story.slack.with(|world| {
        let mut form = world.views.values().next().unwrap().clone();
        form.user = "U0EVE00001".into();
        world.views.insert(form.id.clone(), form);
    });
    assert_eq!(story.slack.submit("U0EVE00001", &[("reason", "leaked")]).await, Ok(Submitted::Replaced));
    assert_eq!(story.desk.row().plan.strategy, Strategy::Overlap);
    assert_eq!(story.desk.outsiders().len(), 2);
}

async fn a_reason_that_takes_long_to_deal_with_is_answered_in_the_form_later(by: By) {
    let story = story_of(by, rotations::opened(rotations::plan()), true).await;
    let answer = story.slack.command(ALICE, CHANNEL, "incident deploy-bot").await.unwrap();
    assert!(answer["text"].as_str().is_none_or(|text| text.starts_with("Still working")), "{answer}");
    until("the form is open", || story.slack.form(ALICE).is_some()).await;
    assert_eq!(story.slack.submit(ALICE, &[("reason", "leaked")]).await, Ok(Submitted::Replaced));
    assert_eq!(story.form_text(), "One moment …");
    story.desk.go_on();
    until("the answer is in the form", || story.form_text().contains("Nothing was done yet.")).await;
}

async fn an_offer_in_a_private_answer_is_taken_by_its_button(by: By) {
    let story = story(by).await;
    let told = story.types(ALICE, "incident deploy-bot pasted into a ticket").await;
    assert!(
        told.starts_with("Nothing was done yet. What uses the token fails from the moment you say yes.\nPlan `"),
        "{told}"
    );
    let ts = story.slack.with(|world| world.ephemerals.last().unwrap().ts.clone());
    assert!(story.slack.press("U0BOB00001", &ts, "rekey.offer").await.is_err(), "it is for alice alone");
    story.slack.press(ALICE, &ts, "rekey.offer").await.unwrap();
    story.settled().await;
    assert!(!matches!(story.desk.row().phase, Phase::AwaitingApproval));
}

async fn details_are_shown_to_the_one_who_asks(by: By) {
    let story = story_of(by, rotations::stuck(), false).await;
    story.press("U0BOB00001", "rekey.details").await;
    let told = story.told("U0BOB00001");
    assert!(told.contains("Stored in `file /run/secrets/deploy-token`"), "{told}");
    assert!(told.contains("curl: (22) The requested URL returned error: 401"), "{told}");
    assert!(story.told(ALICE).is_empty());
}

async fn the_home_tab_says_what_waits_for_whom(by: By) {
    let story = story(by).await;
    for user in [ALICE, "U0EVE00001"] {
        story.sees_home(user).await;
    }
    insta::assert_snapshot!("home", story.home_text(ALICE));
    assert!(story.home_text("U0EVE00001").starts_with("rekey does not know you."));
    story.slack.press_home(ALICE, "rekey.review.waiting-for-you.0").await.unwrap();
    until("the page is filled", || story.form_text() != "One moment …").await;
    assert!(story.form_text().starts_with("Rotate token: deploy-bot"), "{}", story.form_text());
}

async fn a_home_tab_that_is_newer_than_what_was_seen_stays(by: By) {
    let story = story(by).await;
    story.sees_home(ALICE).await;
    let shown = story.slack.home(ALICE).unwrap();
    story.slack.fault(Rule::new("POST", "/api/views.publish", Fault::HoldBefore));
    story.slack.open_home(ALICE).await.unwrap();
    story.slack.held().await;
    let newer = story.slack.with(|world| {
        let mut newer = shown.clone();
        newer.hash = "newer".into();
        world.views.insert(newer.id.clone(), newer.clone());
        newer
    });
    story.slack.release(true);
    story.sees_home("U0BOB00001").await;
    assert_eq!(story.slack.home(ALICE).unwrap(), newer);
}

async fn an_event_that_is_not_ours_is_acknowledged(by: By) {
    let story = story(by).await;
    let mention =
        json!({"type": "event_callback", "event_id": "Ev1", "team_id": null, "event": {"type": "app_mention"}});
    for event in [mention, json!({"type": "new"}), json!({"type": "event_callback", "event": 7})] {
        story.slack.send_event(&event).await.unwrap();
    }
    assert_eq!(story.desk.row().phase, Phase::AwaitingApproval);
}

#[tokio::test]
async fn slack_asks_whether_we_are_there() {
    assert!(story(By::Http).await.slack.verify_address().await.unwrap());
}

by_both_ways! {
    an_incident_asks_for_a_reason_then_for_a_yes_and_revokes_first,
    a_form_that_is_closed_or_that_slack_does_not_open_changes_nothing,
    a_form_of_somebody_else_or_with_a_forged_purpose_is_ignored,
    an_outsider_gets_no_form_and_cannot_send_one,
    a_reason_that_takes_long_to_deal_with_is_answered_in_the_form_later,
    an_offer_in_a_private_answer_is_taken_by_its_button,
    details_are_shown_to_the_one_who_asks,
    the_home_tab_says_what_waits_for_whom,
    a_home_tab_that_is_newer_than_what_was_seen_stays,
    an_event_that_is_not_ours_is_acknowledged,
}
