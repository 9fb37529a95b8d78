"""Says while the picture is bright. This file stands between the host and `light.py`, which decides."""

import json

from wit_world import exports
from wit_world.exports.analyzer import Fit, Pace_Fps, Picture, PictureRequest, Unit, Wishes
from wit_world.imports.types import Event, Phase, PixelFormat, Setup

from exported import exported
from light import Light

# One instance serves one camera, and an object of the class below serves one call: what lasts stands here.
light: Light


class Analyzer(exports.Analyzer):
    @exported
    def init(self, setup: Setup) -> Wishes:
        global light
        # As `plugin.toml` describes them. The host has checked them and filled in the defaults.
        light = Light(json.loads(setup.params)["level"])
        pictures = PictureRequest(
            format=PixelFormat.GRAY8,
            # An interpreter looks at every pixel: small pictures, few of them.
            max_width=64,
            max_height=64,
            fit=Fit.PRESERVE,
            pace=Pace_Fps(2.0),
        )
        return Wishes(pictures=pictures, units=False)

    @exported
    def analyze(self, picture: Picture, pixels: bytes) -> list[Event]:
        if picture.gap:
            # The host has ended what was open.
            light.forget()
        said = light.look(pixels)
        if said is None:
            return []
        number, phase = said
        return [
            Event(
                id=str(number),
                kind="light",
                phase=Phase[phase],
                time=picture.time,
                confidence=1.0,
                regions=[],
                cameras=[],
                correlation=None,
                attributes=[],
            )
        ]

    @exported
    def observe(self, units: list[Unit]) -> list[Event]:
        return []
