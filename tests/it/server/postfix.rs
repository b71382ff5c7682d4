//! The pipe script by its exit statuses, and a real Postfix that delivers through it.

use super::house::{House, sample};
use super::mail::door;
use axum::Router;
use axum::extract::{Path as InPath, Request};
use axum::http::StatusCode;
use axum::routing::post;
use rekey::server::Settings;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

const ONE: &str = "emails/01-pat-7d-one-token-gitlabcom.eml";

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("manifests/mail/rekey-pipe.sh")
}

fn config(folder: &Path, url: &str) -> PathBuf {
    let path = folder.join("mail.curl");
    std::fs::write(&path, format!("url = \"{url}\"\nuser = \"actionmailbox:old-password\"\n")).unwrap();
    path
}

/// The exit status of the script and what it says.
async fn pipe(config: &Path, mail: &[u8]) -> (i32, String) {
    let mut command = Command::new(script());
    command.arg(config).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // Where nobody listens, curl does not read either.
    let _unread = child.stdin.take().unwrap().write_all(mail).await;
    let output = child.wait_with_output().await.unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
}

#[tokio::test]
async fn the_script_takes_a_mail_to_rekey() {
    let house = House::new(Settings { mail: Some(door()), ..Settings::default() }).await;
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path(), &house.url("/hooks/mail"));
    assert_eq!(pipe(&config, &sample(ONE)).await, (0, String::new()));
    assert_eq!(house.remembered().await.len(), 1);
    let (exit, said) = pipe(&config, &vec![b'x'; 3 << 20]).await;
    assert_eq!((exit, said.starts_with("5.6.0 ")), (65, true), "{said}");
}

#[tokio::test]
async fn the_script_exits_as_a_mail_server_expects() {
    let answer = |InPath(status): InPath<u16>, request: Request| async move {
        let expected = "Basic YWN0aW9ubWFpbGJveDpvbGQtcGFzc3dvcmQ=";
        assert_eq!(request.headers()["authorization"], expected);
        assert_eq!(request.headers()["content-type"], "message/rfc822");
        StatusCode::from_u16(status).unwrap()
    };
    let base = crate::http::serve(Router::new().route("/{status}", post(answer))).await;
    let folder = tempfile::tempdir().unwrap();
    for (status, exit, words) in [
        (200, 0, ""),
        (202, 0, ""),
        (302, 75, "4.4.1"),
        (400, 65, "5.6.0"),
        (401, 75, "4.7.0"),
        (404, 75, "4.4.1"),
        (408, 75, "4.4.1"),
        (413, 65, "5.6.0"),
        (415, 65, "5.6.0"),
        (429, 75, "4.4.1"),
        (500, 75, "4.4.1"),
        (503, 75, "4.4.1"),
    ] {
        let (exited, said) = pipe(&config(folder.path(), &format!("{base}/{status}")), b"x").await;
        assert_eq!((exited, said.split(' ').next()), (exit, Some(words)), "HTTP {status}");
    }
    let nobody = config(folder.path(), "http://127.0.0.1:1/hooks/mail");
    assert_eq!(pipe(&nobody, b"x").await.0, 75);
    assert_eq!(pipe(&folder.path().join("missing"), b"x").await.0, 75);
}

/// A Postfix of its own, which touches nothing of the machine's.
struct Postfix {
    folder: tempfile::TempDir,
    port: u16,
}

impl Postfix {
    /// `None`, and a note of it, where there is no Postfix that we could run.
    async fn start(hook: &str) -> Option<Self> {
        if !Path::new("/usr/sbin/postfix").exists() || Command::new("swaks").arg("--version").output().await.is_err() {
            crate::left_out::note("Postfix and swaks (Debian: postfix, swaks)");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        if !run(Command::new("chown").arg("root").arg(folder.path())).await.success() {
            crate::left_out::note("to be root, to start a Postfix");
            return None;
        }
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let postfix = Self { folder, port };
        postfix.set_up(hook).await;
        assert!(postfix.control("check").await.success(), "{}", postfix.log());
        assert!(postfix.control("start").await.success(), "{}", postfix.log());
        Some(postfix)
    }

    async fn set_up(&self, hook: &str) {
        let at = self.folder.path();
        for name in ["etc", "queue", "data", "hook"] {
            std::fs::create_dir(at.join(name)).unwrap();
        }
        std::fs::set_permissions(at, std::fs::Permissions::from_mode(0o755)).unwrap();
        std::fs::copy(script(), at.join("hook/rekey-pipe.sh")).unwrap();
        config(&at.join("hook"), hook);
        assert!(run(Command::new("chown").arg("-R").arg("nobody").arg(at.join("hook"))).await.success());
        assert!(run(Command::new("chown").arg("postfix").arg(at.join("data"))).await.success());
        let at = at.display();
        std::fs::write(self.file("main.cf"), include_str!("postfix/main.cf").replace("FOLDER", &at.to_string()))
            .unwrap();
        let services = include_str!("postfix/master.cf").replace("PORT", &self.port.to_string());
        std::fs::write(self.file("master.cf"), services.replace("FOLDER", &at.to_string())).unwrap();
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join("etc").join(name)
    }

    async fn control(&self, what: &str) -> ExitStatus {
        run(Command::new("/usr/sbin/postfix").arg("-c").arg(self.folder.path().join("etc")).arg(what)).await
    }

    async fn deliver(&self, mail: &Path) {
        let mut swaks = Command::new("swaks");
        swaks.args(["--server", &format!("127.0.0.1:{}", self.port), "--silent", "3"]);
        swaks.args(["--from", "gitlab@mg.gitlab.com", "--to", "rotator@bot.test", "--data"]);
        swaks.arg(format!("@{}", mail.display()));
        assert!(run(&mut swaks).await.success(), "{}", self.log());
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        let pid = std::fs::read_to_string(self.folder.path().join("queue/pid/master.pid")).unwrap_or_default();
        if !pid.trim().is_empty() {
            let _gone = std::process::Command::new("kill").arg(pid.trim()).status();
        }
    }
}

async fn run(command: &mut Command) -> ExitStatus {
    command.stdin(Stdio::null()).status().await.unwrap()
}

#[tokio::test]
async fn a_real_postfix_delivers_through_the_script() {
    let house = House::new(Settings { mail: Some(door()), ..Settings::default() }).await;
    let Some(postfix) = Postfix::start(&house.url("/hooks/mail")).await else { return };
    let mut changes = house.ledger.changes();
    postfix.deliver(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples").join(ONE)).await;
    let delivered = tokio::time::timeout(Duration::from_secs(60), changes.changed()).await;
    assert!(delivered.is_ok(), "{}", postfix.log());
    let remembered = house.remembered().await;
    assert_eq!(remembered.len(), 1);
    assert!(remembered[0].contains("GitLab Security Service - Architecture - Inventory"));
}
