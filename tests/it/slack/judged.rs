//! Programs that we did not write judge us: Slack's own clients use the sandbox, Slack's own library signs what we have
//! to believe, and validators read every message and view that we can send. `tests/blocks` reads the same folder.

use super::door::{By, story};
use super::messenger::{CHANNEL, workspace};
use super::rotations::{self, all, plan};
use super::words::{HOSTILE, hostile};
use rekey::chat::slack::client::hooks;
use rekey::chat::slack::{announcement, message, reminder};
use rekey::engine::desk::{Answer, Field, Form, Home, Row, words};
use rekey::engine::step_up::Invitation;
use rekey::engine::step_up::picture::Ink;
use rekey::rotation::record::{Announcement, Audience};
use rekey::rotation::view::prose::{Line, Prose, Span};
use rekey::rotation::view::{Action, Card, card};
use rekey::rotation::wish::{Decision, Wish};
use rekey::sandbox::slack::{Handle, Settings};
use rekey::server::slack::{self as server, home, modal, reply};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::Command;

const LIMITED: &str = "C0LIMITED1";

/// A program that can do what `probe` tries.
async fn judge(program: String, probe: &[&str], what: &str) -> Option<Command> {
    let probed = Command::new(&program).args(probe).stdout(Stdio::null()).stderr(Stdio::null()).status().await;
    let found = probed.is_ok_and(|status| status.success()).then(|| Command::new(&program));
    crate::left_out::unless(found, &format!("{program} with {what}"))
}

