"""What a message says of the door. Pure."""

KINDS = {b"open": "door.opened", b"closed": "door.closed"}


def read(body: bytes) -> str | None:
    """The kind of the event; None where the body is not understood."""
    return KINDS.get(body.strip())
