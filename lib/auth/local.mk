noinst_LIBRARIES += lib/auth/libauth.a
lib_auth_libauth_a_SOURCES = \
	%D%/auth.h \
	%D%/auth_priv.h \
	%D%/cache.c \
	%D%/identify.c \
	%D%/make.c \
	%D%/origin.c \
	%D%/role.c \
	%D%/secret.c
