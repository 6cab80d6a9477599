noinst_LIBRARIES += lib/auth/libauth.a
lib_auth_libauth_a_SOURCES = \
	%D%/auth.h \
	%D%/auth_priv.h \
	%D%/cache.c \
	%D%/identify.c \
	%D%/jwt.c %D%/jwt.h \
	%D%/make.c \
	%D%/origin.c \
	%D%/password.c %D%/password.h \
	%D%/role.c \
	%D%/secret.c \
	%D%/used.c %D%/used.h \
	%D%/user.c
