//! The step up: a token that asks for a one-time code gets its decisions with one, and no code does more than it should.

use super::counter::{Counter, discord, gitlab, slack};
use super::setup::Setup;
use crate::databases::on_each;
use futures::future::join_all;
use regex::Regex;
use rekey::engine::desk::{Answer, Ask, Blank, Caller, Field};
use rekey::engine::step_up::{Seal, StepUp};
use rekey::rotation::ids::PersonId;
use rekey::rotation::phase::Phase;
use rekey::rotation::view::Action;
use rekey::rotation::view::prose::{Prose, Span};
use rekey::rotation::wish::Wish;
use rekey::secret::Secret;
use sqlx::{AnyConnection, Connection as _};
use std::sync::{Arc, Mutex};

/// An authenticator app with one secret.
pub struct Phone(totp_rs::Totp);

impl Phone {
    fn scan(prose: &Prose) -> Self {
        let spans = prose.0.iter().flat_map(|line| &line.0);
        let mut addresses = spans.filter_map(|span| match span {
            Span::Code(text) if text.starts_with("otpauth://") => Some(text.clone()),
            _ => None,
        });
        Self(totp_rs::Totp::from_url(addresses.next_back().unwrap()).unwrap())
    }

    /// What it shows.
    pub fn code(&self, counter: &Counter) -> String {
        self.0.generate(u64::try_from(counter.team.now().as_second()).unwrap()).to_string()
    }
}

fn setup() -> Setup {
    Setup::new().token(|token| token.step_up = true)
}

impl Counter {
    /// Shows a new secret, and scans it.
    async fn invited(&self, who: &Caller, code: Option<String>) -> Phone {
        let key = self.key();
        let ask = Ask { code: code.map(Secret::new), ..Ask::new(key, who.clone(), Wish::Enroll) };
        match self.desk.ask(&ask).await {
            Answer::Offer { prose, wish: Wish::ConfirmEnrollment, .. } => Phone::scan(&prose),
            other => unreachable!("no secret was shown but {other:?}"),
        }
    }

    /// Sets up codes; a moment later the next code is shown.
    async fn enrolled(&self, who: &Caller) -> Phone {
        let phone = self.invited(who, None).await;
        let answer = self.with_code(who, Wish::ConfirmEnrollment, &phone.code(self)).await;
        assert!(said(&answer).starts_with("One-time codes are set up."), "{answer:?}");
        self.team.stage.clock.advance(30);
        phone
    }

    async fn with_code(&self, who: &Caller, wish: Wish, code: &str) -> Answer {
        let ask = Ask { code: Some(Secret::new(code.into())), ..Ask::new(self.key(), who.clone(), wish) };
        self.desk.ask(&ask).await
    }

    async fn approve_with(&self, who: &Caller, code: &str) -> Answer {
        self.with_code(who, self.approval().await, code).await
    }

    async fn approval(&self) -> Wish {
        self.decision(Action::Approve).await
    }

    async fn is_waiting(&self) -> bool {
        self.team.rotation().await.phase == Phase::AwaitingApproval
    }
}

fn said(answer: &Answer) -> String {
    match answer {
        Answer::Wrong { field: Field::Code, why, .. } => why.clone(),
        other => rekey::engine::desk::words::outline(other).plain(),
    }
}

