//! What every secret store owes, whatever it is: told as sentences, each on a place of its own. An adapter joins with a
//! [`Bench`] and one line in `contract!` (`tests/it/store.rs`).

use super::proxy::Proxy;
use crate::server::house::Log;
use crate::spelled;
use rekey::rotation::ids::{RotationId, TokenId};
use rekey::rotation::store::{Capabilities, Rollback, Tag, Undo};
use rekey::secret::Secret;
use rekey::store::{Base, SecretStore, StoreError, Written};
use rekey::telemetry::{LogSettings, subscriber};
use std::sync::Arc;
use std::time::Duration;

/// What a new place holds.
pub const OLD: &str = "canary-old-0123456789";
/// What is written to it.
pub const NEW: &str = "canary-new-0123456789";
/// What somebody else puts there.
pub const FOREIGN: &str = "canary-foreign-012345";

/// What can happen to a store between two calls.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trouble {
    /// None any more.
    None,
    /// The place is there and we are not let in.
    Denied,
    /// Our credential was refused once; a new one would be accepted.
    Expired,
    /// It does not like the value and repeats it when it says so.
    Picky,
    /// Somebody removed it.
    Gone,
    /// The host asks for 60 seconds of patience before any write.
    Limited,
    /// Writes never reach it, and the connection breaks.
    CutBefore,
    /// Writes take effect, and the answer is lost.
    CutAfter,
    /// Nothing is ever answered; [`Bench::hasty`] gives up soon.
    Slow,
    /// Reads are answered 502.
    Broken,
    /// The next write is kept on its way; only a proxy can.
    Held,
}

/// Where places are made: a fake, or a server that all places share.
#[async_trait::async_trait]
pub trait Site: Send + Sync {
    /// A new place that holds [`OLD`], with connections of its own. `None`: what it needs is not installed, which is
    /// said and, in CI, fails.
    async fn furnish(&self) -> Option<Box<dyn Bench>>;
}

/// A place with the world around it.
#[async_trait::async_trait]
pub trait Bench: Send + Sync {
    /// The adapter, on this place.
    fn store(&self) -> Arc<dyn SecretStore>;

    /// The same with a time limit of about 300 ms; `None` if it calls nobody.
    fn hasty(&self) -> Option<Arc<dyn SecretStore>> {
        None
    }

    /// What it says it can do, to the letter.
    fn capabilities(&self) -> Capabilities;

    /// The value that the place really holds, seen by other means than the adapter's; `None` if there is none.
    async fn held(&self) -> Option<String>;

    /// All that the place holds besides the value, byte for byte; empty if the value is all there is.
    async fn rest(&self) -> String {
        String::new()
    }

    /// How many versions the place has, if it counts them.
    async fn versions(&self) -> Option<u64> {
        None
    }

    /// Somebody else writes another value, by other means than the adapter's.
    async fn meddle(&self, value: &str);

    /// Somebody else changes the rest and not the value; `false` if there is no rest.
    async fn meddle_with_the_rest(&self) -> bool {
        false
    }

    /// Somebody removes the place and makes one of the same name that holds this value; `false` if nothing of this kind
    /// tells the one from the other.
    async fn make_again(&self, value: &str) -> bool {
        let _untold = value;
        false
    }

    /// Makes the trouble; `false` if this kind of place cannot have it.
    async fn trouble(&self, trouble: Trouble) -> bool;

    /// What stands between the adapter and the place, if the adapter calls anybody.
    fn proxy(&self) -> Option<&Proxy> {
        None
    }

    /// Whoever the adapter asks refuses after that many other requests, the nth time in the nth way, in these words.
    /// `false`: it asks nobody who has words of their own, as the file store, to which the system says a number.
    async fn refuses_after(&self, others: usize, way: usize, words: &str) -> bool {
        let Some(proxy) = self.proxy() else { return false };
        proxy.refuse_after(others, way, words);
        true
    }

    /// They refuse no more; whether they had not done so yet.
    async fn takes_back_a_refusal(&self) -> bool {
        self.proxy().is_some_and(Proxy::takes_back_a_refusal)
    }

    /// Whether their words are shown to people at all.
    fn passes_words_on(&self) -> bool {
        true
    }

