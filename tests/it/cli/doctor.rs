//! `rekey doctor` on a house in order, on one with many faults, and on one where nothing answers.

use super::office::{Office, Wish};
use axum::routing::get;
use rekey::sandbox::gitlab::{DEVELOPER, Fault, MAINTAINER, Place, Rule, Variable, World};

/// Somebody who answers `/healthz` as the bot does.
async fn public_address() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = axum::Router::new().route("/healthz", get(async || "ok\n"));
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

fn with_address(text: String, url: &str) -> String {
    text.replace("[server]\n", &format!("[server]\npublic_url = \"{url}\"\n"))
}

async fn examine(office: &Office) -> (Option<i32>, String) {
    let output = office.run(&["doctor"]).await;
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    (output.status.code(), office.tame(&output.stdout))
}

/// A fault, what makes it in GitLab, and what makes it in the configuration.
type Case = (&'static str, fn(&mut World), fn(String) -> String);

#[tokio::test]
async fn a_house_in_order_is_ok_in_every_line_and_nothing_in_it_was_changed() {
    let office = Office::open(Wish::default()).await;
    let url = public_address().await;
    office.configure(|text| with_address(text, &url));
    office.add_hook(&format!("{url}/hooks/gitlab"));
    office.run_pipeline().await;
    let before = office.state.calls().len();

    let (code, said) = examine(&office).await;
    assert_eq!(code, Some(0), "{said}");
    insta::assert_snapshot!("doctor_ok", said);
    let calls = office.state.calls().split_off(before);
    assert!(calls.iter().all(|call| call.method == "GET"), "it only looks");
    assert!(office.slack.state().messages(super::office::CHANNEL).is_empty());
}

#[tokio::test]
async fn every_fault_has_a_line_with_the_way_out() {
    let world: fn(&mut World) = |world| {
        let project = world.project("site/pages");
        let bot = 4_100_002;
        world.member(Place::Project(project), bot, MAINTAINER);
        let twin = Variable::new(Place::Project(project), "SITE_TOKEN", "first-value").masked();
        world.variable(twin.clone());
        world.variable(twin);
        world.variable(Variable::new(Place::Project(project), "SECRET", "other-value").protected());
        world.pipeline(project, "topic", vec![]);
    };
    let wish = Wish { bot_scopes: &["read_api", "sudo"], group_role: DEVELOPER, world, ..Wish::default() };
    let office = Office::open(wish).await;
    office.slack.state().with(|world| world.settings.scopes.retain(|scope| scope != "commands"));
    office.configure(|text| {
        with_address(text, &office.gitlab.base_url())
            .replace("project = \"acme/ops\"", "project = \"acme/nowhere\"")
            .replace("team = \"T0TEAM0001\"", "team = \"T0OTHER001\"")
            .replace("channel = \"C0OPS00001\"", "channel = \"C0NOWHERE1\"")
            .replace("gitlab = \"ada\"", "gitlab = \"adah\"")
            .replace("slack = \"U0GRACE001\"\n", "")
            .replace("url = \"sqlite:/", "url = \"sqlite:/nowhere/")
            + include_str!("faults.toml")
    });
    let (code, said) = examine(&office).await;
    assert_eq!(code, Some(1), "{said}");
    insta::assert_snapshot!("doctor_faults", said);
}

#[tokio::test]
async fn a_store_that_holds_a_dead_token_or_anothers_is_told() {
    let office = Office::open(Wish::default()).await;
    let mint = rekey::sandbox::gitlab::Mint::new;
    let (account, far) = (office.account, super::office::in_days(300));
    office.state.with(|world| {
        let old = world.tokens.values().find(|token| token.name == "deploy").map(|token| token.id).unwrap();
        world.revoke(old);
        world.mint(mint(account, "deploy", &["read_api"]).expires(far));
    });
    let (_, said) = examine(&office).await;
    assert!(said.contains("holds a token that GitLab does not accept (any more)"), "{said}");
    let other = office.state.with(|world| world.mint(mint(account, "other", &["read_api"]).expires(far)));
    let url = format!("{}/api/v4/projects/acme%2Fdeploy/variables/DEPLOY_TOKEN", office.gitlab.base_url());
    let request = reqwest::Client::new().put(url).header("PRIVATE-TOKEN", super::office::BOT);
    let stored = request.json(&serde_json::json!({ "value": other.value.expose() })).send().await.unwrap();
    assert_eq!(stored.status(), 200);
    let (_, said) = examine(&office).await;
    assert!(said.contains("named \"other\", not"), "{said}");
}

#[tokio::test]
async fn a_gitlab_behind_a_proxy_and_under_another_name_is_looked_at_as_any_other() {
    let office = Office::open(Wish::default()).await;
    let url = public_address().await;
    office.add_hook(&format!("{url}/hooks/gitlab"));
    office.run_pipeline().await;
    let wanted = [("authorization", "Basic cmVrZXk6cHJveHktcGFzc3dvcmQ="), ("x-front", "front-secret")];
    let wanted = wanted.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    office.state.with(|world| {
        world.settings.bar = Some(rekey::sandbox::gitlab::Bar::Proxy(wanted));
        world.settings.url = "https://git.public.example".into();
    });
    for (name, value) in [("proxy", "proxy-password"), ("front", "front-secret")] {
        let path = office.folder.path().join(name);
        std::fs::write(&path, value).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&path, mode).unwrap();
    }
    office.configure(|text| with_address(text, &url));
    let (code, said) = examine(&office).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("something before GitLab answered") && said.contains("[gitlab.proxy]"), "{said}");

    let proxy =
        "\n[gitlab.proxy]\nuser = \"rekey\"\npassword = \"file:proxy\"\nheaders = { X-Front = \"file:front\" }\n";
    office.configure(|text| with_address(text, &url) + proxy);
    let (code, said) = examine(&office).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("GitLab calls itself git.public.example"), "{said}");
    assert!(said.contains("add \"https://git.public.example\" to [gitlab.webhook] hosts"), "{said}");

    let named = "secret_token = \"env:HOOK_SECRET\"\nhosts = [\"https://git.public.example\"]";
    let text = |text: String| text.replace("secret_token = \"env:HOOK_SECRET\"", named);
    office.configure(|plain| text(with_address(plain, &url)) + proxy);
    let (code, said) = examine(&office).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(!said.contains("calls itself") && !said.contains("front-secret"), "{said}");
}

