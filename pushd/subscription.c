#include "pushd/subscription.h"

#include "base/json.h"
#include "model/severity.h"

#include <stdlib.h>
#include <string.h>

static uint32_t hash_slice(uint32_t hash, struct slice text) {
  for (size_t i = 0; i < text.len; i++)
    hash = (hash ^ (uint8_t)text.data[i]) * 16777619u; /* FNV-1a */
  return (hash ^ 0xff) * 16777619u;
}

static uint32_t hash_texts(const struct audience_texts *texts) {
  uint32_t hash = 2166136261u;
  hash = hash_slice(hash, texts->events);
  hash = hash_slice(hash, texts->except);
  hash = hash_slice(hash, texts->min_severity);
  hash = hash_slice(hash, texts->sources);
  hash = hash_slice(hash, texts->only_type);
  hash = hash_slice(hash, texts->only_source);
  return (hash ^ texts->nothing) * 16777619u;
}

static bool same_texts(const struct audience_texts *a, const struct audience_texts *b) {
  return slice_equal(a->events, b->events) && slice_equal(a->except, b->except) &&
         slice_equal(a->min_severity, b->min_severity) && slice_equal(a->sources, b->sources) &&
         slice_equal(a->only_type, b->only_type) && slice_equal(a->only_source, b->only_source) &&
         a->nothing == b->nothing;
}

static struct slice keep(char **at, struct slice text) {
  struct slice kept = slice_new(*at, text.len);
  if (text.len)
    memcpy(*at, text.data, text.len);
  *at += text.len;
  return kept;
}

static struct slice or_absent(struct slice text) {
  return text.len ? text : slice_new(NULL, 0);
}

static bool is_everything(struct slice globs) {
  return globs.len == 0 || slice_is(globs, "*");
}

static int compile(struct audience *audience, struct model_problem *problem) {
  const struct audience_texts *texts = &audience->texts;
  struct event_filter *filter = &audience->filter;
  const struct event_filter_texts asked = {.event = or_absent(texts->events),
                                           .min_severity = or_absent(texts->min_severity),
                                           .source = or_absent(texts->sources)};
  int status = event_filter_parse(&asked, 0, filter, problem);
  if (status)
    return status;
  if (texts->only_type.len && !filter->type_count) /* the history then looks for it alone */
    filter->types[filter->type_count++] = texts->only_type;
  struct slice rest = texts->except, piece;
  while (texts->except.len && slice_split(&rest, ',', &piece)) {
    if (filter->not_type_count == EVENT_FILTER_PATTERNS_MAX) {
      *problem =
          (struct model_problem){.pointer = "events", .detail = "takes more than 32 patterns out"};
      return BELFRY_EINVAL;
    }
    filter->not_types[filter->not_type_count++] = piece;
  }
  audience->everything = !texts->nothing && !texts->except.len && !filter->severities &&
                         !texts->only_type.len && !texts->only_source.len &&
                         is_everything(texts->events) && is_everything(texts->sources);
  return BELFRY_OK;
}

int audience_get(struct audiences *audiences, const struct audience_texts *texts,
                 struct audience **out, struct model_problem *problem) {
  uint32_t hash = hash_texts(texts);
  struct audience **bucket = &audiences->buckets[hash % AUDIENCE_BUCKETS];
  for (struct audience *audience = *bucket; audience; audience = audience->next)
    if (audience->hash == hash && same_texts(&audience->texts, texts)) {
      audience->refs++;
      *out = audience;
      return BELFRY_OK;
    }
  struct audience *made =
      calloc(1, sizeof *made + texts->events.len + texts->except.len + texts->min_severity.len +
                    texts->sources.len + texts->only_type.len + texts->only_source.len);
  if (!made)
    return BELFRY_ENOMEM;
  char *at = made->text;
  made->texts = (struct audience_texts){.events = keep(&at, texts->events),
                                        .except = keep(&at, texts->except),
                                        .min_severity = keep(&at, texts->min_severity),
                                        .sources = keep(&at, texts->sources),
                                        .only_type = keep(&at, texts->only_type),
                                        .only_source = keep(&at, texts->only_source),
                                        .nothing = texts->nothing};
  int status = compile(made, problem);
  if (status) {
    free(made);
    return status;
  }
  made->refs = 1;
  made->hash = hash;
  made->next = *bucket;
  *bucket = made;
  audiences->count++;
  *out = made;
  return BELFRY_OK;
}

void audience_release(struct audiences *audiences, struct audience *audience) {
  if (!audience || --audience->refs)
    return;
  struct audience **link = &audiences->buckets[audience->hash % AUDIENCE_BUCKETS];
  while (*link != audience)
    link = &(*link)->next;
  *link = audience->next;
  audiences->count--;
  free(audience->verdicts);
  free(audience);
}

bool audience_wants(const struct audience *audience, const struct event *event) {
  const struct audience_texts *texts = &audience->texts;
  if (audience->everything)
    return true;
  if (texts->nothing || (texts->only_type.len && !slice_equal(texts->only_type, event->type)) ||
      (texts->only_source.len && !slice_equal(texts->only_source, event->source)))
    return false;
  return event_filter_match(&audience->filter, event);
}

