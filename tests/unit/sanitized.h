/* Whether a test is built with a sanitizer: then it costs a multiple, and takes fewer rounds of what
 * the build without one does in full. */
#ifndef BELFRY_TESTS_SANITIZED_H
#define BELFRY_TESTS_SANITIZED_H

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

#endif
