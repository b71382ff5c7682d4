//! What the blocks of one part say: the instance and resource (from the settings link), names, greeting.
//! Names come before the closing link in every template, so the *last* link counts and no name can stand for it.

use super::super::{Change, name::plain};
use super::link::{self, Target};
use super::text::Block;
use super::{Instance, MailPolicy, Refused};

/// GitLab lists at most this many names in one mail.
const MOST_NAMES: usize = 100;
const GREETINGS: [&str; 18] = [
    "hi ",
    "hallo ",
    "hello ",
    "hola ",
    "¡hola ",
    "¡hola, ",
    "hola, ",
    "bonjour ",
    "olá ",
    "ciao ",
    "hej ",
    "hei ",
    "merhaba ",
    "cześć ",
    "ahoj ",
    "привет, ",
    "вітаємо, ",
    "bună ",
];

/// One part, understood.
pub struct Reading<'p> {
    /// The instance that it links to.
    pub instance: &'p Instance,
    /// The resource that it links to.
    pub target: Target,
    /// The name in the greeting.
    pub greeted: Option<String>,
    /// Everything up to and including the closing link.
    blocks: Vec<Block>,
    /// Where to look for names if these blocks have none.
    spare: Vec<Block>,
}

impl<'p> Reading<'p> {
    /// Reads a text part, where only the last settings link counts. `None` if there is none, an error if it is foreign.
    pub fn of_text(blocks: Vec<Block>, forwarded: bool, policy: &'p MailPolicy) -> Result<Option<Self>, Refused> {
        let last = links(&blocks).rev().find_map(|(at, url)| Some((at, link::resolve(url, policy).transpose()?)));
        let Some((at, resolved)) = last else { return Self::veiled(blocks, forwarded, policy) };
        let (instance, target) = resolved?;
        Ok(Some(Self::up_to(at, instance, target, blocks, forwarded)))
    }

    /// Reads an HTML part. Names are escaped there and cannot become links, so every settings link must be ours.
    pub fn of_html(blocks: Vec<Block>, forwarded: bool, policy: &'p MailPolicy) -> Result<Option<Self>, Refused> {
        let mut last = None;
        for (at, url) in links(&blocks) {
            last = link::resolve(url, policy)?.map(|resolved| (at, resolved)).or(last);
        }
        match last {
            Some((at, (instance, target))) => Ok(Some(Self::up_to(at, instance, target, blocks, forwarded))),
            None => Self::veiled(blocks, forwarded, policy),
        }
    }

    /// Where a gateway's links say no more than the host: GitLab's first link behind the names is that to the settings,
    /// and the sentence says whose they are.
    fn veiled(blocks: Vec<Block>, forwarded: bool, policy: &'p MailPolicy) -> Result<Option<Self>, Refused> {
        let said = blocks.iter().enumerate().rev().find_map(|(at, block)| Some((at, said_of(&block.text)?)));
        let names = said.as_ref().map(|(at, _)| *at).or_else(|| blocks.iter().rposition(|block| block.item));
        let behind = |(at, _): &(usize, &str)| names.is_none_or(|names| *at >= names);
        let found = links(&blocks).filter(behind).find_map(|(at, url)| Some((at, link::veiled(url, policy)?)));
        if let Some((at, instance)) = found {
            let target = said.map_or(Target::Personal, |(_, target)| target);
            return Ok(Some(Self::up_to(at, instance, target, blocks, forwarded)));
        }
        let unknown = links(&blocks).find_map(|(_, url)| link::wrapped_by(url, policy));
        unknown.map_or(Ok(None), |host| Err(Refused::Rewritten { host }))
    }

    fn up_to(at: usize, instance: &'p Instance, target: Target, mut blocks: Vec<Block>, forwarded: bool) -> Self {
        blocks.truncate(at + 1);
        let greeted = greeting(&blocks, forwarded);
        Self { instance, target, greeted, blocks, spare: Vec::new() }
    }

    /// Joins the HTML with the text of the same mail, which must be about the same thing.
    pub fn agreeing_with(mut self, text: Self) -> Result<Self, Refused> {
        if self.instance.host != text.instance.host || self.target != text.target {
            return Err(Refused::Contradictory);
        }
        self.greeted = self.greeted.or(text.greeted);
        self.spare = text.blocks;
        Ok(self)
    }

