/*
 * What only an entry of `services` as a whole can be asked: which type it is of, and whether it has
 * what that needs.
 */
#include "base/json.h"
#include "conf/conf_priv.h"

#include <stdlib.h>
#include <string.h>

static const struct {
  const char *name, *needs, *takes;
} types[] = {
    [CONF_SERVICE_AUTO] = {"auto", "", ""},
#define SERVICE_TYPE(name, needs, takes, doc) [CONF_SERVICE_##name] = {#name, needs, takes},
#include "conf/service_types.def"
#undef SERVICE_TYPE
};

#define COMMON "name,type,interval,timeout,degraded_latency"

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
  const struct conf_list *list = conf__service_list;
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
  const struct conf_list *list = conf__service_list;
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

static bool is_repeated(const struct conf *conf, const struct conf_service *service) {
  for (const struct conf_service *other = conf->services; other < service; other++)
    if (other->name && strcmp(other->name, service->name) == 0)
      return true;
  return false;
}

void conf__finish_service(const struct conf *conf, void *entry, struct buf *why) {
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
  return conf__copy_entry(conf__service_list, service);
}

void conf_service_free(struct conf_service *service) {
  conf__free_entry(conf__service_list, service);
}

bool conf_service_same(const struct conf_service *a, const struct conf_service *b) {
  return conf__same_entry(conf__service_list, a, b);
}
