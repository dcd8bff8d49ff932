//! DNS messages (RFC 1035), of which nothing is believed: every read is
//! checked against the end.

pub type Result<T> = std::result::Result<T, &'static str>;

/// The bytes of a question for `name`.
pub fn question(id: u16, name: &str, kind: u16) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(name.len() + 18);
    for word in [id, 0x0100, 1, 0, 0, 0] {
        bytes.extend(word.to_be_bytes());
    }
    for label in name.split('.').filter(|label| !label.is_empty()) {
        if label.len() > 63 {
            return Err("a label is longer than 63 bytes");
        }
        bytes.push(label.len() as u8);
        bytes.extend(label.as_bytes());
    }
    if bytes.len() > 12 + 254 {
        return Err("the name is longer than 255 bytes");
    }
    bytes.push(0);
    for word in [kind, 1] {
        bytes.extend(word.to_be_bytes());
    }
    Ok(bytes)
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> Result<&'a [u8]> {
    if count > rest.len() {
        return Err("the answer is cut off");
    }
    let (taken, after) = rest.split_at(count);
    *rest = after;
    Ok(taken)
}

fn word(rest: &mut &[u8]) -> Result<u16> {
    take(rest, 2).map(|two| u16::from_be_bytes([two[0], two[1]]))
}

/// A name ends with an empty label, or with a pointer to another.
fn skip_name(rest: &mut &[u8]) -> Result<()> {
    loop {
        match take(rest, 1)?[0] {
            0 => return Ok(()),
            length @ 1..=63 => take(rest, length.into())?,
            192..=255 => return take(rest, 1).map(|_| ()),
            _ => return Err("the answer has an unknown label"),
        };
    }
}

const ERRORS: [&str; 5] = ["FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"];

/// How many records answer question `id`; None for another's answer.
pub fn answer(bytes: &[u8], id: u16) -> Result<Option<u16>> {
    let mut rest = bytes;
    if word(&mut rest)? != id {
        return Ok(None);
    }
    let flags = word(&mut rest)?;
    let (questions, answers) = (word(&mut rest)?, word(&mut rest)?);
    take(&mut rest, 4)?;
    if flags & 0x8000 == 0 {
        return Err("not an answer");
    }
    if flags & 15 != 0 {
        let error = ERRORS.get(usize::from(flags & 15) - 1);
        return Err(error.unwrap_or(&"an unknown error"));
    }
    for _ in 0..questions {
        skip_name(&mut rest)?;
        take(&mut rest, 4)?;
    }
    for _ in 0..answers {
        skip_name(&mut rest)?;
        take(&mut rest, 8)?;
        let length = word(&mut rest)?;
        take(&mut rest, length.into())?;
    }
    Ok(Some(answers))
}
