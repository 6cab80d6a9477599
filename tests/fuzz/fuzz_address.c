/* lib/base/address: an address that is taken reads back as shown, and lies in the networks around
 * it. */
#include "base/address.h"
#include "property.h"

static void check_address(const struct address *address) {
  char text[ADDRESS_TEXT_BYTES];
  struct address back;
  address_format(address, text);
  PROPERTY(address_parse(slice_of(text), &back), "an address reads back as shown");
  PROPERTY(memcmp(&back, address, sizeof back) == 0, "it is the same one");
  for (int bits = 0; bits <= 128; bits += 16) {
    struct network around = network_around(address, bits);
    PROPERTY(network_holds(&around, address), "the network around an address holds it");
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct slice text = slice_new((const char *)data, size);
  struct address address;
  struct network network;
  struct belfry_error error = {0};
  if (address_parse(text, &address))
    check_address(&address);
  if (!network_parse(text, &network, &error)) {
    PROPERTY(network_holds(&network, &network.address), "a network holds its first address");
    PROPERTY(network_list_holds(text, &network.address), "also as a list of one");
  } else {
    PROPERTY(error.text[0], "what is wrong is said");
  }
  if (!network_list_check(text, NULL))
    network_list_holds(text, &(struct address){0});
  return 0;
}
