//! An HTML part as blocks. A scanner, not a browser: it knows which tags start a block, list items, code and links,
//! skips what is never shown, and walks the bytes once whatever they are.

use super::link;
use super::text::{Block, MOST_BLOCKS};
use mail_parser::decoders::html::add_html_token;

const BLOCKS: [&str; 20] = [
    "p",
    "div",
    "td",
    "tr",
    "th",
    "table",
    "tbody",
    "br",
    "ul",
    "ol",
    "li",
    "h1",
    "h2",
    "h3",
    "h4",
    "body",
    "html",
    "blockquote",
    "hr",
    "pre",
];

/// Cuts HTML into paragraphs and list items.
pub fn blocks(html: &str) -> Vec<Block> {
    let mut scan = Scan { rest: html, blocks: Vec::new(), block: Block::default(), code: None };
    while !scan.rest.is_empty() && scan.blocks.len() < MOST_BLOCKS {
        let open = scan.rest.find('<').unwrap_or(scan.rest.len());
        let (text, markup) = scan.rest.split_at(open);
        append(&mut scan.block.text, text);
        scan.rest = markup;
        if !markup.is_empty() {
            scan.markup();
        }
    }
    scan.close_block(false);
    scan.blocks
}

struct Scan<'h> {
    rest: &'h str,
    blocks: Vec<Block>,
    block: Block,
    code: Option<usize>,
}

impl<'h> Scan<'h> {
    /// One tag, comment or declaration; what never ends swallows the rest, as in a browser.
    fn markup(&mut self) {
        if let Some(comment) = self.rest.strip_prefix("<!--") {
            self.rest = after(comment, "-->");
            return;
        }
        if !self.rest[1..].starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?')) {
            self.block.text.push('<');
            self.rest = &self.rest[1..];
            return;
        }
        let Some(end) = tag_end(self.rest) else {
            self.rest = "";
            return;
        };
        let inside = &self.rest[1..end];
        self.rest = &self.rest[end + 1..];
        let (closing, inside) = inside.strip_prefix('/').map_or((false, inside), |inside| (true, inside));
        let length = inside.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(inside.len());
        let (name, attributes) = inside.split_at(length);
        match &*name.to_ascii_lowercase() {
            "style" if !closing => self.rest = after_closing(self.rest, "style"),
            "script" if !closing => self.rest = after_closing(self.rest, "script"),
            "title" if !closing => self.rest = after_closing(self.rest, "title"),
            "a" if !closing => self.anchor(attributes),
            "code" => self.mark_code(closing),
            known if BLOCKS.contains(&known) => self.boundary(known, closing),
            _ => (),
        }
    }

    /// Inside an item only lists end it: clients put paragraphs and breaks into items.
    fn boundary(&mut self, tag: &str, closing: bool) {
        if !self.block.item || matches!(tag, "li" | "ul" | "ol" | "table" | "body" | "html") {
            self.close_block(tag == "li" && !closing);
        } else {
            append(&mut self.block.text, " ");
        }
    }

    fn close_block(&mut self, item: bool) {
        self.code = None;
        let mut block = std::mem::replace(&mut self.block, Block { item, ..Block::default() });
        block.text.truncate(block.text.trim_end().len());
        if !block.is_empty() {
            self.blocks.push(block);
        }
    }

    fn mark_code(&mut self, closing: bool) {
        if !closing {
            self.code = Some(self.block.text.len());
        } else if let (Some(start), None) = (self.code.take(), &self.block.code) {
            self.block.code = self.block.text.get(start..).map(|code| code.trim().to_owned());
        }
    }

    fn anchor(&mut self, attributes: &'h str) {
        if let Some(href) = attribute(attributes, "href").filter(|href| link::may_be_settings(href)) {
            let mut url = String::new();
            append(&mut url, href);
            self.block.links.push(url.trim().to_owned());
        }
    }
}

/// Where the tag at the start ends; `>` within quotes does not end it.
fn tag_end(text: &str) -> Option<usize> {
    let mut quote = None;
    for (at, byte) in text.bytes().enumerate() {
        match quote {
            Some(open) if byte == open => quote = None,
            Some(_) => (),
            None if byte == b'"' || byte == b'\'' => quote = Some(byte),
            None if byte == b'>' => return Some(at),
            None => (),
        }
    }
    None
}

fn after<'h>(text: &'h str, end: &str) -> &'h str {
    text.split_once(end).map_or("", |(_, rest)| rest)
}

fn after_closing<'h>(text: &'h str, tag: &str) -> &'h str {
    let closes = |at: &usize| {
        let name = text.as_bytes().get(at + 2..at + 2 + tag.len());
        name.is_some_and(|name| name.eq_ignore_ascii_case(tag.as_bytes()))
    };
    text.match_indices("</").map(|(at, _)| at).find(closes).map_or("", |at| &text[at..])
}

fn attribute<'h>(attributes: &'h str, wanted: &str) -> Option<&'h str> {
    let mut rest = attributes;
    loop {
        let (name, after) = rest.split_once('=')?;
        let name = name.rsplit(|c: char| c.is_whitespace() || c == '/').find(|word| !word.is_empty()).unwrap_or("");
        let after = after.trim_start();
        let (value, next) = match after.chars().next()? {
            quote @ ('"' | '\'') => after[1..].split_once(quote)?,
            _ => after.split_at(after.find(char::is_whitespace).unwrap_or(after.len())),
        };
        if name.eq_ignore_ascii_case(wanted) {
            return Some(value);
        }
        rest = next;
    }
}

/// Adds text with entities decoded and white space collapsed.
fn append(out: &mut String, text: &str) {
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if c == '&' {
            rest = entity(out, rest);
            continue;
        }
        let run = rest.find(|c: char| c == '&' || c.is_whitespace()).unwrap_or(rest.len());
        out.push_str(&rest[..run]);
        rest = &rest[run..];
        if rest.starts_with(char::is_whitespace) {
            if !out.is_empty() && !out.ends_with(' ') {
                out.push(' ');
            }
            rest = rest.trim_start();
        }
    }
}

fn entity<'h>(out: &mut String, text: &'h str) -> &'h str {
    let is_body = |c: char| c.is_ascii_alphanumeric() || c == '#';
    let end = text[1..].find(|c: char| !is_body(c)).map(|end| end + 1).filter(|end| *end <= 32);
    match end.filter(|end| text[*end..].starts_with(';')) {
        Some(end) => {
            add_html_token(out, &text.as_bytes()[..=end], false);
            &text[end + 1..]
        }
        None => {
            out.push('&');
            &text[1..]
        }
    }
}
