/*
 * Which server, and with which key: the options and variables that every command shares.
 */
#ifndef BELFRY_CLI_CONNECTION_H
#define BELFRY_CLI_CONNECTION_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

#define CONNECTION_DEFAULT_URL "http://127.0.0.1:8080/"

struct connection {
  char *url; /* owned: ends in a slash */
  char *key; /* owned: an API key, or NULL */
  int64_t timeout_ms;
};

/* What the command line says of it; borrowed from argv. */
struct connection_options {
  const char *url, *key_file, *timeout;
};

/* Values that getopt_long(3) returns for them. */
enum { CONNECTION_OPTION_URL = 0x100, CONNECTION_OPTION_KEY_FILE, CONNECTION_OPTION_TIMEOUT };

#define CONNECTION_LONG_OPTIONS                                                                    \
  {"url", required_argument, NULL, CONNECTION_OPTION_URL},                                         \
      {"key-file", required_argument, NULL, CONNECTION_OPTION_KEY_FILE},                           \
      {"timeout", required_argument, NULL, CONNECTION_OPTION_TIMEOUT}, {                           \
    "help", no_argument, NULL, 'h'                                                                 \
  }

/* Keeps an option of ours. Returns: false when it is not one. */
bool connection_take_option(struct connection_options *options, int option, const char *value);

/*
 * Finds server and key: the options, else BELFRY_URL and BELFRY_KEY_FILE, BELFRY_KEY,
 * $XDG_CONFIG_HOME/belfry/key or ~/.config/belfry/key. Returns: 0, with connection_fini() to call;
 * or an error for a person.
 */
int connection_init(struct connection *connection, const struct connection_options *options,
                    struct belfry_error *error) BELFRY_MUST_CHECK;
void connection_fini(struct connection *connection);

#endif
