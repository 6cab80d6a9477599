/* lib/base/action: what belfry-watchd and belfry-runner say comes back, and anything else is
 * refused. */
#include "base/action.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static struct action_message of_verb(enum action_verb verb) {
  return (struct action_message){.verb = verb,
                                 .recovery_id = slice_of("01H"),
                                 .service = slice_of("api"),
                                 .action = slice_of("restart"),
                                 .text = slice_new("a\0b", 3),
                                 .stream = 2,
                                 .status = -1,
                                 .timed_out = true,
                                 .lost_bytes = INT64_MAX};
}

static void test_messages_come_back(void **state) {
  (void)state;
  for (int verb = ACTION_RUN; verb <= ACTION_ENDED; verb++) {
    struct action_message sent = of_verb((enum action_verb)verb), got;
    struct buf packet, again;
    buf_init(&packet, 0);
    buf_init(&again, 0);
    action_put(&packet, &sent);
    assert_int_equal(action_read(buf_slice(&packet), &got), BELFRY_OK);
    assert_int_equal(got.verb, verb);
    action_put(&again, &got);
    assert_true(slice_equal(buf_slice(&packet), buf_slice(&again)));
    for (size_t len = 0; len < packet.len; len++) /* cut anywhere */
      assert_int_equal(action_read(slice_new(packet.data, len), &got), BELFRY_EPROTO);
    buf_put_char(&packet, 'x');
    assert_int_equal(action_read(buf_slice(&packet), &got), BELFRY_EPROTO);
    buf_fini(&packet);
    buf_fini(&again);
  }
}

static void test_what_is_none(void **state) {
  (void)state;
  struct action_message got;
  assert_int_equal(action_read(slice_new("\2\1", 2), &got), BELFRY_EVERSION);
  assert_int_equal(action_read(slice_new("\1\0", 2), &got), BELFRY_EPROTO);
  assert_int_equal(action_read(slice_new("\1\7", 2), &got), BELFRY_EPROTO);
  /* An output of a third stream. */
  assert_int_equal(action_read(slice_new("\1\5\0\0\0\0\3\0\0\0\0", 11), &got), BELFRY_EPROTO);
  /* A text that is longer than the packet. */
  assert_int_equal(action_read(slice_new("\1\3\xff\xff\xff\xff", 6), &got), BELFRY_EPROTO);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_messages_come_back),
      cmocka_unit_test(test_what_is_none),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
