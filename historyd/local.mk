# belfry-historyd: everything but main() is a library, so that the unit tests use the same objects.
noinst_LIBRARIES += historyd/libhistoryd.a
historyd_libhistoryd_a_SOURCES = \
	%D%/appender.c %D%/appender.h \
	%D%/check.c %D%/check.h \
	%D%/checkpoint.c %D%/checkpoint.h \
	%D%/first_key.c %D%/first_key.h \
	%D%/keeper.c %D%/keeper.h \
	%D%/peer.c %D%/peer.h \
	%D%/report.c %D%/report.h \
	%D%/server.c %D%/server.h

HISTORYD_LIBS = historyd/libhistoryd.a lib/settings/libsettings.a lib/model/libmodel.a $(AUTH_LIBS) $(EV_LIBS)

sbin_PROGRAMS += belfry-historyd
belfry_historyd_SOURCES = %D%/main.c
belfry_historyd_LDADD = $(HISTORYD_LIBS)
