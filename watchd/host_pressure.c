/*
 * How much of the last ten seconds tasks waited for a processor, for memory, for disks: some of
 * them, or all at the same time (https://docs.kernel.org/accounting/psi.html). Kernels without it
 * have no such files.
 *
 *   some avg10=1.53 avg60=0.87 avg300=0.33 total=28374
 *   full avg10=0.00 avg60=0.00 avg300=0.00 total=0
 */
#include "watchd/host_subject.h"

static bool average(struct slice word, double *out) {
  static const char key[] = "avg10=";
  size_t skipped = strlen(key);
  return slice_starts_with(word, key) &&
         slice_to_double(slice_new(word.data + skipped, word.len - skipped), out) && *out >= 0 &&
         *out <= 100;
}

static void take_of(const char *resource, struct slice text, const struct host_sink *sink) {
  struct slice line, who, word;
  double value;
  while (slice_split(&text, '\n', &line))
    if (host_next_word(&line, &who) && host_next_word(&line, &word) && average(word, &value)) {
      bool full = slice_is(who, "full");
      if (full || slice_is(who, "some"))
        sink->put(sink->arg, full ? "host_pressure_full_percent" : "host_pressure_percent",
                  "resource", slice_of(resource), value);
    }
}

#define PRESSURE(resource)                                                                         \
  static void take_##resource(void *state, struct slice text, int64_t now_us,                      \
                              const struct host_sink *sink) {                                      \
    (void)state;                                                                                   \
    (void)now_us;                                                                                  \
    take_of(#resource, text, sink);                                                                \
  }                                                                                                \
  const struct host_subject host_pressure_##resource = {"/proc/pressure/" #resource, 1,            \
                                                        take_##resource, .optional = true};

PRESSURE(cpu)
PRESSURE(memory)
PRESSURE(io)
