//! Target: what an RTSP client sends.

use bytes::BytesMut;

use super::Credentials;
use super::message::{Malformed, Message, Response, take};
use super::transport::wish;

/// Pieces in which bytes come, at most.
const PIECES: usize = 7;

fn all(buffer: &mut BytesMut, into: &mut Vec<Message>) -> Result<(), Malformed> {
    loop {
        let before = buffer.len();
        let Some(message) = take(buffer)? else { return Ok(()) };
        assert!(buffer.len() < before, "a message has bytes");
        into.push(message);
    }
}

/// The same messages come out whatever the pieces in which the bytes came.
pub(crate) fn messages(data: &[u8]) {
    let (mut at_once, mut whole) = (Vec::new(), BytesMut::from(data));
    let ended = all(&mut whole, &mut at_once);
    let (mut in_pieces, mut buffer) = (Vec::new(), BytesMut::new());
    let mut result = Ok(());
    for piece in data.chunks(data.len().div_ceil(PIECES).max(1)) {
        buffer.extend_from_slice(piece);
        result = all(&mut buffer, &mut in_pieces);
        if result.is_err() {
            break;
        }
    }
    assert!(in_pieces.len() <= at_once.len() && at_once.starts_with(&in_pieces));
    if ended.is_ok() && result.is_ok() {
        assert_eq!(at_once, in_pieces);
    }
    let credentials = Credentials::new("viewer", "secret");
    for message in &at_once {
        let Message::Request(request) = message else { continue };
        let _ = (request.path(), wish(request));
        let proof = request.header("authorization").unwrap_or_default();
        let _ = credentials.allow(proof, &request.method, "nonce");
        let answer = Response::new("200 OK").header("Session", "7").body("text/plain", "x".into());
        assert!(answer.finish(request.header("cseq").unwrap_or("0")).starts_with(b"RTSP/1.0 200"));
    }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let requests = "DESCRIBE rtsp://127.0.0.1/gate RTSP/1.0\r\nCSeq: 2\r\nAuthorization: Digest \
                    username=\"viewer\", realm=\"wardline simulate\", nonce=\"nonce\", uri=\"/\", \
                    response=\"0\"\r\n\r\n\
                    SETUP rtsp://127.0.0.1/gate/0 RTSP/1.0\r\nCSeq: 3\r\n\
                    Transport: RTP/AVP;unicast;client_port=5000-5001,RTP/AVP/TCP;interleaved=0-1\r\n\
                    \r\n\
                    GET_PARAMETER rtsp://127.0.0.1/gate RTSP/1.0\r\nCSeq: 4\r\nContent-Length: 3\r\n\
                    \r\nabc";
    let mut interleaved = b"$\x01\x00\x04abcd\r\n".to_vec();
    interleaved.extend(requests.as_bytes());
    vec![requests.into(), interleaved]
}
