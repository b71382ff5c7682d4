//! What Discord refuses, and the other way by which people hear of it all the same.

use super::house::{CHANNEL, both};
use crate::slack::rotations::{self, opened, plan};
use rekey::chat::{ChatError, Messenger};
use rekey::rotation::view::card;
use rekey::sandbox::discord::{Fault, Handle, Message, Rule, Settings};
use serde_json::json;

const MESSAGES: &str = "/channels/1300000000000000500/messages";

fn refuse(status: u16, code: u64) -> Fault {
    Fault::Refuse { status, body: json!({"message": "No", "code": code}) }
}

fn ours(state: &Handle) -> Vec<Message> {
    let bot = Settings::default().bot_user;
    state.messages(CHANNEL).into_iter().filter(|message| message.author == bot).collect()
}

#[tokio::test]
async fn where_no_thread_can_begin_an_announcement_answers_the_card_itself_once() {
    for (status, code) in
        [(400, 160_006), (403, 50_013), (400, 50_024), (403, 50_001), (400, 160_007), (403, 200_001), (400, 999_999)]
    {
        let (_discord, state, bot) = both().await;
        let rotation = rotations::stuck();
        let posted = bot.show(&card(&rotation), None).await.unwrap();
        state.fault(Rule::new("POST", "*/threads", refuse(status, code)).times(0));
        for _ in 0..2 {
            bot.announce(&card(&rotation), &posted.reference, 0).await.unwrap();
        }
        let said = ours(&state);
        let answered = posted.reference.split_once(':').unwrap().1.to_owned();
        assert_eq!((said.len(), said[1].answers.as_ref()), (2, Some(&answered)), "{code}");
    }
}

#[tokio::test]
async fn where_nothing_may_be_said_in_a_thread_it_is_said_below_the_card() {
    for code in [50_013, 50_001, 200_000] {
        let (_discord, state, bot) = both().await;
        let rotation = rotations::stuck();
        let posted = bot.show(&card(&rotation), None).await.unwrap();
        let thread = posted.reference.split_once(':').unwrap().1;
        state.fault(Rule::new("POST", &format!("/channels/{thread}/messages"), refuse(403, code)).times(0));
        bot.announce(&card(&rotation), &posted.reference, 0).await.unwrap();
        assert_eq!(ours(&state).len(), 2, "{code}");
    }
}

#[tokio::test]
async fn a_card_whose_form_discord_does_not_take_comes_in_plain_words_and_is_found_again() {
    for code in [50_035, 240_000, 40_005, 777_777] {
        let (_discord, state, bot) = both().await;
        state.fault(Rule::new("POST", MESSAGES, refuse(400, code)));
        bot.show(&card(&opened(plan())), None).await.unwrap();
        let shown = ours(&state);
        assert!(shown[0].components.is_empty() && shown[0].content.contains("/rekey"), "{}", shown[0].content);
        let again = bot.show(&card(&opened(plan())), None).await.unwrap();
        assert_eq!((ours(&state).len(), again.reference), (1, format!("{CHANNEL}:{}", shown[0].id)));
    }
}

#[tokio::test]
async fn a_card_that_is_not_ours_to_edit_any_more_is_replaced_once() {
    let (_discord, state, bot) = both().await;
    let first = bot.show(&card(&opened(plan())), None).await.unwrap();
    let foreign = format!("{MESSAGES}/{}", first.reference.split_once(':').unwrap().1);
    state.fault(Rule::new("PATCH", &foreign, refuse(403, 50_005)).times(0));
    state.fault(Rule::new("POST", MESSAGES, Fault::CutAfter));
    let stuck = card(&rotations::stuck());
    assert!(bot.show(&stuck, Some(&first.reference)).await.is_err());
    let second = bot.show(&stuck, Some(&first.reference)).await.unwrap();
    let shown = ours(&state);
    assert_eq!((shown.len(), &second.reference), (2, &format!("{CHANNEL}:{}", shown[1].id)));
    assert!(shown[1].content.contains("Stuck") && shown[1].edits == 1, "{}", shown[1].content);
    let third = bot.show(&card(&rotations::done()), Some(&second.reference)).await.unwrap();
    assert_eq!((ours(&state).len(), third.reference), (2, second.reference), "the new one is edited in place");
}

#[tokio::test]
async fn a_refusal_says_who_mends_it_and_an_unknown_one_that_it_is_unknown() {
    for (status, code, mend) in [
        (403, 200_000, "AutoMod"),
        (403, 50_013, "give the bot View Channel"),
        (400, 160_006, "archive threads"),
        (400, 50_024, "choose a text channel"),
        (400, 777_777, "No (Discord's number 777777); rekey does not know this refusal"),
        (403, 777_777, "No (Discord's number 777777); rekey does not know this refusal"),
        (403, 0, "No (without a number of Discord's); rekey does not know this refusal"),
        (400, 50_109, "this is a fault of rekey"),
    ] {
        let (_discord, state, bot) = both().await;
        state.fault(Rule::new("POST", MESSAGES, refuse(status, code)).times(0));
        let told = bot.show(&card(&opened(plan())), None).await.unwrap_err();
        assert!(matches!(told, ChatError::Refused { .. }), "{told:?}");
        let told = told.to_string();
        assert!(told.contains(mend), "{told}");
        assert_eq!(told.contains("fault of rekey"), mend.contains("fault of rekey"), "{told}");
    }
}
