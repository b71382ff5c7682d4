//! Templates: each shape on documents as people have them, and what must hold for any document.

use super::contract::{NEW, OLD, secret};
use proptest::prelude::*;
use rekey::store::template::{Misfit, Template};

fn netrc(machine: &str, login: Option<&str>) -> Template {
    Template::Netrc { machine: machine.into(), login: login.map(str::to_owned) }
}

fn npmrc(registry: &str) -> Template {
    Template::Npmrc { registry: registry.into() }
}

fn docker(registry: &str, user: Option<&str>) -> Template {
    Template::DockerConfig { registry: registry.into(), user: user.map(str::to_owned) }
}

fn url(host: Option<&str>, user: Option<&str>) -> Template {
    Template::Url { host: host.map(str::to_owned), user: user.map(str::to_owned) }
}

fn json(key: &[&str]) -> Template {
    Template::Json { key: key.iter().map(|key| (*key).to_owned()).collect() }
}

fn dotenv(key: &str) -> Template {
    Template::Dotenv { key: key.into() }
}

fn text(before: &str, after: &str) -> Template {
    Template::Text { before: before.into(), after: after.into() }
}

fn extracted(template: &Template, document: &str) -> Result<String, Misfit> {
    template.extract(&secret(document)).map(|value| value.expose().to_owned())
}

fn replaced(template: &Template, document: &str, value: &str) -> Result<String, Misfit> {
    template.replace(&secret(document), &secret(value)).map(|document| document.expose().to_owned())
}

/// The old value is found, and the new document differs in nothing else. `§` stands for the value.
fn fits(template: &Template, document: &str) {
    let (before, after) = (document.replace('§', OLD), document.replace('§', NEW));
    assert_eq!(extracted(template, &before).as_deref(), Ok(OLD), "{before}");
    assert_eq!(replaced(template, &before, NEW).as_deref(), Ok(after.as_str()), "{before}");
}

fn misfit<T: std::fmt::Debug>(outcome: Result<T, Misfit>) -> String {
    let misfit = outcome.unwrap_err();
    assert!(!misfit.mend.is_empty() && !misfit.why.contains("canary"), "{misfit:?}");
    misfit.why
}

