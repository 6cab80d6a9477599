# belfry-watchd starts it from beside itself. It links no library of others but those of the configuration.
sbin_PROGRAMS += belfry-runner
belfry_runner_SOURCES = \
	%D%/main.c \
	%D%/process.c %D%/process.h \
	%D%/runner.c %D%/runner.h \
	%D%/trust.c %D%/trust.h
belfry_runner_LDADD = $(CONF_LIBS)
