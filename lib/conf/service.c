/*
 * Entries of `services`, and what only one as a whole can be asked: which type it is of, whether it
 * has what that needs, and whether what it depends on is there.
 */
#include "base/json.h"
#include "conf/conf_priv.h"

#include <stdlib.h>
#include <string.h>

static const struct conf_row service_rows[] = {
    {.key = "name",
     .kind = CONF_KIND_TEXT,
     .offset = offsetof(struct conf_service, name),
     .required = true,
     .fallback_text = "",
     .max = 64,
     .form = CONF_FORM_NAME,
     .doc = "What the service is called everywhere. Unique."},
    {.key = "type",
     .kind = CONF_KIND_CHOICE,
     .offset = offsetof(struct conf_service, type),
     .fallback_text = "",
     .choices = "auto"
#define SERVICE_TYPE(name, needs, takes, doc) "|" #name
#include "conf/service_types.def"
#undef SERVICE_TYPE
     ,
     .doc = "How it is checked. By default http with a health_endpoint, else tcp."},
    {.key = "host",
     .kind = CONF_KIND_TEXT,
     .offset = offsetof(struct conf_service, host),
     .fallback_text = "",
     .max = 253,
     .form = CONF_FORM_NAME,
     .doc = "Where it is, a name or an address. This host (127.0.0.1) by default."},
    {.key = "port",
     .kind = CONF_KIND_INT,
     .offset = offsetof(struct conf_service, port),
     .min = 1,
     .max = 65535,
     .doc = "Its TCP port. Without a health_endpoint a connection to it is the check."},
    {.key = "health_endpoint",
     .kind = CONF_KIND_TEXT,
     .offset = offsetof(struct conf_service, health_endpoint),
     .fallback_text = "",
     .max = 2048,
     .form = CONF_FORM_ENDPOINT,
     .doc = "A path such as /health, asked for on the host and the port, or a whole http:// or "
            "https:// URL, which needs neither."},
    {.key = "method",
     .kind = CONF_KIND_TEXT,
     .offset = offsetof(struct conf_service, method),
     .fallback_text = "",
     .max = 16,
     .form = CONF_FORM_METHOD,
     .doc = "Of the HTTP request. GET by default."},
    {.key = "headers",
     .kind = CONF_KIND_WORDS,
     .offset = offsetof(struct conf_service, headers),
     .max = 1024,
     .form = CONF_FORM_HEADER,
     .doc = "Of the HTTP request."},
    {.key = "body",
     .kind = CONF_KIND_TEXT,
     .offset = offsetof(struct conf_service, body),
     .fallback_text = "",
     .max = 4096,
     .doc = "Of the HTTP request."},
    {.key = "expect_status",
     .kind = CONF_KIND_TEXT,
     .offset = offsetof(struct conf_service, expect_status),
     .fallback_text = "",
     .max = 256,
     .form = CONF_FORM_STATUSES,
     .doc = "The statuses of HTTP that are good. 200-399 by default."},
    {.key = "expect_text",
     .kind = CONF_KIND_TEXT,
     .offset = offsetof(struct conf_service, expect_text),
     .fallback_text = "",
     .max = 1024,
     .doc = "What the body of the answer must hold."},
    {.key = "expect_json",
     .kind = CONF_KIND_TEXT,
     .offset = offsetof(struct conf_service, expect_json),
     .fallback_text = "",
     .max = 1024,
     .form = CONF_FORM_MEMBER,
     .doc = "A member of the answer, which is JSON, and the value that it must have; of nested "
            "ones a path, with numbers for the places in an array."},
    {.key = "insecure",
     .kind = CONF_KIND_BOOL,
     .offset = offsetof(struct conf_service, insecure),
     .doc = "Whether any certificate will do. No by default."},
    {.key = "certificate_days",
     .kind = CONF_KIND_INT,
     .offset = offsetof(struct conf_service, certificate_days),
     .min = 1,
     .max = 3650,
     .doc = "It is degraded when its certificate is good for fewer days. 14 by default."},
    {.key = "grpc_service",
     .kind = CONF_KIND_TEXT,
     .offset = offsetof(struct conf_service, grpc_service),
     .fallback_text = "",
     .max = 127,
     .doc = "Whose health is asked for. That of the whole server by default."},
    {.key = "command",
     .kind = CONF_KIND_WORDS,
     .offset = offsetof(struct conf_service, command),
     .max = 4096,
     .doc = "The program, by its absolute path, and its arguments. No shell looks at them."},
    {.key = "process",
     .kind = CONF_KIND_TEXT,
     .offset = offsetof(struct conf_service, process),
     .fallback_text = "",
     .max = 256,
     .doc = "The name of its program: the last part of its path, or the whole path."},
    {.key = "unit",
     .kind = CONF_KIND_TEXT,
     .offset = offsetof(struct conf_service, unit),
     .fallback_text = "",
     .max = 200,
     .form = CONF_FORM_UNIT,
     .doc = "The unit's name. Without a `.` in it, .service follows."},
    {.key = "source",
     .kind = CONF_KIND_TEXT,
     .offset = offsetof(struct conf_service, source),
     .fallback_text = "",
     .max = 128,
     .doc = "The source of the events, or the value of the label `source` of the samples."},
    {.key = "metric",
     .kind = CONF_KIND_TEXT,
     .offset = offsetof(struct conf_service, metric),
     .fallback_text = "",
     .max = 128,
     .form = CONF_FORM_NAME,
     .doc = "The samples must be of this metric. Without it, events of any type will do."},
    {.key = "within",
     .kind = CONF_KIND_DURATION,
     .offset = offsetof(struct conf_service, within_ms),
     .min = 1000,
     .max = 31536000000,
     .doc = "How old the newest may be. Twice the interval by default."},
    {.key = "interval",
     .kind = CONF_KIND_DURATION,
     .offset = offsetof(struct conf_service, interval_ms),
     .min = 1000,
     .max = 86400000,
     .doc = "How often it is probed. As watch.interval says by default."},
    {.key = "timeout",
     .kind = CONF_KIND_DURATION,
     .offset = offsetof(struct conf_service, timeout_ms),
     .min = 100,
     .max = 600000,
     .doc = "How long its answer is waited for. As watch.timeout says by default."},
    {.key = "degraded_latency",
     .kind = CONF_KIND_DURATION,
     .offset = offsetof(struct conf_service, degraded_latency_ms),
     .min = 1,
     .max = 600000,
     .doc = "It is degraded when it answers later than this. As watch.degraded_latency says by "
            "default."},
    {.key = "depends_on",
     .kind = CONF_KIND_WORDS,
     .offset = offsetof(struct conf_service, depends_on),
     .max = 64,
     .form = CONF_FORM_NAME,
     .doc = "Services without which it cannot be up. While one of them is down, its own alerts are "
            "not sent and it is not recovered."},
};

