//! Every text that people read, kept to be read aloud, and the limits that no rotation may pass.

use super::rotations::{self, all, approve_at, at, go, opened, plan, restored, restored_in_part};
use rekey::chat::slack::{announcement, message};
use rekey::rotation::duty::how_it_ended;
use rekey::rotation::event::Event;
use rekey::rotation::plan::{Plan, PlannedStore};
use rekey::rotation::record::Rotation;
use rekey::rotation::token::Strategy;
use rekey::rotation::view::{card, issue};
use rekey::rotation::wish::Wish;
use serde_json::{Value, json};

/// Blocks as a person sees them.
fn seen(blocks: &[Value]) -> String {
    let mut lines = Vec::new();
    for block in blocks {
        let text = |value: &Value| value["text"].as_str().unwrap_or_default().to_owned();
        match block["type"].as_str().unwrap() {
            "header" => lines.push(format!("# {}", text(&block["text"]))),
            "actions" => {
                lines.push(block["elements"].as_array().unwrap().iter().map(button).collect::<Vec<_>>().join("  "))
            }
            "context" => lines.push(format!("({})", text(&block["elements"][0]))),
            _ => {
                lines.extend(block.get("text").map(&text));
                let fields = block["fields"].as_array().into_iter().flatten();
                lines.extend(fields.map(|field| text(field).replace('\n', " ")));
            }
        }
        lines.push(String::new());
    }
    lines.join("\n")
}

fn button(button: &Value) -> String {
    let confirm = button.get("confirm").map(|c| format!(" ({})", c["text"]["text"].as_str().unwrap()));
    let style = button.get("style").and_then(Value::as_str).unwrap_or("plain");
    format!("[{} {style}{}]", button["text"]["text"].as_str().unwrap(), confirm.unwrap_or_default())
}

/// The hash changes with every detail of a plan; that it is there is what matters.
fn without_hash(text: &str, rotation: &Rotation) -> String {
    let hash = rotation.plan.hash();
    text.replace(&hash.0, "<hash>").replace(hash.short(), "<hash>")
}

#[test]
fn the_slack_card_of_every_state_reads_well() {
    for (name, rotation) in all() {
        let message = message(&card(&rotation), &["<@U0ALICE001>".into(), "<@U0BOB00001>".into()]);
        let announced: Vec<String> = (0..rotation.announcements.len())
            .map(|index| seen(&announcement(&card(&rotation), index, &["<@U0ALICE001>".into()]).unwrap().blocks))
            .collect();
        let text = format!("{}\n---\n{}--- thread\n{}", message.text, seen(&message.blocks), announced.join("\n"));
        insta::assert_snapshot!(format!("slack_{name}"), without_hash(&text, &rotation));
    }
}

#[test]
fn the_issue_of_every_state_reads_well() {
    for (name, rotation) in all() {
        let text = issue::issue(&card(&rotation), &readers(&["alice", "bob"]));
        let comments: Vec<String> = (0..rotation.announcements.len())
            .map(|index| issue::comment(&card(&rotation), index, &["alice".into()]).unwrap())
            .collect();
        let due = text.due_on.unwrap();
        let head = format!(
            "{}\n{} not {} due {due} open {}",
            text.title,
            text.labels.join(" "),
            text.stale_labels.join(" "),
            text.open
        );
        let all = format!("{head}\n---\n{}--- comments\n{}", text.description, comments.join("\n"));
        insta::assert_snapshot!(format!("issue_{name}"), without_hash(&all, &rotation));
    }
}

#[test]
fn only_what_was_put_back_everywhere_is_called_restored() {
    let card = card(&restored_in_part());
    assert_eq!(card.status.word, "Abandoned");
    assert!(card.status.sentence.contains("both stay alive"), "{}", card.status.sentence);
    assert!(how_it_ended(&restored()).starts_with("ended with the previous value restored"));
    assert!(how_it_ended(&restored_in_part()).starts_with("abandoned"));
}

#[test]
fn a_yes_that_no_window_holds_up_starts_at_once_and_says_so() {
    let rotation = opened(Plan { strategy: Strategy::RevokeFirst, ..plan() });
    let words = |start| card(&go(rotation.clone(), &[(1, approve_at(&rotation, start))])).status.sentence;
    assert_eq!(words(at(1)), "It starts at once.");
    assert_eq!(words(at(600)), "It starts when its window opens.");
}

