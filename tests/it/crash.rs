//! The real binary against the sandbox, killed with SIGKILL before and after every outside call of a rotation. Another
//! process takes each rotation to its end; what holds then is read from the sandbox's own books.

mod faults;
mod house;

use crate::postgres;
use futures::{StreamExt, stream};
use house::House;
use rekey::sandbox::gitlab::{Fault, Rule};
use tokio::sync::Semaphore;

/// Rotations in the works at once, in both stories together: they mostly wait, but two cores are two cores.
const AT_ONCE: usize = 16;

static TURNS: Semaphore = Semaphore::const_new(AT_ONCE);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_call_on_sqlite_a_rotation_is_taken_to_its_end() {
    let calls = undisturbed(House::on_sqlite().await).await;
    let kills = stream::iter(kills(calls)).map(|kill| async move {
        let _turn = TURNS.acquire().await;
        survive(House::on_sqlite().await, kill).await;
    });
    kills.buffer_unordered(AT_ONCE).collect::<()>().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_call_on_postgres_a_rotation_is_taken_to_its_end() {
    let Some(url) = postgres::fresh_database().await else { return };
    let calls = undisturbed(House::on(url.clone()).await).await;
    postgres::drop_database(&url).await;
    let kills = stream::iter(kills(calls)).map(|kill| async move {
        let _turn = TURNS.acquire().await;
        let url = postgres::fresh_database().await.unwrap();
        survive(House::on(url.clone()).await, kill).await;
        postgres::drop_database(&url).await;
    });
    kills.buffer_unordered(AT_ONCE).collect::<()>().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_between_any_two_writes_on_sqlite_four_stores_hold_one_value_in_the_end() {
    let between = stream::iter(between_writes()).map(|kill| async move {
        let _turn = TURNS.acquire().await;
        spread(House::of_four_stores(None).await, kill).await;
    });
    between.buffer_unordered(AT_ONCE).collect::<()>().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_between_any_two_writes_on_postgres_four_stores_hold_one_value_in_the_end() {
    let Some(url) = postgres::fresh_database().await else { return };
    postgres::drop_database(&url).await;
    let between = stream::iter(between_writes()).map(|kill| async move {
        let _turn = TURNS.acquire().await;
        let url = postgres::fresh_database().await.unwrap();
        spread(House::of_four_stores(Some(url.clone())).await, kill).await;
        postgres::drop_database(&url).await;
    });
    between.buffer_unordered(AT_ONCE).collect::<()>().await;
}

/// Before and after each request by which a store is changed: the variable, the copy of the secure file, its removal,
/// the new one, the group's variable, the removal of the copy. The file lies between the last but one and the one before.
fn between_writes() -> impl Iterator<Item = Rule> {
    let writes = [("PUT", "*/variables/*", 2), ("POST", "*/secure_files", 2), ("DELETE", "*/secure_files/*", 2)];
    let each = writes.into_iter().flat_map(|(method, path, count)| (1..=count).map(move |nth| (method, path, nth)));
    each.flat_map(|(method, path, nth)| {
        [Fault::HoldBefore, Fault::HoldAfter].map(|fault| Rule::new(method, path, fault).nth(nth))
    })
}

/// The bot dies there, and another one must have been needed.
async fn spread(house: House, kill: Rule) {
    let what = format!("{kill:?}");
    house.state.fault(kill.caller(house.bot));
    let mut bot = house.serve();
    tokio::select! {
        _ = house.state.held() => {}
        () = house.closed(&bot) => unreachable!("this write was never made: {what}"),
    }
    bot.kill();
    house.state.clear_faults();
    house.state.release(false);
    let second = house.serve();
    house.closed(&second).await;
    house.holds_everywhere(&what);
}

/// Before each call, and after each that changes something: after a mere read nothing is different.
fn kills(calls: Vec<String>) -> impl Iterator<Item = Rule> {
    let before = (1..=calls.len() as u64).map(|nth| Rule::nth_call(nth, Fault::HoldBefore));
    let after = ["POST", "PUT", "DELETE"].map(|method| {
        let count = calls.iter().filter(|call| *call == method).count() as u64;
        (1..=count).map(move |nth| Rule::new(method, "*", Fault::HoldAfter).nth(nth))
    });
    before.chain(after.into_iter().flatten())
}

/// The methods of the calls that a rotation takes when nobody is killed.
async fn undisturbed(house: House) -> Vec<String> {
    let before = house.calls().len();
    let bot = house.serve();
    house.closed(&bot).await;
    let calls = house.calls().split_off(before);
    house.holds("undisturbed");
    let writes = calls.iter().filter(|method| *method != "GET").count();
    eprintln!("{} calls, {writes} of them writes", calls.len());
    assert!(calls.len() > 30 && writes > 5, "a rotation that makes these calls is none: {calls:?}");
    calls
}

async fn survive(house: House, kill: Rule) {
    let what = format!("{kill:?}");
    let performed = kill.fault == Fault::HoldAfter;
    house.state.fault(kill.caller(house.bot));
    let mut bot = house.serve();
    tokio::select! {
        held = house.state.held() => assert_eq!(held.performed, performed, "{what}"),
        // Polls make the number of calls vary a little: this one was not needed.
        () = house.closed(&bot) => {}
    }
    bot.kill();
    house.state.clear_faults();
    house.state.release(false);
    let second = house.serve();
    house.closed(&second).await;
    house.holds(&what);
}
