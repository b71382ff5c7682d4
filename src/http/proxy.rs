//! Which calls go through a proxy. The environment says (as for curl), but what this machine answers itself never does: a
//! proxy would get in clear what is spoken without TLS only because it stays here.

use reqwest::{NoProxy, Proxy};

/// What stays on this machine, or for the metadata service of a cloud on its own link: the same that may be reached
/// without TLS. A name stands for all names below it.
const NEAR: &str = "localhost,127.0.0.0/8,::1,::ffff:127.0.0.0/104,169.254.0.0/16";

/// What the environment says about proxies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies {
    /// The proxy for what is spoken without TLS.
    pub http: Option<String>,
    /// The proxy for what is spoken with TLS.
    pub https: Option<String>,
    /// What goes through neither, near places always among it; in the form of `NO_PROXY`.
    pub exempt: String,
}

impl Proxies {
    /// Those of this process's environment.
    pub fn of_environment() -> Self {
        Self::read(|name| std::env::var(name).ok())
    }

    fn read(variable: impl Fn(&str) -> Option<String>) -> Self {
        let first = |names: [&str; 2]| names.iter().find_map(|name| variable(name)).filter(|value| !value.is_empty());
        let exempt = first(["NO_PROXY", "no_proxy"]).map_or_else(|| NEAR.to_owned(), |own| format!("{NEAR},{own}"));
        // A web server hands a request's `Proxy` header to its programs as HTTP_PROXY.
        if variable("REQUEST_METHOD").is_some() {
            return Self { exempt, ..Self::default() };
        }
        let all = first(["ALL_PROXY", "all_proxy"]);
        let http = first(["HTTP_PROXY", "http_proxy"]).or_else(|| all.clone());
        Self { http, https: first(["HTTPS_PROXY", "https_proxy"]).or(all), exempt }
    }

    /// For a client. A proxy whose address cannot be understood is none, as for curl.
    pub(super) fn rules(&self) -> impl Iterator<Item = Proxy> {
        let exempt = NoProxy::from_string(&self.exempt);
        let http = self.http.as_ref().and_then(|proxy| Proxy::http(proxy).ok());
        let https = self.https.as_ref().and_then(|proxy| Proxy::https(proxy).ok());
        http.into_iter().chain(https).map(move |proxy| proxy.no_proxy(exempt.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::io::AsyncReadExt as _;
    use tokio::net::TcpListener;

    fn proxies(variables: &[(&str, &str)]) -> Proxies {
        let set = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        Proxies::read(set)
    }

    #[test]
    fn one_for_all_stands_where_none_is_named_and_near_places_are_always_exempt() {
        let read = proxies(&[("ALL_PROXY", "http://all:1"), ("https_proxy", "http://tls:2"), ("NO_PROXY", "corp")]);
        assert_eq!((read.http.as_deref(), read.https.as_deref()), (Some("http://all:1"), Some("http://tls:2")));
        assert!(read.exempt.ends_with(",corp") && read.exempt.contains("127.0.0.0/8"));
        let as_cgi = proxies(&[("HTTP_PROXY", "http://evil"), ("REQUEST_METHOD", "GET")]);
        assert_eq!((as_cgi.http, as_cgi.https), (None, None));
    }

    /// Who is asked for an address by a client that knows one proxy for everything: `true` if the proxy is.
    async fn goes_through(url: &str) -> bool {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = format!("http://{}", listener.local_addr().unwrap());
        let mut builder = crate::http::client::builder(None, &proxies(&[("ALL_PROXY", &proxy)])).unwrap();
        builder = builder.timeout(Duration::from_secs(5));
        let call = tokio::spawn(builder.build().unwrap().get(url).send());
        let asked = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.read_u8().await.is_ok()
        };
        tokio::select! {
            asked = asked => asked,
            _refused = call => false,
        }
    }

    #[tokio::test]
    async fn what_stays_on_this_machine_never_goes_through_a_proxy() {
        for url in ["http://127.0.0.1:1/", "http://127.9.9.9:1/", "http://[::1]:1/", "http://localhost:1/"] {
            assert!(!goes_through(url).await, "{url}");
        }
        for url in ["https://127.0.0.1:1/", "https://x.localhost:1/", "https://[::ffff:127.0.0.1]:1/"] {
            assert!(!goes_through(url).await, "{url}");
        }
        assert!(goes_through("http://gitlab.invalid/").await && goes_through("https://gitlab.invalid/").await);
    }
}
