// Short words for what every plugin does. The types are those of the contract, as `build/bindings/plugin.h`
// has them once `wardline plugin build` has run.
//
// What a function of the plugin is given belongs to it: it frees it, with `..._free` of the bindings. What
// it returns belongs to the host: every text in it is allocated.
#pragma once

#include "plugin.h"

// A copy of a text.
plugin_string_t wardline_text(const char *text);

// A copy of another string.
plugin_string_t wardline_copy(plugin_string_t text);

// A number, in decimal digits.
plugin_string_t wardline_digits(uint64_t number);

// Whether two texts are the same.
bool wardline_is(plugin_string_t text, const char *other);

// The integer with this key in the parameters, a JSON object that the host has checked against the
// manifest's schema. Looks for no key inside of texts or objects: name parameters that hold integers only.
bool wardline_integer(plugin_string_t params, const char *key, int64_t *value);

// A line in the host's log: `WARDLINE_PLUGIN_LOG_LEVEL_INFO` and so on.
void wardline_log(wardline_plugin_log_level_t level, const char *text);

// An event of confidence 1 with no regions, cameras, correlation or attributes. Takes `id`.
wardline_plugin_types_event_t wardline_event(
    plugin_string_t id, const char *kind, wardline_plugin_types_phase_t phase, int64_t time);

// Fills in a fault, `WARDLINE_PLUGIN_TYPES_FAULT_REJECTED` and so on, and gives false: what a function
// returns then.
bool wardline_fault(wardline_plugin_types_fault_t *fault, uint8_t tag, const char *text);

// A block of memory. Where there is none the plugin traps, and the host says so.
void *wardline_allocate(size_t size);
