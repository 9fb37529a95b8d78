// Which stretch of video an event makes worth keeping. Pure.
#pragma once

#include <stddef.h>
#include <stdint.h>

// Events that a stretch names as its reason, at most.
#define REASONS 64
// Bytes of an event's qualified id, at most, and a zero.
#define ID_BYTES 513

// Follows the events of one camera. Times are microseconds since 1970.
struct keeper {
  int64_t before;
  int64_t after;
  // Of the last stretch, `[start, end)`; 0: there was none.
  uint64_t number;
  int64_t start;
  int64_t end;
  size_t because_count;
  char because[REASONS][ID_BYTES];
};

// The stretch around an event: a new one, or the last, made longer, where they touch. It stands in the
// keeper afterwards. `id` has `length` bytes.
void keeper_hear(struct keeper *keeper, const char *id, size_t length, int64_t time);
