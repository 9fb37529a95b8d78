"""Which stretch of video an event makes worth keeping. Pure."""

from dataclasses import dataclass, field, replace

# Events that a stretch names as its reason, at most.
REASONS = 64


@dataclass(frozen=True)
class Stretch:
    """Video to keep, `[start, end)`. Times are microseconds since 1970."""

    number: int
    start: int
    end: int
    because: tuple[str, ...] = field(default=())


class Keeper:
    """Follows the events of one camera."""

    def __init__(self, before: int, after: int) -> None:
        self.before = before
        self.after = after
        self.last: Stretch | None = None

    def hear(self, id: str, time: int) -> Stretch:
        """The stretch around an event: a new one, or the last, made longer, where they touch."""
        # No time is before 1970.
        start, end = max(time - self.before, 0), time + self.after
        last = self.last
        if last is None or start > last.end or end < last.start:
            last = Stretch((last.number if last else 0) + 1, start, end)
        because = last.because
        if len(because) < REASONS and id not in because:
            because += (id,)
        self.last = replace(
            last, start=min(last.start, start), end=max(last.end, end), because=because
        )
        return self.last
