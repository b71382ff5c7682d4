//! The messenger against the sandbox: lost answers, removed messages and threads, limits, wrong tokens.

use super::house::{ALICE, BOB, CHANNEL, both, guild, messenger, messenger_of};
use crate::slack::rotations::{self, opened, plan};
use rekey::chat::{ChatError, Messenger};
use rekey::rotation::record::Rotation;
use rekey::rotation::view::card;
use rekey::rotation::view::prose::Prose;
use rekey::sandbox::discord::{Channel, Fault, Handle, Message, Rule, Settings, World, permissions};
use serde_json::json;

const MESSAGES: &str = "/channels/1300000000000000500/messages";

fn cards(state: &Handle) -> Vec<Message> {
    let bot = Settings::default().bot_user;
    state.messages(CHANNEL).into_iter().filter(|message| message.author == bot).collect()
}

fn id(reference: &str) -> String {
    reference.split_once(':').unwrap().1.to_owned()
}

fn is_gone<T>(result: Result<T, ChatError>) -> bool {
    matches!(result, Err(ChatError::Gone { .. }))
}

#[tokio::test]
async fn a_card_is_posted_once_pings_its_deciders_and_is_then_edited_in_place() {
    let (_discord, state, bot) = both().await;
    let posted = bot.show(&card(&opened(plan())), None).await.unwrap();
    assert_eq!(cards(&state)[0].pings, [ALICE, BOB]);
    let again = bot.show(&card(&rotations::done()), Some(&posted.reference)).await.unwrap();
    assert_eq!(posted, again);
    let cards = cards(&state);
    assert_eq!((cards.len(), cards[0].edits), (1, 1));
    assert!(cards[0].content.contains("Done."), "{}", cards[0].content);
    assert!(cards[0].components.is_empty());
    let url = format!("https://discord.com/channels/1300000000000000099/{CHANNEL}/{}", id(&posted.reference));
    assert_eq!(posted.url.as_deref(), Some(url.as_str()));
}

#[tokio::test]
async fn a_lost_answer_to_a_post_never_makes_a_second_card() {
    for fault in [Fault::CutAfter, Fault::ErrorAfter { status: 502 }, Fault::TruncatedJson] {
        let (_discord, state, bot) = both().await;
        state.fault(Rule::new("POST", MESSAGES, fault));
        let card = card(&opened(plan()));
        assert!(bot.show(&card, None).await.is_err());
        let posted = bot.show(&card, None).await.unwrap();
        assert_eq!(cards(&state).len(), 1);
        assert_eq!(posted.reference, format!("{CHANNEL}:{}", cards(&state)[0].id));
    }
}

#[tokio::test]
async fn a_post_that_lands_while_it_is_repeated_is_the_same_card() {
    let (_discord, state, bot) = both().await;
    let card = card(&opened(plan()));
    state.fault(Rule::new("POST", MESSAGES, Fault::Late));
    assert!(bot.show(&card, None).await.is_err());
    let posted = bot.show(&card, None).await.unwrap();
    assert_eq!(state.faults().land_late().await, 1);
    assert_eq!(cards(&state).len(), 1);
    assert_eq!(id(&posted.reference), cards(&state)[0].id);
}

#[tokio::test]
async fn a_lost_answer_to_an_edit_is_made_good_by_the_next_one() {
    for fault in [Fault::CutAfter, Fault::CutBefore, Fault::ErrorAfter { status: 500 }] {
        let (_discord, state, bot) = both().await;
        let reference = bot.show(&card(&opened(plan())), None).await.unwrap().reference;
        state.fault(Rule::new("PATCH", "*", fault));
        let done = card(&rotations::done());
        assert!(matches!(bot.show(&done, Some(&reference)).await, Err(ChatError::Unavailable { .. })));
        bot.show(&done, Some(&reference)).await.unwrap();
        assert_eq!(cards(&state).len(), 1);
        assert!(cards(&state)[0].content.contains("Done."));
    }
}

#[tokio::test]
async fn a_post_that_never_arrived_is_made_again() {
    for fault in [Fault::CutBefore, Fault::Html, Fault::ErrorBefore { status: 500 }] {
        let (_discord, state, bot) = both().await;
        state.fault(Rule::new("POST", MESSAGES, fault));
        let card = card(&opened(plan()));
        assert!(bot.show(&card, None).await.is_err());
        bot.show(&card, None).await.unwrap();
        assert_eq!(cards(&state).len(), 1);
    }
}

