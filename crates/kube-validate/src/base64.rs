//! Base64 as Go's decoder reads it, which is the API server's: line breaks are ignored, and the bits that
//! fill the last character may be set. Source: `encoding/base64`, `StdEncoding`.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Decodes a text; `None` if it is not base64.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let mut characters: Vec<u8> =
        text.bytes().filter(|byte| !matches!(byte, b'\n' | b'\r')).collect();
    if !characters.len().is_multiple_of(4) {
        return None;
    }
    let padding = characters.iter().rev().take_while(|&&byte| byte == b'=').count();
    if padding > 2 {
        return None;
    }
    characters.truncate(characters.len() - padding);
    let mut bytes = Vec::with_capacity(characters.len() * 3 / 4);
    for group in characters.chunks(4) {
        let mut bits: u32 = 0;
        for &byte in group {
            let value = ALPHABET.iter().position(|&other| other == byte)?;
            bits = bits << 6 | value as u32;
        }
        let missing = 4 - group.len();
        bits <<= 6 * missing;
        bytes.extend_from_slice(&bits.to_be_bytes()[1..4 - missing]);
    }
    Some(bytes)
}

/// Encodes bytes in one line.
pub fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |index: usize| u32::from(group.get(index).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for index in 0..4 {
            let character = match index > group.len() {
                true => b'=',
                false => ALPHABET[(bits >> (18 - 6 * index) & 63) as usize],
            };
            text.push(char::from(character));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_breaks_and_stray_bits_are_ignored_as_go_does() {
        for (text, bytes) in [
            ("", &b""[..]),
            ("YQ==", b"a"),
            ("YR==", b"a"),
            ("YWI=", b"ab"),
            ("YWJj", b"abc"),
            ("YW\nJj\r\n", b"abc"),
        ] {
            assert_eq!(decode(text).as_deref(), Some(bytes), "{text:?}");
        }
        for text in ["Y", "YQ", "YQ=", "Y===", "====", "Y Q=", "YQ==YQ==", "Y-Q=", "é==="] {
            assert_eq!(decode(text), None, "{text:?}");
        }
        for bytes in [&b""[..], b"a", b"ab", b"abc", b"abcd", &[0xff, 0, 0x80]] {
            assert_eq!(decode(&encode(bytes)).as_deref(), Some(bytes));
        }
    }
}
