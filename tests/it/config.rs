//! Configurations as people write them: right, wrong in many ways, and far too big.

use rekey::config::{
    Config, ConfigErrors, Machine, MailTrust, SlackMode, Surroundings, WithoutSecrets, known_keys, load,
};
use rekey::rotation::ids::{ConsumerId, PersonId, StoreId};
use rekey::rotation::token::{Owner, Strategy};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

/// A machine that consists of a few variables and files.
#[derive(Default)]
struct Desk {
    variables: BTreeMap<String, String>,
    files: BTreeMap<PathBuf, (String, u32)>,
    sealed: Option<PathBuf>,
}

impl Desk {
    fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.into(), value.into());
        self
    }

    fn file(mut self, path: &str, text: &str) -> Self {
        self.files.insert(path.into(), (text.into(), 0o600));
        self
    }

    fn readable_by_all(mut self, path: &str) -> Self {
        self.files.get_mut(Path::new(path)).unwrap().1 = 0o644;
        self
    }

    /// A folder is a mount that nobody can write.
    fn sealed(self, folder: &str) -> Self {
        Self { sealed: Some(folder.into()), ..self }
    }

    fn load(&self) -> Result<Config, ConfigErrors> {
        load(Path::new("rekey.toml"), self)
    }

    fn mistakes(&self) -> String {
        self.load().unwrap_err().to_string()
    }
}

impl Surroundings for Desk {
    fn variable(&self, name: &str) -> Option<String> {
        self.variables.get(name).cloned()
    }

    fn text(&self, path: &Path) -> io::Result<String> {
        let found = self.files.get(path).map(|(text, _)| text.clone());
        found.ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn secret_file(&self, path: &Path) -> io::Result<String> {
        self.text(path)
    }

    fn mode(&self, path: &Path) -> Option<u32> {
        self.files.get(path).map(|(_, mode)| *mode)
    }

    fn is_sealed(&self, path: &Path) -> bool {
        self.sealed.as_ref().is_some_and(|folder| path.starts_with(folder))
    }

    fn files(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        let inside: Vec<PathBuf> = self.files.keys().filter(|path| path.parent() == Some(folder)).cloned().collect();
        if inside.is_empty() { Err(io::ErrorKind::NotFound.into()) } else { Ok(inside) }
    }
}

const CANARY: &str = "glpat-CanaryCanaryCanary00";

const BASE: &str = r#"
[gitlab]
url = "https://gitlab.example.com"
token = "env:GITLAB_TOKEN"

[issues]
project = "acme/operations"

[people.ada]
name = "Ada Lovelace"
slack = "U0ADA"

[people.grace]
gitlab = "grace"
"#;

const DEPLOY: &str = r#"
[[token]]
id = "deploy"
owner = { group = "acme", service_account = "deploy-bot" }
name = "deploy token"
approvers = ["ada"]

[[token.store]]
kind = "gitlab_variable"
project = "acme/deploy"
key = "DEPLOY_TOKEN"

[[token.verify]]
kind = "pipeline"
project = "acme/deploy"
ref = "main"
job = "deploy"
"#;

fn desk(text: &str) -> Desk {
    Desk::default().variable("GITLAB_TOKEN", CANARY).file("rekey.toml", text)
}

fn mistakes_in(text: &str) -> String {
    desk(text).mistakes()
}

#[test]
fn a_short_configuration_is_enough_and_the_rest_has_sensible_values() {
    let config = desk(&format!("{BASE}{DEPLOY}")).load().unwrap();
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.database.url, "sqlite:rekey.db");
    assert_eq!(config.gitlab.host(), "gitlab.example.com");
    assert_eq!(config.gitlab.token.value.expose(), CANARY);
    assert!(config.issues.confidential && config.mail.is_none() && config.slack.is_none());
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
    let (token, stores) = &config.tokens[0];
    assert_eq!(token.owner, Owner::GroupServiceAccount { group: "acme".into(), username: "deploy-bot".into() });
    assert_eq!((token.lifetime_days, token.rotate_before_days, token.quorum), (365, 14, 1));
    assert_eq!((token.grace_seconds, token.approval_seconds), (900, 259_200));
    assert_eq!(token.stores, [StoreId::from("gitlab-variable acme/deploy DEPLOY_TOKEN (scope *)")]);
    assert_eq!(stores[0].id(), token.stores[0]);
    assert_eq!(token.consumers[0].id, ConsumerId::from("pipeline acme/deploy main, job deploy"));
}

