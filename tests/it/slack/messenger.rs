//! The messenger against the sandbox: lost answers, removed messages, limits, wrong tokens.

use super::rotations::{self, at, opened, plan};
use rekey::chat::slack::Slack;
use rekey::chat::slack::client::{Client, Hooks};
use rekey::chat::{ChatError, Messenger};
use rekey::clock::{Clock, ManualClock, SystemClock};
use rekey::http::{Api, Backoff, Credential, Throttle};
use rekey::rotation::group::Approver;
use rekey::rotation::ids::PersonId;
use rekey::rotation::view::card;
use rekey::sandbox::slack::{self as sandbox, Channel, Fault, Handle, Message, Rule, Settings, World};
use rekey::secret::Secret;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

pub const CHANNEL: &str = "C0OPS00001";

pub async fn workspace() -> (sandbox::Slack, ManualClock) {
    let clock = ManualClock::at(at(0));
    let (slack, _) = workspace_under(Arc::new(clock.clone())).await;
    (slack, clock)
}

/// A workspace in which time goes on.
pub async fn workspace_now() -> sandbox::Slack {
    workspace_under(Arc::new(SystemClock)).await.0
}

async fn workspace_under(clock: Arc<dyn Clock>) -> (sandbox::Slack, Arc<dyn Clock>) {
    let people = [("U0ALICE001", "alice"), ("U0BOB00001", "bob"), ("U0EVE00001", "eve")];
    let world = World::new(Settings::default(), (CHANNEL, "ops"), &people);
    let http = rekey::http::client(None).unwrap();
    (sandbox::Slack::start(world, clock.clone(), http).await.unwrap(), clock)
}

/// The Web API at `base`, impatient: a told-off call is told so at once.
pub fn api(base: &str, token: &str) -> Api {
    let credential = Credential::Bearer(Secret::new(token.to_owned()));
    let http = rekey::http::client(None).unwrap();
    let api = Api::new(http, &format!("{base}/api"), credential, Arc::new(Throttle::new(4, None))).unwrap();
    api.with_backoff(Backoff::none()).with_patience(Duration::from_millis(50))
}

/// The messenger towards `base`.
pub fn messenger(base: &str, token: &str) -> Slack {
    messenger_in(CHANNEL, base, token)
}

fn messenger_in(channel: &str, base: &str, token: &str) -> Slack {
    let api = api(base, token);
    let people = [("alice", "U0ALICE001"), ("bob", "U0BOB00001")];
    let people = people.map(|(person, user)| (PersonId::from(person), user.to_owned()));
    let approvers = |_: &_| rotations::policy(1).approvers.into_iter().map(Approver::Person).collect();
    Slack::new(Client::new(api), channel.into(), people.into(), Arc::new(approvers))
}

async fn both() -> (sandbox::Slack, Handle, Slack) {
    let (slack, _) = workspace().await;
    let bot = messenger(&slack.base_url(), &Settings::default().token);
    let state = slack.state();
    (slack, state, bot)
}

fn cards(state: &Handle) -> Vec<Message> {
    state.messages(CHANNEL).into_iter().filter(|message| message.thread_ts.is_none()).collect()
}

#[tokio::test]
async fn a_card_is_posted_once_and_then_edited_in_place() {
    let (_slack, state, bot) = both().await;
    let posted = bot.show(&card(&opened(plan())), None).await.unwrap();
    let again = bot.show(&card(&rotations::done()), Some(&posted.reference)).await.unwrap();
    assert_eq!(posted, again);
    let cards = cards(&state);
    assert_eq!((cards.len(), cards[0].edits), (1, 1));
    assert!(cards[0].text.contains("Done."), "{}", cards[0].text);
    assert!(!cards[0].blocks.iter().any(|block| block["type"] == "actions"));
    assert!(posted.url.unwrap().contains("/archives/C0OPS00001/p"));
}

