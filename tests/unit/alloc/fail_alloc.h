/*
 * Memory that runs out on demand: the allocator of the whole test program (that of SQLite, jansson,
 * libyaml, libcrypto and the C library too) is replaced by one that counts, and refuses what it is
 * told to. Works with and without a sanitizer.
 */
#ifndef BELFRY_TESTS_FAIL_ALLOC_H
#define BELFRY_TESTS_FAIL_ALLOC_H

/*
 * A scenario: sets up what it needs, calls fail_alloc_begin() and fail_alloc_end() around the part
 * that is tried, checks that what is left can still be used, and gives everything back.
 * Returns: 0 when the part succeeded, and then wholly; else what it answered.
 */
typedef int (*fail_alloc_fn)(const void *arg);

void fail_alloc_begin(void);
void fail_alloc_end(void);

/*
 * Runs a scenario with the first, the second, ... allocation of its part refused, until it needs
 * fewer; once with only that one refused, and once with all that follow. Where there are very many,
 * some of the later ones are left out; under a sanitizer more of them, and others each time. The
 * test fails when an answer is neither 0 nor BELFRY_ENOMEM, or a block is lost.
 */
void fail_alloc_each(const char *what, fail_alloc_fn scenario, const void *arg);

#endif
