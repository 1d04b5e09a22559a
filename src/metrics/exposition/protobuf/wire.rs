//! The wire format of protocol buffers: keys, varints, eight-byte numbers, and what has its length before it.
//!
//! Nothing is allocated but in the output. A length is written before what it is the length of: room is made for the
//! one that is expected, and in the rare case that the true one takes another number of bytes the message is moved.

/// A message that is being written at the end of a buffer.
pub(super) struct Message<'a>(&'a mut Vec<u8>);

/// The number of a field, as its message's definition has it.
#[derive(Clone, Copy)]
pub(super) struct Field(pub(super) u32);

/// How the value of a field is laid out.
#[derive(Clone, Copy)]
enum WireType {
    Varint = 0,
    Fixed64 = 1,
    LengthDelimited = 2,
}

/// Appends a message with its length before it, which is expected to be about `expected`.
pub(super) fn delimited(out: &mut Vec<u8>, expected: usize, write: impl FnOnce(&mut Message<'_>)) {
    let at = out.len();
    push_varint(out, expected as u64);
    let start = out.len();
    write(&mut Message(out));
    let length = out.len() - start;
    // The casts are of lengths in memory, which 64 bits hold on every platform.
    let (room, needed) = (start - at, varint_len(length as u64));
    if room != needed {
        out.resize(at + needed.max(room) + length, 0);
        out.copy_within(start..start + length, at + needed);
        out.truncate(at + needed + length);
    }
    write_varint(&mut out[at..at + needed], length as u64);
}

impl Message<'_> {
    /// An unsigned number or an enum's.
    #[inline]
    pub(super) fn uint(&mut self, field: Field, number: u64) {
        self.key(field, WireType::Varint);
        push_varint(self.0, number);
    }

    /// A `sint32` or `sint64`.
    pub(super) fn sint(&mut self, field: Field, number: i64) {
        self.uint(field, zigzag(number));
    }

    /// Numbers of a `repeated sint64`, packed, in about `expected` bytes.
    pub(super) fn sints(&mut self, field: Field, expected: usize, numbers: impl IntoIterator<Item = i64>) {
        self.nested(field, expected, |packed| {
            numbers.into_iter().for_each(|number| push_varint(packed.0, zigzag(number)));
        });
    }

    /// A `double`.
    #[inline]
    pub(super) fn double(&mut self, field: Field, number: f64) {
        self.key(field, WireType::Fixed64);
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    /// A text in pieces, which has about `expected` bytes.
    pub(super) fn text<T: AsRef<[u8]>>(&mut self, field: Field, expected: usize, pieces: impl IntoIterator<Item = T>) {
        self.nested(field, expected, |text| {
            pieces.into_iter().for_each(|piece| text.0.extend_from_slice(piece.as_ref()));
        });
    }

    /// A message of about `expected` bytes.
    #[inline]
    pub(super) fn nested(&mut self, field: Field, expected: usize, write: impl FnOnce(&mut Message<'_>)) {
        self.key(field, WireType::LengthDelimited);
        delimited(self.0, expected, write);
    }

    #[inline]
    fn key(&mut self, field: Field, wire_type: WireType) {
        push_varint(self.0, u64::from(field.0 << 3 | wire_type as u32));
    }
}

/// Small numbers of either sign as small ones without: 0, -1, 1, -2 are 0, 1, 2, 3.
fn zigzag(number: i64) -> u64 {
    // The casts and the arithmetic shift are the definition: the sign, spread over all bits, flips them.
    ((number << 1) ^ (number >> 63)) as u64
}

/// Of seven bits a byte, the highest telling whether there are more.
const MORE: u8 = 0x80;

#[inline]
fn push_varint(out: &mut Vec<u8>, number: u64) {
    // A byte is what nearly all numbers take. The cast is of less than 128.
    if number < u64::from(MORE) {
        return out.push(number as u8);
    }
    let at = out.len();
    out.resize(at + varint_len(number), 0);
    write_varint(&mut out[at..], number);
}

/// Fills the bytes that a number takes.
fn write_varint(bytes: &mut [u8], mut number: u64) {
    let last = bytes.len() - 1;
    for byte in &mut bytes[..last] {
        // The cast keeps the lowest byte, of which seven bits are meant.
        *byte = number as u8 | MORE;
        number >>= 7;
    }
    bytes[last] = number as u8;
}

/// How many bytes a number takes.
pub(super) fn varint_len(number: u64) -> usize {
    let bits = u64::BITS - (number | 1).leading_zeros();
    bits.div_ceil(7) as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_laid_out_as_the_specification_says() {
        let mut out = Vec::new();
        let mut message = Message(&mut out);
        message.uint(Field(1), 150);
        message.sint(Field(2), -2);
        message.double(Field(3), 1.0);
        message.sints(Field(4), 0, [1, -1, 64]);
        message.text(Field(16), 7, ["test", "ing"]);
        let expected = [
            &[0x08, 0x96, 0x01][..],
            &[0x10, 0x03],
            &[0x19, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f],
            &[0x22, 0x04, 0x02, 0x01, 0x80, 0x01],
            &[0x82, 0x01, 0x07],
            b"testing",
        ];
        assert_eq!(out, expected.concat());
    }

    proptest! {
        #[test]
        fn varints_are_those_of_an_independent_encoder(bits in 0..64u32, low in any::<u64>()) {
            let number = 1u64 << bits | low >> (63 - bits);
            let (mut own, mut other) = (Vec::new(), Vec::new());
            push_varint(&mut own, number);
            prost::encoding::encode_varint(number, &mut other);
            prop_assert_eq!(own, other);
        }

        #[test]
        fn lengths_are_right_whatever_was_expected(length in 0..40_000usize, expected in 0..40_000usize) {
            let mut out = b"before".to_vec();
            delimited(&mut out, expected, |message| message.0.extend((0..length).map(|at| at as u8)));
            let mut rest = out.strip_prefix(b"before").unwrap();
            prop_assert_eq!(prost::encoding::decode_varint(&mut rest).unwrap(), length as u64);
            prop_assert!(rest.iter().copied().eq((0..length).map(|at| at as u8)));
        }

        #[test]
        fn signs_are_folded_away(number in any::<i64>()) {
            let folded = zigzag(number);
            prop_assert_eq!((folded >> 1) as i64 ^ -((folded & 1) as i64), number);
        }
    }
}
