//! GitLab's mails about tokens: raw RFC 5322 bytes in, a [`Notice`] out. Strict where it matters (who sent it, which
//! GitLab it links to), lenient in what is only a hint (names, greeting). Links are never followed.

pub mod address;
pub mod border;
pub mod envelope;
pub mod html;
pub mod link;
pub mod policy;
pub mod proof;
pub mod reading;
pub mod rewritten;
pub mod subject;
pub mod text;

pub use policy::{Instance, MailPolicy, Proof};

use super::{Notice, Source, Subject};
use envelope::Envelope;
use link::Target;
use mail_parser::{Message, MessageParser, MessagePart, PartType};
use reading::Reading;
use std::sync::LazyLock;
use subject::Headline;

/// Why a mail changes nothing. Typed, so that the log line and the metric can say which.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// More bytes or parts than any mail of GitLab has.
    #[error("the mail is too big")]
    TooBig,
    /// Not a mail at all, or one without the headers that every mail has.
    #[error("the mail cannot be read: {0}")]
    Malformed(&'static str),
    /// More than one sender: which one was authenticated cannot be known.
    #[error("the mail has more than one sender")]
    SeveralFrom,
    /// A delivery report.
    #[error("the mail is a delivery report")]
    Bounce,
    /// An out-of-office answer and the like.
    #[error("the mail is an automatic answer")]
    AutoReply,
    /// From an address of our own: answering ourselves would never end.
    #[error("the mail is our own")]
    OwnMail,
    /// A person's answer that quotes a notification.
    #[error("the mail is a reply")]
    Reply,
    /// By its subject, none of the mails about tokens.
    #[error("the mail is not about tokens")]
    NotAnExpiryMail,
    /// Nothing that we believe says that the sender is who it claims to be.
    #[error("the mail's sender is not authenticated: {0}")]
    Unauthenticated(&'static str),
    /// Authenticated, but nobody who may tell us about tokens of this instance.
    #[error("{from} may not send notices for this gitlab")]
    Stranger {
        /// The address in `From`.
        from: String,
    },
    /// Links to the token settings of a host that is not in the allow list.
    #[error("the mail links to {host}, which is none of our gitlab hosts")]
    LookAlike {
        /// The host as written, made plain.
        host: String,
    },
    /// The text and the HTML of one mail name different instances or resources.
    #[error("the parts of the mail contradict each other")]
    Contradictory,
    /// Something that no mail gateway of ours is put itself between us and the link.
    #[error(
        "the mail's links lead through {host}; if that is a mail gateway of yours, name it in [mail] link_gateways"
    )]
    Rewritten {
        /// The host that the links name.
        host: String,
    },
    /// No link to token settings, so the instance is unknown.
    #[error("the mail does not link to token settings")]
    NoLink,
}

static PARSER: LazyLock<MessageParser> = LazyLock::new(|| {
    MessageParser::new()
        .with_mime_headers()
        .header_address("From")
        .header_text("Subject")
        .header_id("Message-ID")
        .default_header_raw()
});

/// Reads one mail under a policy. Only a mail to which others are attached gives more than one notice.
pub fn parse(raw: &[u8], policy: &MailPolicy) -> Result<Vec<Notice>, Refused> {
    if raw.len() > policy.max_bytes {
        return Err(Refused::TooBig);
    }
    let mail = PARSER.parse(raw).ok_or(Refused::Malformed("no headers"))?;
    if mail.parts.len() > policy.max_parts {
        return Err(Refused::TooBig);
    }
    let outer = Envelope::read(&mail)?;
    outer.refuse_loops(policy)?;
    let attached: Vec<&Message<'_>> = mail.parts.iter().filter_map(MessagePart::message).collect();
    if attached.is_empty() {
        return Ok(vec![directly(&mail, &outer, policy)?]);
    }
    each(attached.iter().map(|inner| forwarded_as_attachment(&mail, &outer, inner, policy)))
}

