noinst_LIBRARIES += lib/base/libbase.a
lib_base_libbase_a_SOURCES = \
	%D%/action.c %D%/action.h \
	%D%/address.c %D%/address.h \
	%D%/bell.c %D%/bell.h \
	%D%/buf.c %D%/buf.h \
	%D%/clock.c %D%/clock.h \
	%D%/daemon.c %D%/daemon.h \
	%D%/error.c %D%/error.h \
	%D%/fd.c %D%/fd.h \
	%D%/ipc.c %D%/ipc.h \
	%D%/json.c %D%/json_parse.c %D%/json.h \
	%D%/log.c %D%/log.h \
	%D%/percent.c %D%/percent.h \
	%D%/slice.c %D%/slice.h \
	%D%/timestamp.c %D%/timestamp.h \
	%D%/ulid.c %D%/ulid.h \
	%D%/wire.c %D%/wire.h \
	%D%/zone.c %D%/zone.h
