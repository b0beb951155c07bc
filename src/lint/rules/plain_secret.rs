//! A password, key or token in plain text. No report shows it, nor its line.

use std::collections::BTreeSet;

use super::{Check, Rule};
use crate::lint::context::{Location, RuleContext, Violation};
use crate::lint::texts::{Text, TextPath, visit_texts};
use crate::model::{Message, Object, Severity, workload};
use yaml_spans::{Node, Path};

pub(super) const RULE: Rule = Rule {
    id: "plain-secret",
    severity: Severity::Critical,
    summary: "A password, key or token is written in plain text",
    rationale: "Everyone who can read the repository, its history, `rendered/`, the objects or a CI log has it, and no later commit removes it.",
    fix: "Revoke it. Put the new one into a Secret that is not in this repository, and name its key: `valueFrom: {secretKeyRef: {name: NAME, key: KEY}}`.",
    source: "https://kubernetes.io/docs/concepts/configuration/secret/; the owners' documentation of each form, named in src/lint/rules/plain_secret.rs",
    check: Check::Stack(plain_secret),
};

/// The characters of a token after its prefix.
#[derive(Clone, Copy)]
enum Alphabet {
    /// Letters and digits.
    Alphanumeric,
    /// Letters, digits, `_` and `-`.
    Url,
    /// Letters, digits, `_`, `-`, `.`, `/` and `+`.
    Path,
}

impl Alphabet {
    fn contains(self, byte: u8) -> bool {
        match self {
            Alphabet::Alphanumeric => byte.is_ascii_alphanumeric(),
            Alphabet::Url => byte.is_ascii_alphanumeric() || b"_-".contains(&byte),
            Alphabet::Path => byte.is_ascii_alphanumeric() || b"_-./+".contains(&byte),
        }
    }
}

/// The form of a token: its prefix, and the least characters after it.
struct Form {
    prefix: &'static str,
    least: usize,
    alphabet: Alphabet,
    owner: &'static str,
}

const fn form(prefix: &'static str, least: usize, alphabet: Alphabet, owner: &'static str) -> Form {
    Form { prefix, least, alphabet, owner }
}

const GITHUB: &str = "a GitHub token";
const SLACK: &str = "a Slack token";
const GITLAB: &str = "a GitLab token";
const AWS: &str = "an AWS access key";
const STRIPE: &str = "a Stripe key";

