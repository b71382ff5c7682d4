//! What people press, type and fill in, through a strict Discord that signs, to a desk that decides by the real rules.

use super::house::{ALICE, BOB, CHANNEL, EVE, guild, hooks, messenger};
use crate::http::serve;
use crate::slack::door::OneRotation;
use crate::slack::rotations::{self, opened, plan};
use crate::until::until;
use rekey::chat::Messenger;
use rekey::clock::ManualClock;
use rekey::engine::desk::Desk;
use rekey::engine::desk::visitors::Visitors;
use rekey::rotation::ids::PersonId;
use rekey::rotation::phase::Phase;
use rekey::rotation::record::Rotation;
use rekey::rotation::token::Strategy;
use rekey::rotation::view::card;
use rekey::sandbox::discord::{self as sandbox, Ephemeral, Fault, Handle, NoAnswer, Rule, Settings, Shown, User};
use rekey::server::discord::{Door, Key, PATIENCE, commands, router};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Of another application: the one of the genuine requests.
const OTHER_KEY: &str = "7a111dd70fe28562fa15c7d0d26b06dd48bdfe58e73397576d2e77d1ec8db01c";
const CAROL: &str = "1300000000000000012";

/// Discord, the bot behind its door, and one card in the channel.
struct Story {
    _discord: sandbox::Discord,
    discord: Handle,
    desk: Arc<OneRotation>,
    bot: String,
    card: String,
    clock: ManualClock,
    _stop: tokio_util::sync::DropGuard,
}

pub fn visitors() -> Visitors {
    let people = [(ALICE, "alice"), (BOB, "bob"), (CAROL, "carol")];
    visitors_at(&Settings::default().guild, people.map(|(account, person)| (account.to_owned(), person)))
}

pub fn visitors_at(guild: &str, people: [(String, &str); 3]) -> Visitors {
    let at_home = Visitors::default().at("discord", guild);
    people.into_iter().fold(at_home, |all, one| all.knowing("discord", one.0, PersonId::from(one.1)))
}

async fn story_of(rotation: Rotation, slow: bool) -> Story {
    let (discord, clock) = guild().await;
    let state = discord.state();
    let desk = Arc::new(OneRotation::new(rotation, slow, clock.clone()));
    let counter = Arc::new(Desk::new(desk.clone(), visitors()));
    let stop = CancellationToken::new();
    tokio::spawn(counter.clone().serve(stop.clone()));
    let door = Door {
        keys: vec![Key::from_hex(OTHER_KEY).unwrap(), Key::from_hex(&state.public_key()).unwrap()],
        guild: Settings::default().guild,
        application: Settings::default().application,
        channel: CHANNEL.into(),
        desk: counter,
        hooks: hooks(&discord.base_url()),
        clock: Arc::new(clock.clone()),
        patience: if slow { Duration::ZERO } else { PATIENCE },
    };
    let bot = serve(router(Arc::new(door))).await;
    state.with(|world| {
        world.settings.bot = bot.clone();
        world.commands = commands::registered();
        let carol = User { id: CAROL.into(), name: "carol".into(), member: true, roles: [].into(), closed: false };
        world.users.insert(CAROL.into(), carol);
    });
    let messenger = messenger(&discord.base_url(), &Settings::default().token);
    let posted = messenger.show(&card(&desk.row()), None).await.unwrap();
    let card = posted.reference.split_once(':').unwrap().1.to_owned();
    Story { _discord: discord, discord: state, desk, bot, card, clock, _stop: stop.drop_guard() }
}

async fn story() -> Story {
    story_of(opened(plan()), false).await
}

impl Story {
    fn button(&self, label: &str) -> String {
        let messages = self.discord.messages(CHANNEL);
        let card = messages.iter().find(|message| message.id == self.card).unwrap();
        id_of(&card.components, label)
    }

    async fn press(&self, user: &str, label: &str) -> Shown {
        let shown = self.discord.press(user, &self.card, &self.button(label)).await.unwrap();
        self.settled().await;
        shown
    }

    /// Until everything that was acknowledged is dealt with.
    async fn settled(&self) {
        until("all clicks are dealt with", || self.desk.open_items.load(Ordering::SeqCst) == 0).await;
    }

    async fn sends(&self, payload: &Value) -> Shown {
        let shown = self.discord.send(payload).await.unwrap();
        self.settled().await;
        shown
    }

    async fn types(&self, user: &str, text: &str) -> String {
        match self.discord.command(user, CHANNEL, text).await.unwrap() {
            Shown::Private(line) => line.content,
            other => unreachable!("{text}: {other:?}"),
        }
    }

