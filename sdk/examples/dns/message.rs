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

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn skip(&mut self, count: usize) -> Result<()> {
        self.at += count;
        if self.at > self.bytes.len() {
            return Err("the answer is cut off");
        }
        Ok(())
    }

    fn word(&mut self) -> Result<u16> {
        let at = self.at;
        self.skip(2)?;
        Ok(u16::from_be_bytes([self.bytes[at], self.bytes[at + 1]]))
    }

    /// A name ends with an empty label, or with a pointer to another.
    fn name(&mut self) -> Result<()> {
        loop {
            let at = self.at;
            self.skip(1)?;
            match self.bytes[at] {
                0 => return Ok(()),
                length @ 1..=63 => self.skip(length.into())?,
                192..=255 => return self.skip(1),
                _ => return Err("the answer has an unknown label"),
            }
        }
    }
}

/// How many records answer question `id`; None for another's answer.
pub fn answer(bytes: &[u8], id: u16) -> Result<Option<u16>> {
    let mut r = Reader { bytes, at: 0 };
    if r.word()? != id {
        return Ok(None);
    }
    let flags = r.word()?;
    let (questions, answers) = (r.word()?, r.word()?);
    r.skip(4)?;
    if flags & 0x8000 == 0 {
        return Err("not an answer");
    }
    match flags & 15 {
        0 => (),
        1 => return Err("FORMERR"),
        2 => return Err("SERVFAIL"),
        3 => return Err("NXDOMAIN"),
        5 => return Err("REFUSED"),
        _ => return Err("an unknown error"),
    }
    for _ in 0..questions {
        r.name()?;
        r.skip(4)?;
    }
    for _ in 0..answers {
        r.name()?;
        r.skip(8)?;
        let length = r.word()?;
        r.skip(length.into())?;
    }
    Ok(Some(answers))
}