#[tokio::test]
async fn a_lost_answer_to_a_post_never_makes_a_second_card() {
    for fault in [Fault::CutAfter, Fault::ErrorAfter { status: 502 }] {
        let (_slack, state, bot) = both().await;
        state.fault(Rule::new("POST", "*/chat.postMessage", fault));
        let card = card(&opened(plan()));
        assert!(matches!(bot.show(&card, None).await, Err(ChatError::Unavailable { .. })));
        let posted = bot.show(&card, None).await.unwrap();
        assert_eq!(cards(&state).len(), 1);
        assert_eq!(posted.reference, format!("{CHANNEL}:{}", cards(&state)[0].ts));
    }
}

#[tokio::test]
async fn a_message_whose_answer_was_lost_is_looked_for_when_it_must_have_landed() {
    let (_slack, state, bot) = both().await;
    state.fault(Rule::new("POST", "*/chat.postMessage", Fault::CutBefore));
    match bot.show(&card(&opened(plan())), None).await {
        Err(ChatError::Unavailable { retry_after: Some(wait), .. }) => assert_eq!(wait.as_secs(), 30),
        other => unreachable!("{other:?}"),
    }
}

#[tokio::test]
async fn an_address_to_answer_to_that_is_used_too_much_holds_back_no_other() {
    let hits = Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = hits.clone();
    let answer = move |uri: axum::http::Uri| {
        seen.lock().unwrap().push(uri.path().to_owned());
        let busy = uri.path().ends_with("/busy");
        let status = if busy { axum::http::StatusCode::TOO_MANY_REQUESTS } else { axum::http::StatusCode::OK };
        async move { (status, [("retry-after", "60")]) }
    };
    let base = crate::http::serve(axum::Router::new().fallback(answer)).await;
    let http = rekey::http::client(None).unwrap();
    let api = Api::new(http, &base, Credential::Nothing, Arc::new(Throttle::new(4, None))).unwrap();
    let hooks = Hooks::new(api.with_patience(Duration::from_millis(50)), &base);
    let words = rekey::chat::slack::Message { text: "Noted.".into(), blocks: Vec::new() };
    for _ in 0..2 {
        assert!(hooks.respond(&format!("{base}/busy"), &words).await.is_err());
        hooks.respond(&format!("{base}/other"), &words).await.unwrap();
    }
    assert_eq!(*hits.lock().unwrap(), ["/busy", "/other", "/other"]);
}

#[tokio::test]
async fn an_address_to_answer_to_that_is_not_slacks_gets_nothing() {
    let hits = Arc::new(std::sync::Mutex::new(0));
    let seen = hits.clone();
    let anywhere = axum::Router::new().fallback(move || {
        *seen.lock().unwrap() += 1;
        std::future::ready("ok")
    });
    let (base, elsewhere) = (crate::http::serve(anywhere.clone()).await, crate::http::serve(anywhere).await);
    let http = rekey::http::client(None).unwrap();
    let api = Api::new(http, &base, Credential::Nothing, Arc::new(Throttle::new(4, None))).unwrap();
    let hooks = Hooks::new(api.with_backoff(Backoff::none()), &base);
    let words = rekey::chat::slack::Message { text: "Noted.".into(), blocks: Vec::new() };
    let (host, other) = (base.trim_start_matches("http://"), elsewhere.trim_start_matches("http://"));
    for address in [
        format!("{elsewhere}/actions/T/1"),
        format!("http://{host}@{other}/actions/T/1"),
        format!("{base}.{other}/actions/T/1"),
        format!("//{other}/actions/T/1"),
        "http://169.254.169.254/latest/meta-data".to_owned(),
    ] {
        assert!(hooks.respond(&address, &words).await.is_err(), "{address}");
    }
    assert_eq!(*hits.lock().unwrap(), 0);
    hooks.respond(&format!("{base}/actions/T/1"), &words).await.unwrap();
    assert_eq!(*hits.lock().unwrap(), 1);
}

#[tokio::test]
async fn a_post_that_never_arrived_is_made_again() {
    for fault in [Fault::CutBefore, Fault::Html, Fault::ErrorBefore { status: 500 }] {
        let (_slack, state, bot) = both().await;
        state.fault(Rule::new("POST", "*/chat.postMessage", fault));
        let card = card(&opened(plan()));
        assert!(matches!(bot.show(&card, None).await, Err(ChatError::Unavailable { .. })));
        bot.show(&card, None).await.unwrap();
        assert_eq!(cards(&state).len(), 1);
    }
}

