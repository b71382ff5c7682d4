//! How PostgreSQL is spoken to: its certificate is checked, and whoever cannot show one never gets the password.

use crate::databases::open;
use crate::postgres::fresh_database;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

const PASSWORD: &str = "canary-password";

/// `0.0.0.0` leads to this machine, and is none of its loopback addresses.
fn elsewhere(url: &str) -> String {
    url.replace("127.0.0.1", "0.0.0.0")
}

/// A server that speaks no TLS, and all that it was told.
async fn without_tls() -> (String, Arc<Mutex<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("postgres://rekey:{PASSWORD}@{}/rekey", listener.local_addr().unwrap());
    let told = Arc::new(Mutex::new(Vec::new()));
    let heard = told.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let heard = heard.clone();
            tokio::spawn(async move {
                let mut request = [0; 8];
                stream.read_exact(&mut request).await.unwrap();
                stream.write_all(b"N").await.unwrap();
                let mut startup = vec![0; 1024];
                let count = stream.read(&mut startup).await.unwrap_or(0);
                heard.lock().unwrap().extend_from_slice(&startup[..count]);
                // "Say the password in clear", as whoever sits in the middle would.
                let _ = stream.write_all(b"R\0\0\0\x08\0\0\0\x03").await;
                let count = stream.read(&mut startup).await.unwrap_or(0);
                heard.lock().unwrap().extend_from_slice(&startup[..count]);
            });
        }
    });
    (url, told)
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_gets_neither_the_password_nor_the_name() {
    let (url, told) = without_tls().await;
    let refused = open(&elsewhere(&url)).await.err().unwrap().to_string();
    assert!(refused.contains("does not support TLS"), "{refused}");
    assert!(told.lock().unwrap().is_empty(), "{:?}", String::from_utf8_lossy(&told.lock().unwrap()));
    // The same server on this machine, where nobody is in between, hears it: the fake would tell.
    open(&url).await.err().unwrap();
    assert!(String::from_utf8_lossy(&told.lock().unwrap()).contains(PASSWORD));
}

#[tokio::test]
async fn a_certificate_must_be_signed_by_somebody_we_believe_and_name_the_server() {
    let Some(url) = fresh_database().await else { return };
    let authority = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/samples/tls/ca.pem");
    let refused = async |url: &str| open(url).await.err().map(|error| error.to_string()).unwrap_or_default();
    assert!(refused(&elsewhere(&url)).await.contains("UnknownIssuer"));
    let with_authority = format!("{}?sslrootcert={authority}", elsewhere(&url));
    assert!(refused(&with_authority).await.contains("not valid for name"), "{}", refused(&with_authority).await);
    let named = format!("{}?sslmode=verify-full&sslrootcert={authority}", url.replace("127.0.0.1", "localhost"));
    open(&named).await.unwrap().close().await;
    open(&url).await.unwrap().close().await;
}
