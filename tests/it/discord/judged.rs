//! Programs that we did not write judge us: simcord takes our calls and our answers, Discord's OpenAPI file reads every
//! body that we can send, PyNaCl signs and Discord's own library for Python believes the same as we do.

use super::door::visitors_at;
use super::house::{ALICE, CHANNEL, both, hooks_of, messenger_of};
use super::words::{HOSTILE, endless, many_deciders};
use crate::http::serve;
use crate::slack::door::OneRotation;
use crate::slack::judged::{code_forms, enrolment, with_reminder};
use crate::slack::rotations::{self, all, at, opened, plan, stuck_with};
use crate::until::until;
use rekey::chat::Messenger;
use rekey::chat::discord::{Message, announcement, message, prose, reminder};
use rekey::clock::{Clock, ManualClock};
use rekey::engine::desk::{Answer, Choice, Desk, Field, Form};
use rekey::engine::step_up::picture::Ink;
use rekey::rotation::record::Rotation;
use rekey::rotation::view::prose::{Line, Prose, Span};
use rekey::rotation::view::{Action, card};
use rekey::rotation::wish::{Decision, Wish};
use rekey::sandbox::discord::Shown;
use rekey::server::discord::{Door, Key, PATIENCE, commands, reply, router};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};

fn path(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
}

/// simcord with a guild in it, and the bot behind its door.
struct Court {
    _simcord: Child,
    about: Value,
    desk: Arc<OneRotation>,
    bot: String,
    clock: ManualClock,
    _stop: DropGuard,
}

impl Court {
    async fn opened(rotation: Rotation) -> Option<Self> {
        let mut python = Command::new(crate::python::with("simcord")?);
        python.arg(path("python/discord_simcord.py")).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut simcord = python.spawn().unwrap();
        let mut lines = BufReader::new(simcord.stdout.take().unwrap()).lines();
        let about: Value = serde_json::from_str(&lines.next_line().await.unwrap().unwrap()).unwrap();
        let text = |name: &str| about[name].as_str().unwrap().to_owned();
        let clock = ManualClock::at(at(0));
        let desk = Arc::new(OneRotation::new(rotation, false, clock.clone()));
        let people = ["alice", "bob", "carol"].map(|name| (about["people"][name].as_str().unwrap().to_owned(), name));
        let counter = Arc::new(Desk::new(desk.clone(), visitors_at(&text("guild"), people)));
        let stop = CancellationToken::new();
        tokio::spawn(counter.clone().serve(stop.clone()));
        let door = Door {
            keys: vec![Key::from_hex(&text("public_key")).unwrap()],
            guild: text("guild"),
            application: text("application"),
            channel: text("channel"),
            desk: counter,
            hooks: hooks_of(&text("url"), &text("application")),
            clock: Arc::new(clock.clone()),
            patience: PATIENCE,
        };
        let bot = serve(router(Arc::new(door))).await;
        Some(Self { _simcord: simcord, about, desk, bot, clock, _stop: stop.drop_guard() })
    }

    fn text(&self, name: &str) -> String {
        self.about[name].as_str().unwrap().to_owned()
    }

    /// Somebody does something; simcord must accept what the bot answers. The type and the data of the answer.
    async fn order(&self, what: &str, user: &str, mut order: Value) -> (u64, Value) {
        order["user"] = user.into();
        order["bot"] = self.bot.clone().into();
        order["time"] = self.clock.now().as_second().into();
        let url = format!("{}/judge/{what}", self.text("url"));
        let verdict: Value =
            rekey::http::client(None).unwrap().post(url).json(&order).send().await.unwrap().json().await.unwrap();
        assert_eq!((&verdict["status"], &verdict["judged"]), (&json!(200), &json!(200)), "{order}: {verdict}");
        until("all clicks are dealt with", || self.desk.open_items.load(Ordering::SeqCst) == 0).await;
        (verdict["answer"]["type"].as_u64().unwrap(), verdict["answer"]["data"].clone())
    }

    async fn press(&self, user: &str, message: &str, id: &str) -> (u64, Value) {
        self.order("press", user, json!({"message": message, "custom_id": id})).await
    }