#[tokio::test]
async fn what_bars_the_bot_is_told_with_the_way_out() {
    use rekey::sandbox::gitlab::Bar;
    for (bar, mend) in [
        (Bar::Addresses, "add the address of the bot to the allow-list"),
        (Bar::SingleSignOn, "start a session of the bot's account"),
        (Bar::Dpop, "turn off \"Require DPoP\""),
        (Bar::Terms, "sign in as the bot's account and accept the terms"),
    ] {
        let office = Office::open(Wish::default()).await;
        office.state.with(|world| world.settings.bar = Some(bar.clone()));
        let (code, said) = examine(&office).await;
        assert_eq!(code, Some(1), "{bar:?}: {said}");
        assert!(said.contains(mend), "{bar:?}: {said}");
    }
}

#[tokio::test]
async fn a_second_channel_for_reminders_in_which_the_bot_is_not_is_told_before_anybody_waits_for_one() {
    let office = Office::open(Wish::default()).await;
    let steps = "steps = [{ days_left = 3 }, { days_left = 1, to = \"slack:C0NOWHERE1\" }]";
    office.configure(|text| text.to_owned() + &format!("\n[reminders]\n{steps}\n"));
    let (code, said) = examine(&office).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("C0NOWHERE1") && said.contains("correct [reminders] steps"), "{said}");
}

#[tokio::test]
async fn a_channel_that_another_organisation_shares_is_told() {
    let office = Office::open(Wish::default()).await;
    office.slack.state().with(|world| world.shared.insert(super::office::CHANNEL.into()));
    let (_, said) = examine(&office).await;
    assert!(said.contains("another organisation shares it, and its people read every card"), "{said}");
}

#[tokio::test]
async fn a_project_that_job_tokens_of_all_others_may_reach_is_told() {
    let office = Office::open(Wish::default()).await;
    let (_, said) = examine(&office).await;
    assert!(!said.contains("job token"), "{said}");
    office.state.with(|world| {
        let project = world.project_named("acme/deploy").unwrap();
        world.open_to_job_tokens.insert(project);
    });
    let (_, said) = examine(&office).await;
    assert!(said.contains("jobs of every project may reach it by their job token"), "{said}");
}