#[test]
fn what_destroys_is_never_green() {
    let mut card = card(&opened(plan()));
    card.incident = true;
    let shown = message(&card, &[]);
    let buttons = shown.blocks.iter().filter_map(|block| block["elements"].as_array()).flatten();
    let approve = buttons.clone().find(|button| button["action_id"] == "rekey.approve").unwrap();
    assert_eq!((&approve["style"], &approve["confirm"]["style"]), (&json!("danger"), &json!("danger")));
    let decline = buttons.clone().find(|button| button["action_id"] == "rekey.decline").unwrap();
    assert!(decline.get("style").is_none(), "a no is harmless here");
}

#[test]
fn buttons_apply_or_are_not_there() {
    for (name, rotation) in all() {
        let card = card(&rotation);
        let message = message(&card, &[]);
        let buttons: Vec<&Value> = message
            .blocks
            .iter()
            .filter(|b| b["type"] == "actions")
            .flat_map(|b| b["elements"].as_array().unwrap())
            .collect();
        let (details, buttons): (Vec<&Value>, Vec<&Value>) =
            buttons.into_iter().partition(|button| button["action_id"] == "rekey.details");
        assert_eq!(details.len(), usize::from(card.outcome.is_none()), "{name}");
        assert_eq!(buttons.len(), card.actions.len(), "{name}");
        let primary = buttons.iter().filter(|b| b["style"] == "primary").count();
        let deciding = card.actions.iter().any(|a| matches!(a.word(), "approve" | "retry"));
        assert_eq!(primary, usize::from(deciding), "{name}");
        for button in buttons {
            let Some(Wish::Decide(wish)) = Wish::from_id(button["value"].as_str().unwrap()) else { unreachable!() };
            assert_eq!(wish.rotation, rotation.id.0);
            assert!(rotation.plan.hash().is_meant_by(wish.plan.as_deref().unwrap()), "{name}");
            let asks = matches!(button["action_id"].as_str().unwrap(), "rekey.abandon" | "rekey.restore");
            assert_eq!(button.get("confirm").is_some(), asks, "{name}");
        }
        if rotation.phase.is_closed() {
            assert!(card.actions.is_empty(), "{name}");
        }
    }
}

pub fn hostile(text: &str) -> Rotation {
    let mut plan = plan();
    plan.old.name = text.into();
    plan.new.name = text.into();
    plan.reasons = vec![text.into()];
    plan.warnings = vec![text.into(); 40];
    plan.stores = (0..200)
        .map(|n| PlannedStore { id: format!("{text} {n}").as_str().into(), ..plan.stores[0].clone() })
        .collect();
    let mut rotation = opened(Plan { host: text.into(), ..plan });
    rotation = rotations::go(rotation, &[(1, Event::Delayed { why: text.into() })]);
    let yes = rotations::approve(&rotation, "alice", 2);
    rotations::go(rotation, &[(2, yes)])
}

pub const HOSTILE: [&str; 6] = [
    "<!channel> <@U0ALICE001> <https://evil.example|bank> & *bold* `code` :boom:",
    "@all @root #1 !2 ~bug %3 $4 &5 | cell `tick` ``` <img src=x onerror=alert(1)> [a](javascript:b)",
    "\u{202e}tob-yolped\u{2066}\u{200b}\n/close\n/assign @root\n- [x] done\n# head",
    "glpat-AbCdEfGhIjKlMnOpQrSt",
    "--> <!-- rekey:v1 host=x token=1 expires=never rotation=y -->",
    "&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&",
];

/// What Slack reads as markup.
fn strings(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| strings(item, found)),
        Value::Object(fields) if fields.get("type").is_some_and(|kind| kind == "plain_text") => {}
        Value::Object(fields) => {
            let marked = fields.iter().filter(|(name, _)| *name != "accessibility_label");
            marked.for_each(|(_, item)| strings(item, found));
        }
        _ => {}
    }
}

#[test]
fn hostile_names_stay_text_on_slack() {
    for name in HOSTILE {
        for text in [name.to_owned(), name.repeat(40)] {
            let rotation = hostile(&text);
            let message = message(&card(&rotation), &[]);
            let mut found = vec![message.text.clone()];
            for block in &message.blocks {
                strings(block, &mut found);
            }
            let all = found.join("\n");
            for bad in ["<!channel", "<!here", "<@", "<https://evil", "\u{202e}", "\u{2066}", "\u{200b}", "glpat-Ab"] {
                assert!(!all.contains(bad), "{bad} in {all}");
            }
        }
    }
}

