//! What Slack refuses, and the other way by which people hear of it all the same.

use super::messenger::{CHANNEL, messenger, workspace};
use super::rotations::{self, opened, plan};
use rekey::chat::slack::Slack;
use rekey::chat::{ChatError, Messenger};
use rekey::rotation::view::card;
use rekey::sandbox::slack::{self as sandbox, Fault, Handle, Message, Rule, Settings};
use serde_json::json;

async fn both() -> (sandbox::Slack, Handle, Slack) {
    let (slack, _) = workspace().await;
    let bot = messenger(&slack.base_url(), &Settings::default().token);
    let state = slack.state();
    (slack, state, bot)
}

fn refuse(error: &str) -> Fault {
    Fault::Refuse { status: 200, body: json!({"ok": false, "error": error}) }
}

fn at_the_top(state: &Handle) -> Vec<Message> {
    state.messages(CHANNEL).into_iter().filter(|message| message.thread_ts.is_none()).collect()
}

#[tokio::test]
async fn where_messages_cannot_be_edited_a_new_card_takes_the_old_ones_place_once() {
    // The second is said to an app that was installed anew, of the messages of the one before.
    for error in ["edit_window_closed", "cant_update_message"] {
        let (_slack, state, bot) = both().await;
        let first = bot.show(&card(&opened(plan())), None).await.unwrap();
        state.fault(Rule::new("POST", "*/chat.update", refuse(error)).times(0));
        let stuck = card(&rotations::stuck());
        let second = bot.show(&stuck, Some(&first.reference)).await.unwrap();
        assert_ne!(first.reference, second.reference);
        assert!(at_the_top(&state)[1].text.contains("Stuck"), "{}", at_the_top(&state)[1].text);
        let third = bot.show(&card(&rotations::done()), Some(&second.reference)).await.unwrap();
        assert!(![&first.reference, &second.reference].contains(&&third.reference));
        assert_eq!(at_the_top(&state).len(), 3);
    }
}

#[tokio::test]
async fn a_new_card_whose_answer_was_lost_is_found_and_not_posted_again() {
    let (_slack, state, bot) = both().await;
    let first = bot.show(&card(&opened(plan())), None).await.unwrap();
    state.fault(Rule::new("POST", "*/chat.update", refuse("edit_window_closed")));
    state.fault(Rule::new("POST", "*/chat.postMessage", Fault::CutAfter));
    let stuck = card(&rotations::stuck());
    assert!(bot.show(&stuck, Some(&first.reference)).await.is_err());
    state.fault(Rule::new("POST", "*/chat.update", refuse("edit_window_closed")));
    let second = bot.show(&stuck, Some(&first.reference)).await.unwrap();
    assert_eq!(second.reference, format!("{CHANNEL}:{}", at_the_top(&state)[1].ts));
    assert_eq!(at_the_top(&state).len(), 2);
}

#[tokio::test]
async fn where_a_channel_takes_no_threads_an_announcement_stands_in_the_channel_once() {
    for error in [
        "restricted_action_non_threadable_channel",
        "restricted_action_thread_locked",
        "cannot_reply_to_message",
        "thread_not_found",
        "channel_not_found",
        "a_word_that_nobody_knows",
    ] {
        let (_slack, state, bot) = both().await;
        let rotation = rotations::stuck();
        let posted = bot.show(&card(&rotation), None).await.unwrap();
        let index = rotation.announcements.len() - 1;
        for _ in 0..2 {
            state.fault(Rule::new("POST", "*/chat.postMessage", refuse(error)));
            bot.announce(&card(&rotation), &posted.reference, index).await.expect(error);
        }
        let said = at_the_top(&state);
        assert_eq!(said.len(), 2, "{error}");
        assert!(said[1].text.starts_with("<@U0ALICE001> <@U0BOB00001> Stuck."), "{}", said[1].text);
    }
}

#[tokio::test]
async fn a_card_whose_form_slack_does_not_take_comes_in_plain_words() {
    for error in [
        "invalid_blocks",
        "invalid_blocks_format",
        "msg_too_long",
        "no_text",
        "metadata_too_large",
        "invalid_metadata_schema",
        "too_many_attachments",
    ] {
        let (_slack, state, bot) = both().await;
        state.fault(Rule::new("POST", "*/chat.postMessage", refuse(error)));
        let posted = bot.show(&card(&opened(plan())), None).await.unwrap();
        let shown = at_the_top(&state);
        assert!(shown[0].blocks.is_empty() && shown[0].text.contains("/rekey"), "{}", shown[0].text);
        assert_eq!(shown[0].metadata.is_none(), error.contains("metadata"), "{error}");
        assert!(shown[0].text.contains("Waiting for approval"), "{}", shown[0].text);
        state.fault(Rule::new("POST", "*/chat.update", refuse(error)));
        bot.show(&card(&rotations::done()), Some(&posted.reference)).await.unwrap();
        assert!(at_the_top(&state)[0].text.contains("Done"));
        assert_eq!(at_the_top(&state).len(), 1);
    }
}

#[tokio::test]
async fn a_refusal_says_who_mends_it_and_an_unknown_one_that_it_is_unknown() {
    for (error, mend) in [
        ("team_access_not_granted", "an administrator of the organisation must grant the app access"),
        ("no_permission", "an administrator of the workspace must let the app do this"),
        ("restricted_action_read_only_channel", "an administrator of the workspace must let the app do this"),
        ("posting_to_general_channel_denied", "an administrator of the workspace must let the app do this"),
        ("message_limit_exceeded", "an administrator"),
        ("accesslimited", "limited to networks"),
        ("token_expired", "token rotation is on"),
        ("never_heard_of_it", "rekey does not know this refusal"),
        ("invalid_arguments", "this is a fault of rekey"),
    ] {
        let (_slack, state, bot) = both().await;
        state.fault(Rule::new("POST", "*/chat.postMessage", refuse(error)));
        let told = bot.show(&card(&opened(plan())), None).await.unwrap_err();
        assert!(matches!(told, ChatError::Refused { .. }), "{told:?}");
        let told = told.to_string();
        assert!(told.contains(error) && told.contains(mend), "{told}");
        assert_eq!(told.contains("fault of rekey"), mend.contains("fault of rekey"), "{told}");
    }
    for passing in ["org_login_required", "team_added_to_org", "internal_error"] {
        let (_slack, state, bot) = both().await;
        state.fault(Rule::new("POST", "*/chat.postMessage", refuse(passing)));
        let told = bot.show(&card(&opened(plan())), None).await.unwrap_err();
        assert!(matches!(told, ChatError::Unavailable { .. }), "{told:?}");
    }
}