async fn python() -> Option<Command> {
    let program = std::env::var("REKEY_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    judge(program, &["-c", "import slack_sdk"], "slack_sdk (tests/python/requirements.txt, REKEY_PYTHON)").await
}

fn node_modules() -> PathBuf {
    let given = std::env::var_os("REKEY_NODE_MODULES").map(PathBuf::from);
    given.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target/ci-node/node_modules"))
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
}

async fn stage() -> (rekey::sandbox::slack::Slack, Handle, String) {
    let (slack, _) = workspace().await;
    let state = slack.state();
    let trigger = state.click_trigger("U0ALICE001");
    state.with(|world| {
        world.settings.socket_mode = true;
        world.groups.insert("S0APPROVE1".into(), vec!["U0ALICE001".into()]);
        world.channels.insert(LIMITED.into(), world.channels[CHANNEL].clone());
    });
    (slack, state, trigger)
}

#[tokio::test]
async fn slacks_python_client_accepts_the_sandbox() {
    let Some(mut python) = python().await else { return };
    let (slack, state, trigger) = stage().await;
    python.arg(script("python/slack_client.py")).arg(slack.base_url()).stdin(Stdio::piped()).stdout(Stdio::piped());
    python.env("BOT_TOKEN", Settings::default().token).env("APP_TOKEN", Settings::default().app_token);
    let mut client = python.env("TRIGGER", trigger).env("LIMITED", LIMITED).kill_on_drop(true).spawn().unwrap();
    let mut lines = BufReader::new(client.stdout.take().unwrap()).lines();
    let said = lines.next_line().await.unwrap();
    assert_eq!(said.as_deref(), Some("connected"), "the client failed; its words are above");
    state.connected(1).await;
    let answer = state.command("U0ALICE001", CHANNEL, "list").await.unwrap();
    assert_eq!(answer, json!({"text": "heard"}));
    state.with(|world| world.settings.limits = true);
    client.stdin.take().unwrap().write_all(b"answered\n").await.unwrap();
    assert!(client.wait().await.unwrap().success());
}

#[tokio::test]
async fn slacks_node_client_accepts_the_sandbox() {
    let modules = node_modules();
    let probe = format!("require('{}')", modules.join("@slack/web-api").display());
    let what = "@slack/web-api (tests/node/package.json, REKEY_NODE_MODULES)";
    let Some(mut node) = judge("node".into(), &["-e", &probe], what).await else { return };
    let (slack, state, trigger) = stage().await;
    state.with(|world| world.settings.limits = true);
    node.arg(script("node/slack_client.js")).arg(slack.base_url()).env("NODE_MODULES", modules);
    node.env("BOT_TOKEN", Settings::default().token).env("APP_TOKEN", Settings::default().app_token);
    let done = node.env("TRIGGER", trigger).env("LIMITED", LIMITED).output().await.unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

#[tokio::test]
async fn requests_that_slacks_library_signs_are_believed_and_no_others() {
    let Some(mut python) = python().await else { return };
    let story = story(By::Http).await;
    let click = story.slack.click("U0ALICE001", &story.card, "rekey.approve").unwrap().to_string();
    let body = form_urlencoded::Serializer::new(String::new()).append_pair("payload", &click).finish();
    let now = rekey::clock::Clock::now(&story.clock).as_second();
    let secret = Settings::default().signing_secret;
    let asked: Vec<Value> =
        [(secret.as_str(), now), ("an-older-secret-of-ours", now), ("somebody-elses", now), (&secret, now - 301)]
            .iter()
            .map(|(secret, time)| json!({"secret": secret, "timestamp": time.to_string(), "body": body}))
            .collect();
    python.arg(script("python/slack_signatures.py")).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut signer = python.spawn().unwrap();
    let lines: String = asked.iter().map(|one| format!("{one}\n")).collect();
    signer.stdin.take().unwrap().write_all(lines.as_bytes()).await.unwrap();
    let signed = String::from_utf8(signer.wait_with_output().await.unwrap().stdout).unwrap();
    let mut answers = Vec::new();
    for (asked, signature) in asked.iter().zip(signed.lines()) {
        let request = reqwest::Client::new().post(format!("{}/slack/interactions", story.bot()));
        let request = request.header("x-slack-request-timestamp", asked["timestamp"].as_str().unwrap());
        answers.push(
            request.header("x-slack-signature", signature).body(body.clone()).send().await.unwrap().status().as_u16(),
        );
    }
    assert_eq!(answers, [200, 200, 401, 401]);
    story.settled().await;
    assert_eq!(story.desk.row().evidence.iter().filter(|one| one.what.contains("approved")).count(), 1);
}

/// Everything that we can send, by a name, with the shape that Slack wants.
fn everything() -> Vec<(String, &'static str, Value)> {
    let deciders: Vec<String> = (0..300).map(|n| format!("<@U{n:08}>")).collect();
    let mut rotations: Vec<(String, rekey::rotation::record::Rotation)> =
        all().into_iter().map(|(name, rotation)| (name.to_owned(), rotation)).collect();
    for (number, text) in HOSTILE.iter().enumerate() {
        for repeat in [1, 3, 30] {
            rotations.push((format!("hostile_{number}_{repeat}"), hostile(&text.repeat(repeat))));
        }
    }
    let long = "<log & line>\n".repeat(500);
    rotations.push(("long_log".into(), rotations::stuck_with(&long)));
    let mut sent = Vec::new();
    for (name, rotation) in &rotations {
        let card = card(rotation);
        let mut say = |part: &str, message: rekey::chat::slack::Message| {
            let body = json!({"channel": CHANNEL, "text": message.text, "blocks": message.blocks});
            sent.push((format!("{name}_{part}"), "message", body));
        };
        say("card", message(&card, &deciders));
        for index in 0..card.announcements.len() {
            say(&format!("told_{index}"), announcement(&card, index, &deciders).unwrap());
        }
        say("status", reply::message(&Answer::Card(Box::new(card.clone()))));
        sent.push((format!("{name}_page"), "modal", modal::said(&Answer::Card(Box::new(card)))));
    }
    sent.extend(views());
    sent.extend(lines_for_one_person());
    sent
}

/// A card whose one announcement is for another channel.
pub fn with_reminder(surface: &str, words: &str) -> Card {
    let mut card = card(&rotations::opened(plan()));
    let to = Audience::Channel { surface: surface.into(), channel: "C0LOUD0001".into() };
    card.announcements = vec![Announcement { at: rotations::at(60), to, text: words.to_owned() }];
    card.links = [surface, "issue"].map(|name| (name.to_owned(), format!("https://{name}.example/x?a=1&b=2"))).into();
    card
}

/// The offer of a new secret for one-time codes, as the longest name makes it.
pub fn enrolment(ink: Ink) -> Answer {
    let secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
    let address = format!("otpauth://totp/rekey:{}?secret={secret}&issuer=rekey", "n".repeat(64));
    let invitation = Invitation { secret: secret.to_owned().into(), address: address.into() };
    let prose = words::invitation(&invitation, ink);
    assert!(format!("{prose:?}").contains("\u{2588}"), "there is a picture");
    Answer::Offer { prose, label: "Enter the first code".into(), wish: Wish::ConfirmEnrollment }
}

/// The form for a code with a decision, and the one that sets codes up.
pub fn code_forms() -> [Form; 2] {
    let form = |title, intro: Prose, submit, wish| Form { title, intro, fields: vec![Field::Code], submit, wish };
    let decision = Decision {
        action: Action::Restore,
        rotation: rotations::ID.into(),
        plan: Some("0123456789abcdef".repeat(4)),
        snooze_seconds: None,
        reason: None,
        stop: Some(u32::MAX),
    };
    let intro = Line::text("To put the old token back into every store of ").and_code("t".repeat(64)).into();
    [
        form("One-time code", intro, "Restore", Wish::Decide(decision)),
        form("New one-time codes", Prose::words("A code of the present secret."), "Show a new secret", Wish::Enroll),
    ]
}

/// What goes to one person: private lines, direct messages, answers to a command and to an address.
fn lines_for_one_person() -> Vec<(String, &'static str, Value)> {
    let mut sent = Vec::new();
    let mut answers = vec![("enrolment".to_owned(), enrolment(Ink::Dark))];
    for (number, form) in code_forms().into_iter().enumerate() {
        sent.push((format!("code_form_{number}"), "modal", modal::form(&form)));
        answers.push((format!("code_form_line_{number}"), Answer::Form(Box::new(form))));
    }
    for (number, text) in HOSTILE.iter().enumerate() {
        let long = text.repeat(30);
        let prose: Prose = Line::text(&long).and_code(&long).into();
        let line = reply::words(&prose);
        let blocks = Value::Array(line.blocks);
        let direct = json!({"channel": "D0ALICE001", "text": line.text, "blocks": blocks});
        sent.push((format!("direct_{number}"), "message", direct));
        sent.push((format!("note_{number}"), "home", home::note(&prose)));
        answers.push((format!("words_{number}"), Answer::Private(prose)));
        let reminded = reminder(&with_reminder("slack", &long), 0).expect("it is for another channel");
        let body = json!({"channel": "C0LOUD0001", "text": reminded.text, "blocks": reminded.blocks});
        sent.push((format!("reminder_{number}"), "message", body));
    }
    for (name, answer) in answers {
        let message = reply::message(&answer);
        let ways = [
            ("command", server::Answer::private(&message).body.unwrap()),
            ("address", hooks::body(&message, false)),
            ("replaced", hooks::body(&message, true)),
        ];
        for (way, mut body) in ways {
            // The validators know no message without channel and blocks; the rest is as it is sent.
            body["channel"] = CHANNEL.into();
            let blocks = body.get("blocks").cloned().unwrap_or_else(|| json!([]));
            body["blocks"] = blocks;
            sent.push((format!("{name}_{way}"), "message", body));
        }
        sent.push((format!("{name}_as_page"), "modal", modal::said(&answer)));
    }
    sent
}

fn views() -> Vec<(String, &'static str, Value)> {
    let words: Prose = (0..200).map(|n| Line::text(format!("{n} {}", HOSTILE[n % HOSTILE.len()].repeat(20)))).collect();
    let wish = Wish::Incident { token: "t".repeat(64), reason: None };
    let (code, reason) = (Field::Code, Field::Reason);
    let form = Form {
        title: "Report an incident",
        intro: words.clone(),
        fields: vec![code, reason],
        submit: "Show the plan",
        wish: wish.clone(),
    };
    let offer = Answer::Offer { prose: words.clone(), label: "Revoke it now".into(), wish };
    let line = HOSTILE.iter().fold(Line::bold("x"), |line, text| line.and(text.repeat(9)).and_code(text.repeat(9)));
    let line = line.then(Span::Link { words: "look".into(), url: "https://gitlab.example/x".into() });
    let rows: Vec<Row> = (0..20)
        .map(|n| Row { line: line.clone(), review: Some(Wish::Status { rotation: Some(format!("{n}")) }) })
        .collect();
    let full = Home { waiting: rows.clone(), yours: rows.clone(), coming: rows.clone(), done: rows };
    let message = reply::message(&offer);
    vec![
        ("form".into(), "modal", modal::form(&form)),
        ("loading".into(), "modal", modal::loading()),
        ("said".into(), "modal", modal::said(&Answer::Private(words))),
        ("offered_page".into(), "modal", modal::said(&offer)),
        ("offered".into(), "message", json!({"channel": CHANNEL, "text": message.text, "blocks": message.blocks})),
        ("home_empty".into(), "home", home::view(&Home::default())),
        ("home_full".into(), "home", home::view(&full)),
    ]
}

#[tokio::test]
async fn validators_find_no_fault_in_any_message_or_view() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("slack-judged");
    drop(std::fs::remove_dir_all(&folder));
    std::fs::create_dir_all(&folder).unwrap();
    let sent = everything();
    for (name, kind, body) in &sent {
        let file = json!({"kind": kind, "body": body});
        std::fs::write(folder.join(format!("{name}.json")), file.to_string()).unwrap();
        let size = body["blocks"].to_string().chars().count();
        assert!(*kind != "message" || size < 10_000, "{name} has {size} characters");
    }
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), sent.len(), "two have the same name");
    assert!(plan().stores.len() < 50 && sent.len() > 50);
    let Some(mut python) = python().await else { return };
    let done = python.arg(script("python/slack_blocks.py")).arg(&folder).output().await.unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stdout));
}
