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
EXTRA_DIST += \
	%D%/system/access.test.mjs %D%/system/jwt.test.mjs %D%/system/keys.test.mjs %D%/system/users.test.mjs %D%/system/backup.test.mjs %D%/system/cli.test.mjs %D%/system/client.test.mjs %D%/system/cloudevents.test.mjs %D%/system/conformance.test.mjs %D%/system/conformance_cases.mjs \
	%D%/system/conformance_deflate.mjs %D%/system/crash.test.mjs %D%/system/durability.test.mjs \
	%D%/system/events_get.test.mjs %D%/system/events_post.test.mjs %D%/system/expect.mjs %D%/system/fault_preload.c \
	%D%/system/faults.test.mjs %D%/system/hardship.test.mjs %D%/system/harness.mjs %D%/system/health.test.mjs %D%/system/history.test.mjs \
	%D%/system/metrics.test.mjs %D%/system/mutations.test.mjs %D%/system/otlp.test.mjs %D%/system/pages.test.mjs %D%/system/prometheus.test.mjs %D%/system/push.test.mjs \
	%D%/system/push_clients.test.mjs %D%/system/push_deflate.test.mjs %D%/system/push_faults.test.mjs \
	%D%/system/push_life.test.mjs %D%/system/push_resume.test.mjs %D%/system/push_wire.mjs %D%/system/quickstart.test.mjs %D%/system/sealed.test.mjs \
	%D%/system/raw_ws.mjs %D%/system/routes.test.mjs %D%/system/sealed_samples.test.mjs %D%/system/steady.mjs %D%/system/watch.test.mjs
EXTRA_DIST += \
	%D%/system/clients/sse_aiohttp.py %D%/system/clients/viewer.py %D%/system/clients/ws_aiohttp.py \
	%D%/system/clients/ws_websockets.py
EXTRA_DIST += %D%/system/apache.mjs %D%/system/apache.test.mjs
EXTRA_DIST += %D%/system/manners.test.mjs %D%/system/openapi.test.mjs %D%/system/rows.test.mjs
EXTRA_DIST += %D%/system/h2_client.mjs %D%/system/push_h2.test.mjs
EXTRA_DIST += %D%/browser/browser.mjs %D%/browser/dashboard.test.mjs %D%/browser/history.test.mjs %D%/browser/modules.test.mjs \
	%D%/browser/push.test.mjs %D%/browser/websocket_test.test.mjs
