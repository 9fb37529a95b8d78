// Whether a picture is bright, and since when. Pure.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// What there is to say of a picture.
enum said {
  SAID_NOTHING,
  // It has become bright.
  SAID_ON,
  // It still is: what is not renewed within 5 s, the host ends.
  SAID_STILL,
  // It is no more.
  SAID_OFF,
};

// Follows the pictures of one camera.
struct light {
  // From this mean level on it is bright, 0..255.
  uint8_t level;
  // Of the bright time.
  uint64_t number;
  bool on;
};

// What to say of a picture of grey pixels.
enum said light_look(struct light *light, const uint8_t *pixels, size_t count);
