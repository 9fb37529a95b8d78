// Keeps video around each event. This file stands between the host and keeper.c, which decides.

#include "keeper.h"
#include "wardline.h"

#define SECOND 1000000

typedef exports_wardline_plugin_recording_policy_answer_t answer_t;
typedef exports_wardline_plugin_recording_policy_closed_segment_t closed_segment_t;
typedef exports_wardline_plugin_recording_policy_fault_t fault_t;
typedef exports_wardline_plugin_recording_policy_notice_t notice_t;
typedef exports_wardline_plugin_recording_policy_option_microseconds_t option_microseconds_t;
typedef exports_wardline_plugin_recording_policy_setup_t setup_t;
typedef exports_wardline_plugin_recording_policy_span_t span_t;

// One instance serves one camera.
static struct keeper keeper;

bool exports_wardline_plugin_recording_policy_init(setup_t *setup, fault_t *fault) {
  // As plugin.toml describes them. The host has checked them and filled in the defaults.
  int64_t before, after;
  bool found = wardline_integer(setup->params, "before", &before) &&
               wardline_integer(setup->params, "after", &after);
  exports_wardline_plugin_recording_policy_setup_free(setup);
  if (!found) {
    return wardline_fault(
        fault, WARDLINE_PLUGIN_TYPES_FAULT_BAD_PARAMS, "`before` and `after` are needed");
  }
  keeper.before = before * SECOND;
  keeper.after = after * SECOND;
  return true;
}

static void say(answer_t *answer, const notice_t *notice) {
  plugin_string_t id = notice->event.id;
  keeper_hear(&keeper, (const char *)id.ptr, id.len, notice->event.time);
  span_t *span = wardline_allocate(sizeof *span);
  *span = (span_t){
      .id = wardline_digits(keeper.number),
      .start = keeper.start,
      .end = keeper.end,
      .label = wardline_copy(notice->event.kind),
  };
  span->because.len = keeper.because_count;
  span->because.ptr = wardline_allocate(keeper.because_count * sizeof *span->because.ptr);
  for (size_t at = 0; at < keeper.because_count; at++) {
    span->because.ptr[at] = wardline_text(keeper.because[at]);
  }
  answer->spans.ptr = span;
  answer->spans.len = 1;
}

bool exports_wardline_plugin_recording_policy_on_event(
    notice_t *notice, int64_t now, answer_t *answer, fault_t *fault) {
  (void)now, (void)fault;
  *answer = (answer_t){0};
  // A camera that comes or goes is no reason to keep video, and what a person asks for, the host keeps
  // by itself.
  if (!wardline_is(notice->origin, "host") && !wardline_is(notice->origin, "api")) {
    say(answer, notice);
  }
  exports_wardline_plugin_recording_policy_notice_free(notice);
  return true;
}

bool exports_wardline_plugin_recording_policy_on_wake(
    int64_t now, answer_t *answer, fault_t *fault) {
  (void)now, (void)fault;
  *answer = (answer_t){0};
  return true;
}

bool exports_wardline_plugin_recording_policy_keep_continuous(
    closed_segment_t *segment, int64_t now, option_microseconds_t *keep, fault_t *fault) {
  (void)now, (void)fault;
  exports_wardline_plugin_recording_policy_closed_segment_free(segment);
  *keep = (option_microseconds_t){0};
  return true;
}
