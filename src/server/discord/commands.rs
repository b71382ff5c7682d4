//! `/rekey` as Discord knows it: one command with a subcommand for each verb, made from the one table of commands, and
//! read back into what it means.

use crate::chat::discord::inbound::{Data, Given};
use crate::engine::desk::Blank;
use crate::rotation::view::Action;
use crate::rotation::wish::{COMMANDS, Command, Wish};
use serde_json::{Value, json};
use serenity::all::{CommandOptionType, InstallationContext, InteractionContext};
use serenity::builder::{CreateCommand, CreateCommandOption};

/// What people type.
const NAME: &str = "rekey";

/// What a verb takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Argument {
    name: &'static str,
    what: &'static str,
    required: bool,
    /// One of these words; empty for any.
    words: Words,
    /// Whether choices are asked for while it is typed.
    completes: bool,
}

/// Words between bars, such as `expiring|mine`.
type Words = Option<&'static str>;

/// All commands of the guild, as they are registered.
pub fn registered() -> Vec<Value> {
    let mut command = CreateCommand::new(NAME)
        .description("Rotate GitLab tokens: ask, approve, follow")
        .integration_types(vec![InstallationContext::Guild])
        .contexts(vec![InteractionContext::Guild]);
    for verb in &COMMANDS {
        command = command.add_option(subcommand(verb));
    }
    vec![bare(json!(command))]
}

/// Without what means the same as being left out, so that a person can read the rest.
fn bare(value: Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .into_iter()
            .filter(|(_, value)| !is_nothing(value))
            .map(|(name, value)| (name, bare(value)))
            .collect(),
        Value::Array(items) => items.into_iter().map(bare).collect(),
        other => other,
    }
}

fn subcommand(command: &Command) -> CreateCommandOption {
    let sub = CreateCommandOption::new(CommandOptionType::SubCommand, command.verb, command.what);
    arguments(command).fold(sub, |sub, argument| sub.add_sub_option(option(&argument)))
}

fn option(argument: &Argument) -> CreateCommandOption {
    let option = CreateCommandOption::new(CommandOptionType::String, argument.name, argument.what);
    let option = option.required(argument.required);
    match argument.words {
        Some(words) => words.split('|').fold(option, |option, word| option.add_string_choice(word, word)),
        None if argument.completes => option.set_autocomplete(true),
        None => option,
    }
}

/// What the table says may follow a verb: `<token>` must, `[reason]` may, `[expiring|mine]` is one of these.
fn arguments(command: &Command) -> impl Iterator<Item = Argument> {
    command.arguments.split_whitespace().map(|text| {
        let inner = text.trim_matches(['<', '>', '[', ']']);
        let (name, what, completes) = match inner {
            "token" => ("token", "its name in the configuration", true),
            "rotation" => ("rotation", "its id, the beginning of it, or its token", true),
            "person" => ("person", "who, as the configuration names them", false),
            "plan" => ("plan", "the hash of the plan that you saw", true),
            "reason" => ("reason", "what happened, for the issue", false),
            durations if durations.contains(|c: char| c.is_ascii_digit()) => ("for", "such as 30m, 12h or 3d", false),
            words if words.contains('|') => ("which", "only some of them", false),
            other => (other, "see /rekey help", false),
        };
        let words = Some(inner).filter(|_| name == "which");
        Argument { name, what, required: text.starts_with('<'), words, completes }
    })
}

/// What was asked for; `None` for a command that is not ours.
pub fn wish(data: &Data) -> Option<Wish> {
    let (command, given) = called(data)?;
    let mut typed = vec![command.verb.to_owned()];
    for argument in arguments(command) {
        let value = given.iter().find(|one| one.name == argument.name).map(Given::text).unwrap_or_default();
        // Only a reason may be several words; elsewhere the second would be taken for the next value.
        let one_word = || value.split_whitespace().collect::<Vec<_>>().join("_");
        typed.push(if argument.name == "reason" { value } else { one_word() });
    }
    Some(Wish::parse(&typed.join(" ")))
}

/// What is being typed, and how far.
pub fn blank(data: &Data) -> Option<(Blank, String)> {
    let (command, given) = called(data)?;
    let focused = given.iter().find(|one| one.focused)?;
    let blank = match focused.name.as_str() {
        "token" => Blank::Token,
        "rotation" => Blank::Rotation(Action::from_word(command.verb)),
        "plan" => {
            let rotation = given.iter().find(|one| one.name == "rotation").map(Given::text);
            Blank::Plan { rotation: rotation.unwrap_or_default() }
        }
        _ => return None,
    };
    Some((blank, focused.text()))
}

fn called(data: &Data) -> Option<(&'static Command, &[Given])> {
    let sub = data.options.first().filter(|_| data.name == NAME)?;
    let command = COMMANDS.iter().find(|command| command.verb == sub.name)?;
    Some((command, &sub.options))
}

/// How what is registered differs from what should be, in words; `None` if it does not.
pub fn difference(wanted: &[Value], there: &[Value]) -> Option<String> {
    let name = |command: &Value| command["name"].as_str().unwrap_or_default().to_owned();
    let strangers: Vec<String> = there.iter().map(name).filter(|name| name != NAME).collect();
    if !strangers.is_empty() {
        return Some(format!("there are other commands: {}", strangers.join(", ")));
    }
    let (Some(wanted), Some(there)) = (wanted.first(), there.first()) else {
        return Some("it is not there".into()).filter(|_| wanted.len() != there.len());
    };
    if !differs(wanted, there) {
        return None;
    }
    let verbs = |command: &Value| command["options"].as_array().cloned().unwrap_or_default();
    let (wanted, there) = (verbs(wanted), verbs(there));
    let named = |verbs: &[Value], one: &Value| verbs.iter().find(|verb| verb["name"] == one["name"]).cloned();
    let new = wanted.iter().filter(|verb| named(&there, verb).is_none()).map(|verb| format!("new {}", name(verb)));
    let gone = there.iter().filter(|verb| named(&wanted, verb).is_none()).map(|verb| format!("gone {}", name(verb)));
    let other = wanted.iter().filter(|verb| named(&there, verb).is_some_and(|there| differs(verb, &there)));
    let other = other.map(|verb| format!("changed {}", name(verb)));
    let all: Vec<String> = new.chain(gone).chain(other).collect();
    Some(if all.is_empty() { "changed in itself".into() } else { all.join(", ") })
}

/// Whether something that Discord keeps differs from what it was given. It adds ids and defaults of its own, which do
/// not count.
fn differs(wanted: &Value, registered: &Value) -> bool {
    match (wanted, registered) {
        (Value::Object(wanted), Value::Object(registered)) => wanted.iter().any(|(name, value)| {
            let there = registered.get(name).unwrap_or(&Value::Null);
            differs(value, there) && !(is_nothing(value) && is_nothing(there))
        }),
        (Value::Array(wanted), Value::Array(registered)) => {
            wanted.len() != registered.len() || wanted.iter().zip(registered).any(|(one, other)| differs(one, other))
        }
        (wanted, registered) => wanted != registered,
    }
}

/// What means the same as being left out.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}