#[test]
fn the_largest_message_stays_below_every_limit_of_slack() {
    for name in HOSTILE {
        for repeat in [1, 3, 30] {
            let mut rotation = hostile(&name.repeat(repeat));
            rotation.plan.outage_seconds = Some(10);
            let deciders: Vec<String> = (0..300).map(|n| format!("<@U{n:08}>")).collect();
            let message = message(&card(&rotation), &deciders);
            assert!(message.blocks.len() <= 50 && message.text.chars().count() <= 4_000);
            let length = serde_json::to_string(&message.blocks).unwrap().chars().count();
            assert!(length < 10_000, "{length} characters with {name} x{repeat}");
            let steps = serde_json::to_string(&message.blocks).unwrap();
            assert!(steps.contains("more, see the issue"), "{steps}");
            assert!(steps.contains("Revoke the old token 101"), "the end of the plan is shown");
        }
    }
}

#[test]
fn hostile_names_command_nothing_in_an_issue() {
    for name in HOSTILE {
        let rotation = hostile(name);
        let text = issue::issue(&card(&rotation), &readers(&[]));
        let marker = text.description.lines().next().unwrap();
        assert_eq!(marker.matches("-->").count(), 1);
        assert!(marker.ends_with(&format!("rotation={} -->", rotations::ID)), "{marker}");
        let outside_code = without_code(&text.description);
        for line in outside_code.lines() {
            assert!(!line.trim_start().starts_with('/'), "{line}");
        }
        for bad in ["@all", "@root", "#1", "!2", "~bug", "glpat-Ab", "\u{202e}"] {
            assert!(!outside_code.contains(bad), "{bad} in {outside_code}");
        }
        let tables = text.description.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| |"));
        for row in tables {
            let cells = row.replace("\\|", "").matches('|').count();
            assert!(matches!(cells, 3 | 4), "{row}");
        }
        assert!(text.title.chars().count() <= 255 && !text.title.contains('\n'));
    }
}

/// Markdown without code, where GitLab looks for references. It holds no HTML but our marker, and only our links.
fn without_code(markdown: &str) -> String {
    use pulldown_cmark::{Event, Tag};
    let mut text = String::new();
    let mut in_code = false;
    for event in pulldown_cmark::Parser::new_ext(markdown, pulldown_cmark::Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::CodeBlock(_)) => in_code = true,
            Event::Text(words) if !in_code => text.push_str(&words),
            Event::Html(html) | Event::InlineHtml(html) => assert!(html.starts_with("<!-- rekey:v1 "), "{html}"),
            Event::Start(Tag::Link { dest_url, .. }) => assert!(dest_url.starts_with("https://gitlab."), "{dest_url}"),
            Event::End(end) => {
                in_code &= !matches!(end, pulldown_cmark::TagEnd::CodeBlock);
                text.push('\n');
            }
            Event::SoftBreak | Event::HardBreak => text.push('\n'),
            _ => {}
        }
    }
    text
}

#[test]
fn a_hostile_log_stays_in_its_block() {
    let log = "first\n```\n/close\n````\n@all glpat-AbCdEfGhIjKlMnOpQrSt <!channel>\n".repeat(300);
    let rotation = rotations::stuck_with(&log);
    let text = issue::issue(&card(&rotation), &readers(&[])).description;
    assert!(!text.lines().any(|line| line.trim_start_matches(' ').starts_with("/close")), "{text}");
    assert!(!without_code(&text).contains("@all"), "{text}");
    assert!(!text.contains("glpat-Ab"));
    let reply = announcement(&card(&rotation), rotation.announcements.len() - 1, &[]).unwrap();
    let shown = serde_json::to_string(&reply.blocks).unwrap();
    assert!(!shown.contains("glpat-Ab") && !shown.contains("<!channel>"), "{shown}");
    assert!(reply.blocks.iter().all(|block| block["text"]["text"].as_str().unwrap().chars().count() <= 3_000));
}

#[test]
fn the_same_row_gives_the_same_card() {
    let (one, two) = (opened(plan()), opened(plan()));
    assert_eq!(message(&card(&one), &[]), message(&card(&two), &[]));
    assert_eq!(one.opened_at, at(0));
}

fn readers(logins: &[&str]) -> issue::Readers {
    let logins = logins.iter().map(|login| (*login).to_owned()).collect();
    issue::Readers { logins, names: Vec::new(), bot: Some("rekey-bot".into()) }
}
