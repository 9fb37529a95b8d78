"""Keeps video around each event. This file stands between the host and `keeper.py`, which decides."""

import json

from wit_world import exports
from wit_world.exports.recording_policy import Answer, ClosedSegment, Span
from wit_world.imports.types import Notice, Setup

from exported import exported
from keeper import Keeper

# Who says what is no reason to keep video: a camera comes and goes, and what a person asks for, the
# host keeps by itself.
NOT_HEARD = ("host", "api")

SECOND = 1_000_000

# One instance serves one camera, and an object of the class below serves one call: what lasts stands here.
keeper: Keeper


class RecordingPolicy(exports.RecordingPolicy):
    @exported
    def init(self, setup: Setup) -> None:
        global keeper
        # As `plugin.toml` describes them. The host has checked them and filled in the defaults.
        params = json.loads(setup.params)
        keeper = Keeper(params["before"] * SECOND, params["after"] * SECOND)

    @exported
    def on_event(self, notice: Notice, now: int) -> Answer:
        spans = []
        if notice.origin not in NOT_HEARD:
            stretch = keeper.hear(notice.event.id, notice.event.time)
            spans.append(
                Span(
                    id=str(stretch.number),
                    start=stretch.start,
                    end=stretch.end,
                    keep=None,
                    label=notice.event.kind,
                    because=list(stretch.because),
                    attributes=[],
                )
            )
        return Answer(spans=spans, wake=None, events=[])

    @exported
    def on_wake(self, now: int) -> Answer:
        return Answer(spans=[], wake=None, events=[])

    @exported
    def keep_continuous(self, segment: ClosedSegment, now: int) -> int | None:
        return None
