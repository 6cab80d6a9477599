# Fuzz targets. With --with-fuzzer each is a libFuzzer program (run it on its folder of tests/fuzz/corpus); without, a
# test that replays the corpus. A new target: its name here, its file, its corpus, its four lines.
fuzz_list = tests/fuzz/fuzz_append
EXTRA_DIST += %D%/corpus

tests_fuzz_fuzz_append_SOURCES = %D%/fuzz_append.c $(FUZZ_MAIN)
tests_fuzz_fuzz_append_CPPFLAGS = $(AM_CPPFLAGS) -DFUZZ_CORPUS='"append"'
tests_fuzz_fuzz_append_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_append_LDADD = $(HISTORYD_LIBS)

if WITH_FUZZER
FUZZ_MAIN = %D%/fuzz.h
FUZZ_LINK = $(AM_LDFLAGS) -fsanitize=fuzzer
noinst_PROGRAMS += $(fuzz_list)
else
FUZZ_MAIN = %D%/fuzz.h %D%/replay.c
FUZZ_LINK = $(AM_LDFLAGS)
check_PROGRAMS += $(fuzz_list)
TESTS += $(fuzz_list)
endif
