# Programs that make load and measure. Built and run by `make bench`, never by `make check`. `make bench
# ROWS="cpu latency"` runs some of the rows.

bench_list = tests/bench/bench_http tests/bench/bench_append tests/bench/bench_push tests/bench/fcgi_floor tests/bench/bare_loop \
	tests/bench/fill
EXTRA_PROGRAMS += $(bench_list)
EXTRA_DIST += %D%/README.md %D%/run %D%/common.sh %D%/peers/aiohttp_ws.py %D%/peers/ws.mjs \
	%D%/rows/cpu.sh %D%/rows/deflate.sh %D%/rows/history.sh %D%/rows/hold.sh %D%/rows/http.sh %D%/rows/latency.sh %D%/rows/memory.sh \
	%D%/rows/rate.sh %D%/rows/watch.sh

tests_bench_bench_http_SOURCES = %D%/bench_http.c
tests_bench_bench_http_LDADD = $(BASE_LIBS)
tests_bench_bench_append_SOURCES = %D%/bench_append.c
tests_bench_bench_append_LDADD = $(HISTORY_LIBS)
tests_bench_fill_SOURCES = %D%/fill.c
tests_bench_fill_LDADD = $(HISTORY_LIBS)
tests_bench_fcgi_floor_SOURCES = %D%/fcgi_floor.c
tests_bench_fcgi_floor_LDADD = $(BASE_LIBS) $(FCGI_LIBS)
tests_bench_bare_loop_SOURCES = %D%/bare_loop.c
tests_bench_bare_loop_LDADD = $(WS_LIBS)
tests_bench_bench_push_SOURCES = %D%/bench_push.c %D%/connect.c %D%/connect.h %D%/feeder.c %D%/feeder.h \
	%D%/figures.c %D%/figures.h %D%/viewers.c %D%/viewers.h
tests_bench_bench_push_LDADD = $(WS_LIBS) $(HISTORY_LIBS) $(EV_LIBS)

bench: all $(bench_list)
	$(srcdir)/tests/bench/run $(abs_builddir) $(ROWS)
.PHONY: bench
