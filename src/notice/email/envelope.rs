//! The headers that decide before anything of the body is read: sender, subject, and the signs of a machine's answer.

use super::{MailPolicy, Refused};
use mail_parser::{HeaderName, HeaderValue, Message};

/// The headers that we act on.
pub struct Envelope {
    /// The one sender, lower case, `local@domain`.
    pub from: String,
    /// The subject, decoded; empty if there is none.
    pub subject: String,
    /// The mail's own id, without brackets.
    pub message_id: Option<String>,
    /// Refers to a mail that it answers.
    pub in_reply_to: bool,
    automatic: bool,
    bounce: bool,
}

impl Envelope {
    /// Reads the headers, refusing what would make the sender ambiguous.
    pub fn read(mail: &Message<'_>) -> Result<Self, Refused> {
        if mail.parts.is_empty() {
            return Err(Refused::Malformed("no headers"));
        }
        Ok(Self {
            from: sender(mail)?,
            subject: only(mail, HeaderName::Subject, "two subjects")?
                .and_then(HeaderValue::as_text)
                .unwrap_or("")
                .into(),
            message_id: mail.message_id().map(super::super::name::plain),
            in_reply_to: mail.header(HeaderName::InReplyTo).is_some_and(|value| *value != HeaderValue::Empty),
            automatic: is_automatic(mail),
            bounce: is_bounce(mail),
        })
    }

    /// Reports, automatic answers and our own mails never count. `Auto-Submitted: auto-generated` does: GitLab sets it.
    /// An empty return path says nothing: many machines send so what they do not want back.
    pub fn refuse_loops(&self, policy: &MailPolicy) -> Result<(), Refused> {
        match self {
            _ if self.bounce => Err(Refused::Bounce),
            _ if self.automatic => Err(Refused::AutoReply),
            _ if policy.is_own(&self.from) => Err(Refused::OwnMail),
            _ => Ok(()),
        }
    }
}

/// The value of a header that may stand only once.
fn only<'m, 'x>(
    mail: &'m Message<'x>,
    name: HeaderName<'static>,
    otherwise: &'static str,
) -> Result<Option<&'m HeaderValue<'x>>, Refused> {
    let mut values = mail.header_values(name);
    match (values.next(), values.next()) {
        (first, None) => Ok(first),
        _ => Err(Refused::Malformed(otherwise)),
    }
}

fn sender(mail: &Message<'_>) -> Result<String, Refused> {
    let from = only(mail, HeaderName::From, "").map_err(|_| Refused::SeveralFrom)?;
    let addresses = from.and_then(HeaderValue::as_address).ok_or(Refused::Malformed("no sender"))?;
    let list = addresses.as_list().ok_or(Refused::Malformed("no sender"))?;
    let [one] = list else {
        return Err(if list.is_empty() { Refused::Malformed("no sender") } else { Refused::SeveralFrom });
    };
    let address = one.address.as_deref().map(str::to_ascii_lowercase).unwrap_or_default();
    match address.split_once('@') {
        Some((local, domain)) if !local.is_empty() && is_domain(domain) => Ok(address),
        _ => Err(Refused::Malformed("no sender")),
    }
}

fn is_domain(text: &str) -> bool {
    text.contains(|c: char| c.is_ascii_alphanumeric())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-')
}

fn is_automatic(mail: &Message<'_>) -> bool {
    let answers = |value: &str| !matches!(first_word(value).as_str(), "" | "no" | "auto-generated");
    mail.header_values("Auto-Submitted").filter_map(HeaderValue::as_text).any(answers)
        || ["X-Autoreply", "X-Autorespond"].iter().any(|name| mail.header_values(*name).any(is_yes))
}

/// Whoever sets such a header means it, unless it says otherwise.
fn is_yes(value: &HeaderValue<'_>) -> bool {
    !matches!(first_word(value.as_text().unwrap_or("").trim()).as_str(), "no" | "false" | "0" | "none" | "off")
}

fn first_word(value: &str) -> String {
    let end = value.find(|c: char| c == ';' || c == '(' || c.is_whitespace()).unwrap_or(value.len());
    value[..end].to_ascii_lowercase()
}

fn is_bounce(mail: &Message<'_>) -> bool {
    let content_type = mail.header(HeaderName::ContentType);
    content_type.and_then(HeaderValue::as_content_type).is_some_and(|value| {
        value.ctype().eq_ignore_ascii_case("multipart")
            && value.subtype().is_some_and(|subtype| subtype.eq_ignore_ascii_case("report"))
    })
}