#[tokio::test]
async fn a_lost_card_is_found_behind_pages_of_talk_and_copies_of_others_are_not_taken_for_it() {
    let (_slack, state, bot) = both().await;
    state.fault(Rule::new("POST", "*/chat.postMessage", Fault::CutAfter));
    let card = card(&opened(plan()));
    assert!(bot.show(&card, None).await.is_err());
    let forged = json!({"event_type": "rekey_rotation", "event_payload": {"rotation": rotations::ID}});
    state.with(|world| {
        for n in 0..450 {
            world.say(CHANNEL, "U0BOB00001", &format!("talk {n}"), (n % 100 == 0).then(|| forged.clone()));
        }
    });
    let posted = bot.show(&card, None).await.unwrap();
    assert_eq!(posted.reference, format!("{CHANNEL}:{}", cards(&state)[0].ts));
}

#[tokio::test]
async fn announcements_come_once_in_the_thread_whatever_is_lost() {
    let (_slack, state, bot) = both().await;
    let rotation = rotations::stuck();
    let posted = bot.show(&card(&rotation), None).await.unwrap();
    let index = rotation.announcements.len() - 1;
    state.fault(Rule::new("POST", "*/chat.postMessage", Fault::CutAfter));
    assert!(bot.announce(&card(&rotation), &posted.reference, index).await.is_err());
    bot.announce(&card(&rotation), &posted.reference, index).await.unwrap();
    bot.announce(&card(&rotation), &posted.reference, index).await.unwrap();
    let replies: Vec<Message> = state.messages(CHANNEL).into_iter().filter(|m| m.thread_ts.is_some()).collect();
    assert_eq!(replies.len(), 1);
    assert!(replies[0].text.starts_with("<@U0ALICE001> <@U0BOB00001> Stuck."), "{}", replies[0].text);
    let log = replies[0].blocks.last().unwrap()["text"]["text"].as_str().unwrap();
    assert!(log.contains("error: 401"), "{log}");
}

#[tokio::test]
async fn a_message_that_people_removed_is_gone() {
    let (_slack, state, bot) = both().await;
    let card = card(&rotations::stuck());
    let reference = bot.show(&card, None).await.unwrap().reference;
    let ts = reference.split_once(':').unwrap().1.to_owned();
    state.with(|world| world.remove(CHANNEL, &ts));
    assert!(matches!(bot.show(&card, Some(&reference)).await, Err(ChatError::Gone { .. })));
}

fn way_out<T: std::fmt::Debug>(result: Result<T, ChatError>) -> String {
    match result.unwrap_err() {
        ChatError::Refused { why, .. } => why,
        other => unreachable!("{other}"),
    }
}

type Closing = fn(&mut World);

#[tokio::test]
async fn a_card_moves_to_the_channel_that_took_the_place_of_a_closed_one() {
    let (slack, state, bot) = both().await;
    let card = card(&rotations::stuck());
    let reference = bot.show(&card, None).await.unwrap().reference;
    state.with(|world| {
        let like = world.channels[CHANNEL].clone();
        world.channels.insert("C0NEW00001".into(), Channel { name: "new".into(), messages: Vec::new(), ..like });
        world.channels.get_mut(CHANNEL).unwrap().archived = true;
    });
    let moved = messenger_in("C0NEW00001", &slack.base_url(), &Settings::default().token);
    let posted = moved.show(&card, Some(&reference)).await.unwrap();
    assert!(posted.reference.starts_with("C0NEW00001:"), "{posted:?}");
    assert_eq!(moved.show(&card, Some(&reference)).await.unwrap(), posted, "a lost answer makes no second card");
    assert_eq!(state.messages("C0NEW00001").len(), 1);
}

