//! Logins over HTTP: challenges (RFC 9110, section 11), and the tokens of a registry's token server
//! (distribution-spec's companion "Token Authentication").

use base64::prelude::{BASE64_STANDARD, Engine as _};
use bounded_http::{
    Credential, Failure, HeaderMap, Uri, header, parse_url, percent_encode, refuse_downgrade,
};
use serde::Deserialize;

use crate::credentials::Login;

/// The login that a registry asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Challenge {
    /// The name and the password with each request.
    Basic,
    /// A token, from the token server at this address.
    Bearer {
        /// The token server.
        realm: String,
        /// The registry's name for it.
        service: Option<String>,
    },
}

/// The most bytes of a token server's answer.
pub(super) const MAX_TOKEN_BYTES: usize = 256 << 10;

impl Challenge {
    /// The challenge of an answer: Bearer if there is a choice, none if it is of another kind.
    pub fn find(headers: &HeaderMap) -> Option<Self> {
        let texts = headers.get_all(header::WWW_AUTHENTICATE).iter();
        let mut found = None;
        for text in texts.filter_map(|value| value.to_str().ok()) {
            for challenge in http_auth::parse_challenges(text).unwrap_or_default() {
                let parameter = |name: &str| {
                    let mut all = challenge.params.iter();
                    all.find(|(key, _)| key.eq_ignore_ascii_case(name))
                        .map(|(_, value)| value.to_unescaped())
                };
                if challenge.scheme.eq_ignore_ascii_case("basic") {
                    found = Some(Challenge::Basic);
                } else if challenge.scheme.eq_ignore_ascii_case("bearer")
                    && let Some(realm) = parameter("realm")
                {
                    return Some(Challenge::Bearer { realm, service: parameter("service") });
                }
            }
        }
        found
    }
}

/// The login's credential for one host.
pub(super) fn basic_credential(login: &Login, to: &Uri) -> Option<Credential> {
    match login {
        Login::Anonymous => None,
        Login::Password { user, password } => {
            let encoded = BASE64_STANDARD.encode(format!("{user}:{password}"));
            Some(Credential { to: to.clone(), value: format!("Basic {encoded}") })
        }
    }
}

/// The address that gives a token of this scope.
///
/// # Errors
/// The token server's address is invalid, or the registry uses HTTPS and the token server does not.
pub(super) fn token_url(
    registry: &Uri,
    realm: &str,
    service: Option<&str>,
    scope: &str,
) -> Result<Uri, Failure> {
    let invalid = || Failure::Protocol(format!("invalid address `{realm}` of its token server"));
    let server = parse_url(realm).ok_or_else(invalid)?;
    refuse_downgrade("token server", registry, &server)?;
    let mut url = server.to_string();
    let parameters = [("service", service), ("scope", Some(scope))];
    for (name, value) in parameters.into_iter().filter_map(|(name, value)| Some((name, value?))) {
        url.push(if url.contains('?') { '&' } else { '?' });
        url.push_str(name);
        url.push('=');
        url.push_str(&percent_encode(value));
    }
    parse_url(&url).ok_or_else(invalid)
}

/// The token in a token server's answer.
///
/// # Errors
/// There is none that can be sent in a header.
pub(super) fn parse_token(body: &[u8]) -> Result<String, Failure> {
    let Ok(tokens) = serde_json::from_slice::<Tokens>(body) else {
        return Err(Failure::Protocol("its token server sends no token".to_owned()));
    };
    match tokens.token.or(tokens.access_token) {
        Some(token) if !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic()) => {
            Ok(token)
        }
        Some(_) => Err(Failure::Protocol("its token can't be sent in a header".to_owned())),
        None => Err(Failure::Protocol("its token server sends no token".to_owned())),
    }
}

/// A token server's answer; the second name is OAuth's.
#[derive(Deserialize)]
struct Tokens {
    token: Option<String>,
    access_token: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find_challenge(lines: &[&str]) -> Option<Challenge> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::WWW_AUTHENTICATE, line.parse().unwrap());
        }
        Challenge::find(&headers)
    }

    #[test]
    fn bearer_is_preferred() {
        let bearer = Challenge::Bearer {
            realm: "https://auth.example/token".to_owned(),
            service: Some("r, \"x\"".to_owned()),
        };
        let line = r#"bearer realm="https://auth.example/token",service="r, \"x\"",scope="a b""#;
        assert_eq!(find_challenge(&[line]).as_ref(), Some(&bearer));
        let both = format!("Basic realm=\"r\", {line}");
        assert_eq!(find_challenge(&[&both]).as_ref(), Some(&bearer));
        assert_eq!(find_challenge(&["BASIC realm=\"r\"", line]).as_ref(), Some(&bearer));
        assert_eq!(find_challenge(&["Basic realm=\"r\""]), Some(Challenge::Basic));
        for other in ["Bearer service=\"x\"", "Negotiate", "", "=,=", "Bearer realm=\"x"] {
            assert_eq!(find_challenge(&[other]), None, "{other}");
        }
    }

    #[test]
    fn a_registry_on_https_has_no_token_server_on_http() {
        let token_url = |registry: &str, realm: &str| {
            let registry: Uri = registry.parse().unwrap();
            token_url(&registry, realm, Some("a&b"), "repository:x:pull")
        };
        let good = token_url("https://r.example/", "https://auth.example/token?x=1#y").unwrap();
        let query = "x=1&service=a%26b&scope=repository%3Ax%3Apull";
        assert_eq!(good.to_string(), format!("https://auth.example/token?{query}"));
        assert!(token_url("http://r.example/", "http://auth.example/token").is_ok());
        assert!(matches!(
            token_url("https://r.example/", "http://auth.example/token"),
            Err(Failure::Downgrade("token server", _))
        ));
        for realm in ["", "auth", "file:///etc/passwd", "https://a@b/", "https://[", "//a/b"] {
            let failure = token_url("https://r.example/", realm).err();
            assert!(matches!(failure, Some(Failure::Protocol(_))), "{realm}");
        }
    }

    #[test]
    fn a_token_can_be_sent_in_a_header() {
        assert_eq!(parse_token(br#"{"token": "a.b", "expires_in": 3}"#).unwrap(), "a.b");
        assert_eq!(parse_token(br#"{"access_token": "a"}"#).unwrap(), "a");
        for bad in [&b"[]"[..], b"", b"{}", br#"{"token": ""}"#, br#"{"token": "a\nb"}"#] {
            assert!(matches!(parse_token(bad), Err(Failure::Protocol(_))), "{bad:?}");
        }
    }
}
