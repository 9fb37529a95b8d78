#undef NDEBUG
#include "light.h"

#include <assert.h>
#include <string.h>

static enum said look(struct light *light, uint8_t level) {
  // No whole number of chunks.
  uint8_t pixels[150];
  memset(pixels, level, sizeof pixels);
  return light_look(light, pixels, sizeof pixels);
}

static void it_begins_is_renewed_and_ends(void) {
  struct light light = {.level = 100};
  assert(look(&light, 99) == SAID_NOTHING);
  assert(look(&light, 100) == SAID_ON && light.number == 1);
  assert(look(&light, 255) == SAID_STILL);
  assert(look(&light, 0) == SAID_OFF && light.number == 1);
  assert(look(&light, 200) == SAID_ON && light.number == 2);
}

int main(void) {
  it_begins_is_renewed_and_ends();
}
