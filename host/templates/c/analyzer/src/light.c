#include "light.h"

// The host looks at its deadline once a loop turn: a turn of 64 pixels costs hardly more than a turn of
// one, and the compiler makes SIMD of it.
#define CHUNK 64

static uint64_t sum_of(const uint8_t *pixels, size_t count) {
  uint64_t sum = 0;
  for (; count >= CHUNK; pixels += CHUNK, count -= CHUNK) {
    uint32_t part = 0;
    for (size_t at = 0; at < CHUNK; at++) {
      part += pixels[at];
    }
    sum += part;
  }
  for (size_t at = 0; at < count; at++) {
    sum += pixels[at];
  }
  return sum;
}

enum said light_look(struct light *light, const uint8_t *pixels, size_t count) {
  bool was = light->on;
  light->on = sum_of(pixels, count) >= (uint64_t)light->level * count;
  if (!was && light->on) {
    light->number++;
    return SAID_ON;
  }
  if (!was) {
    return SAID_NOTHING;
  }
  return light->on ? SAID_STILL : SAID_OFF;
}
