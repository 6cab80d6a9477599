#include "watchd/pauses.h"

#include "base/json.h"
#include "base/timestamp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put_message(struct pause *pause, struct slice by, struct slice comment) {
  char until[TIMESTAMP_BYTES + 8] = "";
  if (pause->until_ms) {
    memcpy(until, " until ", 7);
    timestamp_format(pause->until_ms, until + 7);
  }
  snprintf(pause->message, sizeof pause->message, comment.len ? "by %.60s%s: %.*s" : "by %.60s%s",
           by.data, until, SLICE_ARG(comment));
  utf8_repair(pause->message);
}

/* Columns: service, until, paused_by, comment. */
static int on_pause(void *arg, const struct history_value *values, size_t count) {
  struct pauses *pauses = arg;
  if (count != 4 || values[0].text.len >= sizeof pauses->all->service)
    return BELFRY_ECORRUPT;
  if (pauses->count == pauses->room) {
    size_t room = pauses->room ? 2 * pauses->room : 16;
    void *more = reallocarray(pauses->all, room, sizeof *pauses->all);
    if (!more)
      return BELFRY_ENOMEM;
    pauses->all = more;
    pauses->room = room;
  }
  struct pause *pause = &pauses->all[pauses->count++];
  memset(pause, 0, sizeof *pause);
  memcpy(pause->service, values[0].text.data, values[0].text.len);
  pause->until_ms = values[1].kind == HISTORY_INTEGER ? values[1].integer : 0;
  put_message(pause, values[2].text, values[3].text);
  return 0;
}

int pauses_read(struct pauses *pauses, struct reader *reader) {
  struct pauses read = {0};
  int status = reader_read(reader, SQL_SERVICE_PAUSES, on_pause, &read);
  if (status) {
    pauses_fini(&read);
    return status;
  }
  pauses_fini(pauses);
  *pauses = read;
  return BELFRY_OK;
}

void pauses_fini(struct pauses *pauses) {
  free(pauses->all);
  *pauses = (struct pauses){0};
}

const struct pause *pauses_find(const struct pauses *pauses, const char *service, int64_t now_ms) {
  for (size_t i = 0; i < pauses->count; i++) {
    const struct pause *pause = &pauses->all[i];
    if (strcmp(pause->service, service) == 0)
      return pause->until_ms == 0 || pause->until_ms > now_ms ? pause : NULL;
  }
  return NULL;
}
