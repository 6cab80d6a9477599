/*
 * Bytes a second through each network interface, from /proc/net/dev (proc(5)). The loopback is left
 * out, and the far ends of containers' links (veth*), which come and go under ever new names.
 */
#include "watchd/host_subject.h"

#define INTERFACES_MAX 64

struct interface {
  char name[32];
  uint64_t received, transmitted; /* bytes since the interface was made */
  bool seen;                      /* in this reading */
};

struct network {
  int64_t last_us; /* time of the last reading; 0 before the first */
  struct interface interfaces[INTERFACES_MAX];
  size_t count;
};

static struct interface *find(struct network *network, struct slice name) {
  for (size_t i = 0; i < network->count; i++)
    if (slice_is(name, network->interfaces[i].name))
      return &network->interfaces[i];
  return NULL;
}

/* "  eth0: received packets errs drop fifo frame compressed multicast transmitted ..." */
static bool parse_line(struct slice line, struct slice *name, uint64_t *received,
                       uint64_t *transmitted) {
  const char *colon = line.data ? memchr(line.data, ':', line.len) : NULL;
  if (!colon)
    return false;
  *name = slice_trim(slice_new(line.data, (size_t)(colon - line.data)));
  struct slice rest = slice_new(colon + 1, line.len - (size_t)(colon + 1 - line.data));
  uint64_t columns[9];
  for (size_t i = 0; i < 9; i++)
    if (!host_next_counter(&rest, &columns[i]))
      return false;
  *received = columns[0];
  *transmitted = columns[8];
  return name->len > 0 && name->len < sizeof((struct interface *)0)->name;
}

static void put_rate(const struct host_sink *sink, const char *metric, struct slice name,
                     uint64_t now, uint64_t last, double seconds) {
  if (now >= last) /* else the counter began anew (or wrapped): no rate is known */
    sink->put(sink->arg, metric, "interface", name, (double)(now - last) / seconds);
}

static void forget_unseen(struct network *network) {
  size_t kept = 0;
  for (size_t i = 0; i < network->count; i++)
    if (network->interfaces[i].seen)
      network->interfaces[kept++] = network->interfaces[i];
  network->count = kept;
}

static void take(void *state, struct slice text, int64_t now_us, const struct host_sink *sink) {
  struct network *network = state;
  double seconds = (double)(now_us - network->last_us) / 1e6;
  bool rates = network->last_us > 0 && seconds > 0;
  for (size_t i = 0; i < network->count; i++)
    network->interfaces[i].seen = false;
  struct slice line, name;
  uint64_t received, transmitted;
  while (slice_split(&text, '\n', &line)) {
    if (!parse_line(line, &name, &received, &transmitted) || slice_is(name, "lo") ||
        slice_starts_with(name, "veth"))
      continue;
    struct interface *interface = find(network, name);
    if (interface && rates) {
      put_rate(sink, "host_network_receive_bytes_per_second", name, received, interface->received,
               seconds);
      put_rate(sink, "host_network_transmit_bytes_per_second", name, transmitted,
               interface->transmitted, seconds);
    }
    if (!interface && network->count < INTERFACES_MAX) {
      interface = &network->interfaces[network->count++];
      *interface = (struct interface){0};
      memcpy(interface->name, name.data, name.len);
    }
    if (interface) {
      interface->received = received;
      interface->transmitted = transmitted;
      interface->seen = true;
    }
  }
  forget_unseen(network);
  network->last_us = now_us;
}

const struct host_subject host_network = {"/proc/net/dev", sizeof(struct network), take, false};