/// The rotation as it would be if it had been opened so many days before the story begins.
fn older(days: u64, mut rotation: Rotation) -> Rotation {
    let ulid = ulid::Ulid::from_string(rotations::ID).unwrap();
    let then = ulid::Ulid::from_parts(ulid.timestamp_ms() - days * 86_400_000, ulid.random());
    rotation.id = then.to_string().to_lowercase().as_str().into();
    rotation
}

fn talk(state: &Handle, count: usize, rotation: &Rotation) {
    let footer = json!({"footer": {"text": format!("Rotation {} · Plan 0123456789ab", rotation.id)}});
    state.with(|world| {
        for n in 0..count {
            let forged = if n % 100 == 0 { vec![footer.clone()] } else { vec![] };
            world.say(CHANNEL, BOB, &format!("talk {n}"), forged);
        }
    });
}

#[tokio::test]
async fn a_lost_card_is_found_behind_pages_of_talk_and_copies_of_others_are_not_taken_for_it() {
    let (_discord, state, bot) = both().await;
    state.fault(Rule::new("POST", MESSAGES, Fault::CutAfter));
    let rotation = opened(plan());
    talk(&state, 150, &rotation);
    assert!(bot.show(&card(&rotation), None).await.is_err());
    talk(&state, 450, &rotation);
    let posted = bot.show(&card(&rotation), None).await.unwrap();
    assert_eq!(cards(&state).len(), 1);
    assert_eq!(posted.reference, format!("{CHANNEL}:{}", cards(&state)[0].id));
}

#[tokio::test]
async fn a_card_that_was_lost_thirty_days_ago_or_posted_only_now_is_found() {
    let (discord, clock) = guild().await;
    let (state, bot) = (discord.state(), messenger(&discord.base_url(), &Settings::default().token));
    let early = opened(plan());
    state.fault(Rule::new("POST", MESSAGES, Fault::CutAfter));
    assert!(bot.show(&card(&early), None).await.is_err());
    clock.advance(30 * 86_400);
    talk(&state, 2_500, &early);
    bot.show(&card(&early), None).await.unwrap();
    assert_eq!(cards(&state).len(), 1);
    let late = older(2, early);
    state.faults().clear();
    state.fault(Rule::new("POST", MESSAGES, Fault::CutAfter));
    assert!(bot.show(&card(&late), None).await.is_err());
    clock.advance(3_600);
    talk(&state, 120, &late);
    bot.show(&card(&late), None).await.unwrap();
    assert_eq!(cards(&state).len(), 2);
}

#[tokio::test]
async fn announcements_come_once_in_the_thread_whatever_is_lost() {
    for fault in [Fault::CutAfter, Fault::ErrorAfter { status: 503 }] {
        let (discord, clock) = guild().await;
        let (state, bot) = (discord.state(), messenger(&discord.base_url(), &Settings::default().token));
        let rotation = rotations::stuck();
        let posted = bot.show(&card(&rotation), None).await.unwrap();
        let (thread, index) = (id(&posted.reference), rotation.announcements.len() - 1);
        state.fault(Rule::new("POST", &format!("/channels/{thread}/messages"), fault.clone()));
        state.fault(Rule::new("POST", "*/threads", fault));
        for _ in 0..2 {
            assert!(bot.announce(&card(&rotation), &posted.reference, index).await.is_err());
        }
        clock.advance(86_400);
        for _ in 0..2 {
            bot.announce(&card(&rotation), &posted.reference, index).await.unwrap();
        }
        let replies = state.messages(&thread);
        assert_eq!(replies.len(), 1);
        assert_eq!(replies[0].pings, [ALICE, BOB]);
        assert!(replies[0].content.contains("Stuck."), "{}", replies[0].content);
        assert!(replies[0].content.contains("error: 401"), "{}", replies[0].content);
    }
}

#[tokio::test]
async fn where_people_removed_the_thread_an_announcement_answers_the_card_itself() {
    let (_discord, state, bot) = both().await;
    let rotation = rotations::stuck();
    let posted = bot.show(&card(&rotation), None).await.unwrap();
    // Discord still counts the thread as begun, and knows it no more.
    let body = json!({"message": "A thread has already been created for this message", "code": 160_004});
    state.fault(Rule::new("POST", "*/threads", Fault::Refuse { status: 400, body }).times(0));
    for _ in 0..2 {
        bot.announce(&card(&rotation), &posted.reference, 0).await.unwrap();
    }
    let cards = cards(&state);
    assert_eq!(cards.len(), 2);
    assert_eq!(cards[1].answers, Some(id(&posted.reference)));
}