    async fn command(&self, user: &str, verb: &str, values: &[(&str, &str)], typing: bool) -> (u64, Value) {
        self.order("command", user, json!({"verb": verb, "values": values, "typing": typing})).await
    }

    async fn messages(&self) -> Vec<Value> {
        let url = format!("{}/judge/state", self.text("url"));
        let client = rekey::http::client(None).unwrap();
        let state: Value = client.get(url).send().await.unwrap().json().await.unwrap();
        // simcord adds a line (type 18) about a thread; Discord adds none where a thread begins with a message.
        let said = state["messages"].as_array().unwrap().iter().filter(|message| message["type"] != 18);
        said.cloned().collect()
    }

    async fn card(&self) -> String {
        let people = [("alice", self.about["people"]["alice"].as_str().unwrap().to_owned())];
        let bot = messenger_of(&self.text("url"), "simcord-token", &self.text("guild"), &self.text("channel"), &people);
        let rotation = self.desk.row();
        let posted = bot.show(&card(&rotation), None).await.unwrap();
        let again = bot.show(&card(&rotation), Some(&posted.reference)).await.unwrap();
        assert_eq!(bot.show(&card(&rotation), None).await.unwrap(), again, "it is found again");
        for index in 0..rotation.announcements.len() {
            bot.announce(&card(&rotation), &posted.reference, index).await.unwrap();
            bot.announce(&card(&rotation), &posted.reference, index).await.unwrap();
        }
        posted.reference.split_once(':').unwrap().1.to_owned()
    }
}