    fn told(&self, user: &str) -> String {
        self.discord.private(user).last().map(|line| line.content.clone()).unwrap_or_default()
    }

    fn is_waiting(&self) -> bool {
        self.desk.row().phase == Phase::AwaitingApproval
    }
}

fn id_of(rows: &[Value], label: &str) -> String {
    let buttons = rows.iter().flat_map(|row| row["components"].as_array().unwrap());
    let button = buttons.into_iter().find(|button| button["label"] == label);
    button.unwrap_or_else(|| unreachable!("no {label} in {rows:?}"))["custom_id"].as_str().unwrap().to_owned()
}

fn private(shown: Shown) -> Ephemeral {
    match shown {
        Shown::Private(line) => line,
        other => unreachable!("{other:?}"),
    }
}

#[tokio::test]
async fn an_approver_presses_approve_and_it_starts_without_another_word() {
    let story = story().await;
    assert_eq!(story.press(ALICE, "Approve").await, Shown::Nothing);
    assert!(matches!(story.desk.row().phase, Phase::Minting { .. }));
    assert_eq!(story.told(ALICE), "");
}

#[tokio::test]
async fn a_second_click_is_told_who_was_faster() {
    let story = story().await;
    story.press(ALICE, "Approve").await;
    story.press(BOB, "Approve").await;
    assert_eq!(story.told(BOB), "Already decided: alice approved (1 of 1), 2026-11-21 10:00 UTC.");
}

#[tokio::test]
async fn a_person_who_is_no_approver_is_told_privately_whom_to_ask() {
    let story = story().await;
    story.press(CAROL, "Approve").await;
    assert!(story.is_waiting());
    assert_eq!(story.told(CAROL), "Only its approvers may decide on this token; ask alice, bob.");
}

#[tokio::test]
async fn strangers_change_nothing_and_are_journalled() {
    let story = story().await;
    story.press(EVE, "Approve").await;
    assert!(story.told(EVE).starts_with("rekey does not know you."), "{}", story.told(EVE));
    assert!(story.types(EVE, "/rekey list").await.starts_with("rekey does not know you."));
    assert!(story.discord.complete(EVE, CHANNEL, "/rekey plan d").await.unwrap().is_empty());
    assert!(story.is_waiting());
    assert_eq!(story.desk.outsiders().len(), 2);
}

#[tokio::test]
async fn other_guilds_direct_messages_and_copies_that_users_installed_have_no_say() {
    let story = story().await;
    for (pointer, value, told) in [
        ("/guild_id", json!("1300000000000000098"), "rekey answers only to people of its own server."),
        ("/guild_id", Value::Null, "rekey answers only in the channels of its own server"),
        ("/context", json!(1), "rekey answers only in the channels of its own server"),
        ("/context", Value::Null, "rekey answers only in the channels of its own server"),
        ("/member", Value::Null, "rekey answers only in the channels of its own server"),
        ("/application_id", json!("1300000000000000097"), "That was meant for another application"),
        ("/authorizing_integration_owners", json!({"1": ALICE}), "This copy of rekey was installed by somebody"),
        ("/authorizing_integration_owners", json!({"0": "1300000000000000098"}), "This copy of rekey was installed"),
    ] {
        let mut click = story.discord.click(ALICE, &story.card, &story.button("Approve")).unwrap();
        click["user"] = click["member"]["user"].clone();
        *click.pointer_mut(pointer).unwrap() = value;
        let shown = private(story.sends(&click).await);
        assert!(shown.content.starts_with(told), "{pointer}: {}", shown.content);
        assert!(story.is_waiting(), "{pointer}");
        let mut typing = story.discord.typed(ALICE, CHANNEL, "/rekey plan ", true).unwrap();
        *typing.pointer_mut(pointer).unwrap() = click.pointer(pointer).unwrap().clone();
        assert_eq!(story.sends(&typing).await, Shown::Choices(vec![]), "{pointer}");
    }
    assert_eq!(story.desk.outsiders().len(), 8);
}

#[tokio::test]
async fn a_card_that_stands_in_another_channel_decides_nothing() {
    let story = story().await;
    let mut click = story.discord.click(ALICE, &story.card, &story.button("Approve")).unwrap();
    click["channel_id"] = json!("1300000000000000501");
    let shown = private(story.sends(&click).await);
    assert!(shown.content.starts_with("rekey's cards are not in this channel"), "{}", shown.content);
    assert!(story.is_waiting());
}

