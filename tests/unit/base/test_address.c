/*
 * Addresses and networks: what is one, what holds what, what a wrong one is told.
 */
#include "base/address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct address parsed(const char *text) {
  struct address address;
  if (!address_parse(slice_of(text), &address))
    fail_msg("%s is not taken for an address", text);
  return address;
}

static void test_addresses(void **state) {
  (void)state;
  static const struct {
    const char *text, *shown;
  } good[] = {
      {"192.0.2.1", "192.0.2.1"},           {"192.0.2.1:80", "192.0.2.1"},
      {"::ffff:192.0.2.1", "192.0.2.1"},    {"2001:db8::1", "2001:db8::1"},
      {"2001:DB8:0:0::1", "2001:db8::1"},   {"[2001:db8::1]", "2001:db8::1"},
      {"[2001:db8::1]:443", "2001:db8::1"}, {"::", "::"},
  };
  static const char *const wrong[] = {"",
                                      "unix:",
                                      "unknown",
                                      "192.0.2",
                                      "192.0.2.256",
                                      "192.0.2.1:",
                                      "1.2.3.4:65536",
                                      "[192.0.2.1]",
                                      "[2001:db8::1",
                                      "[::1]443",
                                      "2001:db8::1%eth0",
                                      "_hidden",
                                      "192.0.2.1/24",
                                      "192.0.2.1 ",
                                      "2001:db8::12345",
                                      "[]",
                                      "1.2.3.4:8:9"};
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    char text[ADDRESS_TEXT_BYTES];
    struct address address = parsed(good[i].text);
    address_format(&address, text);
    assert_string_equal(text, good[i].shown);
  }
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    struct address address;
    if (address_parse(slice_of(wrong[i]), &address))
      fail_msg("'%s' is taken for an address", wrong[i]);
  }
}

static void test_lists(void **state) {
  (void)state;
  static const char list[] = "127.0.0.1, 10.0.0.0/8,fd00::/8 ,2001:db8::1";
  static const char *const in[] = {"127.0.0.1", "10.255.0.1", "::ffff:10.0.0.1", "fd12::9",
                                   "2001:db8::1"};
  static const char *const out[] = {"127.0.0.2", "11.0.0.0", "fc00::1", "2001:db8::2", "::1"};
  assert_int_equal(network_list_check(slice_of(list), NULL), 0);
  for (size_t i = 0; i < sizeof in / sizeof *in; i++) {
    struct address address = parsed(in[i]);
    if (!network_list_holds(slice_of(list), &address))
      fail_msg("%s is not found in %s", in[i], list);
  }
  for (size_t i = 0; i < sizeof out / sizeof *out; i++) {
    struct address address = parsed(out[i]);
    if (network_list_holds(slice_of(list), &address))
      fail_msg("%s is found in %s", out[i], list);
  }
  struct address any = parsed("192.0.2.1"), six = parsed("2001:db8::1");
  assert_true(network_list_holds(slice_of("0.0.0.0/0"), &any));
  assert_false(network_list_holds(slice_of("0.0.0.0/0"), &six));
  assert_true(network_list_holds(slice_of("::/0"), &six));
  assert_false(network_list_holds(slice_new(NULL, 0), &any));
}

static void test_wrong_networks_are_told_what_is_right(void **state) {
  (void)state;
  static const struct {
    const char *list, *says;
  } rows[] = {
      {"localhost", "'localhost' is not an address such as 192.0.2.1 or a network such as "
                    "10.0.0.0/8 or fd00::/8"},
      {"127.0.0.1,", "'' is not an address"},
      {"10.0.0.0/33", "'10.0.0.0/33' must have a number from 0 to 32 behind its /"},
      {"10.0.0.0/", "'10.0.0.0/' must have a number from 0 to 32 behind its /"},
      {"fd00::/129", "'fd00::/129' must have a number from 0 to 128 behind its /"},
      {"10.1.2.3/8", "'10.1.2.3/8' has bits set beyond its /8: write 10.0.0.0/8"},
      {"fd00::1/64", "'fd00::1/64' has bits set beyond its /64: write fd00::/64"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct belfry_error error = {0};
    assert_int_equal(network_list_check(slice_of(rows[i].list), &error), BELFRY_EINVAL);
    if (!strstr(error.text, rows[i].says))
      fail_msg("%s is told: %s", rows[i].list, error.text);
  }
}

static void test_a_household_is_a_64(void **state) {
  (void)state;
  struct address a = parsed("2001:db8:1:2::1"), b = parsed("2001:db8:1:2:ffff::9"),
                 c = parsed("2001:db8:1:3::1");
  struct network of_a = network_around(&a, 64);
  assert_true(network_holds(&of_a, &b));
  assert_false(network_holds(&of_a, &c));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_addresses),
      cmocka_unit_test(test_lists),
      cmocka_unit_test(test_wrong_networks_are_told_what_is_right),
      cmocka_unit_test(test_a_household_is_a_64),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
