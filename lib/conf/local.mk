noinst_LIBRARIES += lib/conf/libconf.a
lib_conf_libconf_a_SOURCES = \
	%D%/alert.c \
	%D%/aliases.def \
	%D%/channel.c \
	%D%/channel_types.def \
	%D%/conf.c %D%/conf.h \
	%D%/conf_priv.h \
	%D%/entry.c \
	%D%/environment.c \
	%D%/lists.def \
	%D%/live.c %D%/live.def \
	%D%/log.c \
	%D%/log_formats.def \
	%D%/pattern.c \
	%D%/maintenance.c \
	%D%/mask.c \
	%D%/recovery.c \
	%D%/scrape.c \
	%D%/service.c \
	%D%/service_types.def \
	%D%/settings.def \
	%D%/table.c \
	%D%/value.c \
	%D%/write.c \
	%D%/yaml.c

noinst_PROGRAMS += lib/conf/document
lib_conf_document_SOURCES = %D%/document.c
lib_conf_document_LDADD = $(CONF_LIBS)
