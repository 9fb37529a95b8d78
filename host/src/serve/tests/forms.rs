//! Forms of answers: refusals, and streams that begin.

use super::*;

#[tokio::test]
async fn whatever_is_wrong_with_a_request_the_answer_is_a_problem_document() {
    let running = start(Sample::default(), None).await;
    for (line, body, status, said) in [
        ("PUT /api/v1/pins", "", 405, "this can't be asked for with PUT"),
        ("DELETE /hooks/door", "", 405, "this can't be asked for with DELETE"),
        ("POST /api/v1/plugins/%ff/reload", "", 400, "UTF-8"),
        ("POST /api/v1/pins", "[", 400, "EOF"),
        ("DELETE /api/v1/pins?start=soon", "", 400, "start: "),
        ("GET /api/v1/events/stream?last-event-id=x", "", 400, "`last-event-id` is no sequence"),
        ("GET /api/v1/events/x/picture.jpg", "", 400, "x"),
        ("GET /elsewhere", "", 404, "no such page"),
    ] {
        let (got, answer) = ask(&running, line, "", body).await;
        assert!(got == status && answer.contains(said), "{line}: {answer}");
        assert!(answer.contains("content-type: application/problem+json"), "{line}: {answer}");
        let says_which = answer.contains("\r\nallow: ");
        assert_eq!(says_which, status == 405, "{line}: {answer}");
    }
}

#[tokio::test]
async fn a_stream_of_events_says_at_once_where_it_goes_on() {
    // There is no store, so that the stream ends at once.
    let running = start(Sample::default(), None).await;
    for (query, header, id) in [
        ("?last-event-id=5", "", 5),
        ("", "last-event-id: 6\r\n", 6),
        ("?last-event-id=5", "last-event-id: 7\r\n", 7),
    ] {
        let line = format!("GET /api/v1/events/stream{query}");
        let (status, answer) = ask(&running, &line, header, "").await;
        let begins = answer.contains(&format!("id: {id}\n\n"));
        assert!(status == 200 && begins && !answer.contains("data:"), "{answer}");
    }
}