#[test]
fn a_netrc_gives_the_password_of_one_machine() {
    let gitlab = netrc("gitlab.example.com", None);
    fits(&gitlab, "machine gitlab.example.com login bot password §");
    fits(&gitlab, "machine a login password password machine\nmachine gitlab.example.com\n\tlogin bot\n\tpassword §\n");
    fits(&gitlab, "# machine gitlab.example.com password x\r\nmachine gitlab.example.com password § login b\r\n");
    fits(&gitlab, "macdef init\nmachine gitlab.example.com password no\n\nmachine gitlab.example.com password \"§\"\n");
    fits(&gitlab, "machine gitlab.example.com login \"bot\" account x password §\ndefault login a password b\n");
    let two = "machine gitlab.example.com login a password x\nmachine gitlab.example.com login bot password §\n";
    fits(&netrc("gitlab.example.com", Some("bot")), two);
    assert_eq!(misfit(extracted(&gitlab, two)), "there is more than one machine gitlab.example.com in it");
    assert_eq!(misfit(extracted(&gitlab, "default password x")), "there is no machine gitlab.example.com in it");
    assert!(misfit(extracted(&gitlab, "machine gitlab.example.com login x")).contains("no password"));
    let quoted = replaced(&gitlab, "machine gitlab.example.com password \"x\"", "a \"b\" \\c").unwrap();
    assert_eq!(quoted, r#"machine gitlab.example.com password "a \"b\" \\c""#);
}

#[test]
fn a_netrc_whose_quote_is_never_closed_is_named() {
    for document in ["machine host password \"", "machine host password \"old€", "machine host password \"old\\\""] {
        let misfit = misfit(replaced(&netrc("host", None), document, "new"));
        assert!(misfit.contains("the quote around the password of machine host is never closed"), "{misfit}");
    }
}

#[test]
fn an_npmrc_gives_the_token_of_one_registry() {
    let registry = npmrc("https://gitlab.example.com/api/v4/packages/npm");
    for line in [
        "//gitlab.example.com/api/v4/packages/npm/:_authToken=§",
        "; comment\n@acme:registry=https://gitlab.example.com/\n//gitlab.example.com/api/v4/packages/npm/:_authToken = \"§\"\n",
        "//other/:_authToken=x\n//gitlab.example.com/api/v4/packages/npm/:_authToken=§  \r\nalways-auth=true",
    ] {
        fits(&registry, line);
    }
    let variable = "//gitlab.example.com/api/v4/packages/npm/:_authToken=${NPM_TOKEN}";
    assert_eq!(misfit(extracted(&registry, variable)), "it holds the name of a variable, not a value");
    assert!(misfit(extracted(&registry, "//gitlab.example.com/:_authToken=x")).contains("no line //gitlab"));
}

#[test]
fn dockers_configuration_gives_the_password_inside_the_encoded_pair() {
    use base64::Engine as _;
    let encode = |value: &str| base64::engine::general_purpose::STANDARD.encode(format!("bot:{value}"));
    let template = docker("registry.example.com", None);
    let document = |value: &str| {
        let auth = encode(value);
        format!(
            "{{\n\t\"credsStore\": \"x\",\n\t\"auths\": {{ \"a\": {{}}, \"registry.example.com\": {{\"auth\":\"{auth}\"}} }}\n}}\n"
        )
    };
    assert_eq!(extracted(&template, &document(OLD)).as_deref(), Ok(OLD));
    assert_eq!(replaced(&template, &document(OLD), NEW).unwrap(), document(NEW));
    let other = docker("registry.example.com", Some("somebody"));
    assert_eq!(misfit(replaced(&other, &document(OLD), NEW)), "it is another user's");
    let empty = r#"{"auths":{"registry.example.com":{"auth":""}}}"#;
    assert_eq!(misfit(replaced(&template, empty, NEW)), "it names no user yet");
    let filled = replaced(&docker("registry.example.com", Some("bot")), empty, NEW).unwrap();
    assert_eq!(filled, format!(r#"{{"auths":{{"registry.example.com":{{"auth":"{}"}}}}}}"#, encode(NEW)));
}

#[test]
fn an_address_gives_its_password_spelt_as_addresses_are() {
    fits(&url(None, None), "https://oauth2:§@gitlab.example.com/acme/deploy.git");
    fits(&url(None, None), "url = https://bot:§@gitlab.example.com:8443?x=a@b\n");
    let several = "https://a:x@github.example\nhttps://bot:§@gitlab.example.com\nhttps://z:y@gitlab.example.com\n";
    fits(&url(Some("gitlab.example.com"), Some("bot")), several);
    assert!(misfit(extracted(&url(Some("gitlab.example.com"), None), several)).contains("more than one"));
    assert!(misfit(extracted(&url(None, None), "https://gitlab.example.com/")).contains("no address"));
    let spelt = replaced(&url(None, None), "https://b:x@h/p", "a/b@c:d e%").unwrap();
    assert_eq!(spelt, "https://b:a%2Fb%40c%3Ad%20e%25@h/p");
    assert_eq!(extracted(&url(None, None), &spelt).unwrap(), "a/b@c:d e%");
}

#[test]
fn a_json_document_gives_one_text_and_keeps_its_looks() {
    let template = json(&["gitlab", "hosts", "1", "token"]);
    fits(&template, "{\"gitlab\" : {\"hosts\":[0, { \"token\":\t\"§\" , \"n\": 1.50e+3 } ] } }");
    fits(&template, "// mine\n{ \"gitlab\": { \"hosts\": [ null, {\n \"token\": \"§\", /* ! */ }, ], }, }\n");
    fits(&json(&["a.b"]), "{\"a.b\":\"§\",\"c\":\"\\u00e9\"}");
    fits(&json(&[]), "\"§\"");
    for (document, why) in [
        ("{", "not JSON"),
        ("{\"gitlab\":{}}", "no key hosts"),
        ("{\"gitlab\":{\"hosts\":[]}}", "no key 1"),
        ("{\"gitlab\":1,\"gitlab\":2}", "more than one key gitlab"),
        ("{\"gitlab\":{\"hosts\":[0,{\"token\":7}]}}", "is not a text"),
    ] {
        assert!(misfit(extracted(&template, document)).contains(why), "{document}");
    }
    assert_eq!(replaced(&json(&["a"]), "{\"a\":\"x\"}", "q\"\\é").unwrap(), "{\"a\":\"q\\\"\\\\é\"}");
}

#[test]
fn a_dotenv_file_gives_one_key_and_keeps_its_quotes() {
    let template = dotenv("TOKEN");
    for document in [
        "TOKEN=§",
        "A=1\n  export TOKEN = '§' # TOKEN=x\nB=2\n",
        "MY_TOKEN=x\r\nTOKEN=\"§\"\r\nTOKEN_2=y\r\n",
        "TOKEN=§   # comment\n#TOKEN=x\n",
    ] {
        fits(&template, document);
    }
    assert_eq!(replaced(&template, "TOKEN=\n", NEW).unwrap(), format!("TOKEN={NEW}\n"));
    assert_eq!(replaced(&template, "TOKEN=\"x\"", "a$b`\"").unwrap(), "TOKEN=\"a\\$b\\`\\\"\"");
    assert!(misfit(replaced(&template, "TOKEN=x", "two words")).contains("characters"));
    assert!(misfit(replaced(&template, "TOKEN='x'", "it's")).contains("characters"));
    assert!(misfit(extracted(&template, "TOKEN=\"x\ny\"")).contains("not closed"));
    assert!(misfit(extracted(&template, "TOKEN=x\nTOKEN=y")).contains("more than one"));
}

#[test]
fn any_other_document_is_described_by_what_stands_around_the_value() {
    fits(&text("token: ", ""), "user: bot\ntoken: §\nurl: x\n");
    fits(&text("--token=", " --quiet"), "run --token=§ --quiet\n");
    fits(&text("password=\"", "\""), "a password=\"§\" b=\"c\"");
    fits(&text("", ";end"), "§;end");
    assert_eq!(replaced(&text("token: ", ""), "token: \nx", NEW).unwrap(), format!("token: {NEW}\nx"));
    assert!(misfit(extracted(&text("t=", ""), "t=1 t=2")).contains("more than one"));
    assert!(misfit(extracted(&text("t=", ""), "u=1")).contains("no text of that form"));
    assert!(misfit(replaced(&text("t=", ";"), "t=1;", "a;b")).contains("told from"));
}

/// A document of a shape, with surroundings drawn at random.
fn documents() -> impl Strategy<Value = (Template, String, String)> {
    let line = "[ -~äß€]{0,30}";
    let name = "[A-Za-z0-9_]{1,12}";
    prop_oneof![
        (line, line).prop_map(|(a, b)| (dotenv("TOKEN"), format!("#{a}\nTOKEN='"), format!("'\n#{b}"))),
        (name, line).prop_map(|(a, b)| {
            (netrc("host", None), format!("machine x{a} password {a}\nmachine host password "), format!("\n#{b}"))
        }),
        (line, name).prop_map(|(a, b)| {
            let head = serde_json::json!({ "a": a }).to_string();
            let head = head.trim_end_matches('}').to_owned();
            (json(&["token"]), format!("{head},\n\t\"token\":\""), format!("\" ,\"{b}\":[1.0] }}\r\n"))
        }),
        (line, line).prop_map(|(a, b)| (npmrc("//r/"), format!(";{a}\n//r/:_authToken="), format!("\n;{b}"))),
        (name, line).prop_map(|(a, b)| (
            url(None, None),
            format!("https://{a}:"),
            format!("@host/{}", b.replace('@', ""))
        )),
        (line, line).prop_map(|(a, b)| (text("«", "»"), format!("{a}\n«"), format!("» {b}\n"))),
        ("['\"]", "[;#]", line, "\r?\n").prop_map(|(quote, sign, b, end)| {
            (
                npmrc("//r/"),
                format!("\u{feff};x{end}//r/:_authToken = {quote}"),
                format!("{quote} {sign}{b}{end}x=y{end}"),
            )
        }),
        ("['\"`]", line, "\r?\n").prop_map(|(quote, b, end)| {
            (dotenv("TOKEN"), format!("\u{feff}A=1{end}export TOKEN={quote}"), format!("{quote} #{b}{end}"))
        }),
    ]
}

proptest! {
    #[test]
    fn whatever_stands_around_it_stays_to_the_byte((template, before, after) in documents(), value in "[A-Za-z0-9_.=-]{1,60}") {
        let document = format!("{before}{OLD}{after}");
        prop_assert_eq!(extracted(&template, &document), Ok(OLD.to_owned()));
        let new = replaced(&template, &document, &value);
        if let Template::Url { .. } = template {
            prop_assert_eq!(extracted(&template, &new.unwrap()), Ok(value));
        } else {
            prop_assert_eq!(new, Ok(format!("{before}{value}{after}")));
        }
    }

    #[test]
    fn no_document_and_no_value_makes_a_template_stumble(document in "(?s).{0,200}", value in ".{0,40}", (template, before, after) in documents()) {
        for document in [document, format!("{before}{value}{after}")] {
            if let Ok(new) = replaced(&template, &document, &value) {
                prop_assert_eq!(extracted(&template, &new), Ok(value.clone()));
            }
        }
    }
}

fn in_base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

#[test]
fn a_value_that_stands_twice_in_an_entry_is_written_twice() {
    let template = docker("registry.example.com", Some("bot"));
    let document = |value: &str| {
        let auth = in_base64(&format!("bot:{value}"));
        format!(
            "{{\"auths\": {{\"registry.example.com\": {{\"username\": \"bot\",\n \"password\":\"{value}\", \"email\": \"a@b\", \
             \"auth\": \"{auth}\"}}}}}}"
        )
    };
    assert_eq!(extracted(&template, &document(OLD)).as_deref(), Ok(OLD));
    assert_eq!(replaced(&template, &document(OLD), NEW).unwrap(), document(NEW));
    // Docker reads auth; what stands beside it and differs is dead already.
    let differs = document(OLD).replacen(OLD, "glpat-some-older-one", 1);
    assert_eq!(extracted(&template, &differs).as_deref(), Ok(OLD));
    assert_eq!(replaced(&template, &differs, NEW).unwrap(), document(NEW));
    let alone = format!("{{\"auths\":{{\"registry.example.com\":{{\"username\":\"bot\",\"password\":\"{OLD}\"}}}}}}");
    assert_eq!(replaced(&template, &alone, NEW).unwrap(), alone.replace(OLD, NEW));
    fits(&url(Some("h"), None), "url = https://b:§@h/a.git\npushurl = https://b:§@h/a.git\n");
    fits(&dotenv("T"), "T=§\n# once more\nexport T='§'\n");
    fits(&netrc("h", None), "machine h login a password §\nmachine h login b password \"§\"\n");
    fits(&npmrc("//r/"), "//r/:_authToken=§\n//r/:_authToken=\"§\"\n");
    fits(&text("t: ", ""), "t: §\n  t: §\n");
}

#[test]
fn what_makes_docker_read_another_place_is_told() {
    let template = docker("r", Some("bot"));
    let auth = in_base64(&format!("bot:{OLD}"));
    let told = |rest: &str, entry: &str| {
        let document = format!("{{\"auths\":{{\"r\":{{\"auth\":\"{auth}\"{entry}}}}}{rest}}}");
        let found = template.unread(&secret(&document));
        found.into_iter().map(|caution| format!("{}; {}", caution.what, caution.mend)).collect::<Vec<_>>()
    };
    for (rest, entry, word) in [
        (",\"credHelpers\":{\"r\":\"secretservice\"}", "", "secretservice"),
        (",\"credHelpers\":{\"r\":\"ecr-login\",\"x\":\"y\"},\"credsStore\":\"pass\"", "", "ecr-login"),
        (",\"credsStore\":\"osxkeychain\"", "", "osxkeychain"),
        ("", ",\"identitytoken\":\"abc\"", "identitytoken"),
        ("", ",\"registrytoken\":\"abc\"", "registrytoken"),
    ] {
        let found = told(rest, entry);
        assert!(found.len() == 1 && found[0].contains(word), "{found:?}");
    }
    for (rest, entry) in [
        ("", ""),
        (",\"credHelpers\":{\"other\":\"x\"}", ""),
        (",\"credsStore\":\"\"", ""),
        ("", ",\"identitytoken\":\"\""),
    ] {
        assert!(told(rest, entry).is_empty(), "{rest}{entry}");
    }
    let empty = "{\"auths\":{\"r\":{}},\"credsStore\":\"desktop\"}";
    assert!(misfit(extracted(&template, empty)).contains("helper desktop"));
}

#[test]
fn the_same_value_in_other_places_is_told() {
    for (template, document) in [
        (dotenv("A"), "A=§\nB=§\n".to_owned()),
        (json(&["a"]), "{\"a\":\"§\",\"b\":\"x §\"}".to_owned()),
        (npmrc("//r/"), format!("//r/:_authToken=§\n//r/:_password={}\n", in_base64(OLD))),
        (netrc("h", None), format!("machine h password §\n# Basic {}\n", in_base64(&format!("u:{OLD}")))),
    ] {
        let found = template.unread(&secret(&document.replace('§', OLD)));
        assert!(found.len() == 1 && found[0].what.contains("one more place"), "{document}: {found:?}");
    }
    assert!(dotenv("A").unread(&secret(&format!("A={OLD}\nB=other\n"))).is_empty());
}

#[test]
fn what_only_says_where_the_value_comes_from_is_never_written_over() {
    for reference in [
        "${NPM_TOKEN}",
        "${NPM_TOKEN-}",
        "$NPM_TOKEN",
        "$(pass show x)",
        "%NPM_TOKEN%",
        "op://vault/item/field",
        "{{ token }}",
        "{{ .Values.token }}",
        "vault:secret/data/x#token",
        "ref+vault://x/y",
        "ENC[AES256_GCM,data:x]",
        "<path:secret/x#y>",
        "awssm://x",
        "<YOUR_TOKEN>",
        "secretref:x",
        "((npm-token))",
        "#{NpmToken}#",
        "__NPM_TOKEN__",
        "%(npm_token)s",
        "!secret npm_token",
        "projects/1/secrets/npm/versions/latest",
    ] {
        for (template, document) in [
            (npmrc("//r/"), "//r/:_authToken=\"§\"\n"),
            (npmrc("//r/"), "//r/:_authToken='§'\n"),
            (dotenv("T"), "T=\"§\"\n"),
            (dotenv("T"), "T='§' # c\n"),
            (netrc("h", None), "machine h password \"§\"\n"),
            (json(&["t"]), "{\"t\":\"§\"}"),
            (text("t=\"", "\""), "t=\"§\"\n"),
        ] {
            let document = document.replace('§', reference);
            if reference.contains(' ') && matches!(template, Template::Text { .. }) {
                continue;
            }
            let why = misfit(extracted(&template, &document));
            assert!(replaced(&template, &document, NEW).is_err(), "{document}");
            assert!(
                why.contains("name of a variable") || why.contains("where the value comes from"),
                "{document}: {why}"
            );
        }
    }
}

#[test]
fn quotes_comments_marks_and_line_ends_stay() {
    let npm = npmrc("//r/");
    for document in [
        "//r/:_authToken=§ ; until spring\n",
        "//r/:_authToken=§ # until spring\r\nx=y\r\n",
        "//r/:_authToken=§;tight\n",
        "//r/:_authToken='§'\n",
        "//r/:_authToken = '§' ; c\n",
        "//r/:_authToken=\"§\" # c\n",
        "\u{feff}//r/:_authToken=§\r\n",
    ] {
        fits(&npm, document);
    }
    fits(&dotenv("T"), "\u{feff}T=§\r\n");
    fits(&dotenv("T"), "T=`§` # c\n");
    fits(&json(&["t"]), "\u{feff}{\"t\":\"§\"}\r\n");
    fits(&netrc("h", None), "\u{feff}machine h password §\r\n");
    fits(&text("token: ", ""), "a: b\ntoken: \"§\" # quoted\n");
    fits(&text("token: ", ""), "token: '§'\r\n");
}

#[test]
fn an_entry_that_is_still_empty_takes_the_user_that_stands_beside_it() {
    let entry = |auth: &str| format!("{{\"auths\":{{\"r\":{{\"username\":\"bot\",\"auth\":\"{auth}\"}}}}}}");
    let filled = entry(&in_base64(&format!("bot:{NEW}")));
    assert_eq!(replaced(&docker("r", None), &entry(""), NEW).as_ref(), Ok(&filled));
    assert!(misfit(replaced(&docker("r", Some("ada")), &entry(""), NEW)).contains("another user's"));
}

#[test]
fn a_document_that_says_whose_it_is_may_be_written_back_by_that_program() {
    for (head, told) in [("# Managed by Ansible\n", true), (";; DO NOT EDIT: puppet\n", true), ("# ours\n", false)] {
        let found = dotenv("T").unread(&secret(&format!("{head}T={OLD}\n")));
        assert_eq!(found.iter().any(|caution| caution.what.contains("as its head says")), told, "{found:?}");
    }
}