/// The forms that owners document, so that scanners find them.
const FORMS: [Form; 38] = [
    // <https://docs.github.com/authentication/keeping-your-account-and-data-secure/about-authentication-to-github#githubs-token-formats>
    form("ghp_", 36, Alphabet::Alphanumeric, GITHUB),
    form("gho_", 36, Alphabet::Alphanumeric, GITHUB),
    form("ghu_", 36, Alphabet::Alphanumeric, GITHUB),
    form("ghs_", 36, Alphabet::Alphanumeric, GITHUB),
    form("ghr_", 36, Alphabet::Alphanumeric, GITHUB),
    form("github_pat_", 36, Alphabet::Url, GITHUB),
    // <https://huggingface.co/docs/hub/security-tokens>
    form("hf_", 30, Alphabet::Alphanumeric, "a Hugging Face token"),
    // <https://docs.anthropic.com/en/api/getting-started>, before the shorter prefix
    form("sk-ant-", 20, Alphabet::Url, "an Anthropic key"),
    // <https://platform.openai.com/docs/api-reference/authentication>
    form("sk-", 32, Alphabet::Url, "an OpenAI key"),
    // <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids>
    form("AKIA", 16, Alphabet::Alphanumeric, AWS),
    form("ASIA", 16, Alphabet::Alphanumeric, AWS),
    // <https://docs.slack.dev/authentication/tokens>
    form("xoxb-", 20, Alphabet::Url, SLACK),
    form("xoxp-", 20, Alphabet::Url, SLACK),
    form("xoxa-", 20, Alphabet::Url, SLACK),
    form("xoxr-", 20, Alphabet::Url, SLACK),
    form("xoxs-", 20, Alphabet::Url, SLACK),
    form("xapp-", 20, Alphabet::Url, SLACK),
    // <https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks>
    form("hooks.slack.com/services/", 20, Alphabet::Path, "a Slack webhook"),
    // <https://cloud.google.com/docs/authentication/api-keys>
    form("AIza", 35, Alphabet::Url, "a Google API key"),
    form("GOCSPX-", 20, Alphabet::Url, "a Google client secret"),
    form("ya29.", 20, Alphabet::Path, "a Google access token"),
    // <https://docs.gitlab.com/security/tokens/#token-prefixes>
    form("glpat-", 20, Alphabet::Path, GITLAB),
    form("gldt-", 20, Alphabet::Path, GITLAB),
    form("glrt-", 20, Alphabet::Path, GITLAB),
    form("glptt-", 20, Alphabet::Path, GITLAB),
    form("glcbt-", 20, Alphabet::Path, GITLAB),
    form("gloas-", 20, Alphabet::Path, GITLAB),
    // <https://github.blog/changelog/2021-09-23-npm-has-a-new-access-token-format/>
    form("npm_", 36, Alphabet::Alphanumeric, "an npm token"),
    // The Python Package Index: its help page "How can I use API tokens to authenticate?"
    form("pypi-AgE", 50, Alphabet::Url, "a PyPI token"),
    // <https://docs.docker.com/security/access-tokens/>
    form("dckr_pat_", 20, Alphabet::Url, "a Docker Hub token"),
    // <https://docs.nvidia.com/ngc/latest/ngc-user-guide.html>
    form("nvapi-", 40, Alphabet::Url, "an NVIDIA key"),
    // <https://docs.stripe.com/keys>
    form("sk_live_", 20, Alphabet::Alphanumeric, STRIPE),
    form("rk_live_", 20, Alphabet::Alphanumeric, STRIPE),
    form("whsec_", 20, Alphabet::Alphanumeric, STRIPE),
    // <https://docs.digitalocean.com/reference/api/create-personal-access-token/>
    form("dop_v1_", 40, Alphabet::Alphanumeric, "a DigitalOcean token"),
    // <https://developer.hashicorp.com/vault/docs/concepts/tokens#token-prefixes>
    form("hvs.", 20, Alphabet::Url, "a Vault token"),
    // <https://grafana.com/docs/grafana/latest/administration/service-accounts/>
    form("glsa_", 30, Alphabet::Url, "a Grafana token"),
    // <https://age-encryption.org/v1>
    form("AGE-SECRET-KEY-1", 40, Alphabet::Alphanumeric, "an age key"),
];

/// The first line of a private key (RFC 7468) begins and ends with these.
const PEM: (&str, &str) = ("-----BEGIN ", "PRIVATE KEY-----");

/// The least characters of the texts that are searched for forms.
const SHORTEST: usize = 16;

/// The most bytes of a token, so that a search takes a time proportional to the text.
const MAX_TOKEN_BYTES: usize = 2048;

/// The last words of a name whose value is a secret.
const SECRET_WORDS: [&str; 7] =
    ["PASSWORD", "PASSWD", "PASSPHRASE", "SECRET", "APIKEY", "CREDENTIAL", "CREDENTIALS"];

/// The words before `KEY` that make it a secret: a bare `KEY` may be the key of a map.
const KEY_KINDS: [&str; 9] =
    ["API", "SECRET", "PRIVATE", "ACCESS", "AUTH", "ENCRYPTION", "SIGNING", "MASTER", "LICENSE"];

/// The words before `PASS` that make it a password, and not a pass over data.
const PASS_KINDS: [&str; 9] =
    ["DB", "DATABASE", "SMTP", "MAIL", "REDIS", "POSTGRES", "MYSQL", "ADMIN", "ROOT"];

/// The words before `TOKEN` with which it is a token of a language model's text.
const TEXT_TOKENS: [&str; 18] = [
    "BOS", "EOS", "PAD", "UNK", "SEP", "CLS", "MASK", "STOP", "START", "END", "NEXT", "FIRST",
    "LAST", "SPECIAL", "IMAGE", "AUDIO", "TEXT", "SPEECH",
];

/// Values that clients of a server without a login send, and words for a missing value.
const DUMMIES: [&str; 22] = [
    "none",
    "null",
    "empty",
    "dummy",
    "fake",
    "unused",
    "not-needed",
    "not-used",
    "no-key",
    "no-key-required",
    "sk-no-key-required",
    "n/a",
    "optional",
    "disabled",
    "anonymous",
    "ignored",
    "placeholder",
    "true",
    "false",
    "yes",
    "on",
    "off",
];

/// The places of values whose keys are chosen by a user, so that their names say something.
const NAMED_PLACES: [&str; 4] = ["env", "data", "args", "command"];

