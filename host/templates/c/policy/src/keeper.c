#include "keeper.h"

#include <stdbool.h>
#include <string.h>

static bool is_known(const struct keeper *keeper, const char *id, size_t length) {
  for (size_t at = 0; at < keeper->because_count; at++) {
    const char *known = keeper->because[at];
    if (strlen(known) == length && memcmp(known, id, length) == 0) {
      return true;
    }
  }
  return false;
}

void keeper_hear(struct keeper *keeper, const char *id, size_t length, int64_t time) {
  // No time is before 1970.
  int64_t start = time > keeper->before ? time - keeper->before : 0;
  int64_t end = time + keeper->after;
  bool touches = keeper->number > 0 && start <= keeper->end && end >= keeper->start;
  if (!touches) {
    keeper->number++;
    keeper->start = start;
    keeper->end = end;
    keeper->because_count = 0;
  }
  keeper->start = start < keeper->start ? start : keeper->start;
  keeper->end = end > keeper->end ? end : keeper->end;
  if (keeper->because_count < REASONS && length < ID_BYTES && !is_known(keeper, id, length)) {
    char *because = keeper->because[keeper->because_count++];
    memcpy(because, id, length);
    because[length] = '\0';
  }
}
