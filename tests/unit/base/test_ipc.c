/* lib/base/wire and ipc: what is put comes back, and anything cut short is noticed. */
#include "base/ipc.h"
#include "base/wire.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void put_all(struct buf *out) {
  wire_put_u8(out, 0xfe);
  wire_put_u16(out, 0xfedc);
  wire_put_u32(out, 0xfedcba98);
  wire_put_i64(out, INT64_MIN + 1);
  wire_put_f64(out, -96.7);
  wire_put_slice(out, slice_new("a\0b", 3));
  wire_put_slice(out, slice_new(NULL, 0));
}

static void test_fields_come_back(void **state) {
  (void)state;
  struct buf message;
  buf_init(&message, 0);
  put_all(&message);
  assert_memory_equal(message.data, "\xfe\xdc\xfe\x98\xba\xdc\xfe",
                      7); /* little-endian, whatever the machine */
  struct wire wire = wire_read(buf_slice(&message));
  assert_int_equal(wire_get_u8(&wire), 0xfe);
  assert_int_equal(wire_get_u16(&wire), 0xfedc);
  assert_int_equal(wire_get_u32(&wire), 0xfedcba98);
  assert_true(wire_get_i64(&wire) == INT64_MIN + 1);
  assert_true(wire_get_f64(&wire) == -96.7);
  assert_true(slice_equal(wire_get_slice(&wire), slice_new("a\0b", 3)));
  assert_int_equal(wire_get_slice(&wire).len, 0);
  assert_true(wire_at_end(&wire));
  assert_false(wire.failed);
  buf_fini(&message);
}

static void test_every_truncation_is_noticed(void **state) {
  (void)state;
  struct buf message;
  buf_init(&message, 0);
  put_all(&message);
  for (size_t len = 0; len < message.len; len++) {
    char *copy = malloc(len + 1);
    memcpy(copy, message.data, len);
    struct wire wire = wire_read(slice_new(copy, len));
    (void)wire_get_u8(&wire);
    (void)wire_get_u16(&wire);
    (void)wire_get_u32(&wire);
    (void)wire_get_i64(&wire);
    (void)wire_get_f64(&wire);
    struct slice first = wire_get_slice(&wire), second = wire_get_slice(&wire);
    assert_true(wire.failed);
    assert_true(first.len <= 3 && second.len == 0);
    assert_int_equal(wire_get_u32(&wire), 0); /* zeros from then on */
    free(copy);
  }
  buf_fini(&message);
}

static void test_a_length_beyond_the_end(void **state) {
  (void)state;
  static const char message[] = "\xff\xff\xff\xff"
                                "abc";
  struct wire wire = wire_read(slice_new(message, 7));
  assert_int_equal(wire_get_slice(&wire).len, 0);
  assert_true(wire.failed);
  struct wire nothing = wire_read(slice_new(NULL, 0));
  assert_true(wire_at_end(&nothing));
  assert_int_equal(wire_get_u8(&nothing), 0);
  assert_true(nothing.failed);
}

static void test_frames_come_back(void **state) {
  (void)state;
  struct buf stream;
  struct ipc_frame frame;
  size_t at = 0;
  buf_init(&stream, 0);
  ipc_put_frame(&stream, 7, 0, 0xdeadbeef, slice_of("payload"));
  ipc_put_frame(&stream, 65535, BELFRY_EMORE, 1, slice_new(NULL, 0));
  size_t mark = ipc_begin_frame(&stream, 2, BELFRY_EINVAL, 3);
  buf_put_text(&stream, "later");
  ipc_end_frame(&stream, mark);

  assert_int_equal(ipc_take_frame(&stream, &at, 100, &frame), 0);
  assert_int_equal(frame.verb, 7);
  assert_int_equal(frame.status, 0);
  assert_int_equal(frame.tag, 0xdeadbeef);
  assert_true(slice_is(frame.payload, "payload"));
  assert_int_equal(ipc_take_frame(&stream, &at, 100, &frame), 0);
  assert_int_equal(frame.verb, 65535);
  assert_int_equal(frame.status, BELFRY_EMORE);
  assert_int_equal(frame.payload.len, 0);
  assert_int_equal(ipc_take_frame(&stream, &at, 100, &frame), 0);
  assert_int_equal(frame.status, BELFRY_EINVAL);
  assert_true(slice_is(frame.payload, "later"));
  assert_int_equal(at, stream.len);
  assert_int_equal(ipc_take_frame(&stream, &at, 100, &frame), BELFRY_EMORE);
  assert_int_equal(at, stream.len);
  buf_fini(&stream);
}

static void test_a_frame_waits_for_its_last_byte(void **state) {
  (void)state;
  struct buf whole, part;
  struct ipc_frame frame;
  buf_init(&whole, 0);
  buf_init(&part, 0);
  ipc_put_frame(&whole, 1, 0, 2, slice_of("0123456789"));
  for (size_t len = 0; len < whole.len; len++) {
    size_t at = 0;
    buf_clear(&part);
    buf_put(&part, whole.data, len);
    assert_int_equal(ipc_take_frame(&part, &at, 10, &frame), BELFRY_EMORE);
    assert_int_equal(at, 0);
  }
  size_t at = 0;
  assert_int_equal(ipc_take_frame(&whole, &at, 10, &frame), 0);
  at = 0;
  whole.len = IPC_HEADER_BYTES; /* too large is known from the header alone */
  assert_int_equal(ipc_take_frame(&whole, &at, 9, &frame), BELFRY_ETOOBIG);
  buf_fini(&whole);
  buf_fini(&part);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_fields_come_back),
      cmocka_unit_test(test_every_truncation_is_noticed),
      cmocka_unit_test(test_a_length_beyond_the_end),
      cmocka_unit_test(test_frames_come_back),
      cmocka_unit_test(test_a_frame_waits_for_its_last_byte),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
