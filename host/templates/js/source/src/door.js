// What a message says of the door. Pure.

/** The kind of the event; nothing where the body is not understood. */
export function read(body) {
  // Longer than any word that is understood: no need to look.
  if (body.length > 64) {
    return undefined;
  }
  switch (String.fromCharCode(...body).trim()) {
    case "open":
      return "door.opened";
    case "closed":
      return "door.closed";
    default:
      return undefined;
  }
}
