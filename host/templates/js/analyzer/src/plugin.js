// Says while the picture is bright. This file stands between the host and `light.js`, which decides.

import { exported } from "./exported.js";
import { Light } from "./light.js";

let light;

export const analyzer = exported({
  init(setup) {
    // As `plugin.toml` describes them. The host has checked them and filled in the defaults.
    light = new Light(JSON.parse(setup.params).level);
    const pictures = {
      format: "gray8",
      // An interpreter looks at every pixel: small pictures, few of them.
      maxWidth: 64,
      maxHeight: 64,
      fit: "preserve",
      pace: { tag: "fps", val: 2 },
    };
    return { pictures, units: false };
  },

  analyze(picture, pixels) {
    if (picture.gap) {
      // The host has ended what was open.
      light.forget();
    }
    const said = light.look(pixels);
    if (said === undefined) {
      return [];
    }
    return [
      {
        id: String(said.number),
        kind: "light",
        phase: said.phase,
        time: picture.time,
        confidence: 1,
        regions: [],
        cameras: [],
        correlation: null,
        attributes: [],
      },
    ];
  },

  observe(_units) {
    return [];
  },
});
