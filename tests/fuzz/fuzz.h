/* What a fuzz target defines (https://llvm.org/docs/LibFuzzer.html). */
#ifndef BELFRY_TESTS_FUZZ_H
#define BELFRY_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

#endif