#[tokio::test]
async fn what_others_could_read_or_change_is_refused_with_the_command_that_mends_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = |path: &std::path::Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    let office = Office::open(Wish::default()).await;
    let token = office.folder.path().join("gitlab-token");
    mode(&token, 0o644);
    let output = office.run(&["doctor"]).await;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains(&format!("run chmod 600 {}", token.display())), "{said}");
    mode(&token, 0o600);

    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("program");
    std::fs::write(&program, "#!/bin/sh\necho '{\"readable\":false}'\n").unwrap();
    mode(&program, 0o755);
    office.configure(|text| with_program(&text, folder.path()));
    for (bits, at, mend) in [(0o777, folder.path(), "chmod o-w"), (0o757, program.as_path(), "chmod 755")] {
        let before = std::fs::metadata(at).unwrap().permissions().mode();
        mode(at, bits);
        let (code, said) = examine(&office).await;
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains(mend), "{said}");
        mode(at, before & 0o7777);
    }
}

/// Another store of the token: a program.
fn with_program(text: &str, folder: &std::path::Path) -> String {
    let at = folder.display();
    let store = "[[token.store]]\nkind = \"command\"\nat = \"safe\"\nplace = \"x\"\n\n[[token.verify]]";
    let command = format!("\n[command.safe]\nprogram = \"{at}/program\"\nargs = [\"{at}\"]\n");
    text.replacen("[[token.verify]]", store, 1) + &command
}

#[tokio::test]
async fn what_a_stores_program_leaves_running_ends_with_it_though_it_wiped_its_environment_and_hid() {
    use std::os::unix::fs::PermissionsExt as _;
    let office = Office::open(Wish::default()).await;
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("program");
    let hide = r#"#!/bin/sh
[ "$2" = check ] || { echo '{}'; exit; }
( env -i setsid /bin/sh -c 'echo $$ > "$0/new"; mv "$0/new" "$0/child"; exec sleep 300' "$1" < /dev/null > /dev/null 2>&1 & )
while [ ! -s "$1/child" ]; do :; done
echo '{"readable":false}'
"#;
    std::fs::write(&program, hide).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    office.configure(|text| with_program(&text, folder.path()));
    let (_, said) = examine(&office).await;
    assert!(said.contains("command safe x"), "{said}");
    let number = std::fs::read_to_string(folder.path().join("child")).unwrap();
    let is_gone = || {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", number.trim()));
        stat.map_or(true, |stat| stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('Z')))
    };
    crate::until::until("the hidden child is gone", is_gone).await;
}

#[tokio::test]
async fn groups_of_approvers_are_looked_at_one_by_one() {
    let office = Office::open(Wish::default()).await;
    let members = ["U0ADA00001", "U0GRACE001"].map(str::to_owned).to_vec();
    office.slack.state().with(|world| {
        world.groups.insert("S0PLATFORM".into(), members);
        world.groups.insert("S0EMPTY".into(), Vec::new());
    });
    let groups = "\"ada\", \"slack-group:S0PLATFORM\", \"slack-group:S0EMPTY\", \"slack-group:S0GONE\", \
                  \"gitlab-group:acme>=maintainer\", \"gitlab-group:acme/nowhere>=owner\"";
    office
        .configure(|text| text.replace("\"ada\", \"grace\"", groups).replace("approvers =", "quorum = 5\napprovers ="));
    let (code, said) = examine(&office).await;
    assert_eq!(code, Some(1), "{said}");
    let parts = said.split("\n\n").filter(|part| part.starts_with("Tokens") || part.starts_with("People"));
    insta::assert_snapshot!("doctor_groups", parts.collect::<Vec<_>>().join("\n\n"));
    office.slack.state().with(|world| world.settings.scopes.retain(|scope| scope != "usergroups:read"));
    let (_, said) = examine(&office).await;
    assert!(said.contains("add the scope usergroups:read to the app and install it again"), "{said}");
}

#[tokio::test]
async fn where_nothing_answers_everything_that_can_be_looked_at_still_is() {
    let office = Office::open(Wish::default()).await;
    office.configure(|text| {
        let closed = "http://127.0.0.1:1";
        with_address(text, closed).replace(&office.gitlab.base_url(), closed).replace(&office.slack.base_url(), closed)
    });
    let (code, said) = examine(&office).await;
    assert_eq!(code, Some(1), "{said}");
    insta::assert_snapshot!("doctor_alone", said);
}