    /// Everything that a fake was sent and said besides bodies, as logs would have it; for the hunt for secrets.
    async fn said(&self) -> String {
        String::new()
    }
}

/// One module with one test for each adapter.
#[macro_export]
macro_rules! contract {
    ($($adapter:ident: $site:expr;)*) => { $(
        mod $adapter {
            use super::*;
            #[tokio::test]
            async fn keeps_the_contract() {
                $crate::store::contract::keeps_the_contract(&$site.await).await;
            }
        }
    )* };
}

/// Tells all sentences.
pub async fn keeps_the_contract(site: &dyn Site) {
    macro_rules! tell {
        ($($sentence:ident)*) => { $(
            let Some(bench) = site.furnish().await else { return };
            eprintln!("{}", stringify!($sentence));
            $sentence(&*bench).await;
        )* };
    }
    tell! {
        it_holds_what_was_written_and_nothing_else_changed
        a_repeated_write_is_harmless
        a_preflight_changes_nothing
        it_is_what_it_says_it_is
        a_change_by_somebody_else_is_not_overwritten
        a_change_of_the_surroundings_is_not_overwritten
        a_change_in_the_instant_of_a_write_is_not_lost_unseen
        what_was_there_comes_back
        one_that_was_made_again_under_its_name_is_another_place
        what_we_write_ourselves_does_not_make_it_another_place
        a_roll_back_does_not_overwrite_somebody_else
        a_refusal_says_how_to_mend_it
        a_place_that_is_gone_is_told_with_the_mend
        a_refusal_that_repeats_the_value_does_not_show_it
        no_words_of_the_host_give_a_value_away_whatever_is_asked
        a_credential_that_ran_out_is_renewed
        patience_is_passed_on
        a_write_that_never_arrived_is_repeated
        a_lost_answer_leaves_it_open_and_a_repeat_settles_it
        silence_ends_at_the_time_limit
        a_broken_host_passes
        a_value_that_is_too_long_is_refused_before_it_is_sent
        finishing_twice_leaves_the_value_alone
        the_most_talkative_log_gives_nothing_away
    }
}

pub fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned())
}

/// What our writes belong to: the new value, or the old one put back.
pub fn tag(token: u64) -> Tag {
    let expires_at = Some(jiff::civil::date(2027, 11, 21));
    Tag { rotation: RotationId("01kakf7rm0000000000000000a".into()), attempt: 1, token: TokenId(token), expires_at }
}

/// Writes as the engine does, from a look.
pub async fn write(store: &dyn SecretStore, value: &str) -> Result<Written, StoreError> {
    let base = store.look().await?.base;
    store.write(&secret(value), &base, &tag(8)).await
}

async fn reads(store: &dyn SecretStore) -> Option<String> {
    store.read().await.unwrap().map(|value| value.expose().to_owned())
}

async fn it_holds_what_was_written_and_nothing_else_changed(bench: &dyn Bench) {
    let (store, rest) = (bench.store(), bench.rest().await);
    store.preflight().await.unwrap();
    let readable = store.capabilities().readable;
    assert_eq!(reads(&*store).await.as_deref(), readable.then_some(OLD));
    assert_eq!(write(&*store, NEW).await, Ok(Written::Done));
    assert_eq!(bench.held().await.as_deref(), Some(NEW));
    assert_eq!(reads(&*store).await.as_deref(), readable.then_some(NEW));
    assert_eq!(bench.rest().await, rest, "everything else is as it was");
}

async fn a_repeated_write_is_harmless(bench: &dyn Bench) {
    let store = bench.store();
    let base = store.look().await.unwrap().base;
    store.write(&secret(NEW), &base, &tag(8)).await.unwrap();
    let versions = bench.versions().await;
    for _ in 0..2 {
        assert_eq!(store.write(&secret(NEW), &base, &tag(8)).await, Ok(Written::Done));
    }
    assert_eq!(bench.held().await.as_deref(), Some(NEW));
    assert_eq!(bench.versions().await, versions, "it is one write");
}

