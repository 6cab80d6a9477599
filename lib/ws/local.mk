noinst_LIBRARIES += lib/ws/libws.a
lib_ws_libws_a_SOURCES = \
	%D%/deflate.c %D%/deflate_offer.c %D%/deflate.h \
	%D%/frame.c %D%/frame.h \
	%D%/handshake.c %D%/handshake.h \
	%D%/receiver.c %D%/receiver.h \
	%D%/utf8.c %D%/utf8.h