#[tokio::test]
async fn a_click_for_an_older_plan_is_refused() {
    let story = story().await;
    let old = story.discord.click(ALICE, &story.card, &story.button("Approve")).unwrap();
    story.desk.row.lock().unwrap().plan.timing.grace_seconds += 1;
    story.sends(&old).await;
    assert!(story.is_waiting());
    assert!(story.told(ALICE).starts_with("The plan has changed"), "{}", story.told(ALICE));
}

#[tokio::test]
async fn the_same_click_twice_decides_once_and_says_nothing() {
    let story = story().await;
    let click = story.discord.click(ALICE, &story.card, &story.button("Approve")).unwrap();
    story.sends(&click).await;
    let version = story.desk.row().version;
    let again = story.discord.deliver(&click.to_string()).await.unwrap();
    story.settled().await;
    assert_eq!(again, (200, json!({"type": 6})));
    assert_eq!(story.desk.row().version, version);
    assert_eq!(story.told(ALICE), "");
}

#[tokio::test]
async fn buttons_forms_and_types_that_are_not_ours_are_acknowledged_and_change_nothing() {
    let story = story().await;
    for (pointer, value) in [
        ("/data/custom_id", json!("other:approve:x:y")),
        ("/data/custom_id", json!("ask:rekey:dance:x:y")),
        ("/data/custom_id", Value::Null),
        ("/data", json!("nonsense")),
    ] {
        let mut click = story.discord.click(ALICE, &story.card, &story.button("Approve")).unwrap();
        *click.pointer_mut(pointer).unwrap() = value;
        assert_eq!(story.sends(&click).await, Shown::Nothing);
    }
    let mut odd = story.discord.click(ALICE, &story.card, &story.button("Approve")).unwrap();
    odd["type"] = 99.into();
    assert!(private(story.sends(&odd).await).content.contains("/rekey approve"));
    assert!(story.is_waiting());
}

#[tokio::test]
async fn a_wrong_signature_gets_401_and_nothing_else() {
    let story = story().await;
    story.discord.with(|world| world.settings.seed = [8; 32]);
    let refused = story.discord.press(ALICE, &story.card, &story.button("Approve")).await;
    assert_eq!(refused, Err(NoAnswer::Failed("status 401".into())));
    assert!(story.is_waiting());
    let response =
        reqwest::Client::new().post(format!("{}/discord/interactions", story.bot)).body("{}").send().await.unwrap();
    assert_eq!((response.status().as_u16(), response.text().await.unwrap()), (401, String::new()));
}

#[tokio::test]
async fn discord_takes_the_endpoint_because_it_answers_a_ping_and_believes_no_forged_one() {
    let story = story().await;
    assert!(story.discord.probe().await.unwrap());
}

#[tokio::test]
async fn a_request_that_is_kept_and_sent_again_later_is_too_old() {
    let story = story().await;
    let click = story.discord.click(ALICE, &story.card, &story.button("Approve")).unwrap().to_string();
    let time = story.discord.with(|world| world.settings.seed).to_vec();
    assert_eq!(time, [7; 32]);
    let (then, signature) = signed(&story, &click);
    story.clock.advance(301);
    let (status, _) = story.discord.deliver_signed(&click, &then, &signature).await.unwrap();
    assert_eq!(status, 401);
    story.clock.advance(-2);
    let (status, _) = story.discord.deliver_signed(&click, &then, &signature).await.unwrap();
    assert_eq!(status, 200);
}

#[tokio::test]
async fn a_command_and_a_form_that_somebody_recorded_and_sends_again_are_done_once() {
    let story = story().await;
    let typed = story.discord.typed(ALICE, CHANNEL, "/rekey incident deploy-bot pasted", false).unwrap();
    assert!(private(story.sends(&typed).await).content.contains("Nothing was done yet."));
    story.discord.command(ALICE, CHANNEL, "/rekey incident deploy-bot").await.unwrap();
    let filled = story.discord.filled_in(ALICE, &[("reason", "and printed")]).unwrap();
    assert!(private(story.sends(&filled).await).content.contains("Nothing was done yet."));
    let before = story.desk.row();
    for recorded in [&typed, &filled] {
        let (status, answer) = story.discord.deliver(&recorded.to_string()).await.unwrap();
        assert_eq!((status, answer["data"]["content"].as_str()), (200, Some("I have heard this already.")));
    }
    assert_eq!(story.desk.row(), before);
}

/// The time of now and the signature of a body at it.
fn signed(story: &Story, body: &str) -> (String, String) {
    use rekey::clock::Clock as _;
    let time = story.clock.now().as_second().to_string();
    let pair = ring::signature::Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
    let signature = hex::encode(pair.sign(format!("{time}{body}").as_bytes()).as_ref());
    (time, signature)
}

