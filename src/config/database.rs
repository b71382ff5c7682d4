//! `[database]`: SQLite in a file, or PostgreSQL with its password kept apart from the address, and its certificate
//! checked unless the server is on this machine.

use crate::secret::Secret;
use crate::settings::authority::ca_file;
use crate::settings::secret_ref::{self, SecretRef};
use crate::settings::section::Section;
use reqwest::Url;
use std::net::IpAddr;
use std::path::PathBuf;

pub(super) const KEYS: &[&str] = &["url", "password", "ca_file", "allow_eavesdropping", "key", "head"];

const SQLITE: &str = "sqlite:rekey.db";

const NO_KEY: &str = "key is missing: whoever can write the database could forge an approval. Make one with \
                      `openssl rand -base64 32`, keep it where the database's owner cannot read it, the same for all \
                      replicas, and add: key = \"file:/etc/rekey/database-key\" (or \"env:NAME\")";

/// Where rotations are remembered.
#[derive(Debug)]
pub struct Database {
    /// `sqlite:path` or `postgres://user@host/name`, without a password.
    pub url: String,
    /// PostgreSQL's password.
    pub password: Option<SecretRef>,
    /// Certificates (PEM) that are trusted for PostgreSQL beside the system's.
    pub ca_file: Option<PathBuf>,
    /// With what is sealed what must be believed; the newest first. None: a key beside the SQLite file.
    pub keys: Vec<SecretRef>,
    /// The file that knows the end of the journal. None: one beside the SQLite file.
    pub head: Option<PathBuf>,
}

impl Default for Database {
    fn default() -> Self {
        Self { url: SQLITE.into(), password: None, ca_file: None, keys: Vec::new(), head: None }
    }
}

impl Database {
    /// The address with the password and the authority in it, for opening connections and nothing else. Where it names no
    /// `sslmode`, the ledger checks the certificate of every server that is not on this machine.
    pub fn connect_url(&self) -> Secret {
        Secret::new(self.in_full().unwrap_or_else(|| self.url.clone()))
    }

    fn in_full(&self) -> Option<String> {
        if !self.is_postgres() {
            return None;
        }
        let mut url = Url::parse(&self.url).ok()?;
        if let Some(password) = &self.password {
            url.set_password(Some(password.value.expose())).ok()?;
        }
        if let Some(path) = &self.ca_file {
            url.query_pairs_mut().append_pair("sslrootcert", path.to_str()?);
        }
        Some(url.into())
    }

    /// Whether it is on a server of its own, which may be away for a while.
    pub fn is_postgres(&self) -> bool {
        is_postgres(&self.url)
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
    let Some(section) = section else { return Database::default() };
    let url = section.text("url").unwrap_or_else(|| SQLITE.into());
    if let Err(why) = check(&url) {
        section.complain("url", why);
    }
    let password = secret_ref::optional(&section, "password");
    let ca_file = ca_file(&section);
    for key in ["password", "ca_file", "allow_eavesdropping"] {
        if section.has(key) && !is_postgres(&url) {
            section.complain(key, &format!("{key} is for PostgreSQL; remove it, SQLite has none"));
        }
    }
    let listened_to = Url::parse(&url).ok().filter(|_| is_postgres(&url));
    let listened_to = listened_to.and_then(|url| eavesdropper(&url));
    if let Some(why) = listened_to.filter(|_| section.flag("allow_eavesdropping") != Some(true)) {
        let mend = "take sslmode out of url (verify-full is what stands there unsaid) and, if an authority of your own \
                    signs, write ca_file = \"/path/to/ca.pem\"; or live with it: allow_eavesdropping = true";
        section.complain("url", &format!("{why}; {mend}"));
    }
    let keys = secret_ref::several(&section, "key");
    if is_postgres(&url) && check(&url).is_ok() && !section.has("key") {
        section.complain("", NO_KEY);
    }
    let head = section.text("head").map(|path| section.source.folder.join(path));
    Database { url, password, ca_file, keys, head }
}

/// How somebody on the way to the server would come to the password and every row; `None` if they would not.
fn eavesdropper(url: &Url) -> Option<String> {
    let named = |names: &[&str]| url.query_pairs().filter(|(key, _)| names.contains(&&**key)).last();
    let mode = named(&["sslmode", "ssl-mode"]).map(|(_, mode)| mode.to_lowercase())?;
    // With verify-ca anybody could answer who has any certificate of a public authority: those stay trusted beside an
    // authority of one's own.
    if mode == "verify-full" || stays_here(url) {
        return None;
    }
    let words = match mode.as_str() {
        "disable" | "allow" | "prefer" => "the password can travel in clear",
        _ => "whoever is on the way can pose as the server and read the password",
    };
    Some(format!("with sslmode={mode} {words}"))
}

/// Whether every server that the address names is this machine.
fn stays_here(url: &Url) -> bool {
    let mut hosts: Vec<String> = url.host_str().map(str::to_owned).into_iter().collect();
    let keys = ["host", "hostaddr"];
    hosts.extend(url.query_pairs().filter(|(key, _)| keys.contains(&&**key)).map(|(_, host)| host.into_owned()));
    let here = |host: &String| {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let is_socket = host.starts_with('/') || host.starts_with("%2F") || host.starts_with("%2f");
        is_socket || host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    };
    !hosts.is_empty() && hosts.iter().all(here)
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
        let url = "postgres://rekey@db/rekey".into();
        let database =
            Database { url, password: Some(password), ca_file: Some("/etc/db ca.pem".into()), ..Database::default() };
        assert_eq!(
            database.connect_url().expose(),
            "postgres://rekey:p%40ss%2Fword@db/rekey?sslrootcert=%2Fetc%2Fdb+ca.pem"
        );
        assert_eq!(
            format!("{database:?}"),
            r#"Database { url: "postgres://rekey@db/rekey", password: Some(SecretRef(env:PW)), ca_file: Some("/etc/db ca.pem"), keys: [], head: None }"#
        );
    }

    #[test]
    fn only_a_database_in_a_file_has_a_file() {
        let file = |url: &str| Database { url: url.into(), ..Database::default() }.file();
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

    #[test]
    fn a_password_that_could_be_read_on_the_way_is_told_unless_the_server_is_here() {
        let told = |url: &str| eavesdropper(&Url::parse(url).unwrap()).is_some();
        for url in [
            "postgres://u@db/rekey?sslmode=disable",
            "postgres://u@db/rekey?sslmode=prefer",
            "postgres://u@db/rekey?ssl-mode=REQUIRE",
            "postgres://u@db/rekey?sslmode=verify-full&sslmode=require",
            "postgres://u@db/rekey?sslmode=verify-ca",
            "postgres://u@db/rekey?sslmode=verify-ca&sslrootcert=ca.pem",
            "postgres://u@localhost/rekey?host=db&sslmode=disable",
            "postgres://u@127.0.0.1/rekey?hostaddr=10.0.0.7&sslmode=disable",
            "postgres:///rekey?sslmode=disable",
            "postgres://u@localhost.example/rekey?sslmode=disable",
        ] {
            assert!(told(url), "{url}");
        }
        for url in [
            "postgres://u@db/rekey",
            "postgres://u@db/rekey?sslmode=verify-full",
            "postgres://u@localhost/rekey?sslmode=disable",
            "postgres://u@[::1]/rekey?sslmode=require",
            "postgres://u@%2Frun%2Fpostgresql/rekey?sslmode=disable",
            "postgres:///rekey?host=/run/postgresql&sslmode=disable",
        ] {
            assert!(!told(url), "{url}");
        }
    }
}
