//! Lines whose words look like a refusal and are about something else: a test suite that wanted one, the name of a
//! package, a file's mode, a database's or a cloud's own login, how a process ended.

use regex::RegexSet;
use std::sync::LazyLock;

static ANOTHER: LazyLock<RegexSet> = LazyLock::new(|| {
    RegexSet::new([
        // Test suites: what they say was refused, was meant to be.
        r"^\s*(?:[✓✔√✅✗✘✖×▶●○]|ok \d|not ok \d|#+ (?:Subtest|ok|not ok)\b|PASS(?:ED)?\b|(?:FAIL|SKIP)(?:ED)?:?\s+\S+\.\w+)",
        r"^\s*(?:--- (?:PASS|FAIL|SKIP)\b|=== (?:RUN|PAUSE|CONT|NAME)\b|\[ +(?:RUN|OK|FAILED|PASSED|SKIPPED) +\]|\[ *(?:RUN|-+|=+) *\])",
        r"\.\.\. ?(?:ok|FAILED|ignored)\s*$|\bPASSED\b|^\s*test \S+.* \.\.\. |\|\s*(?:PASS|FAIL)\s*\|",
        r"^\s*(?:Passed|Failed|Skipped) \S+ \[[^\]]+\]\s*$|^\s*(?:\d+/\d+ )?(?:Start|Test) +#?\d+: ",
        r"^\S+\.\w+::.* (?:FAILED|SKIPPED|XFAIL|ERROR)\b|^(?:FAILED|ERROR) \S+\.\w+::",
        // Names: nothing but a package, and perhaps its version, after what is done with it.
        r#"^\s*(?:(?:Down|Up)load(?:ing|ed)|Collecting|Compil(?:ing|ed)|Install(?:ing|ed)|Using cached|Unpacking|Building|Built|Fetch(?:ing|ed)|Check(?:ing|ed)|Document(?:ing|ed)|Add(?:ing|ed)|Extracting|Fresh|Running|Requirement already satisfied:)\s+["'`]?[\w.@/+:-]+["'`]?(?:[ =@<>~]+v?\d[\w.+-]*)?(?:\s*\([^)]*\)|\s+in \S+)?[\s.]*$"#,
        // Files.
        r#"(?i)\bpermission denied\b\W{0,3}(?:open |while opening |writing |reading )?["'`]?(?:[.~]{0,2}/|[a-z]:\\)"#,
        r#"(?i)\bpermissions? (?:to|for) (?:\w+ )?(?:the )?(?:file |folder |directory |path )?["'`]?(?:[.~]{0,2}/|[a-z]:\\)\w"#,
        r"(?i)\bEACCES\b|\bEPERM\b|\(os error (?:5|13)\)|\b(?:Errno|WinError) (?:5|13)\b|docker\.sock\b|[a-z]:\\.*access is denied",
        // Databases, queues, directories, the machine's own login.
        r"(?i)\b(?:password|peer|ident|md5|scram\S*|gssapi|ldap|radius|pam|cert\w*) authentication failed for user\b",
        r"(?i)\baccess denied for user\s?['`]|\baccess denied for user .*\b(?:using password|to database)\b",
        r"(?i)\b(?:login|logon) (?:failed|denied) for user\b|\bSQLSTATE\b|\bORA-\d{5}\b|\bjdbc:|\bpg_hba\.conf\b",
        r"\bWRONGPASS\b|\bNOAUTH\b|\bACCESS_REFUSED\b|\bMongo\w*(?:Error|Exception)\b|\bSasl\w*\b|\bCouchbase\w*\b",
        r"(?i)\b(?:psql|pg_dump|pg_restore|mysql|mysqldump|mariadb|mysqladmin|sqlcmd|mongosh?|redis-cli|ldap\w*|su|sudo|pam_\w+)(?:\([^)]*\))?: ",
        // Clouds that say no in words of their own.
        r"\(AccessDenied\w*\)|\bAccessDeniedException\b|<Code>AccessDenied|\bgoogleapi: |\bAuthorizationFailed\b",
        // How a process ended.
        r"(?i)\b(?:exit(?:ed|s|ing)?|finished|terminated|ended|quit|died|crashed|killed)\b(?:\s+(?:with|by|code|status|exit|return))*\W*40[13]\b(?:\W*$|\W+(?:errors?|failures?|warnings?|files?|items?|tests?|rows?|lines?|records?)\b)",
    ])
    .expect("constant patterns")
});

/// Whether the line is about something else than a credential of the job's.
pub(super) fn is_of_another_kind(line: &str) -> bool {
    ANOTHER.is_match(line)
}