#[tokio::test]
async fn a_socket_is_asked_for_and_not_opened() {
    let office = Office::open(Wish::default()).await;
    office.connect_by_socket();
    let line = |said: &str| said.lines().find(|line| line.contains(" socket ")).unwrap().trim().to_owned();
    let (_, said) = examine(&office).await;
    assert_eq!(line(&said), "ok    socket              Slack gives one: no public address is needed");
    office.slack.state().with(|world| world.settings.app_token = "xapp-another".into());
    let (code, said) = examine(&office).await;
    assert_eq!(code, Some(1));
    assert!(line(&said).starts_with("FAIL  socket"), "{said}");
    assert_eq!(office.slack.state().connections_seen(), 0);
}

#[tokio::test]
async fn a_bots_token_that_looks_like_none_is_told_as_such_and_sent_nowhere() {
    let office = Office::open(Wish::default()).await;
    office.configure(|text| text);
    std::fs::write(office.folder.path().join("gitlab-token"), "glpat-cut").unwrap();
    let before = office.state.calls().len();
    let (code, said) = examine(&office).await;
    assert_eq!(code, Some(1), "{said}");
    let what = "gitlab-token does not look like a token of this GitLab, so GitLab was not asked";
    let mend =
        "→ give the whole token (glpat-…); if your GitLab has a prefix of its own, write it as [gitlab] token_prefixes";
    assert!(said.contains(what) && said.contains(mend), "{said}");
    let asked = office.state.calls().split_off(before);
    assert!(!asked.iter().any(|call| call.path.ends_with("/personal_access_tokens/self")), "{asked:#?}");
}

#[tokio::test]
async fn without_a_messenger_people_are_told_where_they_decide() {
    let office = Office::open(Wish::default()).await;
    office.configure(|text| {
        let (before, rest) = text.split_once("[slack]\n").unwrap();
        let (_, after) = rest.split_once("\n[people.ada]").unwrap();
        format!("{before}[people.ada]{after}")
    });
    let (_, said) = examine(&office).await;
    let alone = "no [slack] and no [discord]: people decide in comments on the issue or on the command line";
    assert!(said.contains(alone), "{said}");
}

#[tokio::test]
async fn how_strong_a_comment_is_gets_a_line_where_comments_approve() {
    let office = Office::open(Wish::default()).await;
    let advice = "a comment decides, and is as strong as reply-by-mail";
    let (_, said) = examine(&office).await;
    assert!(said.contains(advice) && said.contains("whether this GitLab takes mail cannot be seen"), "{said}");
    assert!(said.contains("step_up for what a comment shall not decide"), "{said}");
    // A service desk takes mail.
    office.state.with(|world| world.settings.takes_mail = true);
    let (_, said) = examine(&office).await;
    assert!(said.contains(advice) && said.contains("this GitLab takes mail"), "{said}");
    let key = office.folder.path().join("codes.key");
    std::fs::write(&key, crate::flow::team::KEY).unwrap();
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    office.configure(|text| {
        let section = format!("[step_up]\nkey = \"file:{}\"\n\n[rotation]\nstep_up = \"totp\"\n", key.display());
        text.replace("[rotation]\n", &section)
    });
    let (_, said) = examine(&office).await;
    assert!(!said.contains(advice), "a comment decides nothing that needs a code: {said}");
    // Nobody who approves is known in GitLab.
    let office = Office::open(Wish::default()).await;
    office.configure(|text| text.replace("gitlab = \"ada\"\n", "").replace("gitlab = \"grace\"\n", ""));
    let (_, said) = examine(&office).await;
    assert!(!said.contains(advice), "{said}");
}

#[tokio::test]
async fn a_token_with_no_approver_to_spare_and_a_scope_that_only_groups_need_are_told() {
    let office = Office::open(Wish::default()).await;
    office.configure(|text| text.replace("[\"ada\", \"grace\"]", "[\"ada\"]"));
    office.slack.state().with(|world| {
        world.settings.scopes.retain(|scope| scope != "im:write" && scope != "usergroups:read");
        world.groups.insert("S0PLATFORM".into(), vec!["U0ADA00001".into()]);
    });
    let (_, said) = examine(&office).await;
    let spare = "ada is its only approver and cannot approve what ada asks for";
    assert!(said.contains(spare) && said.contains("→ name one more under approvers, or let others ask"), "{said}");
    assert!(
        said.contains("missing: im:write")
            && !said.contains("missing: im:write (to answer people who are not in the channel), usergroups:read"),
        "{said}"
    );
    office.configure(|text| text.replace("[\"ada\", \"grace\"]", "[\"ada\", \"slack-group:S0PLATFORM\"]"));
    let (_, said) = examine(&office).await;
    assert!(said.contains("usergroups:read (to know who is in a user group)") && !said.contains(spare), "{said}");
}

