/* Whatever an object of JSON holds, it is looked through within bounds, stays valid, and changes
 * only where something is masked. */
#include "base/json.h"
#include "model/mask.h"
#include "property.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static struct mask *mask;
  const struct mask_options options = {true, true, true, NULL};
  struct slice text = slice_new((const char *)data, size);
  struct buf out;
  if (!mask)
    PROPERTY(mask_new(&mask) == 0 && mask_configure(mask, &options, NULL) == 0, "a mask is made");
  json_t *value = json_parse(text, JSON_DEPTH_DEFAULT, NULL), *masked = NULL;
  if (!json_is_object(value)) { /* as the data of events is */
    json_decref(value);
    return 0;
  }
  int64_t before = mask_count(mask);
  buf_init(&out, 0);
  if (mask_put_json(mask, text, &out)) {
    PROPERTY(buf_status(&out) == 0, "it fits");
    masked = json_parse(buf_slice(&out), JSON_DEPTH_DEFAULT, NULL);
    PROPERTY(masked && json_is_object(masked), "it stays valid");
    PROPERTY(json_object_size(masked) == json_object_size(value), "no member is lost");
    PROPERTY(mask_count(mask) > before || slice_equal(buf_slice(&out), text),
             "what holds no secret stays as it is");
  } else {
    PROPERTY(out.len == 0 && mask_count(mask) == before, "nothing is put");
  }
  json_decref(masked);
  json_decref(value);
  buf_fini(&out);
  return 0;
}
