// Says while the picture is bright. This file stands between the host and light.c, which decides.

#include "light.h"
#include "wardline.h"

#include <stdlib.h>

typedef exports_wardline_plugin_analyzer_fault_t fault_t;
typedef exports_wardline_plugin_analyzer_list_event_t events_t;
typedef exports_wardline_plugin_analyzer_list_unit_t units_t;
typedef exports_wardline_plugin_analyzer_picture_t picture_t;
typedef exports_wardline_plugin_analyzer_setup_t setup_t;
typedef exports_wardline_plugin_analyzer_wishes_t wishes_t;

// One instance serves one camera.
static struct light light;

bool exports_wardline_plugin_analyzer_init(setup_t *setup, wishes_t *wishes, fault_t *fault) {
  // As plugin.toml describes it. The host has checked it and filled in the default.
  int64_t level;
  bool found = wardline_integer(setup->params, "level", &level);
  exports_wardline_plugin_analyzer_setup_free(setup);
  if (!found) {
    return wardline_fault(fault, WARDLINE_PLUGIN_TYPES_FAULT_BAD_PARAMS, "`level` is needed");
  }
  light.level = (uint8_t)level;
  *wishes = (wishes_t){0};
  wishes->pictures.is_some = true;
  wishes->pictures.val.format = WARDLINE_PLUGIN_TYPES_PIXEL_FORMAT_GRAY8;
  wishes->pictures.val.max_width = 64;
  wishes->pictures.val.max_height = 64;
  wishes->pictures.val.fit = EXPORTS_WARDLINE_PLUGIN_ANALYZER_FIT_PRESERVE;
  wishes->pictures.val.pace.tag = EXPORTS_WARDLINE_PLUGIN_ANALYZER_PACE_FPS;
  wishes->pictures.val.pace.val.fps = 2;
  return true;
}

bool exports_wardline_plugin_analyzer_analyze(
    picture_t *picture, plugin_list_u8_t *pixels, events_t *events, fault_t *fault) {
  (void)fault;
  if (picture->gap) {
    // The host has ended what was open.
    light.on = false;
  }
  enum said said = light_look(&light, pixels->ptr, pixels->len);
  plugin_list_u8_free(pixels);
  *events = (events_t){0};
  if (said == SAID_NOTHING) {
    return true;
  }
  wardline_plugin_types_phase_t phase = said == SAID_ON      ? WARDLINE_PLUGIN_TYPES_PHASE_BEGIN
                                        : said == SAID_STILL ? WARDLINE_PLUGIN_TYPES_PHASE_UPDATE
                                                             : WARDLINE_PLUGIN_TYPES_PHASE_END;
  events->ptr = wardline_allocate(sizeof *events->ptr);
  events->ptr[0] = wardline_event(wardline_digits(light.number), "light", phase, picture->time);
  events->len = 1;
  return true;
}

bool exports_wardline_plugin_analyzer_observe(units_t *units, events_t *events, fault_t *fault) {
  (void)fault;
  exports_wardline_plugin_analyzer_list_unit_free(units);
  *events = (events_t){0};
  return true;
}
