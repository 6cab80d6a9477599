/* GET /api/openapi.json: the API for programs. */
#include "fcgi/api.h"

#include "fcgi/openapi.h"

void api_openapi(struct worker *worker, const struct request *request, struct response *response) {
  struct buf *document = &worker->openapi;
  if (document->len == 0) {
    char cookie[48];
    auth_cookie_name(worker->conf, cookie);
    openapi_put(document, cookie);
  }
  if (buf_status(document)) {
    buf_fini(document);
    response_unavailable(response, request, 1, "out of memory");
    return;
  }
  buf_put_slice(response_json(response, 200), buf_slice(document));
}
