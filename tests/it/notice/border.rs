//! Verdicts as mail servers write them, and what strangers put below.

use super::mail::{self, Language, Mail};
use rekey::notice::email::{MailPolicy, Proof, Refused, parse};

const MICROSOFT: &str = "spf=pass (sender IP is 192.0.2.17)\n smtp.mailfrom=mg.gitlab.com; dkim=pass (signature was \
                         verified)\n header.d=mg.gitlab.com;dmarc=pass action=none\n \
                         header.from=mg.gitlab.com;compauth=pass reason=100";
const FROM_OUTSIDE: &str = "from a.example (a.example [192.0.2.17]) by mx.corp.example with ESMTPS id 1";
const WITHIN: &str = "from AM0PR01.eurprd01.prod.outlook.com (2603:10a6:208::1) by DB9PR01.eurprd01.prod.outlook.com \
                      (2603:10a6:10::2) with HTTPS";
const HANDED_ON: &str = "from mail-db9.outbound.protection.outlook.com (mail-db9.outbound.protection.outlook.com \
                         [40.107.0.1]) by pipe.corp.example (Postfix) with ESMTPS id 4";

fn policy(servers: &[&str]) -> MailPolicy {
    let mut policy = mail::policy();
    policy.proof = Proof::Results { servers: servers.iter().map(|server| (*server).to_owned()).collect() };
    policy
}

/// A mail with these lines above everything that its sender wrote.
fn below(lines: &[(&str, &str)]) -> Vec<u8> {
    let mut mail: Mail =
        mail::expiring("https://gitlab.com", 7, &["x"], Language::English).without("Authentication-Results");
    let own = std::mem::take(&mut mail.headers);
    mail.headers = lines.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    mail.headers.extend(own);
    mail.bytes()
}

fn results(value: &str) -> (&'static str, &str) {
    ("Authentication-Results", value)
}

fn received(value: &str) -> (&'static str, &str) {
    ("Received", value)
}

fn believed(servers: &[&str], lines: &[(&str, &str)]) {
    let read = parse(&below(lines), &policy(servers));
    assert!(read.is_ok(), "{lines:?}: {read:?}");
}

fn not_believed(servers: &[&str], lines: &[(&str, &str)]) {
    let read = parse(&below(lines), &policy(servers));
    assert!(matches!(read, Err(Refused::Unauthenticated(_))), "{lines:?}: {read:?}");
}

#[test]
fn a_server_that_leaves_its_name_out_is_believed_by_the_place_of_its_header() {
    believed(&[""], &[results(MICROSOFT), received(FROM_OUTSIDE)]);
    believed(&["", "mx.corp.example"], &[received(WITHIN), results(MICROSOFT), received(FROM_OUTSIDE)]);
    believed(&[""], &[received(HANDED_ON), received(WITHIN), results(MICROSOFT), received(FROM_OUTSIDE)]);
    let local = "from localhost (localhost [127.0.0.1]) by mx.corp.example with LMTP";
    believed(&[""], &[received(local), results(MICROSOFT), received(FROM_OUTSIDE)]);
}

#[test]
fn a_header_without_a_name_counts_nowhere_else() {
    not_believed(&["mx.corp.example"], &[results(MICROSOFT), received(FROM_OUTSIDE)]);
    // Our own server wrote none, so the topmost is the sender's.
    not_believed(&[""], &[received(FROM_OUTSIDE), results(MICROSOFT)]);
    not_believed(&[""], &[received(WITHIN), received(FROM_OUTSIDE), results(MICROSOFT)]);
    // Below another's, or below a worse one of the same server.
    not_believed(&[""], &[results("mx.other.example; dmarc=none"), results(MICROSOFT)]);
    not_believed(&[""], &[results("spf=fail; dkim=none; dmarc=fail"), results(MICROSOFT)]);
    not_believed(&[""], &[results("dkim=none; dmarc=none"), received(FROM_OUTSIDE), results(MICROSOFT)]);
    // A sender that only calls itself Microsoft's.
    let pretending = HANDED_ON.replacen("(mail-db9.outbound.protection.outlook.com", "(evil.example", 1);
    not_believed(&[""], &[received(&pretending), results(MICROSOFT)]);
    let unknown = HANDED_ON.replacen("(mail-db9.outbound.protection.outlook.com", "(unknown", 1);
    not_believed(&[""], &[received(&unknown), results(MICROSOFT)]);
    let longer = HANDED_ON.replace("protection.outlook.com", "protection.outlook.com.evil.example");
    not_believed(&[""], &[received(&longer), results(MICROSOFT)]);
}

