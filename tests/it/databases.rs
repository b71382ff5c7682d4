//! Every story about remembering is told on both databases.

use super::postgres;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rekey::ledger::{Guard, Keys, Ledger, LedgerError, Word};
use rekey::secret::Secret;
use std::future::Future;
use std::sync::Arc;

/// An empty database of one story.
pub struct Fresh {
    /// What `ledger::open` takes.
    pub url: String,
    _folder: Option<tempfile::TempDir>,
}

/// Opens it with the key of the stories, as a bot with that key would.
pub async fn open(url: &str) -> Result<Arc<dyn Ledger>, LedgerError> {
    open_with(url, Word::Nothing).await
}

/// The same, where somebody says what it is.
pub async fn open_with(url: &str, word: Word) -> Result<Arc<dyn Ledger>, LedgerError> {
    rekey::ledger::open_guarded(url, Guard { keys: Some(keys(7)), word, ..Guard::default() }).await
}

/// A key of 32 bytes that are all alike.
pub fn keys(byte: u8) -> Keys {
    Keys::new(&Secret::new(STANDARD.encode([byte; 32])), &[]).unwrap()
}

/// One of each kind. Without a PostgreSQL server, outside CI, SQLite alone.
pub async fn databases() -> Vec<Fresh> {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("rekey.db").display());
    let sqlite = Fresh { url, _folder: Some(folder) };
    let postgres = postgres::fresh_database().await.map(|url| Fresh { url, _folder: None });
    std::iter::once(sqlite).chain(postgres).collect()
}

/// Tells a story on each of them, and cleans up behind those that end well.
pub async fn on_each<F: Future<Output = ()>>(story: impl Fn(String) -> F) {
    for database in databases().await {
        eprintln!("on {}", database.url);
        story(database.url.clone()).await;
        if database.url.starts_with("postgres") {
            postgres::drop_database(&database.url).await;
        }
    }
}
