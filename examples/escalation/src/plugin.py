"""Keeps a little of each event; where they do not cease, raises an alarm and keeps it all. This file
stands between the host and `ladder.py`, which decides."""

import json

from wit_world import exports
from wit_world.exports.recording_policy import Answer, ClosedSegment, Span
from wit_world.imports.types import Event, Notice, Phase, Setup

from exported import exported
from ladder import Ladder, Said, Stretch

# Who says what is no reason to keep video: a camera comes and goes, and what a person asks for, the
# host keeps by itself.
NOT_HEARD = ("host", "api")

SECOND = 1_000_000
DAY = 86_400 * SECOND

# One instance serves one camera, and an object of the class below serves one call: what lasts stands here.
ladder: Ladder
keep: int


def alarm(stretch: Stretch, kind: str, time: int) -> Event:
    """For others to hear: a light, a siren, a person."""
    return Event(
        id=f"{stretch.number}-{kind}",
        kind=f"alarm.{kind}",
        phase=Phase.INSTANT,
        time=time,
        confidence=1.0,
        regions=[],
        cameras=[],
        correlation=None,
        attributes=[],
    )


def span(said: Said, notice: Notice) -> Span:
    stretch = said.stretch
    return Span(
        id=str(stretch.number),
        start=stretch.start,
        end=stretch.end,
        keep=keep if stretch.alarm else None,
        label="alarm" if stretch.alarm else notice.event.kind,
        because=stretch.because,
        attributes=[],
    )


class RecordingPolicy(exports.RecordingPolicy):
    @exported
    def init(self, setup: Setup) -> None:
        global ladder, keep
        params = json.loads(setup.params)
        names = ("before", "after", "alarm-after", "quiet")
        ladder = Ladder(*(params[name] * SECOND for name in names))
        keep = params["keep"] * DAY

    @exported
    def on_event(self, notice: Notice, now: int) -> Answer:
        if notice.origin in NOT_HEARD:
            return Answer(spans=[], wake=ladder.wake(), events=[])
        said = ladder.hear(notice.event.id, notice.event.time)
        events = [alarm(said.stretch, "raised", notice.event.time)] if said.raised else []
        return Answer(spans=[span(said, notice)], wake=ladder.wake(), events=events)

    @exported
    def on_wake(self, now: int) -> Answer:
        said = ladder.look(now)
        events = [alarm(said.stretch, "over", now)] if said else []
        return Answer(spans=[], wake=ladder.wake(), events=events)

    @exported
    def keep_continuous(self, segment: ClosedSegment, now: int) -> int | None:
        return None
