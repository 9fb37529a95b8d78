"""Turns the words `open` and `closed` into events of a door. This file stands between the host and
`door.py`, which reads."""

from componentize_py_types import Err
from wit_world import exports
from wit_world.exports.event_source import SourceSpec
from wit_world.exports.messages import Message
from wit_world.imports.types import Event, Fault_Rejected, Phase, Setup

from door import read
from exported import exported

# Of the events so far. An object of the classes below serves one call: what lasts stands here.
count = 0


class EventSource(exports.EventSource):
    @exported
    def init(self, setup: Setup) -> SourceSpec:
        # Its own path, /hooks/<name>.
        return SourceSpec(topics=[f"hook:{setup.name}"], tick=None)

    @exported
    def on_tick(self, now: int) -> list[Event]:
        return []


class Messages(exports.Messages):
    @exported
    def on_message(self, message: Message, body: bytes) -> list[Event]:
        global count
        kind = read(body)
        if kind is None:
            # Who sent it gets 400 with this text.
            raise Err(Fault_Rejected("say `open` or `closed`"))
        count += 1
        return [
            Event(
                id=str(count),
                kind=kind,
                phase=Phase.INSTANT,
                time=message.received,
                confidence=1.0,
                regions=[],
                # None named: all those that the source is configured for.
                cameras=[],
                correlation=None,
                attributes=[],
            )
        ]