#[tokio::test]
async fn a_card_whose_channel_is_still_open_moves_too_and_what_stays_says_where_it_went() {
    let (slack, state, bot) = both().await;
    let card = card(&rotations::stuck());
    let reference = bot.show(&card, None).await.unwrap().reference;
    state.with(|world| {
        let like = world.channels[CHANNEL].clone();
        world.channels.insert("C0NEW00001".into(), Channel { name: "new".into(), messages: Vec::new(), ..like });
    });
    let moved = messenger_in("C0NEW00001", &slack.base_url(), &Settings::default().token);
    state.fault(Rule::new("POST", "*/chat.update", Fault::ErrorBefore { status: 503 }));
    assert!(moved.show(&card, Some(&reference)).await.is_err(), "what stays still has its buttons");
    let posted = moved.show(&card, Some(&reference)).await.unwrap();
    assert!(posted.reference.starts_with("C0NEW00001:"), "{posted:?}");
    assert_eq!(state.messages("C0NEW00001").len(), 1);
    let left = &state.messages(CHANNEL)[0];
    assert!(left.text.contains("continues in"), "{}", left.text);
    assert!(!serde_json::to_string(&left.blocks).unwrap().contains("button"), "{:?}", left.blocks);
    state.with(|world| world.channels.get_mut("C0NEW00001").unwrap().archived = true);
    let back = bot.show(&card, Some(&posted.reference)).await.unwrap();
    assert_eq!(back.reference, reference, "a card that comes back takes its old place");
    assert!(!state.messages(CHANNEL)[0].text.contains("continues in"));
}

#[tokio::test]
async fn a_card_whose_new_channel_does_not_take_it_stays_where_it_is() {
    let (slack, state, bot) = both().await;
    let reference = bot.show(&card(&opened(plan())), None).await.unwrap().reference;
    let moved = messenger_in("C0NOWHERE1", &slack.base_url(), &Settings::default().token);
    let stuck = card(&rotations::stuck());
    assert_eq!(moved.show(&stuck, Some(&reference)).await.unwrap().reference, reference);
    assert!(state.messages(CHANNEL)[0].text.contains("Stuck"));
}

#[tokio::test]
async fn a_channel_archived_left_or_not_there_is_for_people_to_mend() {
    let (_slack, state, bot) = both().await;
    let card = card(&rotations::stuck());
    let reference = bot.show(&card, None).await.unwrap().reference;
    let closed: [(Closing, &str); 3] = [
        (
            |world| world.channels.get_mut(CHANNEL).unwrap().archived = true,
            "is_archived; unarchive the channel C0OPS00001, or correct [slack] channel",
        ),
        (
            |world| world.channels.get_mut(CHANNEL).unwrap().members.retain(|member| member != "U0BOT00001"),
            "not_in_channel; correct [slack] channel (C0OPS00001), or type /invite @rekey in it",
        ),
        (
            |world| world.channels.clear(),
            "channel_not_found; correct [slack] channel (C0OPS00001), or type /invite @rekey in it",
        ),
    ];
    for (close, told) in closed {
        let before = state.with(|world| world.channels.clone());
        state.with(close);
        assert_eq!(way_out(bot.show(&card, Some(&reference)).await), told);
        assert_eq!(way_out(bot.announce(&card, &reference, 0).await), told);
        state.with(|world| world.channels = before);
        bot.show(&card, Some(&reference)).await.unwrap();
    }
}

#[tokio::test]
async fn a_proxys_page_and_a_wrong_address_make_no_end_of_a_card() {
    let (_slack, state, bot) = both().await;
    let shown = card(&opened(plan()));
    let reference = bot.show(&shown, None).await.unwrap().reference;
    for status in [404, 410] {
        state.fault(Rule::new("POST", "*/chat.update", Fault::ErrorBefore { status }));
        let why = way_out(bot.show(&shown, Some(&reference)).await);
        assert!(why.ends_with("; correct [slack] api_url, or the proxy on the way"), "{why}");
    }
    bot.show(&shown, Some(&reference)).await.unwrap();
}

#[tokio::test]
async fn a_limit_is_passed_on_as_a_wish_to_wait_and_nothing_is_sent_meanwhile() {
    let (_slack, state, bot) = both().await;
    let card = card(&opened(plan()));
    state.fault(Rule::new("POST", "*/chat.postMessage", Fault::TooManyRequests { retry_after: 30 }));
    let told = bot.show(&card, None).await;
    assert!(matches!(told, Err(ChatError::Unavailable { retry_after: Some(wait), .. }) if wait.as_secs() == 30));
    let posts = || state.calls().iter().filter(|call| *call == "chat.postMessage").count();
    assert!(matches!(bot.show(&card, None).await, Err(ChatError::Unavailable { retry_after: Some(_), .. })));
    assert_eq!(posts(), 1);
    assert!(cards(&state).is_empty());
}

