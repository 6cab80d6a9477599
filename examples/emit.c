/* cc -o emit emit.c && BELFRY_URL=http://127.0.0.1:8080/ BELFRY_KEY_FILE=ingest.key ./emit */
#define BELFRY_IMPLEMENTATION
#include <belfry.h>

int main(void) {
  belfry *b = belfry_open(NULL, NULL);
  belfry_set_source(b, "emit.c");
  belfry_event(b, "agent_activity", "info", "{\"agent\":\"example\",\"action\":\"invoked\"}");
  belfry_log(b, "warning", "a line from \"C\"", "{\"lines\":1}");
  belfry_sample(b, "example_temperature_celsius", 21.5, "{\"room\":\"c\"}");
  if (belfry_flush(b, 5000) != BELFRY_SENT)
    fprintf(stderr, "emit: %s\n", belfry_error_text(b));
  return belfry_close(b, 0) != BELFRY_SENT;
}
