noinst_LIBRARIES += pushd/libpushd.a
pushd_libpushd_a_SOURCES = \
	%D%/alive.c %D%/alive.h \
	%D%/batch.c %D%/batch.h \
	%D%/behind.c %D%/behind.h \
	%D%/census.c %D%/census.h \
	%D%/client.c %D%/client.h \
	%D%/commands.c %D%/commands.def %D%/commands.h \
	%D%/drain.c %D%/drain.h \
	%D%/figures.c %D%/figures.h \
	%D%/follow.c %D%/follow.h \
	%D%/frame.c %D%/frame.h \
	%D%/gather.c %D%/gather.h \
	%D%/h2.c %D%/h2.h \
	%D%/h2_head.c %D%/h2_head.h \
	%D%/handshake.c %D%/handshake.h \
	%D%/http1.c %D%/http1.h \
	%D%/hub.c %D%/hub.h \
	%D%/listeners.c %D%/listeners.h \
	%D%/report.c %D%/report.h \
	%D%/request.c %D%/request.h \
	%D%/ring.c %D%/ring.h \
	%D%/run.c %D%/run.h \
	%D%/server.c %D%/server.h \
	%D%/sse.c %D%/sse.h \
	%D%/start.c %D%/start.h \
	%D%/state.c %D%/state.h \
	%D%/subscription.c %D%/subscription.h \
	%D%/tcp.c %D%/tcp.h \
	%D%/transport.h \
	%D%/upgrade.c %D%/upgrade.h \
	%D%/wheel.c %D%/wheel.h \
	%D%/ws.c %D%/ws.h

# The same objects serve the daemon, its unit tests and its fuzz targets.
PUSHD_LIBS = pushd/libpushd.a lib/ws/libws.a lib/auth/libauth.a $(SETTINGS_LIBS) $(CRYPTO_LIBS) $(JWT_LIBS) $(CRYPT_LIBS) $(EV_LIBS) \
	$(ZLIB_LIBS) $(NGHTTP2_LIBS)

sbin_PROGRAMS += belfry-pushd
belfry_pushd_SOURCES = %D%/main.c
belfry_pushd_LDADD = $(PUSHD_LIBS)