#[tokio::test]
async fn a_wrong_token_and_a_missing_scope_say_how_to_mend_them() {
    let (slack, state, bot) = both().await;
    let stranger = messenger(&slack.base_url(), "xoxb-wrong-token-0001");
    let error = stranger.show(&card(&opened(plan())), None).await.unwrap_err();
    assert!(matches!(error, ChatError::Refused { .. }));
    assert_eq!(error.to_string(), "slack refused: invalid_auth; install the app again and give its new token");
    state.with(|world| world.settings.scopes.retain(|scope| scope != "channels:history"));
    let error = bot.show(&card(&opened(plan())), None).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "slack refused: missing_scope; add the scope channels:history to the app and install it again"
    );
}

#[tokio::test]
async fn every_card_and_announcement_passes_a_strict_slack() {
    let (_slack, state, bot) = both().await;
    for (name, rotation) in rotations::all() {
        let card = card(&rotation);
        let posted = bot.show(&card, None).await.expect(name);
        for index in 0..rotation.announcements.len() {
            bot.announce(&card, &posted.reference, index).await.expect(name);
        }
    }
    assert_eq!(cards(&state).len(), 1);
}

#[tokio::test]
async fn a_pause_for_one_method_holds_back_no_other() {
    let (_slack, state, bot) = both().await;
    let posted = bot.show(&card(&opened(plan())), None).await.unwrap();
    state.fault(Rule::new("GET", "/api/users.info", Fault::TooManyRequests { retry_after: 60 }));
    assert!(matches!(bot.client().member("U0ALICE001").await, Err(ChatError::Unavailable { .. })));
    bot.show(&card(&rotations::done()), Some(&posted.reference)).await.unwrap();
    assert_eq!(cards(&state)[0].edits, 1);
}

#[tokio::test]
async fn a_token_that_slack_refuses_rests() {
    let (slack, state, _) = both().await;
    let stranger = messenger(&slack.base_url(), "xoxb-wrong-token-0001");
    for _ in 0..5 {
        assert!(matches!(stranger.client().auth_test().await, Err(ChatError::Refused { .. })));
        assert!(matches!(stranger.client().member("U0ALICE001").await, Err(ChatError::Refused { .. })));
    }
    assert_eq!(state.calls(), ["auth.test"]);
}

#[tokio::test]
async fn a_channel_that_takes_no_card_is_for_a_person_to_mend_and_then_the_card_comes() {
    let (_slack, state, bot) = both().await;
    let card = card(&opened(plan()));
    state.with(|world| world.channels.get_mut(CHANNEL).unwrap().members.retain(|member| member != "U0BOT00001"));
    let error = bot.show(&card, None).await.unwrap_err();
    let told = "slack refused: not_in_channel; correct [slack] channel (C0OPS00001), or type /invite @rekey in it";
    assert_eq!(error.to_string(), told);
    state.with(|world| world.channels.get_mut(CHANNEL).unwrap().members.push("U0BOT00001".into()));
    bot.show(&card, None).await.unwrap();
    assert_eq!(cards(&state).len(), 1);
}

#[tokio::test]
async fn messages_keep_slacks_pace_in_each_channel_and_all_arrive() {
    let slack = workspace_now().await;
    let (state, bot) = (slack.state(), messenger(&slack.base_url(), &Settings::default().token));
    state.with(|world| world.settings.limits = true);
    let mut many = card(&rotations::stuck());
    many.announcements = vec![many.announcements[0].clone(); 6];
    let posted = bot.show(&many, None).await.unwrap();
    for index in 0..6 {
        bot.announce(&many, &posted.reference, index).await.unwrap();
    }
    let posts = state.calls().iter().filter(|call| *call == "chat.postMessage").count();
    assert_eq!((posts, state.messages(CHANNEL).len()), (7, 7));
}
