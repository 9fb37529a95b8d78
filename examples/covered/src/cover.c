#include "cover.h"

// The host looks at its deadline once a loop turn: a turn of 64 pixels costs hardly more than a turn of
// one, and the compiler makes SIMD of it.
#define CHUNK 64

struct sums {
  uint64_t levels;
  uint64_t squares;
};

static void add(struct sums *sums, const uint8_t *pixels, size_t count) {
  uint32_t levels = 0, squares = 0;
  for (size_t at = 0; at < count; at++) {
    uint32_t level = pixels[at];
    levels += level;
    squares += level * level;
  }
  sums->levels += levels;
  sums->squares += squares;
}

uint64_t cover_variance(const uint8_t *pixels, size_t count) {
  if (count == 0) {
    return 0;
  }
  struct sums sums = {0, 0};
  size_t at = 0;
  for (; at + CHUNK <= count; at += CHUNK) {
    add(&sums, pixels + at, CHUNK);
  }
  add(&sums, pixels + at, count - at);
  // E[x^2] - E[x]^2, in whole numbers: a picture of 4096 by 4096 has squares below 2^41.
  uint64_t mean = sums.levels / count;
  return sums.squares / count - mean * mean;
}

void cover_forget(struct cover *cover) {
  cover->is_blank = false;
  cover->is_told = false;
}

enum said cover_look(struct cover *cover, const uint8_t *pixels, size_t count, int64_t time) {
  bool was_blank = cover->is_blank, was_told = cover->is_told;
  cover->is_blank = cover_variance(pixels, count) < (uint64_t)cover->contrast * cover->contrast;
  if (!cover->is_blank) {
    cover->is_told = false;
    return was_told ? SAID_CLEAR : SAID_NOTHING;
  }
  if (!was_blank) {
    cover->since = time;
  }
  if (was_told) {
    return SAID_STILL;
  }
  if (time - cover->since < cover->patience) {
    return SAID_NOTHING;
  }
  cover->is_told = true;
  cover->number++;
  return SAID_COVERED;
}