#[test]
fn the_refusal_of_a_header_without_a_name_says_what_to_write() {
    let read = parse(&below(&[results(MICROSOFT), received(FROM_OUTSIDE)]), &policy(&["mx.corp.example"]));
    assert!(read.unwrap_err().to_string().contains("add \"\" to [mail] authserv_ids"));
}

#[test]
fn filters_that_write_a_header_each_are_heard_together() {
    let dkim = results(
        "mx.corp.example;\n dkim=pass (2048-bit key; unprotected) header.d=mg.gitlab.com header.i=@mg.gitlab.com",
    );
    let dmarc = results("mx.corp.example; dmarc=pass (p=reject dis=none) header.from=mg.gitlab.com");
    let none = results("mx.corp.example; dmarc=none (p=none dis=none) header.from=mg.gitlab.com");
    let failed = results("mx.corp.example; dmarc=fail (p=none dis=none) header.from=mg.gitlab.com");
    let spf = results("mx.corp.example; spf=pass smtp.mailfrom=bounce@mg.gitlab.com");
    let (filter, other) = (("DMARC-Filter", "OpenDMARC Filter v1.4.2 mx 1"), ("DKIM-Filter", "OpenDKIM Filter v2.11"));
    let (from, servers) = (received(FROM_OUTSIDE), ["mx.corp.example"]);
    believed(&servers, &[from, filter, none, other, dkim]);
    believed(&servers, &[spf, dkim, from]);
    believed(&servers, &[dmarc, spf, from]);
    believed(&servers, &[results("mx.foreign.example; dkim=fail"), spf, dkim, from]);
    // A failure counts wherever it stands in the run.
    not_believed(&servers, &[dkim, failed, from]);
    not_believed(&servers, &[spf, from]);
}

#[test]
fn what_stands_below_the_run_or_speaks_twice_came_with_the_mail() {
    let (none, dkim) =
        (results("mx.corp.example; dkim=none"), results("mx.corp.example; dkim=pass header.d=mg.gitlab.com"));
    let dmarc = results("mx.corp.example; dmarc=pass header.from=mg.gitlab.com");
    let (from, servers) = (received(FROM_OUTSIDE), ["mx.corp.example"]);
    not_believed(&servers, &[none, dkim, from]);
    not_believed(&servers, &[none, dmarc, from]);
    not_believed(&servers, &[none, from, dmarc]);
    not_believed(&servers, &[none, ("X-Mailer", "x"), dmarc]);
    not_believed(&servers, &[from, none, ("DKIM-Signature", "v=1; d=evil.example; b=A"), dmarc]);
    not_believed(&servers, &[none, results("dmarc=pass header.from=mg.gitlab.com")]);
}

#[test]
fn space_and_comments_around_the_sign_of_equality_change_nothing() {
    for value in [
        "mx.corp.example; dkim = pass header.d = mg.gitlab.com",
        "mx.corp.example 1; dkim=(checked) pass (2048 bit) header.d (signer) = (d) mg.gitlab.com",
        "\"mx.corp.example\"; dmarc=pass policy.dmarc=reject header.from=\"mg.gitlab.com\"",
        "mx.corp.example; dmarc=pass header.from=gitlab@mg.gitlab.com",
        "mx.corp.example; dmarc=pass header.from=<gitlab@mg.gitlab.com>",
    ] {
        believed(&["mx.corp.example"], &[results(value), received(FROM_OUTSIDE)]);
    }
    for value in [
        "mx.corp.example; dkim = fail reason = \"dkim=pass header.d=mg.gitlab.com\"",
        "mx.corp.example; spf=pass smtp.mailfrom=\"a=\" (dmarc=pass header.from=mg.gitlab.com)",
        "mx.corp.example; dkim= header.d=mg.gitlab.com",
    ] {
        not_believed(&["mx.corp.example"], &[results(value), received(FROM_OUTSIDE)]);
    }
}