fn id_of(data: &Value, label: &str) -> String {
    let rows = data["components"].as_array().unwrap().iter();
    let buttons: Vec<&Value> = rows.flat_map(|row| row["components"].as_array().unwrap()).collect();
    let button = buttons.iter().find(|button| button["label"] == label);
    button.unwrap_or_else(|| unreachable!("no {label} in {data}"))["custom_id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn simcord_takes_cards_threads_and_the_answers_to_clicks() {
    let Some(court) = Court::opened(rotations::stuck()).await else { return };
    let message = court.card().await;
    let shown = court.messages().await;
    assert_eq!(shown.len(), 1 + court.desk.row().announcements.len(), "{shown:?}");
    let (kind, details) = court.press("carol", &message, &id_of(&shown[0], "Details")).await;
    assert_eq!((kind, &details["flags"]), (4, &json!(64)));
    assert_eq!(court.press("eve", &message, &id_of(&shown[0], "Retry")).await.0, 6);
    let (kind, asked) = court.press("bob", &message, &id_of(&shown[0], "Abandon")).await;
    assert_eq!((kind, court.desk.row().phase.name()), (4, "stuck"));
    let question = court.messages().await.into_iter().find(|one| one["content"] == asked["content"]).unwrap();
    let (kind, _) = court.press("bob", question["id"].as_str().unwrap(), &id_of(&asked, "Abandon")).await;
    assert_eq!((kind, court.desk.row().phase.name()), (7, "closing"));
    let told = async {
        while !court.messages().await.iter().any(|one| {
            let words = one["content"].as_str().unwrap();
            words.starts_with("rekey does not know you.")
        }) {}
    };
    timeout(Duration::from_secs(20), told).await.expect("the stranger is told by a follow-up");
}

#[tokio::test]
async fn simcord_takes_the_commands_their_answers_choices_and_forms() {
    let Some(court) = Court::opened(opened(plan())).await else { return };
    let api = super::house::api(&court.text("url"), "simcord-token");
    let client = rekey::chat::discord::client::Client::new(api);
    let (application, guild) = (court.text("application"), court.text("guild"));
    let kept = client.put_commands(&application, &guild, &commands::registered()).await.unwrap();
    assert_eq!(commands::difference(&commands::registered(), &kept), None);
    for (verb, values) in [
        ("help", &[][..]),
        ("list", &[("which", "mine")]),
        ("plan", &[("token", "deploy-bot")]),
        ("status", &[("rotation", "01kakf")]),
        ("whoami", &[]),
    ] {
        let (kind, data) = court.command("alice", verb, values, false).await;
        assert_eq!((kind, &data["flags"]), (4, &json!(64)), "{verb}");
    }
    let (kind, data) = court.command("alice", "approve", &[("rotation", "dep")], true).await;
    assert_eq!((kind, data["choices"].as_array().unwrap().len()), (8, 1));
    let (kind, _) = court.command("alice", "incident", &[("token", "deploy-bot")], false).await;
    assert_eq!(kind, 9);
    let (kind, data) = court.order("submit", "alice", json!({"values": {"reason": "pasted into a ticket"}})).await;
    assert_eq!(kind, 4);
    assert!(data["content"].as_str().unwrap().contains("Nothing was done yet."), "{data}");
}

/// Every answer that a person can get, with texts of every kind and length.
fn answers() -> Vec<(String, Answer)> {
    let mut answers = Vec::new();
    for (number, text) in HOSTILE.iter().enumerate() {
        for repeat in [1, 40, 900] {
            let long = text.repeat(repeat);
            let line = Line::text(&long).and_code(&long).then(Span::Bold(long.clone())).and_moment(at(0));
            let line = line.then(Span::Link { words: long.clone(), url: "https://gitlab.example/x".into() });
            let prose = Prose(vec![line; 30]).line(Line::block(&long));
            let decision = Decision {
                action: Action::Approve,
                rotation: rotations::ID.into(),
                plan: None,
                snooze_seconds: None,
                reason: None,
                stop: None,
            };
            let plan = Some("0123456789abcdef".repeat(4));
            let wish = Wish::Decide(Decision { plan, ..decision });
            let form = Form {
                title: "Report an incident",
                intro: prose.clone(),
                fields: vec![Field::Reason, Field::Code],
                submit: "Show the plan",
                wish: wish.clone(),
            };
            let name = |what: &str| format!("{what}_{number}_{repeat}");
            answers.extend([
                (name("words"), Answer::Private(prose.clone())),
                (name("offer"), Answer::Offer { prose, label: long.clone(), wish: wish.clone() }),
                (name("form"), Answer::Form(Box::new(form))),
                (name("wrong"), Answer::Wrong { field: Field::Code, why: long.clone(), again: wish }),
            ]);
        }
    }
    answers.push(("enrolment".into(), enrolment(Ink::Light)));
    for (number, form) in code_forms().into_iter().enumerate() {
        answers.push((format!("code_form_{number}"), Answer::Form(Box::new(form))));
    }
    answers.extend(all().into_iter().map(|(name, row)| (format!("card_{name}"), Answer::Card(Box::new(card(&row))))));
    answers
}

fn line(name: impl Into<String>, schema: &str, body: Value) -> Value {
    json!({"name": name.into(), "schema": schema, "body": body})
}

/// Everything that we can send, by a name, with the schema by which Discord reads it.
fn everything() -> Vec<Value> {
    let mut sent = Vec::new();
    let many = many_deciders();
    let mut rows: Vec<(String, Rotation)> = all().into_iter().map(|(name, row)| (name.to_owned(), row)).collect();
    for (number, text) in HOSTILE.iter().enumerate() {
        rows.push((format!("endless_{number}"), endless(text)));
        rows.push((format!("log_{number}"), stuck_with(&text.repeat(500))));
    }
    for (name, row) in &rows {
        let card = card(row);
        let told = (0..card.announcements.len()).filter_map(|index| announcement(&card, index, &many));
        for one in std::iter::once(message(&card, &many)).chain(told) {
            let mut body = one.body();
            sent.push(line(name, "MessageEditRequestPartial", body.clone()));
            body["nonce"] = "x".repeat(25).into();
            body["enforce_nonce"] = true.into();
            sent.push(line(name, "MessageCreateRequest", body));
        }
    }
    for (name, answer) in answers() {
        let callback = reply::answer(&answer);
        let schema = match callback["type"].as_u64() {
            Some(9) => "ModalInteractionCallbackRequest",
            _ => "CreateMessageInteractionCallbackRequest",
        };
        sent.push(line(&name, schema, callback));
        let later = reply::message(&answer).body();
        sent.push(line(&name, "IncomingWebhookUpdateRequestPartial", later.clone()));
        let mut follow_up = later;
        follow_up["flags"] = 64.into();
        sent.push(line(&name, "IncomingWebhookRequestPartial", follow_up));
    }
    sent.extend(reminders());
    sent.extend(questions());
    let direct = json!({"recipient_id": ALICE});
    sent.push(line("direct", "CreatePrivateChannelRequest", direct));
    let choices: Vec<Choice> = (0..25).map(|_| Choice { label: "x".repeat(100), value: "y".repeat(100) }).collect();
    sent.push(line("choices", "ApplicationCommandAutocompleteCallbackRequest", reply::choices(&choices)));
    sent.push(line("pong", "PongInteractionCallbackRequest", reply::pong()));
    sent.push(line("heard", "UpdateMessageInteractionCallbackRequest", reply::heard()));
    sent.push(line("noted", "UpdateMessageInteractionCallbackRequest", reply::noted()));
    sent.push(line("promise", "CreateMessageInteractionCallbackRequest", reply::promise()));
    sent.extend(commands::registered().into_iter().map(|one| line("command", "ApplicationCommandUpdateRequest", one)));
    sent
}

/// Reminders in another channel, announcements that answer the card itself, and direct messages.
fn reminders() -> Vec<Value> {
    let mut sent = Vec::new();
    for (number, text) in HOSTILE.iter().enumerate() {
        let long = text.repeat(100);
        let card = with_reminder("discord", &long);
        let mut answer = announcement(&card, 0, &many_deciders()).unwrap();
        answer.answers = Some(CHANNEL.into());
        let direct = Message::words(prose::prose(&Prose::words(long)));
        for (what, message) in [("reminder", reminder(&card, 0).unwrap()), ("answer", answer), ("direct", direct)] {
            let mut body = message.body();
            body["nonce"] = "x".repeat(25).into();
            body["enforce_nonce"] = true.into();
            assert!(body["content"].as_str().unwrap().chars().count() <= 2_000, "{what}_{number}");
            sent.push(line(format!("{what}_{number}"), "MessageCreateRequest", body));
        }
    }
    sent
}

/// Whether it is really meant.
fn questions() -> Vec<Value> {
    let decision = |action| Decision {
        action,
        rotation: rotations::ID.into(),
        plan: Some("0123456789abcdef".repeat(4)),
        snooze_seconds: None,
        reason: None,
        stop: Some(u32::MAX),
    };
    let asked: Vec<Value> = Action::ALL
        .iter()
        .filter_map(|action| reply::question(*action, &Wish::Decide(decision(*action))))
        .map(|question| line("question", "CreateMessageInteractionCallbackRequest", question))
        .collect();
    assert!(asked.len() >= 3, "{asked:?}");
    asked
}

/// What Discord's file says of these, one line for each fault.
async fn faults(python: &str, name: &str, bodies: &[Value]) -> String {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let file = folder.join(name);
    let lines: String = bodies.iter().map(|one| format!("{one}\n")).collect();
    std::fs::write(&file, lines).unwrap();
    let mut judge = Command::new(python);
    judge.arg(path("python/discord_bodies.py")).arg(path("samples/discord/openapi.json")).arg(file);
    let judged = judge.output().await.unwrap();
    let complaints = String::from_utf8_lossy(&judged.stderr);
    assert_eq!(complaints, "");
    String::from_utf8(judged.stdout).unwrap()
}

#[tokio::test]
async fn discords_own_file_finds_no_fault_in_any_body_that_we_can_send() {
    let Some(python) = crate::python::with("jsonschema") else { return };
    let sent = everything();
    assert!(sent.len() > 150, "{}", sent.len());
    assert_eq!(faults(&python, "discord-bodies.jsonl", &sent).await, "");
    let mut wrong = message(&card(&opened(plan())), &[]).body();
    wrong["components"][0]["components"][0]["custom_id"] = "x".repeat(101).into();
    let found = faults(&python, "discord-wrong.jsonl", &[line("wrong", "MessageCreateRequest", wrong)]).await;
    assert!(found.contains("wrong: MessageCreateRequest"), "a judge that lets everything pass is worth nothing");
}

#[tokio::test]
async fn what_really_went_out_is_what_discords_file_wants() {
    let Some(python) = crate::python::with("jsonschema") else { return };
    let (_discord, state, bot) = both().await;
    for (_, rotation) in all() {
        let posted = bot.show(&card(&rotation), None).await.unwrap();
        for index in 0..rotation.announcements.len() {
            bot.announce(&card(&rotation), &posted.reference, index).await.unwrap();
        }
    }
    let sent = state.with(|world| world.sent.clone());
    let bodies: Vec<Value> = sent
        .into_iter()
        .map(|(call, body)| match call.as_str() {
            threads if threads.ends_with("/threads") => line(&call, "CreateTextThreadWithMessageRequest", body),
            edit if edit.starts_with("PATCH") => line(&call, "MessageEditRequestPartial", body),
            _ => line(&call, "MessageCreateRequest", body),
        })
        .collect();
    assert!(bodies.len() > 20 && !state.messages(CHANNEL).is_empty());
    assert_eq!(faults(&python, "discord-sent.jsonl", &bodies).await, "");
}

#[tokio::test]
async fn what_pynacl_signs_and_discords_library_believes_we_believe() {
    let Some(python) = crate::python::with("discord_interactions") else { return };
    let Some(court) = Court::opened(opened(plan())).await else { return };
    let now = court.clock.now().as_second();
    let ping = json!({"id": "1", "application_id": "2", "type": 1, "token": "t", "version": 1, "x": "größe ✓"});
    let asked: Vec<Value> = [("07", now), ("08", now), ("07", now - 301)]
        .iter()
        .map(|(byte, time)| json!({"seed": byte.repeat(32), "timestamp": time.to_string(), "body": ping.to_string()}))
        .collect();
    let mut signer = Command::new(python);
    let signer = signer.arg(path("python/discord_signatures.py")).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut signer = signer.spawn().unwrap();
    let lines: String = asked.iter().map(|one| format!("{one}\n")).collect();
    signer.stdin.take().unwrap().write_all(lines.as_bytes()).await.unwrap();
    let signed = String::from_utf8(signer.wait_with_output().await.unwrap().stdout).unwrap();
    let mut answers = Vec::new();
    for (asked, signed) in asked.iter().zip(signed.lines()) {
        let signed: Value = serde_json::from_str(signed).unwrap();
        assert_eq!(signed["believed"], true);
        let request = rekey::http::client(None).unwrap().post(format!("{}/discord/interactions", court.bot));
        let request = request.header("x-signature-timestamp", asked["timestamp"].as_str().unwrap());
        let request = request.header("x-signature-ed25519", signed["signature"].as_str().unwrap());
        answers.push(request.body(asked["body"].as_str().unwrap().to_owned()).send().await.unwrap().status().as_u16());
    }
    assert_eq!(answers, [200, 401, 401], "ours, another's, and ours from long ago");
    assert!(court.about["people"]["alice"].as_str().unwrap() != ALICE);
}

#[tokio::test]
async fn discord_py_takes_the_sandbox_for_discord() {
    let Some(python) = crate::python::with("discord") else { return };
    let (discord, _) = super::house::guild().await;
    let (state, settings) = (discord.state(), rekey::sandbox::discord::Settings::default());
    let mut client = Command::new(python);
    client.arg(path("python/discord_client.py")).arg(discord.base_url()).stdout(Stdio::piped()).kill_on_drop(true);
    client.env("BOT_TOKEN", settings.token).env("GUILD", settings.guild).env("CHANNEL", CHANNEL);
    let mut client = client.spawn().unwrap();
    let mut lines = BufReader::new(client.stdout.take().unwrap()).lines();
    let said = lines.next_line().await.unwrap();
    assert_eq!(said.as_deref(), Some("ready"), "the client failed; its words are above");
    // Registered without a subcommand: the typed value comes as its only option.
    let mut payload = state.typed_plainly(ALICE, CHANNEL, "rekey", &[("token", "deploy-bot")]).unwrap();
    payload["data"]["type"] = 1.into();
    let shown = state.send(&payload).await.unwrap();
    assert!(matches!(shown, Shown::Private(line) if line.content == "heard deploy-bot"));
    assert!(client.wait().await.unwrap().success());
    assert_eq!(state.private(ALICE).len(), 2);
}