async fn a_preflight_changes_nothing(bench: &dyn Bench) {
    let before = (bench.held().await, bench.rest().await, bench.versions().await);
    bench.store().preflight().await.unwrap();
    assert_eq!((bench.held().await, bench.rest().await, bench.versions().await), before);
}

async fn it_is_what_it_says_it_is(bench: &dyn Bench) {
    let store = bench.store();
    store.preflight().await.unwrap();
    let can = store.capabilities();
    assert_eq!(can, bench.capabilities());
    assert_eq!(store.look().await.unwrap().value.is_some(), can.readable);
    let undo = store.look().await.unwrap().undo;
    assert!(undo.is_some() || can.rollback != Rollback::Native, "what the store brings back has a name");
    assert!(undo.is_none() || can.versions || can.staging, "only what the store keeps has a name");
    assert!(undo.is_none_or(|undo| !undo.0.contains("canary")), "an undo is no secret");
    assert!(can.rollback != Rollback::Native || can.versions || can.staging);
}

async fn a_change_by_somebody_else_is_not_overwritten(bench: &dyn Bench) {
    let store = bench.store();
    if store.look().await.unwrap().value.is_none() && !store.capabilities().compare_and_set {
        return;
    }
    let base = store.look().await.unwrap().base;
    bench.meddle(FOREIGN).await;
    let error = store.write(&secret(NEW), &base, &tag(8)).await.unwrap_err();
    assert!(matches!(error, StoreError::Conflict { .. }), "{error:?}");
    is_fit_to_show(bench, &error);
    assert_eq!(bench.held().await.as_deref(), Some(FOREIGN), "theirs stays");
    assert_eq!(write(&*store, NEW).await, Ok(Written::Done), "after another look it may be written");
    assert_eq!(bench.held().await.as_deref(), Some(NEW));
}

async fn a_change_of_the_surroundings_is_not_overwritten(bench: &dyn Bench) {
    let store = bench.store();
    let base = store.look().await.unwrap().base;
    if !bench.meddle_with_the_rest().await {
        return;
    }
    let rest = bench.rest().await;
    match store.write(&secret(NEW), &base, &tag(8)).await {
        Ok(Written::Done) => {}
        Err(StoreError::Conflict { .. }) => assert_eq!(write(&*store, NEW).await, Ok(Written::Done)),
        other => unreachable!("{other:?}"),
    }
    assert_eq!(bench.held().await.as_deref(), Some(NEW));
    assert_eq!(bench.rest().await, rest, "what they changed stays");
}

async fn a_change_in_the_instant_of_a_write_is_not_lost_unseen(bench: &dyn Bench) {
    let (store, Some(proxy)) = (bench.store(), bench.proxy()) else { return };
    let base = store.look().await.unwrap().base;
    let (value, tag) = (secret(NEW), tag(8));
    let (written, ()) =
        tokio::join!(store.write(&value, &base, &tag), proxy.during_the_next_write(bench.meddle(FOREIGN)));
    match written {
        Err(StoreError::Conflict { .. }) => assert_eq!(bench.held().await.as_deref(), Some(FOREIGN), "theirs stays"),
        Err(StoreError::Overwrote { .. }) => {}
        other => assert!(!store.capabilities().compare_and_set, "it promises to notice: {other:?}"),
    }
}

async fn what_was_there_comes_back(bench: &dyn Bench) {
    let store = bench.store();
    let seen = store.look().await.unwrap();
    store.write(&secret(NEW), &seen.base, &tag(8)).await.unwrap();
    match store.capabilities().rollback {
        Rollback::None => return,
        Rollback::Rewrite => {
            let base = store.look().await.unwrap().base;
            store.write(&seen.value.unwrap(), &base, &tag(7)).await.unwrap();
        }
        Rollback::Native => {
            let undo = seen.undo.unwrap();
            for _ in 0..2 {
                let base = store.look().await.unwrap().base;
                assert_eq!(store.roll_back(&undo, &base, &tag(7)).await, Ok(Written::Done));
            }
        }
    }
    assert_eq!(bench.held().await.as_deref(), Some(OLD));
}

