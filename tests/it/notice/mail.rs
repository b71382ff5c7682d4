//! A small builder of mails as GitLab writes them: template × language × encoding × line ends × instance.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rekey::notice::email::{Instance, MailPolicy, Proof};

pub const ENCODINGS: [Encoding; 3] = [Encoding::Plain, Encoding::QuotedPrintable, Encoding::Base64];
pub const PARTS: [Parts; 3] = [Parts::Both, Parts::TextOnly, Parts::HtmlOnly];
pub const LANGUAGES: [Language; 4] = [Language::English, Language::OldEnglish, Language::German, Language::Japanese];

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Encoding {
    Plain,
    QuotedPrintable,
    Base64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Parts {
    Both,
    TextOnly,
    HtmlOnly,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Language {
    English,
    OldEnglish,
    German,
    Japanese,
}

#[derive(Clone, Debug)]
pub struct Mail {
    pub from: String,
    pub subject: String,
    pub headers: Vec<(String, String)>,
    pub text: String,
    pub html: String,
    pub parts: Parts,
    pub encoding: Encoding,
    pub crlf: bool,
}

pub fn policy() -> MailPolicy {
    let instances = vec![
        Instance::at("https://gitlab.com", &["gitlab.com", "mg.gitlab.com"]).unwrap(),
        Instance::at("https://git.example.org:8443", &["git@example.org"]).unwrap(),
        Instance::at("https://tools.example.net/gitlab", &["tools.example.net"]).unwrap(),
    ];
    let mut policy = MailPolicy::new(instances, Proof::Results { servers: vec!["mx.corp.example".into()] });
    policy.forwarders = vec!["corp.example".into()];
    policy.own = vec!["token-rotation@corp.example".into()];
    policy
}

pub fn results_for(from: &str) -> String {
    let domain = from.rsplit('@').next().unwrap();
    format!("mx.corp.example;\n dkim=pass header.i=@{domain} header.s=mailo; dmarc=pass header.from={domain}")
}

pub fn sentence(days: u32) -> String {
    format!("Your personal access tokens will expire in {days} {} or less", if days == 1 { "day" } else { "days" })
}

impl Mail {
    pub fn new(subject: &str, text: String, html: String) -> Self {
        let mail = Self {
            from: String::new(),
            subject: subject.into(),
            headers: vec![
                ("Message-ID".into(), "<1@gitlab.mail>".into()),
                ("Auto-Submitted".into(), "auto-generated".into()),
                ("X-Auto-Response-Suppress".into(), "All".into()),
            ],
            text,
            html,
            parts: Parts::Both,
            encoding: Encoding::Plain,
            crlf: true,
        };
        mail.from("gitlab@mg.gitlab.com")
    }

    /// Sets the sender and the verdict that our server gives on it.
    pub fn from(mut self, from: &str) -> Self {
        self.from = from.into();
        self.headers.retain(|(name, _)| name != "Authentication-Results");
        self.headers.insert(0, ("Authentication-Results".into(), results_for(from)));
        self
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self
    }

    pub fn parts(mut self, parts: Parts) -> Self {
        self.parts = parts;
        self
    }

    pub fn encoding(mut self, encoding: Encoding) -> Self {
        self.encoding = encoding;
        self
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut out = String::new();
        for (name, value) in &self.headers {
            out += &format!("{name}: {value}\n");
        }
        out += &format!("From: GitLab <{}>\nSubject: {}\nMIME-Version: 1.0\n", self.from, self.subject);
        out += &match self.parts {
            Parts::TextOnly => part("plain", &self.text, self.encoding),
            Parts::HtmlOnly => part("html", &self.html, self.encoding),
            Parts::Both => format!(
                "Content-Type: multipart/alternative; boundary=\"==_b\"\n\n--==_b\n{}\n--==_b\n{}\n--==_b--\n",
                part("plain", &self.text, self.encoding),
                part("html", &self.html, self.encoding)
            ),
        };
        let out = out.replace("\r\n", "\n");
        if self.crlf { out.replace('\n', "\r\n") } else { out }.into_bytes()
    }
}

fn part(subtype: &str, body: &str, encoding: Encoding) -> String {
    let (name, body) = match encoding {
        Encoding::Plain => ("8bit", body.to_owned()),
        Encoding::QuotedPrintable => ("quoted-printable", quoted_printable(body)),
        Encoding::Base64 => ("base64", base64_lines(body)),
    };
    format!("Content-Type: text/{subtype}; charset=UTF-8\nContent-Transfer-Encoding: {name}\n\n{body}\n")
}

fn base64_lines(body: &str) -> String {
    let encoded = STANDARD.encode(body);
    let lines: Vec<&str> = encoded.as_bytes().chunks(60).map(|line| std::str::from_utf8(line).unwrap()).collect();
    lines.join("\n")
}

fn quoted_printable(body: &str) -> String {
    let mut out = String::new();
    for line in body.split('\n') {
        let mut width = 0;
        for (at, byte) in line.bytes().enumerate() {
            let last = at + 1 == line.len();
            let piece = match byte {
                b' ' if !last => " ".to_owned(),
                33..=60 | 62..=126 => (byte as char).to_string(),
                _ => format!("={byte:02X}"),
            };
            if width + piece.len() > 72 {
                out += "=\n";
                width = 0;
            }
            width += piece.len();
            out += &piece;
        }
        out.push('\n');
    }
    out
}

pub fn escaped(name: &str) -> String {
    name.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

/// The footer and frame that GitLab puts around every HTML mail.
pub fn framed(host: &str, body: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head><title>Your tokens</title><style type=\"text/css\">\np > a{{x:y}} <a href=\"https://evil.example/-/user_settings/personal_access_tokens\"><li>\n\
         </style></head>\n<body style=\"margin:0\"><table><tbody><tr><td><img src=\"https://{host}/logo.png\"></td></tr>\
         <tr><td>\n{body}\n</td></tr><tr><td><div>You&#39;re receiving this email because of your account on {host}. \
         <a href=\"https://{host}/-/profile/notifications\">Manage all notifications</a> &middot; \
         <a href=\"https://{host}/help\">Help</a></div></td></tr></tbody></table></body></html>"
    )
}

fn footer(host: &str) -> String {
    format!("-- \nYou're receiving this email because of your account on {host}.\n")
}

/// The list mail: personal tokens about to expire.
pub fn expiring(base: &str, days: u32, names: &[&str], language: Language) -> Mail {
    let (hello, intro) = match language {
        Language::German => (
            "Hallo svc-bot!",
            format!("Eines oder mehrere deiner persönlichen Zugriffstoken laufen in {days} Tagen oder weniger ab:"),
        ),
        Language::Japanese => {
            ("こんにちは、svc-bot さん！", format!("パーソナルアクセストークンが{days}日以内に期限切れになります："))
        }
        _ => ("Hi svc-bot!", format!("One or more of your personal access tokens will expire in {days} days or less:")),
    };
    list_mail(base, &sentence(days), hello, &intro, names, language)
}

pub fn list_mail(base: &str, subject: &str, hello: &str, intro: &str, names: &[&str], language: Language) -> Mail {
    let url = format!("{base}/-/user_settings/personal_access_tokens");
    let host = base.trim_start_matches("https://");
    let closing = match language {
        Language::English => format!("Go to {url} to check your personal access tokens or create a new one."),
        Language::Japanese => format!("新しいものを作成するか、{url}で確認できます。"),
        _ => format!("You can create a new one or check them in your personal access tokens settings {url}."),
    };
    let lines: String = names.iter().map(|name| format!("  - {name}\n")).collect();
    let text = format!("{hello}\n\n{intro}\n\n{lines}\n{closing}\n\n{}", footer(host));
    let items: String = names.iter().map(|name| format!("<li>{}</li>\n", escaped(name))).collect();
    let html = framed(
        host,
        &format!(
            "<p>\n{}\n</p>\n<p>\n{intro}\n</p>\n<p>\n</p><ul>\n{items}</ul>\n\n<p>\nYou can create a new one or check \
             them in your <a href=\"{url}\" target=\"_blank\" rel=\"noopener noreferrer\">personal access tokens</a> \
             settings\n</p>",
            escaped(hello)
        ),
    );
    Mail::new(subject, text, html)
}

/// Created, rotated, revoked: one name in a sentence.
pub fn done(base: &str, verb: &str, name: &str, code: bool) -> Mail {
    let url = format!("{base}/-/user_settings/personal_access_tokens");
    let host = base.trim_start_matches("https://");
    let (article, new) = if verb == "created" { ("A", " new") } else { ("Your", "") };
    let subject = format!("{article}{new} personal access token has been {verb}");
    let start = format!("{article}{new} personal access token, named ");
    let text = format!(
        "Hi svc-bot!\n\n{start}{name}, has been {verb}.\n\nGo to {url} to check it in your settings.\n\n{}",
        footer(host)
    );
    let shown = if code { format!("<code>{}</code>", escaped(name)) } else { escaped(name) };
    let html = framed(
        host,
        &format!(
            "<p>\nHi svc-bot!\n</p>\n<p>\n{start}{shown}, has been {verb}.\n</p>\n<p>\nYou can check it in your \
             <a href=\"{url}\">personal access tokens</a> settings.\n</p>"
        ),
    );
    Mail::new(&subject, text, html)
}

/// Project and group access tokens.
pub fn resource(base: &str, kind: &str, path: &str, name: &str, days: u32, old: bool) -> Mail {
    let host = base.trim_start_matches("https://");
    let below = if kind == "Group" { format!("groups/{path}") } else { path.to_owned() };
    let url = format!("{base}/{below}/-/settings/access_tokens");
    let closing = match old {
        true => format!("You can create a new one or check them in your access token settings: {url}"),
        false => format!("Go to {url} to check your access tokens or create a new one."),
    };
    let text = format!(
        "Hi Jo!\n\nYour {kind} access token {name} for {kind}: {path} will expire in {days} days or less.\n\n{closing}\n\n\
         You are receiving this email because you are an Owner of the {kind}.\n\n{}",
        footer(host)
    );
    let html = framed(
        host,
        &format!(
            "<p>\nHi Jo!\n</p>\n<p>\nYour {kind} access token <code>{}</code> for <code>{path}</code> will expire in \
             {days} days or less.\n</p>\n<p>\nYou can create a new one or check them in your <a href=\"{url}\">access \
             tokens</a> settings.\n</p>\n<p>You are receiving this email because you are an Owner.</p>",
            escaped(name)
        ),
    );
    Mail::new(&format!("Your resource access tokens will expire in {days} days or less"), text, html)
}
