#undef NDEBUG
#include "cover.h"

#include <assert.h>
#include <string.h>

#define PIXELS 150

static void the_variance_is_exact(void) {
  uint8_t pixels[PIXELS];
  memset(pixels, 200, sizeof pixels);
  assert(cover_variance(pixels, PIXELS) == 0);
  memset(pixels, 100, PIXELS / 2);
  assert(cover_variance(pixels, PIXELS) == 50 * 50);
  assert(cover_variance(pixels, 0) == 0);
}

static enum said look(struct cover *cover, bool blank, int64_t time) {
  uint8_t pixels[PIXELS];
  memset(pixels, 30, sizeof pixels);
  memset(pixels, blank ? 34 : 90, PIXELS / 2);
  return cover_look(cover, pixels, PIXELS, time);
}

static void it_is_told_after_a_while_renewed_and_ended(void) {
  struct cover cover = {.contrast = 8, .patience = 3};
  assert(look(&cover, false, 0) == SAID_NOTHING);
  assert(look(&cover, true, 1) == SAID_NOTHING);
  assert(look(&cover, true, 3) == SAID_NOTHING);
  assert(look(&cover, true, 4) == SAID_COVERED && cover.number == 1);
  assert(look(&cover, true, 5) == SAID_STILL);
  assert(look(&cover, false, 6) == SAID_CLEAR);
  assert(look(&cover, false, 7) == SAID_NOTHING);
}

static void a_short_while_does_not_count(void) {
  struct cover cover = {.contrast = 8, .patience = 3};
  look(&cover, true, 1);
  look(&cover, false, 3);
  look(&cover, true, 4);
  assert(look(&cover, true, 6) == SAID_NOTHING);
  cover_forget(&cover);
  assert(look(&cover, true, 8) == SAID_NOTHING);
}

int main(void) {
  the_variance_is_exact();
  it_is_told_after_a_while_renewed_and_ended();
  a_short_while_does_not_count();
}
