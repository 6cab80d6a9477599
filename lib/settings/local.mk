noinst_LIBRARIES += lib/settings/libsettings.a
lib_settings_libsettings_a_SOURCES = \
	%D%/settings.c %D%/settings.h