#[tokio::test]
async fn a_body_beyond_the_limit_or_without_sense_is_refused() {
    let story = story().await;
    let (time, signature) = signed(&story, "x");
    let head = format!("x-signature-timestamp: {time}\r\nx-signature-ed25519: {signature}\r\n");
    for (head, length, status) in [
        (head.as_str(), (128 << 10) + 1, 413),
        ("", 9, 401),
        (&head.replace(&signature, "00"), 9, 401),
        (&head.replace(&time, "1700000000"), 9, 401),
    ] {
        let said = crate::slack::door::unread(&story.bot, "/discord/interactions", head, length).await;
        assert!(said.starts_with(&format!("HTTP/1.1 {status} ")), "{head}: {said}");
    }
    assert_eq!(story.discord.deliver("nonsense").await.unwrap().0, 400);
}

#[tokio::test]
async fn commands_show_tokens_plans_and_rotations() {
    let story = story().await;
    let mut answers = Vec::new();
    for text in [
        "/rekey help",
        "/rekey whoami",
        "/rekey list",
        "/rekey list mine",
        "/rekey plan deploy-bot",
        "/rekey plan deploi-bot",
        "/rekey plan two words",
        "/rekey rotate deploy-bot",
        "/rekey status",
        "/rekey history deploy-bot",
        "/rekey snooze 01kakf soon",
    ] {
        answers.push(format!("{text}\n{}\n", story.types(ALICE, text).await));
    }
    let hash = opened(plan()).plan.hash();
    insta::assert_snapshot!("commands", answers.join("\n").replace(hash.short(), "<hash>"));
    let shown = private(story.discord.command(ALICE, CHANNEL, "/rekey status x").await.unwrap());
    assert!(!shown.embeds.is_empty() && shown.components.is_empty());
}

#[tokio::test]
async fn commands_decide_as_buttons_do() {
    let story = story().await;
    let hash = story.desk.row().plan.hash();
    let told = story.types(BOB, "/rekey approve 01kakf 00000000").await;
    assert!(told.starts_with("The plan has changed"), "{told}");
    let told = story.types(BOB, &format!("/rekey approve 01kakf {}", hash.short())).await;
    assert!(told.starts_with("🔄 Rotate token: deploy-bot. Rotating."), "{told}");
    assert!(matches!(story.desk.row().phase, Phase::Minting { .. }));
}

