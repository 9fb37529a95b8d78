// Whether there is anything to be seen in a picture, and for how long not. Pure.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// What there is to say of a picture.
enum said {
  SAID_NOTHING,
  // The camera has been covered for long enough.
  SAID_COVERED,
  // It still is: what is not renewed within 5 s, the host ends.
  SAID_STILL,
  // It is no more.
  SAID_CLEAR,
};

// Follows the pictures of one camera. Times are microseconds since 1970.
struct cover {
  // The standard deviation below which there is nothing to be seen.
  uint32_t contrast;
  int64_t patience;
  // Of the times that it was covered.
  uint64_t number;
  bool is_blank;
  bool is_told;
  // When it became blank.
  int64_t since;
};

// Nothing is known of what was.
void cover_forget(struct cover *cover);

// What to say of a picture of grey pixels.
enum said cover_look(struct cover *cover, const uint8_t *pixels, size_t count, int64_t time);

// The variance of the pixels; 0 where there are none.
uint64_t cover_variance(const uint8_t *pixels, size_t count);