#[tokio::test]
async fn who_has_codes_is_asked_for_one_and_approves_with_it() {
    on_each(|url| async move {
        let counter = Counter::open(setup().database(url)).await;
        let alice = slack("UALICE");
        counter.team.open().await;
        let click = Ask::new("click", alice.clone(), counter.approval().await);
        assert_eq!(counter.desk.form(&click).await, None, "a form would keep somebody waiting who has no codes");
        let Some(Answer::Offer { prose, wish: Wish::Enroll, .. }) = counter.send(&click).await else {
            unreachable!("whoever has no codes is told how to get them")
        };
        assert!(prose.plain().contains("asks for a one-time code"), "{}", prose.plain());

        let phone = counter.enrolled(&alice).await;
        let form = counter.desk.form(&Ask::new("again", alice.clone(), counter.approval().await)).await.unwrap();
        assert_eq!((form.title, form.fields.as_slice(), form.submit), ("One-time code", &[Field::Code][..], "Approve"));
        let told = counter.press(alice.clone(), Action::Approve).await;
        assert!(told.starts_with("To approve plan "), "without a code the form is all there is: {told}");
        let words = counter.send(&Ask::new("words", alice.clone(), counter.approval().await)).await.unwrap();
        let shown = serde_json::to_string(&rekey::server::slack::reply::message(&words).blocks).unwrap();
        assert!(shown.contains("Open the form") && shown.contains("rekey:approve:"), "a button opens it: {shown}");
        assert!(counter.is_waiting().await);

        let answer = counter.with_code(&alice, form.wish, &phone.code(&counter)).await;
        assert!(matches!(answer, Answer::Done(_)), "{answer:?}");
        counter.team.pass(3600).await;
        counter.team.done().await;
        assert!(
            counter.team.issue().contains("alice approved (1 of 1) with a one-time code"),
            "{}",
            counter.team.issue()
        );
    })
    .await;
}

#[tokio::test]
async fn a_code_counts_once_for_whoever_uses_it_first() {
    on_each(|url| async move {
        let setup = setup().database(url).token(|token| token.quorum = 2);
        let counter = Counter::open(setup).await;
        let alice = slack("UALICE");
        counter.team.open().await;
        let phone = counter.enrolled(&alice).await;
        let code = phone.code(&counter);
        let wish = counter.approval().await;
        let ask =
            |key: &str| Ask { code: Some(Secret::new(code.clone())), ..Ask::new(key, alice.clone(), wish.clone()) };
        assert!(matches!(counter.desk.ask(&ask("submit")).await, Answer::Done(_)));
        assert!(matches!(counter.desk.ask(&ask("submit")).await, Answer::Done(_)), "a redelivery is no second use");
        assert_eq!(said(&counter.desk.ask(&ask("replay")).await), "That code was used already; wait for the next one.");
        counter.team.stage.clock.advance(29);
        assert_eq!(said(&counter.desk.ask(&ask("late")).await), "That code was used already; wait for the next one.");
        assert_eq!(counter.team.rotation().await.approvals.len(), 1);
        // Of ten who present the next code at once, one is looked at.
        counter.team.stage.clock.advance(31);
        let code = phone.code(&counter);
        let wish = Wish::Enroll;
        let many = join_all((0..5).map(|_| counter.with_code(&alice, wish.clone(), &code))).await;
        assert_eq!(many.iter().filter(|answer| matches!(answer, Answer::Offer { .. })).count(), 1, "{many:?}");
    })
    .await;
}

#[tokio::test]
async fn a_code_of_somebody_else_is_wrong() {
    let counter = Counter::open(setup()).await;
    counter.team.open().await;
    let (alice, bob) = (slack("UALICE"), slack("UBOB"));
    let (phone, others) = (counter.enrolled(&alice).await, counter.enrolled(&bob).await);
    let answer = counter.approve_with(&bob, &phone.code(&counter)).await;
    assert_eq!(said(&answer), "That code is not right; 4 tries are left.");
    assert!(counter.is_waiting().await);
    assert!(matches!(counter.approve_with(&bob, &others.code(&counter)).await, Answer::Done(_)));
}

