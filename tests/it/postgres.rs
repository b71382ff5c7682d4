//! A private PostgreSQL server, started once per test process. It ends with the process, even if that is killed: the
//! shell that minds it waits for the end of its input.

use sqlx::{AnyConnection, AssertSqlSafe, Connection};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

const MIND_THE_SERVER: &str = r#"
set -e
PATH="$1:$PATH"
cd /
dir=$(mktemp -d)
trap 'pg_ctl -D "$dir/pg" -m immediate stop >/dev/null 2>&1 || true; rm -rf "$dir"' EXIT
initdb -D "$dir/pg" -U postgres --auth=trust --no-sync -E UTF8 >"$dir/initdb.log"
cat "$3" >"$dir/pg/server.pem"
chmod 600 "$dir/pg/server.pem"
options="-p $2 -c ssl=on -c ssl_cert_file=server.pem -c ssl_key_file=server.pem -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=300"
pg_ctl -D "$dir/pg" -w -l "$dir/log" -o "$options -c fsync=off -c full_page_writes=off" start >/dev/null </dev/null
echo ready
cat >/dev/null
"#;

const NEEDS: &str = "a PostgreSQL server (Debian: postgresql; REKEY_TEST_POSTGRES names one), for its second half";

/// The server, for as long as this process lives.
struct Server {
    url: String,
    _minder: Option<(Child, ChildStdin)>,
}

static SERVER: LazyLock<Option<Server>> = LazyLock::new(|| {
    let named = std::env::var("REKEY_TEST_POSTGRES").ok().map(|url| Server { url, _minder: None });
    named.or_else(|| binaries().map(|binaries| start(&binaries)))
});

/// The URL of a new, empty database; `None` where there is no server.
pub async fn fresh_database() -> Option<String> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let server = crate::left_out::unless(SERVER.as_ref(), NEEDS)?;
    let name = format!("rekey_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    sqlx::any::install_default_drivers();
    let mut admin = AnyConnection::connect(&server.url).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut admin).await.unwrap();
    admin.close().await.unwrap();
    let (base, _) = server.url.rsplit_once('/').unwrap();
    Some(format!("{base}/{name}"))
}

/// Another database that is as this one is now. Nobody may be connected to it.
pub async fn copy(url: &str) -> String {
    let (base, name) = url.rsplit_once('/').unwrap();
    administer(&format!("CREATE DATABASE {name}_older TEMPLATE {name}")).await;
    format!("{base}/{name}_older")
}

/// The copy takes the place of the original, whoever uses that.
pub async fn put_back(copy: &str, url: &str) {
    drop_database(url).await;
    let name = |url: &str| url.rsplit_once('/').unwrap().1.to_owned();
    administer(&format!("ALTER DATABASE {} RENAME TO {}", name(copy), name(url))).await;
}

async fn administer(sql: &str) {
    let mut admin = AnyConnection::connect(&SERVER.as_ref().unwrap().url).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut admin).await.unwrap();
    admin.close().await.unwrap();
}

/// Throws the database away, whoever still uses it.
pub async fn drop_database(url: &str) {
    let server = SERVER.as_ref().unwrap();
    let (_, name) = url.rsplit_once('/').unwrap();
    let mut admin = AnyConnection::connect(&server.url).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(format!("DROP DATABASE {name} WITH (FORCE)"))).execute(&mut admin).await.unwrap();
    admin.close().await.unwrap();
}

/// The newest installed server, or the one on the path.
fn binaries() -> Option<PathBuf> {
    let installed = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = installed.map(|version| version.path().join("bin")).filter(|bin| is_server(bin)).max();
    let path = std::env::var_os("PATH").unwrap_or_default();
    newest.or_else(|| std::env::split_paths(&path).find(|bin| is_server(bin)))
}

fn is_server(bin: &Path) -> bool {
    bin.join("initdb").exists() && bin.join("pg_ctl").exists()
}

fn start(binaries: &Path) -> Server {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut minder = command()
        .args(["sh", "-c", MIND_THE_SERVER, "sh"])
        .arg(binaries)
        .arg(port.to_string())
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/samples/tls/server.pem"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let input = minder.stdin.take().unwrap();
    let mut said = String::new();
    BufReader::new(minder.stdout.take().unwrap()).read_line(&mut said).unwrap();
    assert_eq!(said, "ready\n", "PostgreSQL did not start");
    Server { url: format!("postgres://postgres@127.0.0.1:{port}/postgres"), _minder: Some((minder, input)) }
}

/// PostgreSQL refuses to run as root.
fn command() -> Command {
    let root = std::fs::metadata("/proc/self").is_ok_and(|me| std::os::unix::fs::MetadataExt::uid(&me) == 0);
    let mut command = Command::new(if root { "runuser" } else { "env" });
    if root {
        command.args(["-u", "postgres", "--"]);
    }
    command
}
