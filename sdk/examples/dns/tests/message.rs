//! Messages: right ones, cut ones, and damaged ones.

#[path = "../message.rs"]
mod message;

use message::{answer, question};

const ANSWER: &[u8] = b"\x12\x34\x81\x80\0\x01\0\x01\0\0\0\0\x01a\x04test\0\0\x01\0\x01\
    \xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x07";

#[test]
fn a_question() {
    let bytes = question(0x1234, "a.test", 1).unwrap();
    assert_eq!(bytes[..12], *b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0");
    assert_eq!(bytes[12..], *b"\x01a\x04test\0\0\x01\0\x01");
    assert!(question(1, &"a".repeat(64), 1).is_err());
    assert!(question(1, &"a.".repeat(200), 1).is_err());
}

#[test]
fn an_answer() {
    assert_eq!(answer(ANSWER, 0x1234), Ok(Some(1)));
    assert_eq!(answer(ANSWER, 0x1235), Ok(None));
}

#[test]
fn cut_at_every_byte() {
    for end in 0..ANSWER.len() {
        assert!(answer(&ANSWER[..end], 0x1234).is_err(), "{end}");
    }
}

#[test]
fn any_byte_is_another() {
    for at in 0..ANSWER.len() {
        for value in [0, 1, 63, 64, 192, 255] {
            let mut bytes = ANSWER.to_vec();
            bytes[at] = value;
            let _ = answer(&bytes, 0x1234);
        }
    }
}