async fn one_that_was_made_again_under_its_name_is_another_place(bench: &dyn Bench) {
    let store = bench.store();
    let before = store.look().await.unwrap().identity;
    assert_eq!(store.look().await.unwrap().identity, before, "it is told alike each time");
    if bench.make_again(OLD).await {
        assert!(before.is_some(), "it is told which place it is");
        assert_ne!(store.look().await.unwrap().identity, before);
    }
}

async fn what_we_write_ourselves_does_not_make_it_another_place(bench: &dyn Bench) {
    let store = bench.store();
    store.preflight().await.unwrap();
    let before = store.look().await.unwrap();
    for (value, token) in [(NEW, 8), (OLD, 9)] {
        let base = store.look().await.unwrap().base;
        store.write(&secret(value), &base, &tag(token)).await.unwrap();
        let seen = store.look().await.unwrap();
        let is_ours = seen.value.as_ref().is_some_and(|held| held.expose() == value);
        assert!(seen.identity == before.identity || is_ours, "{:?} became {:?}", before.identity, seen.identity);
        store.finish(&tag(token), before.undo.as_ref()).await.unwrap();
        assert_eq!(store.look().await.unwrap().identity, seen.identity, "nor does the end of it");
    }
}

async fn a_roll_back_does_not_overwrite_somebody_else(bench: &dyn Bench) {
    let store = bench.store();
    if store.capabilities().rollback != Rollback::Native {
        return;
    }
    let seen = store.look().await.unwrap();
    store.write(&secret(NEW), &seen.base, &tag(8)).await.unwrap();
    let base = store.look().await.unwrap().base;
    bench.meddle(FOREIGN).await;
    let error = store.roll_back(&seen.undo.unwrap(), &base, &tag(7)).await.unwrap_err();
    assert!(matches!(error, StoreError::Conflict { .. }), "{error:?}");
    assert_eq!(bench.held().await.as_deref(), Some(FOREIGN));
}

async fn a_refusal_says_how_to_mend_it(bench: &dyn Bench) {
    if bench.trouble(Trouble::Denied).await {
        refuses(bench).await;
        bench.trouble(Trouble::None).await;
        assert_eq!(bench.held().await.as_deref(), Some(OLD), "nothing was written");
    }
}

async fn a_place_that_is_gone_is_told_with_the_mend(bench: &dyn Bench) {
    if bench.trouble(Trouble::Gone).await {
        refuses(bench).await;
    }
}

async fn refuses(bench: &dyn Bench) {
    let store = bench.store();
    for error in [
        store.preflight().await.unwrap_err(),
        store.look().await.err().unwrap(),
        store.write(&secret(NEW), &Default::default(), &tag(8)).await.unwrap_err(),
    ] {
        assert!(matches!(&error, StoreError::Refused { mend, .. } if !mend.is_empty()), "{error:?}");
        is_fit_to_show(bench, &error);
    }
}

async fn a_refusal_that_repeats_the_value_does_not_show_it(bench: &dyn Bench) {
    if bench.trouble(Trouble::Picky).await {
        let error = write(&*bench.store(), NEW).await.unwrap_err();
        assert!(matches!(error, StoreError::Refused { .. }), "{error:?}");
        is_fit_to_show(bench, &error);
    }
}

/// The host refuses one request after the other, of every method, and repeats the old value and the new one. Nothing of
/// that is in the error or in the most talkative log.
async fn no_words_of_the_host_give_a_value_away_whatever_is_asked(bench: &dyn Bench) {
    let store = bench.store();
    if !bench.refuses_after(0, 0, "no").await {
        return eprintln!("  not applicable: {} asks nobody who has words of their own", store.id());
    }
    bench.takes_back_a_refusal().await;
    let heard = Heard::default();
    let known = if store.capabilities().readable { vec![OLD, NEW] } else { vec![NEW] };
    for (way, words) in known.iter().flat_map(|value| quotations(value)).enumerate() {
        let undo = store.look().await.unwrap().undo.unwrap_or_else(|| Undo("7".into()));
        for method in ["preflight", "look", "write", "roll_back", "finish"] {
            for others in 0..8 {
                let base = store.look().await.unwrap().base;
                bench.refuses_after(others, way, &words).await;
                heard.of(bench, method, (&undo, &base)).await;
                if bench.takes_back_a_refusal().await {
                    break;
                }
            }
        }
        bench.meddle(OLD).await;
    }
    heard.nothing_of(bench, &known);
}

