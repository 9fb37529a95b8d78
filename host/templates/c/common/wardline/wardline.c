// Short words for what every plugin does: see include/wardline.h.

#include "wardline.h"

#include <stdlib.h>
#include <string.h>

// A digit more than this still fits.
#define INTEGER_MAX (INT64_MAX / 10 - 1)

void *wardline_allocate(size_t size) {
  void *block = malloc(size);
  if (block == NULL) {
    abort();
  }
  return block;
}

plugin_string_t wardline_copy(plugin_string_t text) {
  plugin_string_t copy = {wardline_allocate(text.len), text.len};
  memcpy(copy.ptr, text.ptr, text.len);
  return copy;
}

plugin_string_t wardline_text(const char *text) {
  return wardline_copy((plugin_string_t){(uint8_t *)text, strlen(text)});
}

plugin_string_t wardline_digits(uint64_t number) {
  char digits[21];
  size_t at = sizeof digits;
  digits[--at] = '\0';
  do {
    digits[--at] = (char)('0' + number % 10);
    number /= 10;
  } while (number > 0);
  return wardline_text(digits + at);
}

bool wardline_is(plugin_string_t text, const char *other) {
  return text.len == strlen(other) && memcmp(text.ptr, other, text.len) == 0;
}

bool wardline_integer(plugin_string_t params, const char *key, int64_t *value) {
  size_t length = strlen(key);
  const char *at = (const char *)params.ptr, *end = at + params.len;
  for (; (size_t)(end - at) > length + 2; at++) {
    if (*at != '"' || memcmp(at + 1, key, length) != 0 || at[length + 1] != '"') {
      continue;
    }
    at += length + 2;
    while (at < end && (*at == ' ' || *at == ':')) {
      at++;
    }
    bool negative = at < end && *at == '-';
    at += negative;
    if (at == end || *at < '0' || *at > '9') {
      return false;
    }
    int64_t number = 0;
    for (; at < end && *at >= '0' && *at <= '9'; at++) {
      if (number > INTEGER_MAX) {
        return false;
      }
      number = number * 10 + (*at - '0');
    }
    *value = negative ? -number : number;
    return true;
  }
  return false;
}

void wardline_log(wardline_plugin_log_level_t level, const char *text) {
  plugin_string_t message = {(uint8_t *)text, strlen(text)};
  wardline_plugin_log_list_attribute_t attributes = {NULL, 0};
  wardline_plugin_log_write(level, &message, &attributes);
}

wardline_plugin_types_event_t wardline_event(
    plugin_string_t id, const char *kind, wardline_plugin_types_phase_t phase, int64_t time) {
  wardline_plugin_types_event_t event = {0};
  event.id = id;
  event.kind = wardline_text(kind);
  event.phase = phase;
  event.time = time;
  event.confidence = 1;
  return event;
}

bool wardline_fault(wardline_plugin_types_fault_t *fault, uint8_t tag, const char *text) {
  fault->tag = tag;
  // Every case holds a text.
  fault->val.failed = wardline_text(text);
  return false;
}
