noinst_LIBRARIES += lib/settings/libsettings.a
lib_settings_libsettings_a_SOURCES = \
	%D%/masking.c %D%/masking.h \
	%D%/settings.c %D%/settings.h