/// What any of them says; only if none says anything, why.
fn each(read: impl Iterator<Item = Result<Notice, Refused>>) -> Result<Vec<Notice>, Refused> {
    let (mut notices, mut refused) = (Vec::new(), None);
    for one in read {
        match one {
            Ok(notice) if notices.contains(&notice) => {}
            Ok(notice) => notices.push(notice),
            Err(why) => refused = refused.or(Some(why)),
        }
    }
    match refused {
        Some(why) if notices.is_empty() => Err(why),
        _ => Ok(notices),
    }
}

fn directly(mail: &Message<'_>, outer: &Envelope, policy: &MailPolicy) -> Result<Notice, Refused> {
    let line = subject::Line::read(&outer.subject);
    let forwarded = line.forwarded || (line.either && !outer.in_reply_to);
    if line.reply || (outer.in_reply_to && !forwarded) {
        return Err(Refused::Reply);
    }
    let headline = Headline::read(line.rest).ok_or(Refused::NotAnExpiryMail)?;
    proof::check(mail, &outer.from, policy)?;
    if forwarded && !policy.may_forward(&outer.from) {
        return Err(Refused::Stranger { from: outer.from.clone() });
    }
    let found = contents(mail, forwarded, policy)?;
    if !forwarded && !found.instance.is_sender(&outer.from) {
        return Err(Refused::Stranger { from: outer.from.clone() });
    }
    Ok(notice(headline, found, outer, forwarded))
}

/// The person's mail is authenticated; the attached one carries no proof of its own, but must fit its instance.
fn forwarded_as_attachment(
    mail: &Message<'_>,
    outer: &Envelope,
    inner: &Message<'_>,
    policy: &MailPolicy,
) -> Result<Notice, Refused> {
    if inner.parts.len() > policy.max_parts {
        return Err(Refused::TooBig);
    }
    let attached = Envelope::read(inner)?;
    let line = subject::Line::read(&attached.subject);
    if line.reply || line.forwarded || line.either {
        return Err(Refused::Reply);
    }
    let headline = Headline::read(line.rest).ok_or(Refused::NotAnExpiryMail)?;
    proof::check(mail, &outer.from, policy)?;
    if !policy.may_forward(&outer.from) {
        return Err(Refused::Stranger { from: outer.from.clone() });
    }
    let found = contents(inner, false, policy)?;
    if !found.instance.is_sender(&attached.from) {
        return Err(Refused::Stranger { from: attached.from });
    }
    Ok(notice(headline, found, outer, true))
}

/// What the parts say. HTML goes first: GitLab escapes names there, so no name can pretend to be structure.
fn contents<'p>(mail: &Message<'_>, forwarded: bool, policy: &'p MailPolicy) -> Result<Reading<'p>, Refused> {
    let (mut best, mut other) = (None, None);
    for part in mail.html_body.iter().chain(&mail.text_body).filter_map(|id| mail.part(*id)) {
        match &part.body {
            PartType::Html(html) if best.is_none() => best = Reading::of_html(html::blocks(html), forwarded, policy)?,
            PartType::Text(text) if other.is_none() => {
                other = Reading::of_text(text::blocks(text, forwarded), forwarded, policy)?;
            }
            _ => (),
        }
    }
    match (best, other) {
        (Some(html), Some(text)) => html.agreeing_with(text),
        (one, another) => one.or(another).ok_or(Refused::NoLink),
    }
}

fn notice(headline: Headline, found: Reading<'_>, outer: &Envelope, forwarded: bool) -> Notice {
    let Headline::Tokens { change, days } = headline else {
        return Notice::Ignored { why: "deploy tokens are not rotated here".into() };
    };
    let names = found.names(change);
    let subject = match found.target {
        Target::Personal => Subject::Personal { display_name: found.greeted },
        Target::Project(path) => Subject::Project { path },
        Target::Group(path) => Subject::Group { path },
    };
    let source = Source::Mail { message_id: outer.message_id.clone(), from: outer.from.clone(), forwarded };
    Notice::Tokens { change, subject, host: found.instance.known_as.clone(), names, days, source }
}
