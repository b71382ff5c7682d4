//! What can be typed. Help texts are for people who see the program for the first time.

use super::check::CheckArgs;
use super::init::InitArgs;
use crate::ledger::{Head, Word};
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

const EXIT_CODES: &str = "Exit codes:
  0  it did what it was asked, or found nothing wrong; warnings do not count
  1  it failed, or found something wrong (doctor, config check, audit verify, list)
  2  it was typed wrongly

With --json one JSON document goes to standard output, and complaints to standard error.";

/// Rotates GitLab access tokens: plan, one approval, proof, revoke.
#[derive(Debug, Parser)]
#[command(name = "rekey", version, arg_required_else_help = true, after_help = EXIT_CODES)]
pub(super) struct Cli {
    /// Configuration file
    #[arg(long, global = true, default_value = "rekey.toml", value_name = "FILE")]
    pub(super) config: PathBuf,
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run the bot
    Serve(ServeArgs),
    /// Watch a token being rotated: the bot beside a sandbox GitLab and messenger, on this machine only
    #[cfg(feature = "sandbox")]
    Demo(DemoArgs),
    /// Write a commented configuration, by asking few questions
    Init(Box<InitArgs>),
    /// Test every connection and permission that the configuration needs
    #[command(after_help = EXIT_CODES)]
    Doctor(DoctorArgs),
    /// Print what a rotation would do, and its hash; changes nothing
    Plan(PlanArgs),
    /// List the managed tokens; fails if GitLab tells of none of them
    List(ListArgs),
    /// Show one rotation: timeline and evidence
    Show(ShowArgs),
    /// List the rotations that are open, or all
    Rotations(RotationsArgs),
    /// Open a rotation by hand
    Rotate(RotateArgs),
    /// Approve a plan
    Approve(ApproveArgs),
    /// Decline a plan, and say why
    Decline(DeclineArgs),
    /// Be reminded later; the others are reminded as before
    Snooze(SnoozeArgs),
    /// Try again what failed
    Retry(DecisionArgs),
    /// Put the previous value back where that is possible, while the old token lives
    Restore(DecisionArgs),
    /// End the rotation; no token is revoked that a store may hold
    Abandon(DecisionArgs),
    /// Look after people and their one-time codes
    People {
        #[command(subcommand)]
        command: PeopleCommand,
    },
    /// What Discord must be told
    Discord {
        #[command(subcommand)]
        command: DiscordCommand,
    },
    /// Look into the journal
    Audit {
        #[command(subcommand)]
        command: AuditCommand,
    },
    /// Look into the configuration
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
}

