"""Whether a picture is bright, and since when. Pure."""


class Light:
    """Follows the pictures of one camera."""

    def __init__(self, level: int) -> None:
        """Bright is what has at least this mean level."""
        self.level = level
        self.count = 0
        self.on = False

    def forget(self) -> None:
        """Nothing is known of what was."""
        self.on = False

    def look(self, pixels: bytes) -> tuple[int, str] | None:
        """What to say of a picture of grey pixels: the number of the bright time, and its phase."""
        was, self.on = self.on, sum(pixels) >= self.level * len(pixels)
        if not was and not self.on:
            return None
        if not was:
            self.count += 1
            return self.count, "BEGIN"
        # What is not renewed within 5 s, the host ends.
        return self.count, "UPDATE" if self.on else "END"
