//! `template = { … }` of a store: the value is one part of the document there.

use super::Template;
use crate::settings::section::Section;

pub(crate) const KEYS: &[&str] = &["shape", "machine", "login", "registry", "user", "host", "key", "text"];

/// Where the value stands in a `text`.
const SLOT: &str = "{{token}}";

#[derive(Clone, Copy)]
enum Shape {
    Netrc,
    Npmrc,
    DockerConfig,
    Url,
    Json,
    Dotenv,
    Text,
}

const SHAPES: &[(&str, Shape)] = &[
    ("netrc", Shape::Netrc),
    ("npmrc", Shape::Npmrc),
    ("docker_config", Shape::DockerConfig),
    ("url", Shape::Url),
    ("json", Shape::Json),
    ("dotenv", Shape::Dotenv),
    ("text", Shape::Text),
];

/// `Some(None)` without a template; `None` after noting what is wrong with it.
pub(in crate::store) fn read(store: &Section<'_>) -> Option<Option<Template>> {
    if !store.has("template") {
        return Some(None);
    }
    let section = store.section("template", format!("{}: template", store.label()), KEYS)?;
    section.required(
        "shape",
        "write \"json\", \"dotenv\", \"netrc\", \"npmrc\", \"docker_config\", \"url\" or \"text\"",
    )?;
    let shape = section.choice("shape", SHAPES)?;
    let name = section.text("shape")?;
    section.refuse_others(&["shape"], keys(shape), &format!("shape = \"{name}\""));
    template(&section, shape).map(Some)
}

fn keys(shape: Shape) -> &'static [&'static str] {
    match shape {
        Shape::Netrc => &["machine", "login"],
        Shape::Npmrc => &["registry"],
        Shape::DockerConfig => &["registry", "user"],
        Shape::Url => &["host", "user"],
        Shape::Json | Shape::Dotenv => &["key"],
        Shape::Text => &["text"],
    }
}

fn template(section: &Section<'_>, shape: Shape) -> Option<Template> {
    Some(match shape {
        Shape::Netrc => Template::Netrc {
            machine: section.required("machine", "write the machine's name, \"gitlab.example.com\"")?,
            login: section.text("login"),
        },
        Shape::Npmrc => Template::Npmrc { registry: section.required("registry", "write the registry's address")? },
        Shape::DockerConfig => Template::DockerConfig {
            registry: section.required("registry", "write the registry as under auths, \"registry.example.com\"")?,
            user: section.text("user"),
        },
        Shape::Url => Template::Url { host: section.text("host"), user: section.text("user") },
        Shape::Json => Template::Json { key: json_key(section)? },
        Shape::Dotenv => Template::Dotenv { key: section.required("key", "write the name before the equals sign")? },
        Shape::Text => text(section)?,
    })
}

fn json_key(section: &Section<'_>) -> Option<Vec<String>> {
    if !section.has("key") {
        section.complain("key", "key is missing; write the key of the text, or the list of keys on the way to it");
    }
    let key = section.one_or_many("key");
    (!key.is_empty()).then_some(key)
}

fn text(section: &Section<'_>) -> Option<Template> {
    let text = section.required("text", "write what stands around the value, \"token = {{token}}\"")?;
    match text.split_once(SLOT) {
        Some((before, after)) if !after.contains(SLOT) && before.len() + after.len() > 0 => {
            Some(Template::Text { before: before.to_owned(), after: after.to_owned() })
        }
        _ => {
            section.complain("text", "text must have {{token}} once, and something around it");
            None
        }
    }
}