/* Judges the sequences that are wanted now and were not judged before. */
static void judge(struct audience *audience, struct ring *ring, uint64_t from, uint64_t to) {
  for (uint64_t sequence = from; sequence < to; sequence++) {
    struct event view = ring_event_view(ring_at(ring, sequence));
    uint64_t place = sequence % audience->verdict_count, bit = UINT64_C(1) << place % 64;
    if (audience_wants(audience, &view))
      audience->verdicts[place / 64] |= bit;
    else
      audience->verdicts[place / 64] &= ~bit;
  }
}

int audience_next(struct audience *audience, struct ring *ring, uint64_t sequence, uint64_t *out) {
  *out = sequence;
  if (sequence >= ring->next || audience->everything)
    return BELFRY_OK;
  if (audience->texts.nothing) {
    *out = ring->next;
    return BELFRY_OK;
  }
  if (!audience->verdicts) {
    audience->verdict_count = (ring->capacity + 63) / 64 * 64; /* so that a word never wraps */
    audience->verdicts = calloc(audience->verdict_count / 64, sizeof *audience->verdicts);
    if (!audience->verdicts)
      return BELFRY_ENOMEM;
  }
  if (audience->judged_to < sequence || audience->judged_from > audience->judged_to)
    audience->judged_from = audience->judged_to = sequence;
  if (sequence < audience->judged_from) {
    judge(audience, ring, sequence, audience->judged_from);
    audience->judged_from = sequence;
  }
  judge(audience, ring, audience->judged_to, ring->next);
  audience->judged_to = ring->next;
  if (audience->judged_from < ring->first)
    audience->judged_from = ring->first;
  while (sequence < ring->next) {
    uint64_t word = audience->verdicts[sequence % audience->verdict_count / 64] >> sequence % 64;
    if (word) {
      sequence += (uint64_t)__builtin_ctzll(word);
      break;
    }
    sequence = (sequence | 63) + 1;
  }
  /* A set bit beyond the newest event is left over from the turn before. */
  *out = sequence < ring->next ? sequence : ring->next;
  return BELFRY_OK;
}

static void put_list(struct buf *out, struct slice list) {
  struct slice rest = list, piece;
  bool first = true;
  buf_put_char(out, '[');
  while (list.len && slice_split(&rest, ',', &piece)) {
    piece = slice_trim(piece);
    if (!piece.len)
      continue;
    buf_put_text(out, first ? "" : ",");
    json_put_string(out, piece);
    first = false;
  }
  buf_put_char(out, ']');
}

void subscription_put(struct buf *out, const struct subscription *subscription, const char *more) {
  const struct audience_texts *texts = &subscription->audience->texts;
  buf_put_text(out, "{\"events\":");
  if (texts->nothing)
    buf_put_text(out, "[]");
  else
    put_list(out, texts->only_type.len ? texts->only_type
                  : texts->events.len  ? texts->events
                                       : slice_of("*"));
  buf_put_text(out, ",\"except\":");
  put_list(out, texts->except);
  buf_put_text(out, ",\"min_severity\":");
  json_put_string(out, texts->min_severity.len ? texts->min_severity : slice_of("debug"));
  buf_put_text(out, ",\"sources\":");
  if (texts->only_source.len) {
    buf_put_char(out, '[');
    json_put_string(out, texts->only_source);
    buf_put_char(out, ']');
  } else {
    put_list(out, texts->sources.len ? texts->sources : slice_of("*"));
  }
  buf_printf(out, ",\"metrics\":%s,\"interval\":", subscription->metrics ? "true" : "false");
  json_put_number(out, subscription->metrics ? subscription->interval_ms / 1000.0 : 0);
  buf_printf(out, ",\"batch\":%s%s}", subscription->batch ? "true" : "false", more);
}

static bool list_holds(struct slice list, struct slice wanted) {
  struct slice rest = list, piece;
  while (list.len && slice_split(&rest, ',', &piece))
    if (slice_equal(slice_trim(piece), wanted))
      return true;
  return false;
}

/* Puts the pieces of `list` that are not (resp. not yet) in `known`, with commas between. */
static void put_missing(struct buf *out, size_t start, struct slice list, struct slice known) {
  struct slice rest = list, piece;
  while (list.len && slice_split(&rest, ',', &piece)) {
    piece = slice_trim(piece);
    if (!piece.len || list_holds(known, piece))
      continue;
    if (out->len > start)
      buf_put_char(out, ',');
    buf_put_slice(out, piece);
  }
}

void audience_without(const struct audience *from, struct slice remove, struct buf *scratch,
                      struct audience_texts *out) {
  struct slice known = from->texts.except;
  *out = from->texts;
  buf_clear(scratch);
  put_missing(scratch, 0, from->texts.events, remove);
  size_t middle = scratch->len;
  put_missing(scratch, middle, known, slice_new(NULL, 0));
  put_missing(scratch, middle, remove, known);
  out->events = slice_new(scratch->data, middle);
  out->except = slice_new(scratch->data ? scratch->data + middle : NULL, scratch->len - middle);
  if (from->texts.events.len && !middle)
    out->nothing = true;
}
