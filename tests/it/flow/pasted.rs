//! What people paste where it does not belong is nowhere afterwards: not in the rotation, the journal, the inbox, the issue,
//! an answer or the log, whoever they are and however it is spelled.

use super::counter::{Counter, Told, slack};
use super::setup::Setup;
use crate::sandbox::stage::OLD;
use crate::server::house::Log;
use crate::spelled;
use rekey::engine::desk::words::outline;
use rekey::engine::desk::{Ask, Field};
use rekey::engine::rights::Visitor;
use rekey::rotation::wish::Wish;
use rekey::telemetry::{LogSettings, subscriber};
use std::sync::Arc;

/// Nobody here has seen it: it is only known by its look.
const STRANGERS: &str = "glpat-PastedByAStranger1234";
/// The same, of somebody else.
const THEIRS: &str = "glpat-PastedIntoTheForm9876";

/// All that is kept of a story, and all that was said in it.
struct Kept {
    counter: Counter,
    log: Log,
    answers: Vec<String>,
}

impl Kept {
    async fn nothing_of(&self, value: &str) {
        let team = &self.counter.team;
        let mut kept = vec![("the log", self.log.text().into_bytes())];
        kept.push(("the answers", self.answers.join("\n").into_bytes()));
        if let Ok(rotation) = team.engine.rotation("deploy").await {
            let journal = team.engine.ledger.journal(&rotation.id).await.unwrap();
            kept.push(("the rotation", format!("{rotation:?}").into_bytes()));
            kept.push(("the journal", format!("{journal:?}").into_bytes()));
            kept.push(("the issue", format!("{} {:?}", team.issue(), team.comments()).into_bytes()));
        }
        kept.extend(team.files().into_iter().map(|(_, bytes)| ("the database", bytes)));
        for (place, bytes) in kept {
            assert_eq!(spelled::find(&bytes, value), None, "{place}");
        }
    }
}

fn talkative() -> (Log, tracing::subscriber::DefaultGuard) {
    let (log, settings) = (Log::default(), LogSettings { format: None, filter: Some("trace".into()) });
    let writer = log.clone();
    let listening = tracing::subscriber::set_default(subscriber(&settings, false, move || writer.clone()).unwrap());
    (log, listening)
}

#[tokio::test]
async fn a_value_in_the_reason_of_an_incident_is_nowhere() {
    let (log, _listening) = talkative();
    let counter = Counter::open(Setup::new()).await;
    counter.team.open().await;
    let mut kept = Kept { counter, log, answers: Vec::new() };
    for value in [OLD, STRANGERS] {
        for spelling in spelled::spellings(value) {
            let text = format!("incident deploy pasted {spelling} into a ticket");
            // By a command, by what a form was filled in with, and past both.
            kept.answers.push(kept.counter.types(slack("UCAROL"), &text).await);
            let empty = Wish::Incident { token: "deploy".into(), reason: None };
            let ask = Ask::new(kept.counter.key(), slack("UCAROL"), empty);
            let ask = ask.filled_in([(Field::Reason.id().to_owned(), format!("pasted {spelling} there"))]);
            let told = Arc::new(Told::default());
            kept.counter.desk.accept(&ask, told.clone()).await.unwrap();
            kept.counter.serve().await;
            kept.answers.extend(told.0.lock().unwrap().take().map(|answer| outline(&answer).plain()));
        }
        let (engine, bob) = (&kept.counter.team.engine, Visitor::named("bob".into()));
        engine.open_incident("deploy", &bob, "slack", &format!("pasted {value} there")).await.unwrap();
        kept.counter.team.work().await;
    }
    let rotation = kept.counter.team.rotation().await;
    assert!(rotation.evidence.iter().any(|seen| seen.what.contains("[MASKED] into a ticket")), "{rotation:#?}");
    kept.nothing_of(OLD).await;
    kept.nothing_of(STRANGERS).await;
}

#[tokio::test]
async fn a_value_where_the_name_of_a_token_belongs_is_nowhere_whoever_typed_it() {
    let (log, _listening) = talkative();
    let counter = Counter::open(Setup::new()).await;
    let mut kept = Kept { counter, log, answers: Vec::new() };
    for who in ["UALICE", "UCAROL", "UEVE", "U0NOBODY"] {
        for verb in ["rotate", "plan", "history", "details", "approve", "unlock", "incident", ""] {
            let told = kept.counter.types(slack(who), &format!("{verb} {STRANGERS}")).await;
            kept.answers.push(told);
        }
        // As a button would bring it, without any parsing on the way.
        for wish in [Wish::Rotate { token: THEIRS.into() }, Wish::Incident { token: THEIRS.into(), reason: None }] {
            let answer = kept.counter.send(&Ask::new(kept.counter.key(), slack(who), wish)).await;
            kept.answers.extend(answer.map(|answer| outline(&answer).plain()));
        }
    }
    assert!(kept.log.text().contains("turned away"), "a stranger was there: {}", kept.log.text());
    assert!(kept.counter.turned_away().await > 0, "and it is journalled");
    kept.nothing_of(STRANGERS).await;
    kept.nothing_of(THEIRS).await;
}