static const struct {
  const char *name, *needs, *takes;
} types[] = {
    [CONF_SERVICE_AUTO] = {"auto", "", ""},
#define SERVICE_TYPE(name, needs, takes, doc) [CONF_SERVICE_##name] = {#name, needs, takes},
#include "conf/service_types.def"
#undef SERVICE_TYPE
};

#define COMMON "name,type,interval,timeout,degraded_latency,depends_on"

const char *conf_service_type_name(const struct conf_service *service) {
  return types[service->type].name;
}

static bool listed(const char *list, const char *key) {
  struct slice rest = slice_of(list), piece;
  while (slice_split(&rest, ',', &piece))
    if (slice_is(piece, key))
      return true;
  return false;
}

static const struct conf_row *find_row(struct slice key) {
  const struct conf_list *list = &conf__service_list;
  for (size_t i = 0; i < list->row_count; i++)
    if (slice_is(key, list->rows[i].key))
      return &list->rows[i];
  return NULL;
}

/* The first type to which `key` means something. */
static const char *type_for(const char *key) {
  for (size_t i = CONF_SERVICE_AUTO + 1; i < sizeof types / sizeof *types; i++)
    if (listed(types[i].needs, key) || listed(types[i].takes, key))
      return types[i].name;
  return "";
}

static void check_members(const struct conf_service *service, struct buf *why) {
  const struct conf_list *list = &conf__service_list;
  const char *type = types[service->type].name;
  struct slice rest = slice_of(types[service->type].needs), key;
  while (why->len == 0 && slice_split(&rest, ',', &key)) {
    const struct conf_row *row = find_row(key);
    if (row && conf__value_absent(row, service)) {
      buf_printf(why, "a service of the type %s needs `%s`: ", type, row->key);
      conf__put_expectation(row, why);
    }
  }
  for (size_t i = 0; i < list->row_count && why->len == 0; i++) {
    key = slice_of(list->rows[i].key);
    if (!conf__value_absent(&list->rows[i], service) && !listed(COMMON, key.data) &&
        !listed(types[service->type].needs, key.data) &&
        !listed(types[service->type].takes, key.data))
      buf_printf(why,
                 "`%s` means nothing to a service of the type %s: remove it, or write `type: %s`",
                 key.data, type, type_for(key.data));
  }
}