impl Command {
    /// Whether a failure is told as JSON too. The others print their document, or nothing, before they fail.
    pub(super) fn fails_in_json(&self) -> bool {
        match self {
            Self::Doctor(args) => args.json,
            Self::Audit { command: AuditCommand::Verify(args) } => args.json,
            Self::Config { command: ConfigCommand::Check(args) } => args.json,
            _ => false,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum PeopleCommand {
    /// Who is known, by which accounts, and who has one-time codes
    List(ListArgs),
    /// Forget somebody's one-time codes, so that they can set up new ones
    ResetCode(ResetArgs),
    /// Let somebody try their one-time codes again after too many wrong ones
    UnlockCode(ResetArgs),
    /// Believe whoever bears a GitLab login now, though another account bore it when rekey first looked
    ForgetLogin(ForgetLoginArgs),
}

#[derive(Debug, Args)]
pub(super) struct ForgetLoginArgs {
    /// The login, as under [people], or a group, as gitlab-group:acme/platform
    pub(super) login: String,
}

#[derive(Debug, Args)]
pub(super) struct ResetArgs {
    /// Id of the person in the configuration, or as `people list` shows them
    pub(super) person: String,
}

#[derive(Debug, Subcommand)]
pub(super) enum DiscordCommand {
    /// Register /rekey in the server; may be repeated
    Register,
}

#[derive(Debug, Subcommand)]
pub(super) enum AuditCommand {
    /// Find any edited, forged or missing line of the journal, and what it tells of otherwise
    #[command(after_help = EXIT_CODES)]
    Verify(VerifyArgs),
}

#[derive(Debug, Args)]
pub(super) struct VerifyArgs {
    /// An end that the journal must have had, as a closed issue, the log or the file beside the database tells it
    #[arg(long, value_name = "HEAD")]
    pub(super) head: Vec<Head>,
    /// One JSON object, for programs
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct DoctorArgs {
    /// One JSON object, for programs
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct ServeArgs {
    /// Go on with the database as it is, though it is empty, or sealed with a key that is lost
    #[arg(long)]
    pub(super) new: bool,
    /// Seal a database of a version of rekey that sealed nothing
    #[arg(long, conflicts_with = "new")]
    pub(super) adopt: bool,
}

impl ServeArgs {
    pub(super) fn word(&self) -> Word {
        match (self.new, self.adopt) {
            (true, _) => Word::New,
            (_, true) => Word::Adopt,
            _ => Word::Nothing,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Tell everything that is wrong with the configuration
    #[command(after_help = EXIT_CODES)]
    Check(CheckArgs),
}

#[cfg(feature = "sandbox")]
#[derive(Debug, Args)]
pub(super) struct DemoArgs {
    /// Approve by itself, print the timeline and exit
    #[arg(long)]
    pub(super) auto: bool,
    /// Let a step fail, to see what people are told; needs --auto (on the page, trouble is switched on under Trouble)
    #[arg(long, value_name = "STEP")]
    pub(super) fail: Option<Failure>,
    /// Where the token's value lives
    #[arg(long, value_enum, default_value_t = DemoStores::Variable)]
    pub(super) stores: DemoStores,
    /// Port of the page; 0 takes a free one
    #[arg(long, default_value_t = 0)]
    pub(super) port: u16,
    /// Where the approval is asked for
    #[arg(long, value_enum, default_value_t = Chat::Slack)]
    pub(super) chat: Chat,
}

#[cfg(feature = "sandbox")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Failure {
    /// The pipeline that proves the new token is red
    Verify,
}

#[cfg(feature = "sandbox")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum DemoStores {
    /// A CI/CD variable
    Variable,
    /// A CI/CD variable, a file and OpenBao, whose program `bao` must be on the PATH
    Vault,
}

#[cfg(feature = "sandbox")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Chat {
    /// A Slack channel
    Slack,
    /// A Discord channel
    Discord,
    /// Both at once
    Both,
}

#[derive(Debug, Args)]
pub(super) struct PlanArgs {
    /// Id of the token in the configuration
    pub(super) token: String,
    /// One JSON object, for programs
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// One JSON array, for programs
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    /// Id of the rotation as in its issue, its beginning, or the token's id
    pub(super) rotation: String,
    /// With every line of the journal
    #[arg(long)]
    pub(super) journal: bool,
    /// One JSON object, for programs
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct RotateArgs {
    /// Id of the token in the configuration
    pub(super) token: String,
    /// For whom: a person from the configuration, who then cannot approve; without it you ask as who you are here
    #[arg(long = "as", value_name = "PERSON", required_if_eq("leaked", "true"))]
    pub(super) person: Option<String>,
    /// The value leaked: revoke first, then make the new one; means an outage. Whoever says so may approve it, unless
    /// they asked for the rotation before
    #[arg(long)]
    pub(super) leaked: bool,
    /// With --leaked: what happened, for the issue
    #[arg(long, value_name = "WORDS", requires = "leaked")]
    pub(super) reason: Option<String>,
    /// Do not ask to confirm --leaked
    #[arg(long)]
    pub(super) yes: bool,
}

#[derive(Debug, Args)]
pub(super) struct ApproveArgs {
    #[command(flatten)]
    pub(super) decision: DecisionArgs,
    /// Hash of the plan you read, at least eight digits
    #[arg(long, value_name = "HASH")]
    pub(super) plan: String,
}

#[derive(Debug, Args)]
pub(super) struct DeclineArgs {
    #[command(flatten)]
    pub(super) decision: DecisionArgs,
    /// Why, for whoever is asked about the token next; asked for on a terminal
    #[arg(long, value_name = "WORDS")]
    pub(super) reason: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct SnoozeArgs {
    #[command(flatten)]
    pub(super) decision: DecisionArgs,
    /// How long, such as 12h or 3d
    #[arg(long = "for", value_name = "TIME", default_value = "1d")]
    pub(super) time: String,
}

#[derive(Debug, Args)]
pub(super) struct RotationsArgs {
    /// Those that are closed, too
    #[arg(long)]
    pub(super) all: bool,
    /// One JSON array, for programs
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct DecisionArgs {
    /// Id of the rotation as in its issue, its beginning, or the token's id
    pub(super) rotation: String,
    /// For whom you decide: a person from the configuration. All that shells say counts as one person
    #[arg(long = "as", value_name = "PERSON")]
    pub(super) person: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn every_command_and_option_has_a_help_text_and_none_contradicts_another() {
        let mut command = Cli::command();
        command.build();
        let mut open = vec![command];
        while let Some(command) = open.pop() {
            assert!(command.get_about().is_some(), "{} says nothing", command.get_name());
            for arg in command.get_arguments() {
                assert!(arg.get_help().is_some(), "{} {} says nothing", command.get_name(), arg.get_id());
            }
            open.extend(command.get_subcommands().cloned());
        }
        Cli::command().debug_assert();
    }

    #[test]
    fn a_decision_by_hand_names_the_person_who_takes_it() {
        let typed = ["rekey", "approve", "01h", "--as", "ada", "--plan", "0123456789ab", "--config", "other.toml"];
        let cli = Cli::try_parse_from(typed).unwrap();
        assert_eq!(cli.config.to_str(), Some("other.toml"));
        let Command::Approve(args) = cli.command else { panic!("{:?}", cli.command) };
        assert_eq!((args.decision.person.as_str(), args.plan.as_str()), ("ada", "0123456789ab"));
        assert!(Cli::try_parse_from(["rekey", "retry", "01h"]).is_err());
    }
}