#[tokio::test]
async fn after_five_wrong_codes_even_the_right_one_has_to_wait() {
    on_each(|url| async move {
        let counter = Counter::open(setup().database(url)).await;
        let alice = slack("UALICE");
        counter.team.open().await;
        let phone = counter.enrolled(&alice).await;
        for left in ["4 tries are left.", "3 tries are left.", "2 tries are left.", "one try is left."] {
            let told = said(&counter.approve_with(&alice, "000000").await);
            assert_eq!(told, format!("That code is not right; {left}"));
        }
        let told = said(&counter.approve_with(&alice, "not a code").await);
        assert_eq!(told, "That code is not right, and it was the last try. Wait a quarter of an hour.");
        let told = said(&counter.approve_with(&alice, &phone.code(&counter)).await);
        assert!(told.starts_with("There were too many wrong codes. Try again after 14:15 UTC"), "{told}");
        assert!(counter.is_waiting().await);
        counter.team.stage.clock.advance(15 * 60);
        assert!(matches!(counter.approve_with(&alice, &phone.code(&counter)).await, Answer::Done(_)));
        let known = counter.team.engine.enrolled().await.unwrap();
        assert_eq!((known.len(), known[0].tries), (1, 0));
    })
    .await;
}

#[tokio::test]
async fn a_new_secret_takes_a_code_of_the_old_one_which_holds_until_the_new_one_is_confirmed() {
    let counter = Counter::open(setup()).await;
    counter.team.open().await;
    let alice = slack("UALICE");
    let old = counter.enrolled(&alice).await;
    let Answer::Form(form) = counter.ask(alice.clone(), Wish::Enroll).await else { unreachable!("a form comes first") };
    assert_eq!(form.title, "New one-time codes");
    let told = said(&counter.with_code(&alice, Wish::Enroll, "123456").await);
    assert!(told.starts_with("That code is not right"), "{told}");
    let new = counter.invited(&alice, Some(old.code(&counter))).await;
    counter.team.stage.clock.advance(30);
    let told = said(&counter.approve_with(&alice, &new.code(&counter)).await);
    assert!(told.starts_with("That code is not right"), "it is not in use yet: {told}");
    counter.with_code(&alice, Wish::ConfirmEnrollment, &new.code(&counter)).await;
    counter.team.stage.clock.advance(30);
    let told = said(&counter.approve_with(&alice, &old.code(&counter)).await);
    assert!(told.starts_with("That code is not right"), "it is not in use any more: {told}");
    assert!(matches!(counter.approve_with(&alice, &new.code(&counter)).await, Answer::Done(_)));
}

#[tokio::test]
async fn a_secret_that_nobody_confirmed_for_half_an_hour_is_void() {
    let counter = Counter::open(setup()).await;
    let alice = slack("UALICE");
    let phone = counter.invited(&alice, None).await;
    counter.team.stage.clock.advance(30 * 60);
    let told = said(&counter.with_code(&alice, Wish::ConfirmEnrollment, &phone.code(&counter)).await);
    assert!(told.starts_with("No secret is waiting for its first code."), "{told}");
    assert!(!counter.team.engine.is_enrolled(&PersonId::from("alice")).await.unwrap());
}

#[tokio::test]
async fn an_administrator_lets_somebody_begin_anew_who_lost_the_phone() {
    on_each(|url| async move {
        let counter = Counter::open(setup().database(url)).await;
        counter.team.open().await;
        let alice = slack("UALICE");
        let lost = counter.enrolled(&alice).await;
        let person = PersonId::from("alice");
        assert!(counter.team.engine.reset_code(&person, "cli").await.unwrap());
        assert!(!counter.team.engine.reset_code(&person, "cli").await.unwrap(), "there was nothing left");
        let answer = counter.approve_with(&alice, &lost.code(&counter)).await;
        assert!(matches!(answer, Answer::Offer { wish: Wish::Enroll, .. }), "{answer:?}");
        let phone = counter.enrolled(&alice).await;
        assert!(matches!(counter.approve_with(&alice, &phone.code(&counter)).await, Answer::Done(_)));
        assert_eq!(counter.team.engine.ledger.verify().await.unwrap().fault, None);
    })
    .await;
}

#[tokio::test]
async fn who_takes_codes_away_on_a_shell_is_journalled_as_the_systems_user_and_not_as_their_owner() {
    let shell = Some("uid 1000 (deploy)".to_owned());
    let counter = Counter::open(setup().settings(|settings| settings.shell = shell)).await;
    counter.team.open().await;
    counter.enrolled(&slack("UALICE")).await;
    assert!(counter.team.engine.reset_code(&PersonId::from("alice"), "cli").await.unwrap());
    let mut side = AnyConnection::connect(&counter.team.setup.url).await.unwrap();
    let asked = sqlx::query_scalar::<_, String>("SELECT actor FROM journal WHERE event = 'code_reset'");
    assert_eq!(asked.fetch_all(&mut side).await.unwrap(), ["uid 1000 (deploy) via cli"]);
}

