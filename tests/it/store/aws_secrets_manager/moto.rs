//! moto, an emulator of AWS that we did not write: a server of it, its Secrets Manager and its security token service.

use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// A server that ends with its owner.
pub struct Moto {
    child: Child,
    pub url: String,
}

impl Moto {
    /// `None`: it is not installed, which was said.
    pub async fn start() -> Option<Self> {
        let python = crate::python::with("moto.server, boto3")?;
        let mut child = Command::new(python)
            .args(["-m", "moto.server", "-H", "127.0.0.1", "-p", "0"])
            .env("MOTO_ACCOUNT_ID", "222222222222")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(child.stderr.take().unwrap());
        let (ready, url) = tokio::sync::oneshot::channel();
        std::thread::spawn(move || {
            let mut ready = Some(ready);
            // Read to the end, or the server would wait for somebody to listen.
            for line in said.lines().map_while(Result::ok) {
                if let Some((_, url)) = line.split_once("Running on ")
                    && let Some(ready) = ready.take()
                {
                    let _told = ready.send(url.trim().to_owned());
                }
            }
        });
        let url = url.await.unwrap();
        Some(Self { child, url })
    }

    /// Calls an action of Secrets Manager by other means than the adapter's.
    pub async fn call(&self, action: &str, body: Value) -> Option<Value> {
        let scope = "AWS4-HMAC-SHA256 Credential=AKIA/20260101/eu-central-1/secretsmanager/aws4_request";
        let answer = rekey::http::client_with(&rekey::http::Tls { direct: true, ..Default::default() })
            .unwrap()
            .post(&self.url)
            .header("x-amz-target", format!("secretsmanager.{action}"))
            .header("content-type", "application/x-amz-json-1.1")
            .header("authorization", format!("{scope}, SignedHeaders=host;x-amz-date, Signature=0"))
            .body(body.to_string())
            .send()
            .await
            .unwrap();
        let good = answer.status().is_success();
        let body: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        good.then_some(body)
    }

    /// A secret with that text.
    pub async fn create(&self, name: &str, text: &str) {
        self.call("CreateSecret", json!({ "Name": name, "SecretString": text })).await.unwrap();
    }

    /// The text that readers get.
    pub async fn current(&self, name: &str) -> Option<String> {
        let wanted = json!({ "SecretId": name, "VersionStage": "AWSCURRENT" });
        Some(self.call("GetSecretValue", wanted).await?["SecretString"].as_str()?.to_owned())
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}
