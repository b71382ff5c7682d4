//! Debian's Chromium without a window, driven over WebDriver with plain HTTP.

use serde_json::{Value, json};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};

const FLAGS: [&str; 9] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1440,900",
];

/// Polls of a condition; each takes the driver a moment of its own.
const PATIENCE: Duration = Duration::from_secs(90);

pub struct Browser {
    client: reqwest::Client,
    session: String,
    _driver: Driver,
    _profile: tempfile::TempDir,
}

/// Ended with the story, whatever becomes of it.
struct Driver(Child);

impl Driver {
    fn start() -> Option<Self> {
        let started = Command::new("chromedriver").arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        crate::left_out::unless(started.ok(), "chromedriver (Debian: chromium, chromium-driver)").map(Self)
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Browser {
    /// `None`, and a note of it, where there is no chromedriver.
    pub async fn open() -> Option<Self> {
        let (driver, port) = loop {
            let mut driver = Driver::start()?;
            if let Some(port) = port(driver.0.stdout.take().unwrap()).await {
                break (driver, port);
            }
        };
        let profile = tempfile::tempdir().unwrap();
        // Whoever makes the first client brings the TLS provider along.
        drop(rekey::http::client(None).unwrap());
        let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
        let data = format!("--user-data-dir={}", profile.path().display());
        let args: Vec<&str> = FLAGS.into_iter().chain([data.as_str()]).collect();
        let wanted =
            json!({"capabilities": {"alwaysMatch": {"browserName": "chrome", "goog:chromeOptions": {"args": args}}}});
        let made = client.post(format!("http://127.0.0.1:{port}/session")).json(&wanted).send().await.unwrap();
        let made: Value = made.json().await.unwrap();
        let id = &made["value"]["sessionId"];
        assert!(id.is_string(), "no session: {made}");
        let id = id.as_str().unwrap();
        let session = format!("http://127.0.0.1:{port}/session/{id}");
        Some(Self { client, session, _driver: driver, _profile: profile })
    }

    async fn call(&self, path: &str, body: Value) -> Value {
        let answer = self.client.post(format!("{}{path}", self.session)).json(&body).send().await.unwrap();
        let answer: Value = answer.json().await.unwrap();
        assert!(answer["value"]["error"].is_null(), "{path}: {answer}");
        answer["value"].clone()
    }

    pub async fn go(&self, url: &str) {
        self.call("/url", json!({ "url": url })).await;
    }

    /// Makes what is seen this wide and high.
    pub async fn resize(&self, width: u32, height: u32) {
        self.call("/window/rect", json!({ "width": width, "height": height })).await;
    }

    async fn run(&self, script: &str) -> Value {
        self.call("/execute/sync", json!({ "script": script, "args": [] })).await
    }

    pub async fn read(&self, script: &str) -> String {
        self.run(script).await.as_str().unwrap().to_owned()
    }

    /// Asks until the script returns true.
    pub async fn until(&self, script: &str) {
        let asking = async { while self.run(script).await != Value::Bool(true) {} };
        let became_true = tokio::time::timeout(PATIENCE, asking).await.is_ok();
        assert!(became_true, "never true: {script}\n{}", self.read("return document.body.innerText").await);
    }

    /// Presses a button with the mouse, as soon as it is there and enabled.
    pub async fn click(&self, selector: &str) {
        let quoted = serde_json::to_string(selector).unwrap();
        self.until(&format!("const b = document.querySelector({quoted}); return !!b && !b.disabled")).await;
        let found = self.call("/element", json!({ "using": "css selector", "value": selector })).await;
        let element = found.as_object().unwrap().values().next().unwrap().as_str().unwrap().to_owned();
        self.call(&format!("/element/{element}/click"), json!({})).await;
    }

    /// Types into a field, behind what stands there.
    pub async fn write(&self, selector: &str, text: &str) {
        let found = self.call("/element", json!({ "using": "css selector", "value": selector })).await;
        let element = found.as_object().unwrap().values().next().unwrap().as_str().unwrap().to_owned();
        self.call(&format!("/element/{element}/value"), json!({ "text": text })).await;
    }

    /// Saves what is seen below `target`.
    pub async fn screenshot(&self, name: &str) {
        use base64::Engine as _;
        let answer = self.client.get(format!("{}/screenshot", self.session)).send().await.unwrap();
        let answer: Value = answer.json().await.unwrap();
        let png = base64::engine::general_purpose::STANDARD.decode(answer["value"].as_str().unwrap()).unwrap();
        std::fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join("target").join(name), png).unwrap();
    }

    pub async fn close(self) {
        self.client.delete(&self.session).send().await.unwrap();
    }
}

/// The free port that chromedriver says it has taken; `None` if another program was quicker and it gave up.
async fn port(output: std::process::ChildStdout) -> Option<u16> {
    let output = tokio::process::ChildStdout::from_std(output).unwrap();
    let mut lines = BufReader::new(output).lines();
    let mut port: Option<u16> = None;
    while port.is_none() {
        let line = lines.next_line().await.unwrap()?;
        port = line
            .trim_end_matches('.')
            .rsplit_once("on port ")
            .and_then(|(_, port)| port.parse().ok())
            .filter(|port| *port != 0);
    }
    // The rest must be read too, or the driver stops when the pipe is full.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    port
}
