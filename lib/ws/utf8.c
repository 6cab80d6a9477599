#include "ws/utf8.h"

/* The first byte says how many follow and which values the second may have. */
static bool start_character(struct utf8_check *check, uint8_t byte) {
  check->lower = check->upper = 0;
  if (byte < 0x80) {
    check->missing = 0;
  } else if (byte >= 0xc2 && byte <= 0xdf) { /* C0 and C1 would be overlong */
    check->missing = 1;
  } else if (byte >= 0xe0 && byte <= 0xef) {
    check->missing = 2;
    if (byte == 0xe0) /* below would be overlong */
      check->lower = 0xa0, check->upper = 0xbf;
    if (byte == 0xed) /* above would be surrogates */
      check->lower = 0x80, check->upper = 0x9f;
  } else if (byte >= 0xf0 && byte <= 0xf4) {
    check->missing = 3;
    if (byte == 0xf0) /* below would be overlong */
      check->lower = 0x90, check->upper = 0xbf;
    if (byte == 0xf4) /* above would be beyond U+10FFFF */
      check->lower = 0x80, check->upper = 0x8f;
  } else {
    return false;
  }
  return true;
}

bool utf8_check_piece(struct utf8_check *check, struct slice piece) {
  for (size_t i = 0; i < piece.len; i++) {
    uint8_t byte = (uint8_t)piece.data[i];
    if (check->missing == 0) {
      /* Most texts are mostly ASCII: eight bytes at a time. */
      uint64_t eight;
      while (i + sizeof eight <= piece.len) {
        memcpy(&eight, piece.data + i, sizeof eight);
        if (eight & UINT64_C(0x8080808080808080))
          break;
        i += sizeof eight;
      }
      if (i == piece.len)
        break;
      byte = (uint8_t)piece.data[i];
      if (!start_character(check, byte))
        return false;
      continue;
    }
    uint8_t lower = check->lower ? check->lower : 0x80, upper = check->upper ? check->upper : 0xbf;
    if (byte < lower || byte > upper)
      return false;
    check->lower = check->upper = 0;
    check->missing--;
  }
  return true;
}
