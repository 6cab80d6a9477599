# Programs that make load and measure. Built and run by `make bench`, never by `make check`.

bench_list = tests/bench/bench_http tests/bench/bench_append tests/bench/bench_push tests/bench/fcgi_floor
EXTRA_PROGRAMS += $(bench_list)
EXTRA_DIST += %D%/run

tests_bench_bench_http_SOURCES = %D%/bench_http.c
tests_bench_bench_http_LDADD = $(BASE_LIBS)
tests_bench_bench_append_SOURCES = %D%/bench_append.c
tests_bench_bench_append_LDADD = $(HISTORY_LIBS)
tests_bench_fcgi_floor_SOURCES = %D%/fcgi_floor.c
tests_bench_fcgi_floor_LDADD = $(BASE_LIBS) $(FCGI_LIBS)
tests_bench_bench_push_SOURCES = %D%/bench_push.c
tests_bench_bench_push_LDADD = $(WS_LIBS) $(HISTORY_LIBS) $(EV_LIBS)

bench: all $(bench_list)
	$(srcdir)/tests/bench/run $(abs_builddir)
.PHONY: bench
