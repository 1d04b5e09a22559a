//! Base58 as Bitcoin and Solana write it: no `0`, `O`, `I`, `l`; a leading `1` is a zero byte.

const ALPHABET: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/// The bytes that `text` spells, or `None` if it holds a character outside the alphabet.
///
/// Quadratic in the length: callers bound it first.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let mut little_endian: Vec<u8> = Vec::with_capacity(text.len());
    for character in text.bytes() {
        let mut carry = ALPHABET.iter().position(|&known| known == character)?;
        for byte in &mut little_endian {
            carry += usize::from(*byte) * 58;
            *byte = (carry & 0xff) as u8; // masked: the low byte is what is wanted
            carry >>= 8;
        }
        while carry > 0 {
            little_endian.push((carry & 0xff) as u8); // masked, as above
            carry >>= 8;
        }
    }
    let zeros = text.bytes().take_while(|&character| character == b'1').count();
    little_endian.resize(little_endian.len() + zeros, 0);
    little_endian.reverse();
    Some(little_endian)
}

/// `bytes` in base58.
pub(crate) fn encode(bytes: &[u8]) -> String {
    let mut little_endian: Vec<u8> = Vec::with_capacity(bytes.len() * 2);
    for &byte in bytes {
        let mut carry = usize::from(byte);
        for digit in &mut little_endian {
            carry += usize::from(*digit) << 8;
            *digit = (carry % 58) as u8; // below 58
            carry /= 58;
        }
        while carry > 0 {
            little_endian.push((carry % 58) as u8); // below 58
            carry /= 58;
        }
    }
    let zeros = bytes.iter().take_while(|&&byte| byte == 0).count();
    little_endian.resize(little_endian.len() + zeros, 0);
    little_endian.iter().rev().map(|&digit| char::from(ALPHABET[usize::from(digit)])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answers_hold_both_ways() {
        // From the test vectors of Bitcoin Core (`base58_encode_decode.json`).
        for (bytes, text) in [
            (&b""[..], ""),
            (b"\x61", "2g"),
            (b"\x62\x62\x62", "a3gV"),
            (b"\x51\x6b\x6f\xcd\x0f", "ABnLTmg"),
            (b"\x00\x00\x00\x00", "1111"),
            (b"\x00\x01", "12"),
        ] {
            assert_eq!(encode(bytes), text);
            assert_eq!(decode(text).as_deref(), Some(bytes));
        }
    }

    #[test]
    fn letters_outside_the_alphabet_are_refused() {
        for text in ["0", "O", "I", "l", "a b", "ü", "\0"] {
            assert_eq!(decode(text), None, "{text:?}");
        }
    }
}
