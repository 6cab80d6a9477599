/* Whatever a line holds, it is looked through within bounds, and what is not hidden is as it was.
 */
#include "model/mask.h"
#include "property.h"

#include <string.h>

static struct mask *shared_mask(void) {
  static struct mask *mask;
  const struct mask_options options = {true, true, true, NULL};
  if (!mask)
    PROPERTY(mask_new(&mask) == 0 && mask_configure(mask, &options, NULL) == 0, "a mask is made");
  return mask;
}

/* Whether `text` can be had from `whole` by taking pieces out. */
static bool is_part(struct slice text, struct slice whole) {
  size_t at = 0;
  for (size_t i = 0; i < whole.len && at < text.len; i++)
    at += whole.data[i] == text.data[at];
  return at == text.len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct mask *mask = shared_mask();
  struct slice text = slice_new((const char *)data, size), rest, piece;
  struct buf out, kept;
  int64_t before = mask_count(mask);
  buf_init(&out, 0);
  buf_init(&kept, 0);
  mask_put(mask, text, NULL, &out);
  int64_t masked = mask_count(mask) - before;
  PROPERTY(buf_status(&out) == 0, "it fits");
  PROPERTY(masked > 0 || slice_equal(buf_slice(&out), text), "what holds no secret stays as it is");
  rest = buf_slice(&out);
  while (rest.len > 0 && slice_split(&rest, '*', &piece))
    buf_put_slice(&kept, piece);
  PROPERTY(is_part(buf_slice(&kept), text), "nothing but *** is put in");
  buf_fini(&kept);
  buf_fini(&out);
  return 0;
}