fn plain_secret(context: &RuleContext<'_>) -> Vec<Violation> {
    let mut found = Secrets::default();
    visit_texts(context.written_values(), &mut |path, text| {
        let secret = find_secret(text, names_count(path));
        found.add(secret, || Location::Value(path.to_path()));
    });
    for object in context.objects.iter() {
        if object.is_kind("", "Secret") {
            found.add_secret_object(object);
        }
        if object.is_kind("", "ConfigMap") {
            let data = object.node_at(&["data"]).and_then(Node::as_mapping);
            for (key, entry) in data.into_iter().flatten() {
                let text = entry.node.as_str().unwrap_or_default();
                let path = Path::of_keys(["data", key]);
                let place = || Location::Field(object.id.clone(), path.clone());
                let whole = Text { name: key, previous: None, text };
                found.add(find_secret(whole, Names::Count), place);
                for line in text.lines() {
                    found.add(find_in_line(line), place);
                }
            }
        }
        for (container_path, container) in workload::located_containers(object) {
            for list in NAMED_PLACES {
                let Some(node) = container.get(list) else { continue };
                visit_texts(node, &mut |path, text| {
                    // The list's own name is not one of its items'.
                    let name = if text.name.is_empty() { list } else { text.name };
                    let secret = find_secret(Text { name, ..text }, Names::Count);
                    found.add(secret, || {
                        let path = container_path.key(list).join(&path.to_path());
                        Location::Field(object.id.clone(), path)
                    });
                });
            }
        }
    }
    found.violations
}

/// The secrets so far. Objects repeat what the values have.
#[derive(Default)]
struct Secrets<'a> {
    violations: Vec<Violation>,
    known: BTreeSet<&'a str>,
}

/// A secret, and its description.
struct Secret<'a> {
    text: &'a str,
    message: Message,
}

impl<'a> Secrets<'a> {
    fn add(&mut self, secret: Option<Secret<'a>>, place: impl FnOnce() -> Location) {
        let Some(secret) = secret else { return };
        if self.known.insert(secret.text) {
            self.violations.push(Violation::new(place(), secret.message).with_hidden_line());
        }
    }

    /// Adds an object whose only content is secrets.
    fn add_secret_object(&mut self, object: &Object) {
        for list in ["data", "stringData"] {
            let data = object.node_at(&[list]).and_then(Node::as_mapping);
            if data.is_some_and(|data| data.iter().next().is_some()) {
                let message = Message::of("The Secret's data is in this repository");
                let violation = Violation::at_field(object, Path::of_keys([list]), message);
                self.violations.push(violation.with_hidden_line());
            }
        }
    }
}

/// The use of names.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Names {
    /// A name such as `PASSWORD` makes its value a secret.
    Count,
    /// Only the text's form counts: the name is a field of the values.
    Ignored,
}

fn names_count(path: &TextPath<'_>) -> Names {
    match path.keys().any(|key| NAMED_PLACES.contains(&key)) {
        true => Names::Count,
        false => Names::Ignored,
    }
}

/// The secret in a text, by its form or by its name.
fn find_secret<'a>(text: Text<'a>, names: Names) -> Option<Secret<'a>> {
    if let Some((secret, owner)) = find_form(text.text) {
        let message = match text.name {
            "" => Message::of(format!("The text contains {owner}")),
            name => Message::of("").code(name).and(format!(" contains {owner}")),
        };
        return Some(Secret { text: secret, message });
    }
    if names == Names::Ignored {
        return None;
    }
    let (name, value) = named_value(text)?;
    (is_secret_name(name) && is_literal(value)).then(|| Secret {
        text: value,
        message: Message::of("").code(name).and(" has its value in plain text"),
    })
}

/// The name and the value of a text: an argument names itself, or the argument before it does.
fn named_value(text: Text<'_>) -> Option<(&str, &str)> {
    match (text.text.strip_prefix('-'), text.previous) {
        (Some(flag), _) => flag.trim_start_matches('-').split_once('='),
        (None, Some(flag)) if flag.starts_with('-') => {
            Some((flag.trim_start_matches('-'), text.text))
        }
        (None, _) => Some((text.name, text.text)),
    }
}

/// The secret in a line of a configuration file: `key: value`, `KEY=value` or `"key": "value",`.
fn find_in_line(line: &str) -> Option<Secret<'_>> {
    let (name, value) = line.split_once([':', '='])?;
    let name = name.trim_matches(|c: char| c.is_whitespace() || "\"'-".contains(c));
    let value = value.trim_matches(|c: char| c.is_whitespace() || "\"',".contains(c));
    find_secret(Text { name, previous: None, text: value }, Names::Count)
}