    /// The names, plain, in order.
    pub fn names(&self, change: Change) -> Vec<String> {
        let from = |blocks: &[Block]| match (&self.target, change) {
            (Target::Personal, Change::AboutToExpire | Change::Expired) => listed(blocks),
            (Target::Personal, _) => listed_or(blocks, named(blocks)),
            (Target::Project(path), _) => listed_or(blocks, resource(blocks, &format!(" for Project: {path} "))),
            (Target::Group(path), _) => listed_or(blocks, resource(blocks, &format!(" for Group: {path} "))),
        };
        let names = from(&self.blocks);
        let names = if names.is_empty() { from(&self.spare) } else { names };
        names.iter().map(|name| plain(name)).filter(|name| !name.is_empty()).take(MOST_NAMES).collect()
    }
}

fn links(blocks: &[Block]) -> impl DoubleEndedIterator<Item = (usize, &str)> {
    blocks.iter().enumerate().flat_map(|(at, block)| block.links.iter().map(move |url| (at, url.as_str())))
}

/// The list that stands right before the closing sentence, with at most one sentence between.
fn listed(blocks: &[Block]) -> Vec<String> {
    let Some(last) = blocks.iter().rposition(|block| block.item) else { return Vec::new() };
    if last + 3 < blocks.len() {
        return Vec::new();
    }
    let first = blocks[..last].iter().rposition(|block| !block.item).map_or(0, |before| before + 1);
    blocks[first..=last].iter().map(|block| block.text.clone()).collect()
}

fn listed_or(blocks: &[Block], one: Option<String>) -> Vec<String> {
    one.map_or_else(|| listed(blocks), |name| vec![name])
}

/// "..., named NAME, has been created.": the first `named` and the last `has been`, so that a name with the same
/// words stays whole. In other languages the HTML marks the name as code.
fn named(blocks: &[Block]) -> Option<String> {
    let english = |block: &Block| {
        let (_, rest) = block.text.split_once(", named ")?;
        rest.rsplit_once(", has been ").map(|(name, _)| name.to_owned())
    };
    marked(blocks).or_else(|| blocks.iter().rev().find_map(english))
}

/// "Your Project access token NAME for Project: full/path will expire": the path is known from the link.
fn resource(blocks: &[Block], path: &str) -> Option<String> {
    let english = |block: &Block| {
        let (_, rest) = block.text.split_once(" access token ")?;
        rest.rsplit_once(path).map(|(name, _)| name.to_owned())
    };
    marked(blocks).or_else(|| blocks.iter().rev().find_map(english))
}

/// "Your Project access token NAME for Project: full/path will expire", in HTML without the second "Project:".
fn said_of(sentence: &str) -> Option<Target> {
    let (kind, _) = sentence.strip_prefix("Your ")?.split_once(" access token ")?;
    let (_, path) = sentence.rsplit_once(" will expire").map_or(sentence, |(start, _)| start).rsplit_once(" for ")?;
    let path = path.strip_prefix(kind).and_then(|path| path.strip_prefix(": ")).unwrap_or(path);
    match kind {
        "Project" if link::is_path(path) => Some(Target::Project(path.to_owned())),
        "Group" if link::is_path(path) => Some(Target::Group(path.to_owned())),
        _ => None,
    }
}

fn marked(blocks: &[Block]) -> Option<String> {
    blocks.iter().rev().find_map(|block| block.code.clone())
}

/// "Hi NAME!" in the languages that we know. People who forward greet too, above GitLab's greeting.
fn greeting(blocks: &[Block], forwarded: bool) -> Option<String> {
    let mut greetings = blocks.iter().filter(|block| !block.item).filter_map(greeted);
    let name = if forwarded { greetings.next_back() } else { greetings.next() };
    name.map(plain).filter(|name| !name.is_empty())
}

fn greeted(block: &Block) -> Option<&str> {
    let name = block.text.trim_end().strip_suffix(['!', '！'])?;
    let after = |greeting: &&str| {
        let (said, rest) = name.split_at_checked(greeting.len())?;
        (said.to_lowercase() == **greeting).then_some(rest.trim())
    };
    GREETINGS.iter().find_map(after)
}