#[test]
fn everything_that_can_be_said_is_understood() {
    let text = include_str!("../samples/config/full.toml");
    let config = load(Path::new("rekey.toml"), &WithoutSecrets(desk(text))).unwrap();
    assert_eq!(config.mail.unwrap().trust, MailTrust::AuthenticationResults(vec!["mx.example.com".into()]));
    assert_eq!(config.gitlab.webhook.signing_tokens.len(), 2);
    assert_eq!(config.gitlab.webhook.hosts, ["https://git.example.com"]);
    let proxy = &config.gitlab.proxy;
    assert_eq!(proxy.login.as_ref().map(|(user, _)| user.as_str()), Some("rekey"));
    assert_eq!(proxy.headers[0].1.reference, "env:GITLAB_PROXY_KEY");
    assert_eq!(config.slack.unwrap().signing_secrets[1].reference, "env:SLACK_SIGNING_SECRET_OLD");
    let discord = config.discord.unwrap();
    assert_eq!(
        (discord.api_url.as_str(), discord.guild.as_str()),
        ("https://discord.com/api/v10", "1300000000000000099")
    );
    assert_eq!(config.people[&PersonId::from("grace")].gitlab.as_deref(), Some("grace"));
    let owners: Vec<String> = config.tokens.iter().map(|(token, _)| token.owner.to_string()).collect();
    insta::assert_snapshot!(owners.join("\n"), @r"
    service account deploy-bot of group acme
    service account site-bot of project acme/site
    service account backup-bot of the instance
    user old-bot
    project acme/site
    group acme
    ");
    let places = config.tokens.iter().flat_map(|(token, _)| &token.stores).map(|id| id.as_str());
    let proofs = config.tokens.iter().flat_map(|(token, _)| &token.consumers).map(|consumer| consumer.id.as_str());
    insta::assert_snapshot!(places.chain(proofs).collect::<Vec<_>>().join("\n"), @r"
    gitlab-variable acme/deploy DEPLOY_TOKEN (scope production)
    gitlab-variable group acme DEPLOY_TOKEN (scope *)
    gitlab-variable acme/site SITE_TOKEN (scope *)
    gitlab-variable instance BACKUP_TOKEN
    file /etc/old-bot/token
    gitlab-variable acme/site PAGES_TOKEN (scope *)
    gitlab-variable group acme READ_TOKEN (scope *)
    pipeline acme/deploy main, job deploy
    retry of job publish in acme/site main
    schedule 12 of acme/backup, job backup
    ");
    assert_eq!(config.tokens[3].0.strategy, Some(Strategy::SelfRotate));
}

#[test]
fn every_mistake_is_told_at_once_with_its_place_and_the_way_out() {
    insta::assert_snapshot!(mistakes_in(include_str!("../samples/config/mistakes.toml")));
}

#[test]
fn what_a_proxy_before_gitlab_cannot_be_shown_is_told() {
    for (written, told) in [
        ("", "nothing is sent to the proxy"),
        ("user = \"rekey\"", "password is missing"),
        ("password = \"env:GITLAB_TOKEN\"", "user is missing"),
        ("user = \"a:b\"\npassword = \"env:GITLAB_TOKEN\"", "user has a colon"),
        ("headers = { PRIVATE-TOKEN = \"env:GITLAB_TOKEN\" }", "private-token tells GitLab itself who calls"),
        ("headers = { Sudo = \"env:GITLAB_TOKEN\" }", "sudo tells GitLab itself who calls"),
        ("headers = { Host = \"env:GITLAB_TOKEN\" }", "Host is written by rekey"),
        (
            "user = \"rekey\"\npassword = \"env:GITLAB_TOKEN\"\nheaders = { Authorization = \"env:GITLAB_TOKEN\" }",
            "authorization carries user and password already",
        ),
        ("headers = { X-Key = \"open sesame\" }", "X-Key must say where the value is"),
    ] {
        let mistakes = mistakes_in(&format!("{BASE}{DEPLOY}\n[gitlab.proxy]\n{written}\n"));
        assert!(mistakes.contains(told), "{written}: {mistakes}");
    }
    let hosts = format!("{BASE}{DEPLOY}\n[gitlab.webhook]\nhosts = [\"git.example.com\"]\n");
    assert!(mistakes_in(&hosts).contains("hosts: number 1 is not an address"));
}

#[test]
fn approvers_may_be_groups_and_what_names_none_is_told_with_an_example() {
    let slack = "[slack]\ntoken = \"env:GITLAB_TOKEN\"\nsigning_secret = \"env:GITLAB_TOKEN\"\nteam = \"T01\"\nchannel = \"C01\"\n";
    let approvers = |list: &str| DEPLOY.replace("approvers = [\"ada\"]", &format!("quorum = 3\napprovers = [{list}]"));
    let groups = approvers(r#""ada", "slack-group:S0123ABCD", "gitlab-group:acme/platform>=maintainer""#);
    let config = desk(&format!("{BASE}{slack}{groups}")).load().unwrap();
    let token = &config.tokens[0].0;
    let read: Vec<String> = token.groups.iter().map(ToString::to_string).collect();
    assert_eq!(read, ["slack-group:S0123ABCD", "gitlab-group:acme/platform>=maintainer"]);
    assert_eq!(token.approvers, [PersonId::from("ada")].into());
    let wrong = approvers(
        r#""slack-group:platform", "discord-role:ops", "gitlab-group:acme", "gitlab-group:acme>=boss", "irc:ada", "adda""#,
    );
    let people = "[people.\"slack:U0ADA\"]\ngitlab = \"eve\"\n";
    insta::assert_snapshot!(mistakes_in(&format!("{BASE}{people}{wrong}")), @r#"
    rekey.toml:15:9: [people]: person "slack:U0ADA": a colon makes it read like a group or an account; leave it out
    rekey.toml:23:14: token "deploy": approver "slack-group:platform" must name the user group by its id, such as "slack-group:S0123ABCD"; names change hands
    rekey.toml:23:38: token "deploy": approver "discord-role:ops" must name the role by its id, such as "discord-role:1234567890" (Copy Role ID)
    rekey.toml:23:58: token "deploy": approver "gitlab-group:acme" must say from which role on, such as "gitlab-group:acme/platform>=maintainer"
    rekey.toml:23:79: token "deploy": approver "gitlab-group:acme>=boss" must end in a role: >=guest, planner, reporter, developer, maintainer or owner
    rekey.toml:23:106: token "deploy": approver "irc:ada" is no group; write slack-group:S…, discord-role:… or gitlab-group:path>=role
    rekey.toml:23:117: token "deploy": approver "adda" is not in [people]; did you mean "ada"?
    7 problems in the configuration
    "#);
    insta::assert_snapshot!(mistakes_in(&format!("{BASE}{groups}")), @r#"
    rekey.toml:16:1: token "deploy": there is no [slack], so nobody can be proven to be in slack-group:S0123ABCD
    1 problem in the configuration
    "#);
}

#[test]
fn user_groups_of_a_whole_organisation_are_refused_with_what_to_do_instead() {
    let slack = "[slack]\ntoken = \"env:GITLAB_TOKEN\"\nsigning_secret = \"env:GITLAB_TOKEN\"\nteam = \"E01\"\nchannel = \"C01\"\n";
    let groups = DEPLOY.replace("approvers = [\"ada\"]", "approvers = [\"ada\", \"slack-group:S0123ABCD\"]");
    insta::assert_snapshot!(mistakes_in(&format!("{BASE}{slack}{groups}")), @r#"
    rekey.toml:21:1: token "deploy": slack-group:S0123ABCD cannot be asked for, because [slack] team is a whole organisation; name people, a GitLab group, or give the id of one workspace (T…) as team
    1 problem in the configuration
    "#);
    assert!(desk(&format!("{BASE}{slack}{DEPLOY}")).load().is_ok());
}

#[test]
fn missing_sections_are_told_with_what_belongs_there() {
    insta::assert_snapshot!(mistakes_in("[server]\n"), @r"
    rekey.toml:1:1: [gitlab] is missing; say where GitLab is: url, token
    rekey.toml:1:1: [issues] is missing; say in which project issues are opened: project
    2 problems in the configuration
    ");
}

#[test]
fn a_file_that_is_not_there_says_how_to_make_one() {
    let told = Desk::default().mistakes();
    assert!(told.starts_with("rekey.toml: there is no such file; write one with `rekey init`"), "{told}");
}

#[test]
fn broken_toml_is_told_with_line_and_column_and_nothing_else_is_guessed() {
    insta::assert_snapshot!(mistakes_in("[gitlab]\nurl = \"https://gitlab.example.com\ntoken = 1\n"), @r#"
    rekey.toml:2:34: this is not TOML: invalid basic string, expected `"`
    1 problem in the configuration
    "#);
}

#[test]
fn a_secret_written_into_the_file_is_refused_and_never_repeated() {
    for place in ["token = \"glpat-", "token = \"env:glpat-", "token = \"file:glpat-", "url = \"https://glpat-"] {
        let text = format!("[gitlab]\n{place}CanaryCanaryCanary00\"\n[issues]\nproject = \"acme/operations\"\n");
        let told = mistakes_in(&text);
        assert!(!told.contains("Canary"), "{told}");
    }
    let told = mistakes_in(&format!("[gitlab]\ntoken = \"{CANARY}\"\n"));
    assert!(told.contains("rekey.toml:2:9: [gitlab]: token holds a secret itself"), "{told}");
    let told = mistakes_in("[gitlab]\ntoken = \"hunter2\"\n");
    assert!(told.contains("token must say where the value is") && !told.contains("hunter2"), "{told}");
}

#[test]
fn secrets_come_from_variables_and_files_and_are_never_printed() {
    let text = format!("{BASE}{DEPLOY}").replace("env:GITLAB_TOKEN", "file:/run/secrets/gitlab");
    let config = desk(&text).file("/run/secrets/gitlab", &format!("{CANARY}\r\n")).load().unwrap();
    assert_eq!(config.gitlab.token.value.expose(), CANARY);
    assert!(!format!("{config:?}").contains("Canary"));
    assert!(format!("{config:?}").contains("SecretRef(file:/run/secrets/gitlab)"));
}

#[test]
fn a_secret_that_every_user_can_read_is_refused_unless_a_container_was_handed_it_so() {
    let text = format!("{BASE}{DEPLOY}").replace("env:GITLAB_TOKEN", "file:/run/secrets/gitlab");
    let desk = desk(&text).file("/run/secrets/gitlab", CANARY).readable_by_all("/run/secrets/gitlab");
    insta::assert_snapshot!(desk.mistakes(), @r"
    rekey.toml:4:9: [gitlab]: token: other users of this machine can read or change /run/secrets/gitlab; run chmod 600 /run/secrets/gitlab
    1 problem in the configuration
    ");
    assert!(desk.sealed("/run/secrets").load().is_ok());
}

#[test]
fn what_lets_somebody_in_is_not_so_short_that_it_can_be_guessed() {
    let webhook = "[gitlab.webhook]\nsecret_token = \"env:HOOK\"\n";
    let mail = "[mail]\npassword = \"env:HOOK\"\nsenders = [\"gitlab@example.com\"]\ntrust = \"ingress\"\n";
    let signed = mail.replace("password", "hmac_secret");
    for (section, least) in [(webhook, 16), (mail, 8), (&signed, 16)] {
        let text = format!("{BASE}{DEPLOY}{section}");
        let told = desk(&text).variable("HOOK", &"x".repeat(least - 1)).mistakes();
        assert!(
            told.contains(&format!("env:HOOK is shorter than {least} characters; make a new one: openssl")),
            "{told}"
        );
        assert!(desk(&text).variable("HOOK", &"x".repeat(least)).load().is_ok());
    }
}

#[test]
fn a_name_that_gitlab_or_a_mail_server_could_not_know_is_told_wherever_it_stands() {
    let mail = "[mail]\npassword = \"env:HOOK\"\nsenders = [\"gitlab@\"]\nforwarders = [\"@acme.com\"]\n\
                own_addresses = [\"rekey at acme.com\"]\ntrust = \"ingress\"\n";
    let text = format!("{BASE}{DEPLOY}{mail}").replace("\"acme/deploy\"", "\"deploy\"");
    let text = text.replace("acme/operations", "operations").replace("\"grace\"", "\"acme/grace\"");
    let text = text.replace("\"deploy-bot\"", "\"deploy bot\"");
    let told = desk(&text).variable("HOOK", "long enough").mistakes();
    let way_out = "write the full path with its group, as in its address";
    for expected in [
        format!("[issues]: project is \"operations\", which is no project's path; {way_out}, \"acme/operations\""),
        format!("store 1: project is \"deploy\", which is no project's path; {way_out}, \"acme/deploy\""),
        format!("verify 1: project is \"deploy\", which is no project's path; {way_out}, \"acme/deploy\""),
        "person \"grace\": gitlab is \"acme/grace\", which is no login".into(),
        "owner: service_account is \"deploy bot\", which is no login".into(),
        "senders: \"gitlab@\" is neither an address nor a domain".into(),
        "forwarders: \"@acme.com\" is neither an address nor a domain".into(),
        "own_addresses: \"rekey at acme.com\" is neither an address nor a domain".into(),
        "8 problems in the configuration".into(),
    ] {
        assert!(told.contains(&expected), "{expected}\n{told}");
    }
}

#[test]
fn a_secret_that_is_not_there_is_told_by_its_reference() {
    let text = format!("{BASE}{DEPLOY}");
    let told = Desk::default().file("rekey.toml", &text).mistakes();
    assert!(told.contains("the environment variable GITLAB_TOKEN is not set"), "{told}");
    let told = mistakes_in(&text.replace("env:GITLAB_TOKEN", "file:gone"));
    assert!(told.contains("the file gone cannot be read (entity not found)"), "{told}");
    let told = desk(&text.replace("env:GITLAB_TOKEN", "file:empty")).file("empty", "\n").mistakes();
    assert!(told.contains("file:empty is empty"), "{told}");
}

#[test]
fn tokens_in_a_folder_share_names_and_stores_with_nobody() {
    let again =
        DEPLOY.replace("\"deploy\"\nowner", "\"again\"\nowner").replace("acme/deploy\"\nkey", "Acme/Deploy\"\nkey");
    let desk = desk(&format!("tokens_dir = \"tokens.d\"\n{BASE}"))
        .file("tokens.d/a.toml", DEPLOY)
        .file("tokens.d/b.toml", &format!("{again}{DEPLOY}"))
        .file("tokens.d/.hidden.toml", "not toml")
        .file("tokens.d/notes.txt", "not toml");
    insta::assert_snapshot!(desk.mistakes(), @r#"
    tokens.d/b.toml:2:1: token "again": "deploy token" of service account deploy-bot of group acme is already managed as "deploy" (tokens.d/a.toml:2:1); remove one
    tokens.d/b.toml:2:1: token "again": gitlab-variable Acme/Deploy DEPLOY_TOKEN (scope *) is also written by "deploy" (tokens.d/a.toml:2:1); a store holds one token
    tokens.d/b.toml:19:1: token "deploy": the id is taken at tokens.d/a.toml:2:1; choose another
    3 problems in the configuration
    "#);
}

#[test]
fn an_approval_that_would_be_too_old_when_the_window_opens_is_told_with_what_to_write() {
    let window = "[rotation]\napproval_ttl = \"1d\"\nwindow = { days = [\"mon\", \"tue\", \"wed\", \"thu\"], \
                  from = \"09:00\", to = \"16:00\", zone = \"UTC\" }\n";
    let config = desk(&format!("{BASE}{window}{DEPLOY}")).load().unwrap();
    let told = config.warnings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    assert!(told.contains("stays closed for up to 89 hours") && told.contains("approval_ttl = \"4d\""), "{told}");
    let longer = window.replace("1d", "4d");
    assert!(desk(&format!("{BASE}{longer}{DEPLOY}")).load().unwrap().warnings.is_empty());
}

#[test]
fn a_window_that_stays_closed_longer_than_rotations_are_early_is_told_with_what_to_write() {
    let window = "[rotation]\nrotate_before_days = 3\napproval_ttl = \"5d\"\nwindow = { days = [\"mon\", \"tue\", \"wed\", \
                  \"thu\"], from = \"09:00\", to = \"16:00\", zone = \"UTC\" }\n";
    let config = desk(&format!("{BASE}{window}{DEPLOY}")).load().unwrap();
    let told = config.warnings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    assert!(told.contains("longer than rotate_before_days") && told.contains("rotate_before_days = 5"), "{told}");
    let sooner = window.replace("rotate_before_days = 3", "rotate_before_days = 5");
    assert!(desk(&format!("{BASE}{sooner}{DEPLOY}")).load().unwrap().warnings.is_empty());
}

#[test]
fn short_grace_is_for_the_demo_only() {
    let text = |demo: bool| format!("{BASE}{DEPLOY}[rotation]\ngrace = \"5s\"\nhorizon = \"2s\"\ndemo = {demo}\n");
    assert_eq!(desk(&text(true)).load().unwrap().tokens[0].0.grace_seconds, 5);
    assert!(mistakes_in(&text(false)).contains("grace is too short"));
}

#[test]
fn five_thousand_tokens_load_from_a_folder_and_one_mistake_among_them_is_found() {
    let mut desk = desk(&format!("tokens_dir = \"tokens.d\"\n{BASE}"));
    for number in 0..5_000 {
        let text = DEPLOY
            .replace("id = \"deploy\"", &format!("id = \"deploy-{number}\""))
            .replace("name = \"deploy token\"", &format!("name = \"deploy token {number}\""))
            .replace("DEPLOY_TOKEN", &format!("DEPLOY_TOKEN_{number}"));
        desk = desk.file(&format!("tokens.d/deploy-{number}.toml"), &text);
    }
    assert_eq!(desk.load().unwrap().tokens.len(), 5_000);

    let desk = desk.file("tokens.d/deploy-4711.toml", &DEPLOY.replace("[\"ada\"]", "[\"adda\"]"));
    insta::assert_snapshot!(desk.mistakes(), @r#"
    tokens.d/deploy-4711.toml:6:14: token "deploy": approver "adda" is not in [people]; did you mean "ada"?
    1 problem in the configuration
    "#);
}

#[cfg(unix)]
#[test]
fn a_folder_on_disk_is_read_beside_the_main_file_wherever_the_bot_is_started() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    std::fs::create_dir(folder.path().join("tokens.d")).unwrap();
    let main = format!("tokens_dir = \"tokens.d\"\n{BASE}").replace("env:GITLAB_TOKEN", "file:gitlab-token");
    write("rekey.toml", &main);
    write("tokens.d/deploy.toml", DEPLOY);
    write("gitlab-token", CANARY);
    std::fs::set_permissions(folder.path().join("gitlab-token"), PermissionsExt::from_mode(0o644)).unwrap();
    let read = || load(&folder.path().join("rekey.toml"), &Machine);
    assert!(read().unwrap_err().to_string().contains("gitlab-token; run chmod 600"));
    std::fs::set_permissions(folder.path().join("gitlab-token"), PermissionsExt::from_mode(0o640)).unwrap();
    let config = read().unwrap();
    assert_eq!(config.gitlab.token.value.expose(), CANARY);
    assert_eq!((config.tokens.len(), config.warnings.len()), (1, 0));
}

#[test]
fn the_example_is_right_and_explains_every_key() {
    let text = include_str!("../../manifests/rekey.example.toml");
    let config = load(Path::new("rekey.toml"), &WithoutSecrets(desk(text))).unwrap();
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
    let mut used = BTreeSet::new();
    collect_keys("", &toml::Value::Table(text.parse().unwrap()), &mut used);
    let comments: Vec<&str> = text.lines().filter_map(|line| line.split_once('#')).map(|(_, text)| text).collect();
    for key in known_keys() {
        let written = format!("{} = ", key.rsplit('.').next().unwrap());
        let is_alternative = comments.iter().any(|comment| comment.contains(&written));
        assert!(used.contains(&key) || is_alternative, "{key} is not in the example");
    }
}

/// The keys of a configuration as `known_keys` writes them: lists, and names that people chose, left out.
fn collect_keys(path: &str, value: &toml::Value, used: &mut BTreeSet<String>) {
    match value {
        toml::Value::Table(table) => {
            for (key, value) in table {
                let inner = format!("{path}.{key}").trim_start_matches('.').to_owned();
                let is_key = known_keys().iter().any(|key| *key == inner || key.starts_with(&format!("{inner}.")));
                collect_keys(if value.is_table() && !is_key { path } else { &inner }, value, used);
                used.insert(inner);
            }
        }
        toml::Value::Array(items) => items.iter().for_each(|item| collect_keys(path, item, used)),
        _ => {}
    }
}

#[test]
fn certificates_must_be_there_and_be_certificates() {
    let text = format!("{BASE}{DEPLOY}").replace("[gitlab]", "[gitlab]\nca_file = \"ca.pem\"");
    assert!(mistakes_in(&text).contains("ca_file: ca.pem does not exist"));
    assert!(desk(&text).file("ca.pem", "a letter").mistakes().contains("ca.pem holds no certificate"));
    assert!(desk(&text).file("ca.pem", "-----BEGIN CERTIFICATE-----\n").load().is_ok());
}

#[test]
fn the_configuration_in_the_kubernetes_manifests_is_right() {
    let manifest = include_str!("../../manifests/kubernetes/config.yaml");
    let block = manifest.split_once("rekey.toml: |\n").unwrap().1;
    let text: String = block.lines().map(|line| format!("{}\n", line.strip_prefix("    ").unwrap_or(line))).collect();
    let config = load(Path::new("rekey.toml"), &WithoutSecrets(desk(&text))).unwrap();
    assert_eq!(config.tokens.len(), 1);
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
}

const VAULT: &str = r#"
[vault.main]
url = "https://vault.example.com/"
auth = "token"
token = "env:GITLAB_TOKEN"

[vault.again]
url = "https://vault.example.com:443"
auth = "approle"
role_id = "r"
secret_id = "env:GITLAB_TOKEN"
"#;

fn vault_store(at: &str, more: &str) -> String {
    format!("[[token.store]]\nkind = \"vault\"\nat = \"{at}\"\npath = \"/deploy/\"\nfield = \"token\"\n{more}\n")
}

/// A second token, for the same owner.
fn second(stores: &str) -> String {
    let token = DEPLOY.split("[[token.store]]").next().unwrap().replace("\"deploy\"", "\"other\"");
    format!("{}\n{stores}", token.replace("deploy token", "other token"))
}

#[test]
fn two_connections_to_one_server_are_one_place() {
    let text = format!("{BASE}{VAULT}{DEPLOY}{}{}", vault_store("main", ""), second(&vault_store("again", "")));
    let mistakes = mistakes_in(&text);
    let same = "vault vault.example.com secret/deploy token is also written by \"deploy\"";
    assert!(mistakes.contains(same) && mistakes.ends_with("1 problem in the configuration"), "{mistakes}");
    let namespace = VAULT.replace("auth = \"approle\"", "namespace = \"team\"\nauth = \"approle\"");
    let text = text.replace(VAULT, &namespace);
    assert!(desk(&text).load().is_ok(), "a namespace is another place");
}

#[test]
fn a_key_that_keeps_the_previous_value_is_nobody_elses() {
    let cluster = "[kubernetes.main]\nurl = \"https://k8s.example.com\"\ntoken = \"env:GITLAB_TOKEN\"\n";
    let key = |key: &str, previous: &str| {
        format!(
            "[[token.store]]\nkind = \"kubernetes\"\nat = \"main\"\nnamespace = \"apps\"\nname = \"gitlab\"\n\
             key = \"{key}\"\nprevious_key = \"{previous}\"\n"
        )
    };
    let with = |first: &str, other: &str| format!("{BASE}{cluster}{DEPLOY}{first}{}", second(other));
    assert!(desk(&with(&key("a", "a.old"), &key("b", "b.old"))).load().is_ok());
    for other in [key("b", "a.old"), key("a.old", "c.old")] {
        let mistakes = mistakes_in(&with(&key("a", "a.old"), &other));
        assert!(mistakes.contains("is also written by \"deploy\""), "{mistakes}");
    }
}

#[test]
fn a_store_that_may_take_long_would_outlast_the_worker() {
    let slow = VAULT.replacen("auth = \"token\"", "timeout = \"16s\"\nauth = \"token\"", 1);
    assert_ne!(slow, VAULT);
    let mistakes = mistakes_in(&format!("{BASE}{slow}{DEPLOY}{}", vault_store("main", "")));
    assert!(mistakes.contains("timeout must be at most 15s; what takes longer is asked again"), "{mistakes}");
}

#[test]
fn parts_of_one_document_may_belong_to_several_tokens_and_the_whole_to_one() {
    let part = |key: &str| vault_store("main", &format!("template = {{ shape = \"json\", key = \"{key}\" }}"));
    let with = |first: &str, other: &str| format!("{BASE}{VAULT}{DEPLOY}{first}{}", second(other));
    assert!(desk(&with(&part("a"), &part("b"))).load().is_ok());
    assert!(mistakes_in(&with(&part("a"), &part("a"))).contains("is also written by"));
    assert!(mistakes_in(&with(&part("a"), &vault_store("main", ""))).contains("is also written by"));
    let other_field = vault_store("main", "").replace("\"token\"", "\"other\"");
    assert!(desk(&with(&part("a"), &other_field)).load().is_ok());
}

#[test]
fn what_is_wrong_with_a_connection_or_a_template_is_told_with_the_way_out() {
    for (text, words) in [
        (vault_store("mian", ""), "there is no connection [vault.mian]; add it, or correct the name"),
        (vault_store("main", "project = \"x\""), "project has no meaning with kind = \"vault\""),
        (vault_store("main", "template = { shape = \"jsno\" }"), "shape must be one of \"netrc\""),
        (vault_store("main", "template = { shape = \"json\" }"), "key is missing"),
        (vault_store("main", "template = { shape = \"text\", text = \"token: \" }"), "must have {{token}} once"),
        (vault_store("main", "template = { shape = \"url\", key = \"x\" }"), "key has no meaning with shape = \"url\""),
        ("[vault.bad]\nauth = \"approle\"\ntoken = \"x\"\n".to_owned(), "[vault.bad]: url is missing"),
        ("[vault.bad]\nauth = \"approle\"\ntoken = \"x\"\n".to_owned(), "token has no meaning with auth = \"approle\""),
        ("[vault.bad]\nauth = \"approle\"\n".to_owned(), "role_id is missing; write the role_id"),
    ] {
        let store = if text.starts_with("[[") { text.clone() } else { String::new() };
        let connection = if text.starts_with("[vault") { text } else { String::new() };
        let mistakes = mistakes_in(&format!("{BASE}{VAULT}{connection}{DEPLOY}{store}"));
        assert!(mistakes.contains(words), "{words}\n{mistakes}");
    }
}

#[test]
fn slacks_requests_come_one_way_with_what_that_way_needs() {
    let slack = "[slack]\ntoken = \"env:GITLAB_TOKEN\"\nteam = \"T0ACME\"\nchannel = \"C0OPS\"\n";
    let with = |more: &str| desk(&format!("{BASE}{DEPLOY}{slack}{more}"));
    let token = |key: &str| format!("{key} = \"env:GITLAB_TOKEN\"\n");
    let socket = with(&format!("mode = \"socket\"\n{}", token("app_token"))).load().unwrap().slack.unwrap();
    assert!(matches!(socket.mode, SlackMode::Socket { .. }) && socket.signing_secrets.is_empty());
    let http = with(&token("signing_secret")).load().unwrap().slack.unwrap();
    assert!(matches!(http.mode, SlackMode::Http) && http.signing_secrets.len() == 1);
    assert!(with("mode = \"socket\"\n").mistakes().contains("app_token is missing"));
    let both = format!("{}{}", token("app_token"), token("signing_secret"));
    assert!(with(&both).mistakes().contains("app_token has no meaning with mode = \"http\""));
    let both = format!("mode = \"socket\"\n{both}");
    assert!(with(&both).mistakes().contains("signing_secret has no meaning with mode = \"socket\""));
    assert!(with("mode = \"carrier pigeon\"\n").mistakes().contains("mode must be one of \"http\", \"socket\""));
}

#[test]
fn a_token_that_asks_for_codes_needs_a_place_where_one_can_be_typed() {
    let step_up = "\n[step_up]\nkey = \"env:STEP_UP\"\n";
    let token = DEPLOY.replace("approvers = [", "step_up = \"totp\"\napprovers = [");
    let key = |text: &str| desk(text).variable("STEP_UP", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=");
    let told = key(&format!("{BASE}{step_up}{token}")).mistakes();
    assert!(
        told.contains(
            "token \"deploy\": step_up needs [slack] or [discord]: a code can be asked for nowhere else, so nobody \
             could approve"
        ),
        "{told}"
    );
    assert!(!told.contains("step_up needs [step_up]"), "{told}");
    let slack = "\n[slack]\ntoken = \"env:BOT\"\nsigning_secret = \"env:SIGNING\"\nteam = \"T0TEAM0001\"\nchannel = \"C0OPS00001\"\n";
    let loaded =
        key(&format!("{BASE}{step_up}{slack}{token}")).variable("BOT", "xoxb-1").variable("SIGNING", "s").load();
    assert!(loaded.as_ref().is_ok_and(|config| config.tokens[0].0.step_up), "{:?}", loaded.err());
}
