//! A PostgreSQL server that takes no writes for a while, as one does that was demoted or whose disk is full.

use super::at;
use crate::{databases, postgres};
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _};

async fn say(admin: &mut AnyConnection, statement: String) {
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(admin).await.unwrap();
}

#[tokio::test]
async fn connections_that_take_no_writes_are_given_up_as_soon_as_the_server_takes_some_again() {
    let Some(url) = postgres::fresh_database().await else { return };
    let ledger = databases::open(&url).await.unwrap();
    let (server, name) = url.rsplit_once('/').unwrap();
    let mut admin = AnyConnection::connect(&format!("{server}/postgres")).await.unwrap();
    say(&mut admin, format!("ALTER DATABASE {name} SET default_transaction_read_only = on")).await;
    // Only a new session learns of it.
    say(&mut admin, format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")).await;
    for key in 0..20 {
        assert!(ledger.first_time(&format!("told {key}"), at(0)).await.is_err(), "it cannot be kept");
    }
    say(&mut admin, format!("ALTER DATABASE {name} SET default_transaction_read_only = off")).await;
    for key in 0..20 {
        ledger.first_time(&format!("told {key}"), at(0)).await.unwrap();
    }
    postgres::drop_database(&url).await;
}
