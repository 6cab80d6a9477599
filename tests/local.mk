# Unit tests mirror the tree: one .mk a folder, one program a subject.

UNIT_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)

if HAVE_CMOCKA
include tests/unit/base.mk
include tests/unit/conf.mk
include tests/unit/history.mk
include tests/unit/model.mk
include tests/unit/auth.mk
include tests/unit/ws.mk
include tests/unit/alloc.mk
include tests/unit/historyd.mk
include tests/unit/fcgi.mk
include tests/unit/pushd.mk
include tests/unit/watchd.mk
include tests/unit/cli.mk
endif

# Who may include whom.
TESTS += %D%/check-includes
EXTRA_DIST += %D%/check-includes %D%/deps.mjs %D%/package.json %D%/package-lock.json %D%/.npmrc
EXTRA_DIST += %D%/clean-machine
# Whole folders: nothing is made in them.
EXTRA_DIST += %D%/system %D%/browser

# Notices for the system test of notifications, put as belfry-watchd puts them.
noinst_PROGRAMS += tests/system/put_notices
tests_system_put_notices_SOURCES = %D%/system/put_notices.c
tests_system_put_notices_LDADD = $(WATCHD_LIBS)
