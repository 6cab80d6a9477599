#include "watchd/probe_connect.h"

int probe_connect_start(const char *scheme, const struct probe_tools *tools,
                        const struct probe_target *target, probe_curl_judge_fn judge,
                        probe_done_fn on_done, void *arg, struct probe **out,
                        struct belfry_error *error) {
  struct buf url;
  buf_init(&url, 0);
  buf_put_text(&url, scheme);
  conf_service_put_address(target->service, &url);
  struct probe_curl *probe = probe_curl_new(tools, target, &url, judge, error);
  if (!probe)
    return belfry_error_set(error, BELFRY_ENOMEM, "out of memory");
  probe_curl_connect_only(probe);
  return probe_curl_run(probe, on_done, arg, out, error);
}