#[tokio::test]
async fn where_nothing_can_be_typed_in_private_a_decision_is_refused_with_the_way_out() {
    let counter = Counter::open(setup()).await;
    counter.team.open().await;
    counter.enrolled(&slack("UALICE")).await;
    let told = counter.press(gitlab("alice"), Action::Approve).await;
    assert_eq!(
        told,
        "This token asks for a one-time code with the decision; decide in Slack or Discord, which can ask for it."
    );
    let told = counter.team.refusal("alice", Action::Approve).await;
    assert!(told.starts_with("this token asks for a one-time code"), "{told}");
    let told = counter.types(gitlab("alice"), "enroll").await;
    assert!(told.starts_with("A secret must not stand where others read."), "{told}");
    assert!(counter.is_waiting().await);
    assert_eq!(counter.press(gitlab("alice"), Action::Decline).await, "", "a no needs no code");
}

#[tokio::test]
async fn a_secret_is_shown_to_strangers_as_little_as_anything_else() {
    let counter = Counter::open(setup()).await;
    let told = counter.types(slack("UEVE"), "enroll").await;
    assert!(told.starts_with("rekey does not know you."), "{told}");
    assert!(counter.team.engine.enrolled().await.unwrap().is_empty());
    let told = counter.types(discord("9", &["777"]), "enroll").await;
    assert!(told.starts_with("rekey does not know you."), "{told}");
}

#[tokio::test]
async fn a_yes_that_came_before_codes_were_asked_for_is_void_at_the_start() {
    let mut counter = Counter::open(Setup::new()).await;
    counter.team.open().await;
    assert_eq!(counter.press(slack("UALICE"), Action::Approve).await, "");
    counter.team.setup.tokens[0].step_up = true;
    counter.restarted().await;
    counter.team.work().await;
    assert!(counter.is_waiting().await);
    assert_eq!(counter.team.live(), [counter.team.stage.old]);
}

#[tokio::test]
async fn an_incident_is_confirmed_with_a_code_too() {
    let counter = Counter::open(setup()).await;
    let alice = slack("UALICE");
    let phone = counter.enrolled(&alice).await;
    let Answer::Offer { wish, .. } = counter.ask(alice.clone(), Wish::parse("incident deploy it leaked")).await else {
        unreachable!("the plan is offered for approval")
    };
    let form = counter.desk.form(&Ask::new("revoke", alice.clone(), wish.clone())).await.unwrap();
    let answer = counter.with_code(&alice, form.wish, "000000").await;
    assert!(matches!(answer, Answer::Wrong { .. }), "{answer:?}");
    assert!(!counter.team.stage.state.token(counter.team.stage.old).unwrap().revoked);
    assert!(matches!(counter.with_code(&alice, wish, &phone.code(&counter)).await, Answer::Done(_)));
    counter.team.pass(3600).await;
    assert!(counter.team.stage.state.token(counter.team.stage.old).unwrap().revoked);
}

#[tokio::test]
async fn under_another_key_codes_are_unreadable_and_say_so() {
    let counter = Counter::open(setup()).await;
    counter.team.open().await;
    let alice = slack("UALICE");
    let phone = counter.enrolled(&alice).await;
    let known = counter.team.engine.enrolled().await.unwrap();
    assert!(counter.team.engine.can_open(&known[0]));
    let other = Secret::new("YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE=".into());
    let seal = Seal::new(&other, &[]).unwrap();
    let sealed = known[0].secret.clone().unwrap();
    assert!(seal.open(&PersonId::from("alice"), &sealed).is_none());
    assert!(!sealed.contains(&phone.0.secret().to_base32()));
}