#[tokio::test]
async fn a_gitlab_that_refuses_the_bot_itself_is_a_failure_in_its_own_words_and_lists_nothing() {
    let (blocked, expired) = ("403 Forbidden - Your account has been blocked.", "Token is expired.");
    let scope = "The request requires higher privileges than provided by the access token.";
    for (path, status, body, words) in [
        ("*", 403, serde_json::json!({"message": blocked}), blocked),
        ("*", 401, serde_json::json!({"error": "invalid_token", "error_description": expired}), expired),
        ("*/user", 403, serde_json::json!({"error": "insufficient_scope", "error_description": scope}), scope),
        ("*/self", 403, serde_json::json!({"message": "403 Forbidden"}), "403 Forbidden"),
    ] {
        let office = Office::open(Wish::default()).await;
        office.state.fault(Rule::new("GET", path, Fault::Refuse { status, body }).times(0));
        let (code, said) = examine(&office).await;
        assert_eq!(code, Some(1), "{path}: {said}");
        assert!(said.contains(words) && !said.contains("0 failures") && !said.contains("try again"), "{said}");
        if path == "*" {
            assert!(office.complains(&["list"]).await.contains("GitLab told of no token"));
            let plan = office.complains(&["plan", "deploy"]).await;
            assert!(plan.contains(words) && !plan.contains("try again"), "{plan}");
        }
    }
}

#[tokio::test]
async fn a_gitlab_that_is_too_old_is_told_by_its_version() {
    let office = Office::open(Wish::default()).await;
    office.state.with(|world| world.settings.version = "17.6.2-ee".into());
    let body = serde_json::json!({"error": "405 Not Allowed"});
    office.state.fault(Rule::new("GET", "*/personal_access_tokens", Fault::Refuse { status: 405, body }).times(0));
    let (code, said) = examine(&office).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("tokens of service accounts need GitLab 17.11 or later; this is 17.6.2-ee"), "{said}");
    assert!(!said.contains("revoke the tokens that are not in use"), "{said}");
}

/// What a plan refuses and what doctor calls a failure of the same rotation, in changed offices.
#[tokio::test]
async fn doctor_fails_where_a_plan_refuses_and_only_there() {
    let cases: [Case; 5] = [
        ("in order", |_| {}, |text| text),
        ("paused", |_| {}, |text| text.replace("[rotation]", "[rotation]\npaused = true")),
        ("sudo", |world| world.rescope(super::office::BOT, &["api", "sudo"]), |text| text),
        ("fine-grained", |world| world.rescope(super::office::BOT, &["granular"]), |text| text),
        (
            "unprotected",
            |world| world.pipeline(world.project_named("acme/deploy").unwrap(), "topic", Vec::new()),
            |text| text.replace("ref = \"main\"", "ref = \"topic\""),
        ),
    ];
    for (name, world, configured) in cases {
        let office = Office::open(Wish { world, ..Wish::default() }).await;
        office.configure(configured);
        office.run_pipeline().await;
        let (_, said) = examine(&office).await;
        let plan = office.json(&["plan", "deploy", "--json"]).await["plan"].clone();
        let refused = plan["blockers"].as_array().unwrap();
        let about = said
            .split("\n\n")
            .filter(|part| ["Tokens", "Stores", "Consumers"].iter().any(|area| part.starts_with(area)));
        let failures = about.flat_map(str::lines).filter(|line| line.trim_start().starts_with("FAIL")).count();
        assert_eq!(failures, refused.len(), "{name}: {said}\n{refused:#?}");
    }
}

