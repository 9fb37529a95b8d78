// Turns the words `open` and `closed` into events of a door. This file stands between the host and
// door.c, which reads.

#include "door.h"
#include "wardline.h"

#include <stdlib.h>
#include <string.h>

typedef exports_wardline_plugin_event_source_fault_t fault_t;
typedef exports_wardline_plugin_event_source_setup_t setup_t;
typedef exports_wardline_plugin_event_source_source_spec_t source_spec_t;
typedef exports_wardline_plugin_messages_message_t message_t;

// Of the events so far.
static uint64_t count;

bool exports_wardline_plugin_event_source_init(setup_t *setup, source_spec_t *spec, fault_t *fault) {
  (void)fault;
  // Its own path, /hooks/<name>.
  static const char prefix[] = "hook:";
  size_t length = sizeof prefix - 1 + setup->name.len;
  uint8_t *topic = wardline_allocate(length);
  memcpy(topic, prefix, sizeof prefix - 1);
  memcpy(topic + sizeof prefix - 1, setup->name.ptr, setup->name.len);
  exports_wardline_plugin_event_source_setup_free(setup);
  *spec = (source_spec_t){0};
  spec->topics.ptr = wardline_allocate(sizeof *spec->topics.ptr);
  spec->topics.ptr[0] = (plugin_string_t){topic, length};
  spec->topics.len = 1;
  return true;
}

bool exports_wardline_plugin_event_source_on_tick(
    int64_t now, exports_wardline_plugin_event_source_list_event_t *events, fault_t *fault) {
  (void)now, (void)fault;
  *events = (exports_wardline_plugin_event_source_list_event_t){0};
  return true;
}

bool exports_wardline_plugin_messages_on_message(
    message_t *message,
    plugin_list_u8_t *body,
    exports_wardline_plugin_messages_list_event_t *events,
    fault_t *fault) {
  const char *kind = door_read(body->ptr, body->len);
  int64_t received = message->received;
  exports_wardline_plugin_messages_message_free(message);
  plugin_list_u8_free(body);
  if (kind == NULL) {
    // Who sent it gets 400 with this text.
    return wardline_fault(
        fault, WARDLINE_PLUGIN_TYPES_FAULT_REJECTED, "say `open` or `closed`");
  }
  count++;
  // No cameras named: all those that the source is configured for.
  events->ptr = wardline_allocate(sizeof *events->ptr);
  events->ptr[0] = wardline_event(
      wardline_digits(count), kind, WARDLINE_PLUGIN_TYPES_PHASE_INSTANT, received);
  events->len = 1;
  return true;
}