/// What is logged while it is in force, at every level.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn neither_a_code_nor_a_secret_is_written_down_anywhere() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .without_time()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone());
    let guard = tracing::subscriber::set_default(subscriber.finish());
    let counter = Counter::open(setup()).await;
    counter.team.open().await;
    let alice = slack("UALICE");
    let phone = counter.enrolled(&alice).await;
    // A wrong code that is easy to find, sent by every way there is.
    let canary = "975310";
    assert_ne!(phone.code(&counter), canary);
    let ask =
        Ask { code: Some(Secret::new(canary.into())), ..Ask::new("inbox", alice.clone(), counter.approval().await) };
    // Stories beside this one come and go with subscribers of their own, and what is heard is remembered by place.
    tracing::callsite::rebuild_interest_cache();
    counter.send(&ask).await;
    counter.approve_with(&alice, canary).await;
    let right = phone.code(&counter);
    counter.approve_with(&alice, &right).await;
    counter.team.pass(3600).await;
    counter.team.done().await;
    drop(guard);

    // Standing alone: six digits are part of many a longer number.
    let written = |text: &str, value: &str| Regex::new(&format!(r"\b{value}\b")).unwrap().is_match(text);
    let secret = phone.0.secret().to_base32();
    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(logged.contains("a wrong one-time code"), "the log was listened to");
    let rotation = counter.team.rotation().await;
    let journal = format!("{:?}", counter.team.engine.ledger.journal(&rotation.id).await.unwrap());
    let told = format!("{:?}{:?}{rotation:?}", counter.team.comments(), counter.team.stage.state.issues());
    for (place, text) in [("the log", &logged), ("the journal", &journal), ("what people see", &told)] {
        for value in [canary, &secret] {
            assert!(!written(text, value), "{place} holds {value}");
        }
    }
    assert!(!written(&journal, &right) && !written(&told, &right), "{right}");
    counter.team.engine.ledger.close().await;
    for (file, bytes) in counter.team.files() {
        let text = String::from_utf8_lossy(&bytes);
        assert!(!written(&text, canary) && !written(&text, &secret), "{file} holds it");
        let raw = phone.0.secret().as_bytes();
        assert!(!bytes.windows(raw.len()).any(|window| window == raw), "{file}");
    }
}

#[tokio::test]
async fn what_is_typed_is_completed_with_what_the_person_may_see_and_decide() {
    let counter = Counter::open(Setup::new()).await;
    counter.team.open().await;
    let desk = &counter.desk;
    let values = |choices: Vec<rekey::engine::desk::Choice>| choices.into_iter().map(|c| c.value).collect::<Vec<_>>();
    let rotation = counter.team.rotation().await;
    let (id, hash) = (rotation.id.0.clone(), rotation.plan.hash().short().to_owned());
    let on = |action| Blank::Rotation(Some(action));
    assert_eq!(values(desk.complete(&slack("UCAROL"), &Blank::Token, "dep").await), ["deploy"]);
    assert_eq!(values(desk.complete(&slack("UCAROL"), &Blank::Rotation(None), "").await), std::slice::from_ref(&id));
    assert!(desk.complete(&slack("UCAROL"), &on(Action::Approve), "").await.is_empty(), "she may not decide");
    assert_eq!(values(desk.complete(&slack("UALICE"), &on(Action::Decline), "").await), std::slice::from_ref(&id));
    assert!(desk.complete(&slack("UALICE"), &on(Action::Retry), "").await.is_empty(), "it is not stuck");
    assert!(desk.complete(&slack("UEVE"), &Blank::Token, "").await.is_empty(), "nobody knows her");
    assert_eq!(
        values(desk.complete(&slack("UALICE"), &on(Action::Approve), "deploy").await),
        std::slice::from_ref(&id)
    );
    let plan = Blank::Plan { rotation: id.clone() };
    assert_eq!(values(desk.complete(&slack("UALICE"), &plan, "").await), std::slice::from_ref(&hash));
    let answer = counter.ask(slack("UALICE"), Wish::parse(&format!("approve {id} {hash}"))).await;
    assert!(matches!(answer, Answer::Done(_)), "{answer:?}");
}