/// The token, key or password in a text, with its owner.
fn find_form(text: &str) -> Option<(&str, &'static str)> {
    if text.len() < SHORTEST {
        return None;
    }
    let bytes = text.as_bytes();
    for (start, byte) in bytes.iter().enumerate() {
        let is_start = start == 0 || !bytes[start - 1].is_ascii_alphanumeric();
        if !is_start || !(byte.is_ascii_alphabetic() || *byte == b'-') {
            continue;
        }
        let Some(rest) = text.get(start..) else { continue };
        let token = FORMS.iter().find_map(|form| Some((form.find(rest)?, form.owner)));
        let token = token.or_else(|| Some((find_web_token(rest)?, "a JSON Web Token")));
        let token = token.or_else(|| Some((find_private_key(rest)?, "a private key")));
        if token.is_some() {
            return token;
        }
    }
    find_url_password(text).map(|password| (password, "a URL with a password"))
}

impl Form {
    /// The token at the start of a text.
    fn find<'a>(&self, text: &'a str) -> Option<&'a str> {
        let body = text.strip_prefix(self.prefix)?;
        let length = body
            .bytes()
            .take(MAX_TOKEN_BYTES)
            .take_while(|byte: &u8| self.alphabet.contains(*byte))
            .count();
        let body = body.get(..length)?;
        (length >= self.least && is_random(body)).then(|| text.get(..self.prefix.len() + length))?
    }
}

/// Returns true for a text that a person would not write as an example: it has digits, and more than a
/// few different characters.
fn is_random(text: &str) -> bool {
    let different: BTreeSet<u8> = text.bytes().collect();
    different.len() > 6 && text.bytes().any(|byte| byte.is_ascii_digit())
}

/// A JSON Web Token (RFC 7519): two objects and a signature in Base64, with dots between.
fn find_web_token(text: &str) -> Option<&str> {
    if !text.starts_with("eyJ") {
        return None;
    }
    let length = text
        .bytes()
        .take(MAX_TOKEN_BYTES)
        .take_while(|byte: &u8| *byte == b'.' || Alphabet::Url.contains(*byte))
        .count();
    let token = text.get(..length)?;
    let mut parts = token.split('.');
    let [_, claims, signature] = [parts.next()?, parts.next()?, parts.next()?];
    (claims.starts_with("eyJ") && signature.len() >= SHORTEST).then_some(token)
}

fn find_private_key(text: &str) -> Option<&str> {
    const LONGEST_LABEL: usize = 40;
    let (start, end) = PEM;
    let label = text.strip_prefix(start)?;
    let most = label.char_indices().nth(LONGEST_LABEL).map_or(label.len(), |(at, _)| at);
    let at = label.get(..most)?.find(end)?;
    text.get(..start.len() + at + end.len())
}

/// The password of a URL: `scheme://user:password@host`.
fn find_url_password(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("://")?;
    let authority = rest.split(|c: char| "/?#\"'".contains(c) || c.is_whitespace()).next()?;
    let (credentials, _) = authority.rsplit_once('@')?;
    let (_, password) = credentials.split_once(':')?;
    is_literal(password).then_some(password)
}

/// Returns true if the last word of a name says that its value is a secret. `TOKEN_FILE`, `TOKENIZER` and
/// `MAX_TOKENS` end with other words.
fn is_secret_name(name: &str) -> bool {
    let words = split_words(name);
    let Some((last, before)) = words.split_last() else { return false };
    let before = before.last().map(String::as_str);
    let is_kind = |kinds: &[&str]| before.is_some_and(|word| kinds.contains(&word));
    match last.as_str() {
        "TOKEN" => !is_kind(&TEXT_TOKENS),
        "KEY" => is_kind(&KEY_KINDS),
        "PASS" => is_kind(&PASS_KINDS),
        // Alone it is the working folder.
        "PWD" => before.is_some(),
        word => SECRET_WORDS.contains(&word),
    }
}

