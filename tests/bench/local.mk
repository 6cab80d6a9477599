# Programs that make load and measure. Built and run by `make bench`, never by `make check`.

BENCH_PROGRAMS = tests/bench/bench_http
EXTRA_PROGRAMS += $(BENCH_PROGRAMS)
EXTRA_DIST += %D%/run

tests_bench_bench_http_SOURCES = %D%/bench_http.c
tests_bench_bench_http_LDADD = $(BASE_LIBS)

bench: all $(BENCH_PROGRAMS)
	$(srcdir)/tests/bench/run $(abs_builddir)
.PHONY: bench
