//! A text part as blocks: paragraphs and list items, in the same shape that [`super::html`] gives.

use super::link;

/// A genuine mail has some hundred blocks; a bomb shall not make us keep a million.
pub const MOST_BLOCKS: usize = 5_000;

/// A paragraph or list item: what it says and what it links to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Block {
    /// An item of a list.
    pub item: bool,
    /// The words, lines joined by a space.
    pub text: String,
    /// The first piece marked as code, if any.
    pub code: Option<String>,
    /// Links to the web.
    pub links: Vec<String>,
}

impl Block {
    /// Nothing to see and nothing to follow.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty() && self.links.is_empty()
    }
}

/// Cuts a text at blank lines and at list marks. Mail clients quote what they forward, so there `>` is taken off.
pub fn blocks(text: &str, forwarded: bool) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut open = false;
    for line in text.lines() {
        if blocks.len() == MOST_BLOCKS {
            break;
        }
        let line = if forwarded { line.trim_start_matches(['>', ' ']) } else { line };
        let line = line.trim();
        if line.is_empty() {
            open = false;
        } else if let Some(name) = item(line) {
            blocks.push(Block { item: true, text: name.to_owned(), ..Block::default() });
            open = true;
        } else {
            match blocks.last_mut().filter(|_| open) {
                Some(last) => join(&mut last.text, line),
                None => blocks.push(Block { text: line.to_owned(), ..Block::default() }),
            }
            open = true;
        }
    }
    for block in &mut blocks {
        block.links = links(&block.text);
    }
    blocks
}

fn item(line: &str) -> Option<&str> {
    ["- ", "* ", "• ", "· "].iter().find_map(|mark| line.strip_prefix(mark)).map(str::trim_start)
}

fn join(text: &mut String, line: &str) {
    text.push(' ');
    text.push_str(line);
}

fn links(text: &str) -> Vec<String> {
    if !link::may_be_settings(text) {
        return Vec::new();
    }
    text.split(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"')).filter_map(url).map(str::to_owned).collect()
}

/// The link in a word. Some languages put no space around links, so it ends with what we look for, if that is there.
fn url(word: &str) -> Option<&str> {
    let start = word.find("http")?;
    let end = word.rfind(link::SETTINGS).map_or(word.len(), |at| at + link::SETTINGS.len());
    // URL Defense keeps behind the address what it took out of it.
    let end = if word[end..].starts_with("__;") { word.len() } else { end };
    word.get(start..end)
}
