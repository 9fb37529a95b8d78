// Says while the camera is covered. This file stands between the host and cover.c, which decides.

#include "cover.h"
#include "wardline.h"

#define SECOND 1000000

typedef exports_wardline_plugin_analyzer_fault_t fault_t;
typedef exports_wardline_plugin_analyzer_list_event_t events_t;
typedef exports_wardline_plugin_analyzer_list_unit_t units_t;
typedef exports_wardline_plugin_analyzer_picture_t picture_t;
typedef exports_wardline_plugin_analyzer_setup_t setup_t;
typedef exports_wardline_plugin_analyzer_wishes_t wishes_t;

// One instance serves one camera.
static struct cover cover;

bool exports_wardline_plugin_analyzer_init(setup_t *setup, wishes_t *wishes, fault_t *fault) {
  int64_t contrast, seconds;
  bool found = wardline_integer(setup->params, "contrast", &contrast) &&
               wardline_integer(setup->params, "seconds", &seconds);
  exports_wardline_plugin_analyzer_setup_free(setup);
  if (!found) {
    return wardline_fault(
        fault, WARDLINE_PLUGIN_TYPES_FAULT_BAD_PARAMS, "`contrast` and `seconds` are needed");
  }
  cover = (struct cover){.contrast = (uint32_t)contrast, .patience = seconds * SECOND};
  *wishes = (wishes_t){0};
  wishes->pictures.is_some = true;
  wishes->pictures.val.format = WARDLINE_PLUGIN_TYPES_PIXEL_FORMAT_GRAY8;
  wishes->pictures.val.max_width = 320;
  wishes->pictures.val.max_height = 320;
  wishes->pictures.val.fit = EXPORTS_WARDLINE_PLUGIN_ANALYZER_FIT_PRESERVE;
  wishes->pictures.val.pace.tag = EXPORTS_WARDLINE_PLUGIN_ANALYZER_PACE_FPS;
  wishes->pictures.val.pace.val.fps = 1;
  return true;
}

bool exports_wardline_plugin_analyzer_analyze(
    picture_t *picture, plugin_list_u8_t *pixels, events_t *events, fault_t *fault) {
  (void)fault;
  if (picture->gap) {
    // The host has ended what was open.
    cover_forget(&cover);
  }
  enum said said = cover_look(&cover, pixels->ptr, pixels->len, picture->time);
  plugin_list_u8_free(pixels);
  *events = (events_t){0};
  wardline_plugin_types_phase_t phase;
  switch (said) {
    case SAID_NOTHING:
      return true;
    case SAID_COVERED:
      phase = WARDLINE_PLUGIN_TYPES_PHASE_BEGIN;
      break;
    case SAID_STILL:
      phase = WARDLINE_PLUGIN_TYPES_PHASE_UPDATE;
      break;
    default:
      phase = WARDLINE_PLUGIN_TYPES_PHASE_END;
  }
  events->ptr = wardline_allocate(sizeof *events->ptr);
  events->ptr[0] =
      wardline_event(wardline_digits(cover.number), "camera.covered", phase, picture->time);
  events->len = 1;
  return true;
}

bool exports_wardline_plugin_analyzer_observe(units_t *units, events_t *events, fault_t *fault) {
  (void)fault;
  exports_wardline_plugin_analyzer_list_unit_free(units);
  *events = (events_t){0};
  return true;
}
