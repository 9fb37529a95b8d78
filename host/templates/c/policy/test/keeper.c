#undef NDEBUG
#include "keeper.h"

#include <assert.h>
#include <string.h>

static struct keeper keeper;

static void hear(const char *id, int64_t time) {
  keeper_hear(&keeper, id, strlen(id), time);
}

static void events_close_together_share_a_stretch(void) {
  keeper = (struct keeper){.before = 10, .after = 20};
  hear("a", 100);
  assert(keeper.number == 1 && keeper.start == 90 && keeper.end == 120);
  hear("b", 115);
  hear("b", 115);
  assert(keeper.number == 1 && keeper.start == 90 && keeper.end == 135);
  assert(keeper.because_count == 2 && strcmp(keeper.because[1], "b") == 0);
  hear("c", 146);
  assert(keeper.number == 2 && keeper.start == 136 && keeper.end == 166);
}

static void a_late_event_moves_the_start_back(void) {
  keeper = (struct keeper){.before = 10, .after = 20};
  hear("a", 100);
  hear("b", 95);
  assert(keeper.number == 1 && keeper.start == 85 && keeper.end == 120);
}

int main(void) {
  events_close_together_share_a_stretch();
  a_late_event_moves_the_start_back();
}
