"""What goes on, for how long, and what that is worth. Pure: time is an argument, in microseconds."""

from dataclasses import dataclass, field

# Events that a stretch names as its reason, at most.
REASONS = 64


@dataclass
class Stretch:
    """Video to keep, `[start, end)`."""

    number: int
    start: int
    end: int
    alarm: bool = False
    because: list[str] = field(default_factory=list)


@dataclass
class Said:
    """What there is to say: the stretch as it is now, and whether an alarm begins or ends with it."""

    stretch: Stretch
    raised: bool = False
    over: bool = False


class Ladder:
    """Follows the events of one camera."""

    def __init__(self, before: int, after: int, alarm_after: int, quiet: int) -> None:
        self.before = before
        self.after = after
        self.alarm_after = alarm_after
        self.quiet = quiet
        self.stretch: Stretch | None = None
        self.count = 0
        self.first = 0
        self.last = 0

    def hear(self, id: str, time: int) -> Said:
        """An event: what is kept now, and whether it is too much."""
        start = max(time - self.before, 0)
        stretch = self.stretch
        if stretch is None or start > stretch.end or time + self.after < stretch.start:
            self.count += 1
            stretch = self.stretch = Stretch(self.count, start, start)
            self.first = self.last = time
        self.first = min(self.first, time)
        self.last = max(self.last, time)
        raised = not stretch.alarm and self.last - self.first >= self.alarm_after
        stretch.alarm = stretch.alarm or raised
        stretch.start = min(stretch.start, start)
        stretch.end = max(stretch.end, time + (self.quiet if stretch.alarm else self.after))
        if len(stretch.because) < REASONS and id not in stretch.because:
            stretch.because.append(id)
        return Said(stretch, raised=raised)

    def wake(self) -> int | None:
        """When to look whether it is quiet; None where there is no alarm."""
        if self.stretch is None or not self.stretch.alarm:
            return None
        return self.last + self.quiet

    def look(self, now: int) -> Said | None:
        """Whether the alarm is over."""
        wake = self.wake()
        if self.stretch is None or wake is None or now < wake:
            return None
        said = Said(self.stretch, over=True)
        # What happens from now on is another story.
        self.stretch = None
        return said