#[tokio::test]
async fn a_place_with_more_secrets_than_could_be_kept_out_of_words_is_refused_and_a_short_secret_is_told() {
    let office = Office::open(Wish::default()).await;
    let at = |name: &str| office.folder.path().join(name);
    let value: String = (0..20_000u32).map(|number| format!("{:x}", number.wrapping_mul(2_654_435_761))).collect();
    std::fs::write(at("answer"), serde_json::json!({ "value": value }).to_string()).unwrap();
    std::fs::write(at("short"), "geheim7").unwrap();
    std::fs::set_permissions(at("short"), std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let program = format!("#!/bin/sh\ncase \"$1\" in read) cat {} ;; *) echo '{{}}' ;; esac\n", at("answer").display());
    crate::store::command::install(&at("program"), &program);
    let (program, short) = (at("program").display().to_string(), at("short").display().to_string());
    office.configure(|text| {
        let store = "[[token.store]]\nkind = \"command\"\nat = \"safe\"\nplace = \"x\"\n\n";
        let text = text.replacen("[[token.verify]]", &format!("{store}[[token.verify]]"), 1);
        format!("{text}\n[command.safe]\nprogram = \"{program}\"\nenv = {{ KEY = \"file:{short}\" }}\n")
    });
    let (code, said) = examine(&office).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("more of what it holds is secret than rekey can keep out of its words"), "{said}");
    assert!(said.contains("keep the token in a place of its own"), "{said}");
    assert!(said.contains("is shorter than 8 characters") && !said.contains("geheim7"), "{said}");
}

#[tokio::test]
async fn a_slack_token_that_ends_by_itself_is_a_failure_though_it_works() {
    let office = Office::open(Wish::default()).await;
    let ends = "xoxe.xoxb-1-sandbox-0001-bot";
    office.slack.state().with(|world| world.settings.token = ends.into());
    let output = office.command(&["doctor"]).env("SLACK_TOKEN", ends).output().await.unwrap();
    let said = office.tame(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("it begins with xoxe: it ends within 12 hours"), "{said}");
    assert!(said.contains("make an app without token rotation"), "{said}");
}

#[tokio::test]
async fn an_app_of_an_organisation_is_in_order_with_the_organisation_as_team() {
    let office = Office::open(Wish::default()).await;
    office.slack.state().with(|world| world.settings.organisation = Some("E0ORG00001".into()));
    let line = |said: &str| said.lines().find(|line| line.contains(" workspace ")).unwrap().trim().to_owned();
    for (team, begins) in [("E0ORG00001", "ok"), ("E0OTHER001", "FAIL")] {
        office.configure(|text| text.replace("team = \"T0TEAM0001\"", &format!("team = \"{team}\"")));
        let (_, said) = examine(&office).await;
        assert!(line(&said).starts_with(begins), "{team}: {said}");
    }
}

#[tokio::test]
async fn what_was_not_looked_up_gets_no_tick() {
    let office = Office::open(Wish::default()).await;
    office.slack.state().with(|world| world.settings.scopes.retain(|scope| scope != "users:read"));
    office.state.fault(
        Rule::new(
            "GET",
            "*/metadata",
            Fault::Refuse { status: 403, body: serde_json::json!({"message": "403 Forbidden"}) },
        )
        .times(0),
    );
    let (_, said) = examine(&office).await;
    let line = |of: &str| said.lines().find(|line| line.contains(of)).unwrap_or_default().trim().to_owned();
    assert!(line("which was not looked up").starts_with("warn"), "{said}");
    assert!(line("does not tell its version").starts_with("warn"), "{said}");
}

/// A mount takes the place of nothing, and nothing takes its place.
#[tokio::test]
async fn a_file_that_is_mounted_by_itself_is_found_before_anything_is_made() {
    let office = Office::open(Wish::default()).await;
    let file = office.folder.path().join("mounted");
    std::fs::write(&file, super::office::OLD).unwrap();
    let store = format!("\n[[token.store]]\nkind = \"file\"\npath = \"{}\"\n", file.display());
    office.configure(|text| text + &store);
    let (_, said) = examine(&office).await;
    assert!(!said.contains("it is a mount of its own"), "{said}");
    let bind = "mount --bind \"$0\" \"$0\" && echo mounted && exec \"$@\"";
    let mut command = office.command(&[]);
    let inner = command.as_std().get_program().to_owned();
    let mut apart = tokio::process::Command::new("unshare");
    apart.args(["-rm", "sh", "-c", bind]).arg(&file).arg(inner).arg("doctor").current_dir(office.folder.path());
    apart.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    apart.envs(command.as_std().get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.kill_on_drop(true);
    let output = apart.output().await.ok().filter(|output| output.stdout.starts_with(b"mounted"));
    let Some(output) = crate::left_out::unless(output, "the right to mount (unshare -rm)") else { return };
    let said = office.tame(&output.stdout);
    assert!(said.contains("it is a mount of its own") && said.contains("mount its directory instead"), "{said}");
}
