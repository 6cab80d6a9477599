/* What the parts of the OTLP reader share. Raw texts are of JSON that was checked as a whole. */
#ifndef BELFRY_MODEL_OTLP_PRIV_H
#define BELFRY_MODEL_OTLP_PRIV_H

#include "base/buf.h"
#include "base/json.h"
#include "model/derived_id.h"
#include "model/otlp.h"

#include <stdbool.h>

/* The members of a list of KeyValue. */
struct otlp_attribute {
  struct slice key;   /* raw string, with its quotes */
  struct slice value; /* raw AnyValue; NULL data: none */
};

#define OTLP_ATTRIBUTES_MAX 512

struct otlp_parse {
  enum otlp_signal signal;
  const struct otlp_options *options;
  const struct otlp_sink *sink;
  struct otlp_result *result;
  struct derived_id ids;
  struct slice body;

  /* The resource at hand. */
  struct buf resource_scratch; /* owned; what is decoded of it lies here */
  struct buf resource;         /* owned; what of it goes into events: an object, or nothing */
  struct slice source;         /* its service */
  struct slice instance;       /* which of several of that service; empty: not told */
  struct slice resource_raw;

  /* The scope at hand. */
  struct slice scope;                     /* its name as a raw string; NULL data: none */
  unsigned char seed[DERIVED_SEED_BYTES]; /* of the ids of its records */

  /* The record at hand. */
  size_t record;                     /* how many there were before it in the request */
  size_t indexes[4];                 /* where it is: resource, scope, record, data point */
  struct buf scratch;                /* owned; what is decoded of it lies here */
  struct buf data, labels, name;     /* owned */
  struct otlp_attribute *attributes; /* owned; OTLP_ATTRIBUTES_MAX of them */
  struct model_problem problem;      /* why it is rejected */
};

/* Each takes one element of the signal's list of records. Returns: 0, BELFRY_EINVAL with
 * `parse->problem` when it is to be rejected (a metric rejects its data points itself),
 * BELFRY_ENOMEM, or what the sink returned. */
int otlp__log(struct otlp_parse *parse, struct slice raw) BELFRY_MUST_CHECK;
int otlp__metric(struct otlp_parse *parse, struct slice raw) BELFRY_MUST_CHECK;
int otlp__span(struct otlp_parse *parse, struct slice raw) BELFRY_MUST_CHECK;

/* Counts what is rejected, and where it is. `depth`: how many of the indexes say that. */
void otlp__reject(struct otlp_parse *parse, unsigned depth, uint64_t count);

/* Says why the record is rejected, with a pointer relative to it. Returns: BELFRY_EINVAL. */
int otlp__wrong(struct otlp_parse *parse, const char *pointer, const char *format, ...)
    BELFRY_PRINTF(3, 4);

/*
 * Puts what is known of a record beside its `count` attributes in parse->attributes, as further
 * members of the same object: trace_id, span_id, scope, resource. An attribute of that name is left
 * alone.
 */
void otlp__put_context(struct otlp_parse *parse, struct slice trace, struct slice span, int count,
                       bool *first);

/* Whether parse->data can be stored. Returns: as otlp__log. */
int otlp__data_status(struct otlp_parse *parse) BELFRY_MUST_CHECK;

/* --- values (otlp_value.c) --- */

/* A member that is wanted of an object, by name. */
struct otlp_member {
  const char *name;
  struct slice *raw; /* gets its text; untouched when it is absent or null */
};

void otlp__members(struct slice object, const struct otlp_member *members, size_t count);

/* 64-bit integers come as numbers or as texts. Returns: false when it is none. */
bool otlp__integer(struct slice raw, int64_t *out);
bool otlp__unsigned(struct slice raw, uint64_t *out);

/* Doubles come as numbers or as "NaN", "Infinity", "-Infinity". */
bool otlp__double(struct slice raw, double *out);

/* An enumeration, by number or by the name that its prefix makes. */
bool otlp__enum(struct slice raw, const char *prefix, const char *const *names, int count,
                int *out);

/* Nanoseconds of Unix time. Absent and 0 are no time: `*out_ms` stays as it is. Returns: false when
 * it is none, or after the year 9999. */
bool otlp__time(struct slice raw, int64_t *out_ms);

/* Whether it is the text of `digits` hexadecimal digits that are not all 0; `*out` gets them. */
bool otlp__hex_id(struct slice raw, size_t digits, struct slice *out);

/* Decodes a string into `scratch`, which has room. Returns: false when it is none. */
bool otlp__text(struct slice raw, struct buf *scratch, struct slice *out);

/* Puts an AnyValue as plain JSON. Returns: false when it is none. */
bool otlp__put_value(struct buf *out, struct slice raw);

/* Finds them, in order. Of several with one key the first counts. Returns: how many, or -1 when the
 * list is none or too long. */
int otlp__attributes(struct slice raw, struct otlp_attribute out[OTLP_ATTRIBUTES_MAX]);

/* The same with room for `max` of them. */
int otlp__attributes_up_to(struct slice raw, struct otlp_attribute *out, int max);

/* Puts attributes as the members of an object, without its braces, each after a comma but the
 * first (`*first`). Returns: false when a value is none. */
bool otlp__put_attributes(struct buf *out, const struct otlp_attribute *attributes, int count,
                          bool *first);

/* The text of an attribute that is a string, decoded into `scratch`. Returns: empty when it is
 * not. */
struct slice otlp__attribute_text(const struct otlp_attribute *attributes, int count,
                                  const char *key, struct buf *scratch);

/* The number of an attribute. Returns: false when it is absent or none. */
bool otlp__attribute_number(const struct otlp_attribute *attributes, int count, const char *key,
                            double *out);

/* Puts a text as a name: lower case, `_` for everything that is not in a-z 0-9 _ and `also`. */
void otlp__put_name(struct buf *out, struct slice text, const char *also);

/* The name of a metric, its unit last (otlp_name.c). Returns: false when nothing is left of it. */
bool otlp__put_metric_name(struct buf *out, struct slice name, struct slice unit, bool gauge);

/* The first `max` bytes of a text at most, cut between characters. */
struct slice otlp__cut(struct slice text, size_t max);

#endif