#[tokio::test]
async fn whose_codes_are_set_up_or_taken_away_is_told_by_a_direct_message() {
    let counter = Counter::open(setup()).await;
    counter.enrolled(&slack("UALICE")).await;
    let direct =
        || -> Vec<String> { counter.slack.messages("DALICE").into_iter().map(|message| message.text).collect() };
    let told = direct();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("One-time codes were set up for you at "), "{told:?}");
    assert!(told[0].contains("over slack. If that was not you, tell your administrator at once"), "{told:?}");
    let alice = PersonId::from("alice");
    counter.team.engine.reset_code(&alice, "cli").await.unwrap();
    counter.team.engine.reset_code(&alice, "cli").await.unwrap();
    let told = direct();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[1].starts_with("An administrator took your one-time codes away at "), "{told:?}");
}

#[tokio::test]
async fn codes_that_were_locked_too_often_stay_locked_until_another_approver_says_so_and_people_are_told() {
    let counter = Counter::open(setup()).await;
    let (alice, bob) = (slack("UALICE"), slack("UBOB"));
    counter.team.open().await;
    let phone = counter.enrolled(&alice).await;
    let said_to =
        |channel: &str| counter.slack.messages(channel).into_iter().map(|message| message.text).collect::<Vec<_>>();
    let before = said_to("DALICE").len();
    for lock in 1..=5 {
        for _ in 0..5 {
            counter.approve_with(&alice, "000000").await;
        }
        assert_eq!(said_to("DALICE").len(), before + lock, "the owner is told of each");
        assert_eq!(said_to("DBOB").len(), lock, "and who may help");
        counter.team.stage.clock.advance(15 * 60);
    }
    counter.team.stage.clock.advance(400 * 86_400);
    let told = said(&counter.approve_with(&alice, &phone.code(&counter)).await);
    assert!(told.starts_with("There were too many wrong codes too often, so none is taken any more."), "{told}");
    assert!(said_to("DBOB").pop().unwrap().contains("/rekey unlock alice"), "{:?}", said_to("DBOB"));
    for who in [&alice, &slack("UCAROL")] {
        let told = counter.types(who.clone(), "unlock alice").await;
        assert!(told.starts_with("Only an administrator, or another approver of the same token"), "{told}");
    }
    assert_eq!(counter.types(bob.clone(), "unlock alice").await, "alice may try one-time codes again, and was told.");
    let told = counter.types(bob, "unlock alice").await;
    assert_eq!(told, "alice has no locked one-time codes; nothing was changed.");
    let told = said(&counter.approve_with(&alice, "000000").await);
    assert_eq!(told, "That code is not right; 4 tries are left.");
}

#[tokio::test]
async fn a_code_for_a_restore_counts_at_the_stop_at_which_it_was_asked_for_only() {
    let counter = Counter::open(setup()).await;
    let alice = slack("UALICE");
    let phone = counter.enrolled(&alice).await;
    counter.team.stage.state.fail_job(Some("deploy"));
    counter.team.open().await;
    counter.approve_with(&alice, &phone.code(&counter)).await;
    counter.team.pass(60).await;
    let Answer::Form(form) = counter.ask(alice.clone(), Wish::parse("restore deploy")).await else {
        unreachable!("a code is asked for")
    };
    let id = form.wish.to_id().unwrap();
    assert!(id.ends_with(":1"), "the form knows its stop: {id}");
    counter.types(alice.clone(), "retry deploy").await;
    counter.team.pass(60).await;
    let before = counter.team.rotation().await;
    assert_eq!((before.phase.name(), before.stops), ("stuck", 2));
    let answer = counter.with_code(&alice, Wish::from_id(&id).unwrap(), &phone.code(&counter)).await;
    assert!(said(&answer).starts_with("That was an earlier stop"), "{answer:?}");
    assert_eq!(counter.team.rotation().await, before);
}
