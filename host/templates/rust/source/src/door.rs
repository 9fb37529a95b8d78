//! What a message says of the door. Pure.

/// The kind of the event, or why there is none.
pub(crate) fn read(body: &[u8]) -> Result<&'static str, String> {
    match body.trim_ascii() {
        b"open" => Ok("door.opened"),
        b"closed" => Ok("door.closed"),
        _ => Err("say `open` or `closed`".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_words_are_understood() {
        assert_eq!(read(b"open"), Ok("door.opened"));
        assert_eq!(read(b" closed\n"), Ok("door.closed"));
        for body in [&b""[..], b"opened", b"\xff"] {
            assert!(read(body).is_err(), "{body:?}");
        }
    }
}