const struct conf_service *conf_service_find(const struct conf *conf, struct slice name) {
  for (size_t i = 0; i < conf->service_count; i++)
    if (conf->services[i].name && slice_is(name, conf->services[i].name))
      return &conf->services[i];
  return NULL;
}

/* Whether one comes from `service` to `wanted` by what services depend on. Takes: `seen`, the
 * places of those that have been looked at. */
static bool leads_to(const struct conf *conf, const struct conf_service *service,
                     const struct conf_service *wanted, bool *seen) {
  for (char **name = service->depends_on; name && *name; name++) {
    const struct conf_service *next = conf_service_find(conf, slice_of(*name));
    if (next == wanted)
      return true;
    if (!next || seen[next - conf->services])
      continue;
    seen[next - conf->services] = true;
    if (leads_to(conf, next, wanted, seen))
      return true;
  }
  return false;
}

static void check(const struct conf *conf, const void *entry, struct buf *why) {
  const struct conf_service *service = entry;
  for (char **name = service->depends_on; name && *name; name++)
    if (!conf_service_find(conf, slice_of(*name))) {
      buf_printf(why, "depends on '%s', which is none of the services: add it, or correct the name",
                 *name);
      return;
    }
  bool *seen = calloc(conf->service_count, sizeof *seen);
  if (!seen)
    why->status = BELFRY_ENOMEM;
  else if (leads_to(conf, service, service, seen))
    buf_printf(why, "'%s' depends on itself by what it depends on: remove one of these",
               service->name);
  free(seen);
}

static bool is_repeated(const struct conf *conf, const struct conf_service *service) {
  for (const struct conf_service *other = conf->services; other < service; other++)
    if (other->name && strcmp(other->name, service->name) == 0)
      return true;
  return false;
}

static void finish(const struct conf *conf, void *entry, struct buf *why) {
  struct conf_service *service = entry;
  bool is_path = service->health_endpoint && service->health_endpoint[0] == '/';
  if (is_repeated(conf, service))
    buf_printf(why, "there is a service '%s' already: names must differ", service->name);
  else if (service->type == CONF_SERVICE_AUTO && service->port == 0 && !service->health_endpoint)
    buf_put_text(why, "needs a port (a whole number from 1 to 65535) or a health_endpoint that is "
                      "a URL, or a type");
  else if (is_path && service->port == 0)
    buf_put_text(why,
                 "a health_endpoint that is a path needs a port: add one, or write a whole URL");
  else if (service->type == CONF_SERVICE_AUTO)
    service->type = service->health_endpoint ? CONF_SERVICE_http : CONF_SERVICE_tcp;
  if (why->len == 0)
    check_members(service, why);
  if (why->len == 0 && service->command && service->command[0][0] != '/')
    buf_put_text(why, "`command` must begin with the absolute path of a program");
}

const struct conf_list conf__service_list = {
    CONF_LIST_OF(services, service, service_rows),
    .finish = finish,
    .check = check,
    .example = "- name: api",
    .doc = "What is watched. Each entry needs a port, a health_endpoint that is a URL, or what "
           "its type "
           "needs.",
};

const char *conf_service_host(const struct conf_service *service) {
  return service->host ? service->host : "127.0.0.1";
}

void conf_service_put_address(const struct conf_service *service, struct buf *out) {
  const char *host = conf_service_host(service);
  buf_printf(out, strchr(host, ':') ? "[%s]:%lld" : "%s:%lld", host, (long long)service->port);
}

void conf_service_put_url(const struct conf_service *service, struct buf *out) {
  if (service->health_endpoint[0] == '/') {
    buf_put_text(out, "http://");
    conf_service_put_address(service, out);
  }
  buf_put_text(out, service->health_endpoint);
}

struct conf_service *conf_service_copy(const struct conf_service *service) {
  return conf__copy_entry(&conf__service_list, service);
}

void conf_service_free(struct conf_service *service) {
  conf__free_entry(&conf__service_list, service);
}

bool conf_service_same(const struct conf_service *a, const struct conf_service *b) {
  return conf__same_entry(&conf__service_list, a, b);
}
