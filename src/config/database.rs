//! `[database]`: SQLite in a file, or PostgreSQL with its password kept apart from the address.

use super::secret_ref::{self, SecretRef};
use super::section::Section;
use crate::secret::Secret;
use reqwest::Url;
use std::path::PathBuf;

pub(super) const KEYS: &[&str] = &["url", "password"];

const SQLITE: &str = "sqlite:rekey.db";

/// Where rotations are remembered.
#[derive(Debug)]
pub struct Database {
    /// `sqlite:path` or `postgres://user@host/name`, without a password.
    pub url: String,
    /// PostgreSQL's password.
    pub password: Option<SecretRef>,
}

impl Database {
    /// The address with the password in it, for opening connections and nothing else.
    pub fn connect_url(&self) -> Secret {
        let with_password = self.password.as_ref().and_then(|password| {
            let mut url = Url::parse(&self.url).ok()?;
            url.set_password(Some(password.value.expose())).ok()?;
            Some(url.into())
        });
        Secret::new(with_password.unwrap_or_else(|| self.url.clone()))
    }

    /// The file that holds it all; `None` for PostgreSQL, and for SQLite in memory.
    pub fn file(&self) -> Option<PathBuf> {
        let path = self.url.strip_prefix("sqlite:")?;
        let path = path.strip_prefix("//").unwrap_or(path);
        let path = path.split('?').next().unwrap_or(path);
        (!path.contains(":memory:")).then(|| PathBuf::from(path))
    }
}

pub(super) fn read(section: Option<Section<'_>>) -> Database {
    let Some(section) = section else { return Database { url: SQLITE.into(), password: None } };
    let url = section.text("url").unwrap_or_else(|| SQLITE.into());
    if let Err(why) = check(&url) {
        section.complain("url", why);
    }
    let password = secret_ref::optional(&section, "password");
    if password.is_some() && !is_postgres(&url) {
        section.complain("password", "password is for PostgreSQL; remove it, SQLite has none");
    }
    Database { url, password }
}

fn is_postgres(url: &str) -> bool {
    url.starts_with("postgres://") || url.starts_with("postgresql://")
}

fn check(url: &str) -> Result<(), &'static str> {
    if url.strip_prefix("sqlite:").is_some_and(|path| !path.is_empty()) {
        return Ok(());
    }
    if !is_postgres(url) {
        return Err("url must begin with sqlite: or postgres://");
    }
    let parsed = Url::parse(url).map_err(|_| "url is not an address; write postgres://user@host/name")?;
    let in_query = parsed.query_pairs().any(|(key, _)| key == "password");
    if parsed.password().is_some() || in_query {
        return Err("url holds a password; take it out and write password = \"env:NAME\" or \"file:/path\"");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_joins_the_address_only_for_connecting_and_is_escaped() {
        let password = SecretRef { reference: "env:PW".into(), file: None, value: Secret::new("p@ss/word".into()) };
        let database = Database { url: "postgres://rekey@db/rekey".into(), password: Some(password) };
        assert_eq!(database.connect_url().expose(), "postgres://rekey:p%40ss%2Fword@db/rekey");
        assert_eq!(
            format!("{database:?}"),
            r#"Database { url: "postgres://rekey@db/rekey", password: Some(SecretRef(env:PW)) }"#
        );
    }

    #[test]
    fn only_a_database_in_a_file_has_a_file() {
        let file = |url: &str| Database { url: url.into(), password: None }.file();
        assert_eq!(file("sqlite:rekey.db"), Some("rekey.db".into()));
        assert_eq!(file("sqlite:///var/lib/rekey.db?mode=rwc"), Some("/var/lib/rekey.db".into()));
        assert_eq!(file("sqlite::memory:"), None);
        assert_eq!(file("postgres://u@db/rekey"), None);
    }

    #[test]
    fn a_password_in_the_address_is_refused_wherever_it_hides() {
        for url in ["postgres://u:pw@db/rekey", "postgres://u@db/rekey?password=pw", "mysql://db", "sqlite:"] {
            assert!(check(url).is_err(), "{url}");
        }
        for url in ["sqlite:rekey.db", "sqlite:/var/lib/rekey/rekey.db", "postgres://u@db/rekey?sslmode=verify-full"] {
            assert!(check(url).is_ok(), "{url}");
        }
    }
}
