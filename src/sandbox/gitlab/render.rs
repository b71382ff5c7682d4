//! Issue text as a person sees it: Markdown with task lists and tables, raw HTML dropped.

use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, html};

/// Safe HTML.
pub(super) fn html(markdown: &str) -> String {
    let options = Options::ENABLE_TASKLISTS | Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
    let safe = Parser::new_ext(markdown, options).filter_map(|event| match event {
        Event::Html(_) | Event::InlineHtml(_) => None,
        Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
            Some(Event::Start(Tag::Link { link_type, dest_url: harmless(dest_url), title, id }))
        }
        Event::Start(Tag::Image { link_type, dest_url, title, id }) => {
            Some(Event::Start(Tag::Image { link_type, dest_url: harmless(dest_url), title, id }))
        }
        other => Some(other),
    });
    let mut written = String::new();
    html::push_html(&mut written, safe);
    written
}

fn harmless(url: CowStr<'_>) -> CowStr<'_> {
    let known = ["https://", "http://", "mailto:", "/", "#"];
    if known.iter().any(|start| url.starts_with(start)) { url } else { "#".into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn task_lists_and_tables_are_shown_and_raw_html_is_not() {
        let shown = html("- [x] done\n\n| a |\n|---|\n| b |\n\n<script>alert(1)</script>\n\n[x](javascript:alert(1))");
        assert!(shown.contains("checkbox"), "{shown}");
        assert!(shown.contains("<table>"), "{shown}");
        assert!(!shown.contains("script"), "{shown}");
    }
}