#[tokio::test]
async fn what_may_be_filled_in_is_proposed_and_only_what_this_person_may_decide() {
    let story = story().await;
    let propose = async |user: &str, text: &str| -> Vec<String> {
        let choices = story.discord.complete(user, CHANNEL, text).await.unwrap();
        choices.iter().map(|choice| choice["value"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(propose(CAROL, "/rekey plan ").await, ["deploy-bot", "mirror-bot"]);
    assert_eq!(propose(CAROL, "/rekey rotate MIRR").await, ["mirror-bot"]);
    assert_eq!(propose(CAROL, "/rekey status dep").await, [rotations::ID]);
    assert_eq!(propose(CAROL, "/rekey approve ").await, [""; 0]);
    assert_eq!(propose(ALICE, "/rekey approve 01kak").await, [rotations::ID]);
    assert_eq!(propose(ALICE, "/rekey retry ").await, [""; 0]);
    let hash = story.desk.row().plan.hash();
    assert_eq!(propose(ALICE, "/rekey approve 01kakf ").await, [hash.short()]);
}

#[tokio::test]
async fn an_answer_that_takes_too_long_is_promised_and_follows() {
    let story = story_of(opened(plan()), true).await;
    let shown = story.discord.command(ALICE, CHANNEL, "/rekey plan deploy-bot").await.unwrap();
    assert_eq!(shown, Shown::Waiting);
    story.desk.slow.as_ref().unwrap().notify_one();
    story.discord.until(|discord| !discord.private(ALICE).is_empty()).await;
    assert!(story.told(ALICE).starts_with("Plan `"), "{}", story.told(ALICE));
}

#[tokio::test]
async fn a_refusal_whose_way_back_is_not_open_yet_or_breaks_is_said_all_the_same() {
    let story = story().await;
    let body = json!({"message": "Unknown Webhook", "code": 10_015});
    story.discord.fault(Rule::new("POST", "/webhooks/*", Fault::Refuse { status: 404, body }).times(2));
    story.press(CAROL, "Approve").await;
    assert!(story.told(CAROL).starts_with("Only its approvers"), "{}", story.told(CAROL));
}

#[tokio::test]
async fn a_stuck_rotation_is_retried_restored_or_abandoned_from_its_card_after_a_question_if_it_is_grave() {
    for (label, yes, phase) in [
        ("Retry", None, "verifying"),
        ("Restore previous value", Some("Restore"), "restoring"),
        ("Abandon", Some("Abandon"), "closing"),
    ] {
        let story = story_of(rotations::stuck(), false).await;
        let shown = story.press(BOB, label).await;
        if let Some(yes) = yes {
            assert_eq!(story.desk.row().phase.name(), "stuck");
            let asked = private(shown);
            assert!(asked.content.ends_with('.'), "{}", asked.content);
            let button = id_of(&asked.components, yes);
            assert_eq!(story.discord.press(BOB, &asked.id, &button).await.unwrap(), Shown::Nothing);
            story.settled().await;
            let noted = &story.discord.private(BOB)[0];
            assert!(noted.content.starts_with("Noted") && noted.components.is_empty(), "{noted:?}");
        }
        assert_eq!(story.desk.row().phase.name(), phase);
    }
}

#[tokio::test]
async fn details_are_shown_privately() {
    let story = story_of(rotations::stuck(), false).await;
    let line = private(story.press(BOB, "Details").await);
    assert!(line.content.contains("Plan `") && line.content.contains("error: 401"), "{}", line.content);
}

#[tokio::test]
async fn an_incident_asks_for_its_reason_shows_the_plan_and_is_confirmed() {
    let story = story().await;
    let Shown::Form(form) = story.discord.command(ALICE, CHANNEL, "/rekey incident deploy-bot").await.unwrap() else {
        unreachable!("no form")
    };
    assert_eq!(form["title"], "Report an incident");
    let shown = story.discord.submit(ALICE, &[("reason", "pasted into a public ticket")]).await.unwrap();
    let offer = private(shown);
    assert!(offer.content.contains("Nothing was done yet."), "{}", offer.content);
    assert_eq!(story.desk.row().plan.strategy, Strategy::RevokeFirst);
    story.discord.press(ALICE, &offer.id, &id_of(&offer.components, "Revoke it now")).await.unwrap();
    story.settled().await;
    assert!(!story.is_waiting());
}

#[tokio::test]
async fn an_incident_with_its_reason_needs_no_form_and_an_empty_form_is_refused() {
    let story = story().await;
    let told = story.types(ALICE, "/rekey incident deploy-bot pasted into a ticket").await;
    assert!(told.contains("Nothing was done yet."), "{told}");
    let again = self::story().await;
    let shown = again.discord.command(ALICE, CHANNEL, "/rekey incident deploy-bot").await.unwrap();
    assert!(matches!(shown, Shown::Form(_)));
    let shown = private(again.discord.submit(ALICE, &[("reason", "  ")]).await.unwrap());
    assert!(shown.content.contains("leaked?"), "{}", shown.content);
    assert!(again.is_waiting());
}

#[tokio::test]
async fn a_click_that_cannot_be_remembered_says_so_and_may_be_pressed_again() {
    let story = story().await;
    story.desk.broken.store(true, Ordering::SeqCst);
    let told = private(story.press(ALICE, "Approve").await);
    assert!(told.content.contains("Please press it again"), "{}", told.content);
    story.desk.broken.store(false, Ordering::SeqCst);
    assert_eq!(story.press(ALICE, "Approve").await, Shown::Nothing);
    assert!(matches!(story.desk.row().phase, Phase::Minting { .. }));
}

#[tokio::test]
async fn nothing_is_said_of_a_press_that_is_not_committed_yet() {
    let story = story_of(rotations::stuck(), true).await;
    let asked = private(story.press(BOB, "Abandon").await);
    let yes = id_of(&asked.components, "Abandon");
    let commit = || story.desk.slow.as_ref().unwrap().notify_one();
    story.desk.broken.store(true, Ordering::SeqCst);
    story.discord.press(BOB, &asked.id, &yes).await.unwrap();
    assert_eq!(story.discord.private(BOB)[0].content, asked.content);
    commit();
    story.discord.until(|discord| discord.private(BOB).len() == 2).await;
    let lines = story.discord.private(BOB);
    assert_eq!((&lines[0].content, &lines[0].components), (&asked.content, &asked.components));
    assert!(lines[1].content.contains("Please press it again"), "{}", lines[1].content);

    story.desk.broken.store(false, Ordering::SeqCst);
    story.discord.press(BOB, &asked.id, &yes).await.unwrap();
    commit();
    story.discord.until(|discord| discord.private(BOB)[0].content.starts_with("Noted;")).await;
    assert!(story.discord.private(BOB)[0].components.is_empty());
    story.settled().await;
    assert_eq!(story.desk.row().phase.name(), "closing");
}