/// The spellings, a few at a time: what is hidden is short, so whatever is not hidden is within the part that is shown.
fn quotations(value: &str) -> Vec<String> {
    let mut all = spelled::spellings(value);
    let encoded = all[7].clone();
    all.push(format!("{} {} {} {}", &value[..12], &value[4..16], &value[7..], &encoded[3..19]));
    all.chunks(5).map(|few| format!("so {} indeed", few.join(", "))).collect()
}

/// Everything that was said when the host refused, as the engine would log it.
#[derive(Default)]
struct Heard(Log);

impl Heard {
    async fn of(&self, bench: &dyn Bench, method: &str, (undo, base): (&Undo, &Base)) {
        let (store, new, writer) = (bench.store(), secret(NEW), self.0.clone());
        let settings = LogSettings { format: None, filter: Some("trace".into()) };
        let listening = subscriber(&settings, false, move || writer.clone()).unwrap();
        let _listening = tracing::subscriber::set_default(listening);
        let outcome = match method {
            "preflight" => store.preflight().await.map(|()| Written::Done),
            "look" => store.look().await.map(|_| Written::Done),
            "write" => store.write(&new, base, &tag(8)).await,
            "roll_back" => store.roll_back(undo, base, &tag(7)).await,
            _ => store.finish(&tag(8), Some(undo)).await.map(|()| Written::Done),
        };
        match outcome {
            Err(error) => {
                is_fit_to_show(bench, &error);
                tracing::warn!(%error, ?error, method, "refused");
            }
            Ok(Written::Waiting { why }) => tracing::warn!(why, method, "waiting"),
            Ok(Written::Done) => {}
        }
    }

    fn nothing_of(&self, bench: &dyn Bench, known: &[&str]) {
        let log = self.0.text();
        assert!(log.contains("refused"), "the host was asked");
        assert!(!bench.passes_words_on() || log.contains("indeed"), "its words were passed on");
        for value in known {
            assert_eq!(spelled::find(log.as_bytes(), value), None);
        }
    }
}

async fn a_credential_that_ran_out_is_renewed(bench: &dyn Bench) {
    let store = bench.store();
    store.preflight().await.unwrap();
    if bench.trouble(Trouble::Expired).await {
        assert_eq!(write(&*store, NEW).await, Ok(Written::Done));
        assert_eq!(bench.held().await.as_deref(), Some(NEW));
    }
}

async fn patience_is_passed_on(bench: &dyn Bench) {
    let store = bench.store();
    let base = store.look().await.unwrap().base;
    if bench.trouble(Trouble::Limited).await {
        let error = store.write(&secret(NEW), &base, &tag(8)).await.unwrap_err();
        let asked = |wait: &Duration| *wait > Duration::from_secs(50);
        assert!(matches!(&error, StoreError::Unavailable { retry_after: Some(wait), .. } if asked(wait)), "{error:?}");
        is_fit_to_show(bench, &error);
        assert_eq!(bench.held().await.as_deref(), Some(OLD));
    }
}

async fn a_write_that_never_arrived_is_repeated(bench: &dyn Bench) {
    let store = bench.store();
    let base = store.look().await.unwrap().base;
    if bench.trouble(Trouble::CutBefore).await {
        let error = store.write(&secret(NEW), &base, &tag(8)).await.unwrap_err();
        assert!(matches!(error, StoreError::Unknown { .. } | StoreError::Unavailable { .. }), "{error:?}");
        is_fit_to_show(bench, &error);
        assert_eq!(bench.held().await.as_deref(), Some(OLD));
        bench.trouble(Trouble::None).await;
        assert_eq!(store.write(&secret(NEW), &base, &tag(8)).await, Ok(Written::Done));
        assert_eq!(bench.held().await.as_deref(), Some(NEW));
    }
}