#[tokio::test]
async fn a_message_that_people_removed_is_gone() {
    let (_discord, state, bot) = both().await;
    let card = card(&rotations::stuck());
    let reference = bot.show(&card, None).await.unwrap().reference;
    state.with(|world| world.remove(CHANNEL, &id(&reference)));
    assert!(is_gone(bot.show(&card, Some(&reference)).await));
}

fn way_out<T: std::fmt::Debug>(result: Result<T, ChatError>) -> String {
    match result.unwrap_err() {
        ChatError::Refused { why, .. } => why,
        other => unreachable!("{other}"),
    }
}

#[tokio::test]
async fn a_channel_closed_to_the_bot_a_guild_it_left_and_a_channel_that_is_not_there_are_for_people_to_mend() {
    let (_discord, state, bot) = both().await;
    let rotation = rotations::stuck();
    let shown = card(&rotation);
    let told = format!(
        "correct [discord] channel, or invite the bot to the server and give it View Channel in it ({CHANNEL})"
    );
    let reference = bot.show(&shown, None).await.unwrap().reference;
    let closed: [fn(&mut World); 3] = [
        |world| world.invited = false,
        |world| world.channels.get_mut(CHANNEL).unwrap().denied = permissions::VIEW,
        |world| world.channels.clear(),
    ];
    for close in closed {
        let before = state.with(|world| (world.invited, world.channels.clone()));
        state.with(close);
        for why in [
            way_out(bot.show(&shown, Some(&reference)).await),
            way_out(bot.show(&card(&older(1, rotation.clone())), None).await),
            way_out(bot.announce(&shown, &reference, 0).await),
        ] {
            assert!(why.ends_with(&told), "{why}");
        }
        state.with(|world| (world.invited, world.channels) = before);
        bot.show(&shown, Some(&reference)).await.unwrap();
    }
}

#[tokio::test]
async fn a_card_whose_channel_is_still_open_moves_too_and_what_stays_says_where_it_went() {
    let (discord, state, bot) = both().await;
    let shown = card(&rotations::stuck());
    let reference = bot.show(&shown, None).await.unwrap().reference;
    let new = "1300000000000000777";
    state.with(|world| world.channels.insert(new.into(), Channel::default()));
    let (base, guild) = (discord.base_url(), Settings::default().guild);
    let moved = messenger_of(&base, &Settings::default().token, &guild, new, &[]);
    let posted = moved.show(&shown, Some(&reference)).await.unwrap();
    assert!(posted.reference.starts_with(new), "{posted:?}");
    let left = &cards(&state)[0];
    assert!(left.content.contains("continues in [another channel]") && left.components.is_empty(), "{}", left.content);
    assert_eq!(moved.show(&shown, Some(&reference)).await.unwrap(), posted, "a lost answer makes no second card");
    assert_eq!(bot.show(&shown, Some(&posted.reference)).await.unwrap().reference, reference, "and it may come back");
    assert!(!cards(&state)[0].components.is_empty());
}

#[tokio::test]
async fn a_proxys_page_and_a_wrong_address_make_no_end_of_a_card() {
    let (_discord, state, bot) = both().await;
    let shown = card(&opened(plan()));
    let reference = bot.show(&shown, None).await.unwrap().reference;
    for status in [404, 410] {
        state.fault(Rule::new("PATCH", "*", Fault::ErrorBefore { status }));
        way_out(bot.show(&shown, Some(&reference)).await);
    }
    bot.show(&shown, Some(&reference)).await.unwrap();
}

#[tokio::test]
async fn in_a_thread_that_people_locked_an_announcement_answers_the_card_itself() {
    for code in [50_083, 160_005] {
        let (_discord, state, bot) = both().await;
        let rotation = rotations::stuck();
        let posted = bot.show(&card(&rotation), None).await.unwrap();
        let thread = id(&posted.reference);
        let fault = Fault::Refuse { status: 400, body: json!({"message": "Thread is locked", "code": code}) };
        state.fault(Rule::new("POST", &format!("/channels/{thread}/messages"), fault).times(0));
        for _ in 0..2 {
            bot.announce(&card(&rotation), &posted.reference, 0).await.unwrap();
        }
        let cards = cards(&state);
        assert_eq!((cards.len(), cards[1].answers.as_ref()), (2, Some(&thread)));
    }
}

