/* Who appends. */
#include "historyd/peer.h"

#include "base/fd.h"
#include "history/append.h"

#include <pwd.h>
#include <stdbool.h>
#include <unistd.h>

static const struct {
  const char *name; /* of the program and of its user */
  enum history_origin origin;
} programs[] = {
    {"belfry-fcgi", HISTORY_ORIGIN_FCGI},
    {"belfry-pushd", HISTORY_ORIGIN_PUSHD},
    {"belfry-watchd", HISTORY_ORIGIN_WATCHD},
};

static bool may_be(uid_t uid, const char *name) {
  if (uid == 0 || uid == geteuid())
    return true;
  const struct passwd *user = getpwnam(name);
  return user && user->pw_uid == uid;
}

int peer_identify(int fd, struct slice hello, enum history_origin *origin,
                  struct belfry_error *error) {
  uid_t uid;
  gid_t gid;
  pid_t pid;
  struct wire wire = wire_read(hello);
  uint32_t version = wire_get_u32(&wire);
  struct slice name = wire_get_slice(&wire);
  if (!wire.failed && version != HISTORY_PROTOCOL_VERSION)
    return belfry_error_set(error, BELFRY_EVERSION,
                            "this belfry-historyd speaks protocol %d, not %u: restart the program "
                            "that is older",
                            HISTORY_PROTOCOL_VERSION, version);
  if (wire.failed || !wire_at_end(&wire))
    return belfry_error_set(error, BELFRY_EPROTO, "the hello cannot be read");
  if (fd_peer(fd, &uid, &gid, &pid))
    return belfry_error_set(error, BELFRY_EDENIED, "the peer's user cannot be found out");
  for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
    if (slice_is(name, programs[i].name) && may_be(uid, programs[i].name)) {
      *origin = programs[i].origin;
      return BELFRY_OK;
    }
  }
  return belfry_error_set(error, BELFRY_EDENIED, "process %d of user %u may not append as '%.*s'",
                          (int)pid, (unsigned)uid, (int)(name.len < 64 ? name.len : 64), name.data);
}