async fn a_lost_answer_leaves_it_open_and_a_repeat_settles_it(bench: &dyn Bench) {
    let store = bench.store();
    let base = store.look().await.unwrap().base;
    if bench.trouble(Trouble::CutAfter).await {
        let error = store.write(&secret(NEW), &base, &tag(8)).await.unwrap_err();
        assert!(matches!(error, StoreError::Unknown { .. }), "{error:?}");
        is_fit_to_show(bench, &error);
        bench.trouble(Trouble::None).await;
        let versions = bench.versions().await;
        assert_eq!(store.write(&secret(NEW), &base, &tag(8)).await, Ok(Written::Done));
        assert_eq!(bench.held().await.as_deref(), Some(NEW));
        assert_eq!(bench.versions().await, versions, "it was there already");
    }
}

async fn silence_ends_at_the_time_limit(bench: &dyn Bench) {
    let Some(store) = bench.hasty() else { return };
    if bench.trouble(Trouble::Slow).await {
        let error = store.look().await.err().unwrap();
        assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
        is_fit_to_show(bench, &error);
    }
}

async fn a_broken_host_passes(bench: &dyn Bench) {
    let store = bench.store();
    if bench.trouble(Trouble::Broken).await {
        let error = store.look().await.err().unwrap();
        assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
        is_fit_to_show(bench, &error);
        bench.trouble(Trouble::None).await;
        assert_eq!(write(&*store, NEW).await, Ok(Written::Done));
    }
}

async fn a_value_that_is_too_long_is_refused_before_it_is_sent(bench: &dyn Bench) {
    let store = bench.store();
    store.preflight().await.unwrap();
    let Some(most) = store.capabilities().max_bytes else { return };
    // While a value is known that is too long to be searched for, every text of this process is hidden as a whole. In a
    // document without secrets there is nothing to search for, so no other story is disturbed.
    let (length, line) = (usize::try_from(most).unwrap() + 1, "# nothing in this line is secret\n");
    let long = if length > 64 << 10 { line.repeat(length / line.len() + 1) } else { "x".repeat(length) };
    let error = write(&*store, &long).await.unwrap_err();
    assert!(matches!(error, StoreError::Refused { .. }), "{error:?}");
    assert_eq!(bench.held().await.as_deref(), Some(OLD));
}

async fn finishing_twice_leaves_the_value_alone(bench: &dyn Bench) {
    let (store, rest) = (bench.store(), bench.rest().await);
    write(&*store, NEW).await.unwrap();
    for _ in 0..2 {
        store.finish(&tag(8), None).await.unwrap();
    }
    assert_eq!(bench.held().await.as_deref(), Some(NEW));
    assert_eq!(bench.rest().await, rest);
    assert!(!bench.said().await.contains("canary"), "no value in an address or a header");
}

/// As the bot would log if somebody asked it for everything.
async fn the_most_talkative_log_gives_nothing_away(bench: &dyn Bench) {
    let (log, settings) = (Log::default(), LogSettings { format: None, filter: Some("trace".into()) });
    let writer = log.clone();
    let lines = subscriber(&settings, false, move || writer.clone()).unwrap();
    let listening = tracing::subscriber::set_default(lines);
    let store = bench.store();
    store.preflight().await.unwrap();
    write(&*store, NEW).await.unwrap();
    tracing::info!("written");
    drop(listening);
    assert!(log.text().contains("written"), "somebody listened");
    // Credentials of some fakes are sparrows.
    let in_any_spelling = |line: &str| [OLD, NEW].iter().any(|value| spelled::find(line.as_bytes(), value).is_some());
    let gives_away = |line: &&str| in_any_spelling(line) || line.contains("sparrow");
    let told: Vec<String> = log.text().lines().filter(gives_away).map(str::to_owned).collect();
    assert!(told.is_empty(), "{told:#?}");
}

/// It names the store and gives nothing away.
fn is_fit_to_show(bench: &dyn Bench, error: &StoreError) {
    let (shown, debugged) = (error.to_string(), format!("{error:?}"));
    let id = bench.store().id().0.clone();
    let holder = id.split(" (").next().unwrap_or(&id);
    assert!(shown.contains(holder), "{shown}");
    for value in [OLD, NEW, FOREIGN] {
        let found = [&shown, &debugged].map(|text| spelled::find(text.as_bytes(), value));
        assert_eq!(found, [None, None], "{debugged}");
    }
}