#[tokio::test]
async fn a_limit_is_passed_on_as_a_wish_to_wait_and_nothing_is_sent_on_that_route_meanwhile() {
    let (_discord, state, bot) = both().await;
    let first = bot.show(&card(&opened(plan())), None).await.unwrap().reference;
    let other = card(&older(1, opened(plan())));
    state.fault(Rule::new("POST", MESSAGES, Fault::TooManyRequests { retry_after: 65 }));
    let told = bot.show(&other, None).await;
    assert!(matches!(told, Err(ChatError::Unavailable { retry_after: Some(wait), .. }) if wait.as_secs() == 65));
    let posts = |state: &Handle| state.calls().iter().filter(|call| **call == format!("POST {MESSAGES}")).count();
    let before = posts(&state);
    assert!(matches!(bot.show(&other, None).await, Err(ChatError::Unavailable { retry_after: Some(_), .. })));
    assert_eq!(posts(&state), before);
    bot.show(&card(&rotations::done()), Some(&first)).await.unwrap();
    assert_eq!(cards(&state)[0].edits, 1);
}

#[tokio::test]
async fn a_route_whose_last_call_is_used_up_is_left_alone_before_it_refuses() {
    let (_discord, state, bot) = both().await;
    let reference = bot.show(&card(&opened(plan())), None).await.unwrap().reference;
    state.with(|world| world.settings.limit = Some((2, 60_000)));
    let done = card(&rotations::done());
    for _ in 0..2 {
        bot.show(&done, Some(&reference)).await.unwrap();
    }
    for _ in 0..3 {
        assert!(matches!(bot.show(&done, Some(&reference)).await, Err(ChatError::Unavailable { .. })));
    }
    assert_eq!(state.calls().iter().filter(|call| call.starts_with("PATCH")).count(), 2);
}

#[tokio::test]
async fn a_wrong_token_and_a_missing_permission_say_how_to_mend_them_and_nothing_secret() {
    let (discord, state, bot) = both().await;
    let stranger = messenger(&discord.base_url(), "a-token-of-somebody-else");
    let error = stranger.show(&card(&opened(plan())), None).await.unwrap_err();
    assert!(matches!(error, ChatError::Refused { .. }));
    assert!(error.to_string().ends_with("reset the bot's token in the developer portal and give the new one"));
    assert!(!error.to_string().contains("somebody-else"), "{error}");
    state.with(|world| world.channels.get_mut(CHANNEL).unwrap().denied = permissions::SEND);
    let error = bot.show(&card(&opened(plan())), None).await.unwrap_err();
    assert!(error.to_string().contains("Missing Permissions; give the bot View Channel, Send Messages"), "{error}");
}

#[tokio::test]
async fn a_token_that_is_refused_again_and_again_is_not_tried_for_a_while() {
    let (discord, state, _) = both().await;
    let stranger = messenger(&discord.base_url(), "a-token-of-somebody-else");
    for _ in 0..6 {
        assert!(stranger.show(&card(&opened(plan())), None).await.is_err());
    }
    assert_eq!(state.calls().len(), 3);
}

#[tokio::test]
async fn where_the_way_back_is_lost_a_person_is_told_in_a_direct_message_unless_they_take_none() {
    let (_discord, state, bot) = both().await;
    let words = Prose::words("Only its approvers may decide on this token; ask alice.");
    for _ in 0..2 {
        bot.whisper(Some(CHANNEL), BOB, &words).await.unwrap();
    }
    assert_eq!(state.direct(BOB).len(), 1);
    assert!(state.direct(BOB)[0].content.starts_with("Only its approvers"));
    state.with(|world| world.users.get_mut(ALICE).unwrap().closed = true);
    bot.whisper(None, ALICE, &words).await.unwrap();
    assert!(state.direct(ALICE).is_empty() && state.messages(CHANNEL).is_empty());
}

#[tokio::test]
async fn every_card_and_announcement_passes_a_strict_discord() {
    let (_discord, state, bot) = both().await;
    for (name, rotation) in rotations::all() {
        let card = card(&rotation);
        let posted = bot.show(&card, None).await.expect(name);
        for index in 0..rotation.announcements.len() {
            bot.announce(&card, &posted.reference, index).await.expect(name);
        }
    }
    assert_eq!(cards(&state).len(), 1);
}
