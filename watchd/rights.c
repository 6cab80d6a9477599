#include "watchd/rights.h"

#include "base/log.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <unistd.h>

#define GROUPS_MAX 64

/* The user's groups, and those that were given to us (such as adm, to read log files), but root's.
 */
static int set_groups(const struct passwd *user, struct belfry_error *error) {
  gid_t groups[2 * GROUPS_MAX], given[GROUPS_MAX];
  int count = GROUPS_MAX;
  if (getgrouplist(user->pw_name, user->pw_gid, groups, &count) < 0)
    return belfry_error_set(error, BELFRY_ETOOBIG, "the user '%s' is in more than %d groups",
                            user->pw_name, GROUPS_MAX);
  int more = getgroups(GROUPS_MAX, given);
  for (int i = 0; i < more; i++)
    if (given[i] != 0)
      groups[count++] = given[i];
  gid_t own = getegid() != 0 ? getegid() : user->pw_gid; /* systemd's Group= */
  if (setgroups((size_t)count, groups) < 0 || setresgid(own, own, own) < 0)
    return belfry_error_errno(error, errno, "cannot take the groups of '%s'", user->pw_name);
  return BELFRY_OK;
}

int rights_give_up(const char *user, bool *gone, struct belfry_error *error) {
  const struct passwd *found = getpwnam(user);
  *gone = false;
  if (!found)
    return belfry_error_set(error, BELFRY_ENOENT,
                            "watch.user: there is no user '%s' on this host: add it, or name "
                            "another",
                            user);
  if (geteuid() != 0) {
    if (found->pw_uid != geteuid())
      log_notice("watch.user: only root could become '%s'; going on as user %u", user,
                 (unsigned)geteuid());
    return BELFRY_OK;
  }
  int status = set_groups(found, error);
  if (!status && setresuid(found->pw_uid, found->pw_uid, found->pw_uid) < 0)
    status = belfry_error_errno(error, errno, "cannot become '%s'", user);
  if (!status && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
    status = belfry_error_errno(error, errno, "cannot forbid to gain rights");
  if (!status && found->pw_uid != 0 && setuid(0) == 0)
    status = belfry_error_set(error, BELFRY_EDENIED, "is still root after it became '%s'", user);
  *gone = found->pw_uid != 0;
  return status;
}