/// The words of a name in upper case: `apiKey`, `API_KEY` and `api-key` have the same two.
fn split_words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_lower = false;
    for c in name.chars() {
        if !c.is_alphanumeric() || (was_lower && c.is_uppercase()) {
            words.push(String::new());
        }
        was_lower = c.is_lowercase();
        if let Some(word) = words.last_mut().filter(|_| c.is_alphanumeric()) {
            word.extend(c.to_uppercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Returns true for a value that may be a secret: not a reference, a path, a URL, a word for none, or a
/// placeholder.
fn is_literal(value: &str) -> bool {
    const SHORTEST_PASSWORD: usize = 4;
    let lower = value.to_ascii_lowercase();
    let is_reference =
        ["$", "{{", "/", "./", "<", "file:", "vault:", "ref+", "op://", "secretref:"]
            .iter()
            .any(|start| value.starts_with(start))
            || value.contains("$(")
            || value.contains("${");
    value.len() >= SHORTEST_PASSWORD
        && !is_reference
        && !lower.contains("://")
        && !value.contains(char::is_whitespace)
        && !DUMMIES.contains(&lower.as_str())
        && !value.bytes().all(|byte| b"*xX.-_".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets_end_with_a_word_for_one() {
        for name in [
            "PASSWORD",
            "DB_PASSWORD",
            "dbPassword",
            "api-key",
            "apiKey",
            "OPENAI_API_KEY",
            "HF_TOKEN",
            "TOKEN",
            "AWS_SECRET_ACCESS_KEY",
            "client_secret",
            "SMTP_PASS",
            "DB_PWD",
            "auth.token",
        ] {
            assert!(is_secret_name(name), "{name}");
        }
        for name in [
            "",
            "TOKENIZER",
            "MAX_TOKENS",
            "TOKEN_FILE",
            "PASSWORD_FILE",
            "EOS_TOKEN",
            "padToken",
            "PWD",
            "KEY",
            "key",
            "SECRET_NAME",
            "TOKEN_URL",
            "AWS_ACCESS_KEY_ID",
            "KEYBOARD",
            "FIRST_PASS",
            "SECRETS_DIR",
            "TOKENS",
        ] {
            assert!(!is_secret_name(name), "{name}");
        }
    }

    #[test]
    fn values_that_are_not_secrets() {
        for value in ["hunter2!", "1234", "correct-horse"] {
            assert!(is_literal(value), "{value}");
        }
        for value in [
            "",
            "no",
            "none",
            "EMPTY",
            "not-needed",
            "$(TOKEN)",
            "${TOKEN}",
            "{{ token }}",
            "/run/token",
            "<token>",
            "****",
            "xxxxxxxx",
            "https://issuer/token",
            "vault:a/b#c",
            "true",
        ] {
            assert!(!is_literal(value), "{value}");
        }
    }

    /// The tokens are put together here, so that no scanner takes this file for a leak.
    #[test]
    fn every_form_is_found() {
        let body = "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8s9T0u1V2w3X4y5Z6";
        for form in &FORMS {
            let token = format!("{}{body}", form.prefix);
            let text = format!("see {token}, please");
            assert_eq!(find_form(&text), Some((token.as_str(), form.owner)));
            // Too short, part of a longer word, or an example.
            let short = format!("{}{}", form.prefix, &body[..form.least.min(8) - 1]);
            assert_eq!(find_form(&format!("see {short} ...............")), None, "{}", form.prefix);
            assert_eq!(find_form(&format!("seen{token}")), None, "{}", form.prefix);
            let example = format!("{}{}", form.prefix, "x".repeat(60));
            assert_eq!(find_form(&example), None, "{}", form.prefix);
        }
        let part = format!("eyJ{}", &body[..20]);
        let token = format!("{part}.{part}.{}", &body[..20]);
        assert_eq!(find_form(&token), Some((token.as_str(), "a JSON Web Token")));
        let key = format!("{}RSA {}", PEM.0, PEM.1);
        assert_eq!(find_form(&format!("{key}\nabc")), Some((key.as_str(), "a private key")));
        let url = "redis://:hunter2x@queue:6379/0";
        assert_eq!(find_form(url), Some(("hunter2x", "a URL with a password")));
    }

    #[test]
    fn texts_without_a_secret() {
        for text in [
            "/data/hf_cache/models/a1b2c3d4e5f6g7h8i9j0k1l2m3n4",
            "sk-no-key-required-in-this-cluster",
            "redis://queue.speech:6379/0 and more",
            "http://$(USER):$(PASSWORD)@host/path",
            "-----BEGIN CERTIFICATE-----",
            "eyJust a text that begins like a token.eyJ.x",
            "the risk-based approach of a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6",
        ] {
            assert_eq!(find_form(text), None, "{text}");
        }
    }
}
