//! Reads a folder of JSON files that rekey's tests wrote, one message or view each, and says what is wrong with them.
//! Exits with 1 and one line for each fault.

use serde_json::{Value, json};
use slackblocks::{HomeTabView, MessagePayload, ModalView, ValidationError};
use std::process::ExitCode;

fn judge(kind: &str, body: Value) -> Result<(), ValidationError> {
    match kind {
        "message" => MessagePayload::try_from(body).map(drop),
        "modal" => ModalView::try_from(body).map(drop),
        "home" => HomeTabView::try_from(body).map(drop),
        other => panic!("nobody knows what a {other} is"),
    }
}

fn main() -> ExitCode {
    let folder = std::env::args().nth(1).expect("the folder of messages and views");
    // A judge that lets everything pass would be worth nothing.
    let divider = json!({"type": "divider"});
    let wrong = json!({"channel": "C0", "text": "too many", "blocks": vec![divider; 51]});
    assert!(judge("message", wrong).is_err(), "51 blocks are too many");
    let (mut seen, mut faults) = (0, 0);
    for entry in std::fs::read_dir(&folder).expect("the folder can be read") {
        let path = entry.expect("an entry").path();
        let text = std::fs::read_to_string(&path).expect("a file can be read");
        let mut file: Value = serde_json::from_str(&text).expect("a file is JSON");
        let kind = file["kind"].as_str().expect("a kind").to_owned();
        if let Err(error) = judge(&kind, file["body"].take()) {
            println!("{}: {error:?}", path.display());
            faults += 1;
        }
        seen += 1;
    }
    println!("slackblocks: {seen} messages and views, {faults} faults");
    ExitCode::from(u8::from(faults > 0 || seen < 50))
}
