#include "door.h"

#include <stdbool.h>
#include <string.h>

static bool is_blank(uint8_t byte) {
  return byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t';
}

static bool is(const uint8_t *body, size_t length, const char *word) {
  return length == strlen(word) && memcmp(body, word, length) == 0;
}

const char *door_read(const uint8_t *body, size_t length) {
  while (length > 0 && is_blank(body[length - 1])) {
    length--;
  }
  while (length > 0 && is_blank(*body)) {
    body++, length--;
  }
  if (is(body, length, "open")) {
    return "door.opened";
  }
  return is(body, length, "closed") ? "door.closed" : NULL;
}
