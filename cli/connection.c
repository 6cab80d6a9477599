#include "cli/connection.h"

#include "base/fd.h"
#include "base/slice.h"
#include "cli/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#define KEY_FILE_BYTES_MAX 4096
#define TIMEOUT_DEFAULT_MS 30000
#define TIMEOUT_MAX_S      86400

bool connection_take_option(struct connection_options *options, int option, const char *value) {
  switch (option) {
  case CONNECTION_OPTION_URL:
    options->url = value;
    return true;
  case CONNECTION_OPTION_KEY_FILE:
    options->key_file = value;
    return true;
  case CONNECTION_OPTION_TIMEOUT:
    options->timeout = value;
    return true;
  default:
    return false;
  }
}

static const char *variable(const char *name) {
  const char *value = getenv(name);
  return value && value[0] ? value : NULL;
}

static int init_url(struct connection *connection, const char *url, struct belfry_error *error) {
  if (strncasecmp(url, "http://", 7) != 0 && strncasecmp(url, "https://", 8) != 0)
    return belfry_error_set(error, BELFRY_EINVAL,
                            "'%s' is not a server's URL: write one such as " CONNECTION_DEFAULT_URL,
                            url);
  if (strpbrk(url, "?# \t\r\n"))
    return belfry_error_set(error, BELFRY_EINVAL,
                            "the server's URL '%s' must end with its path, without ?, # or blanks",
                            url);
  if (asprintf(&connection->url, "%s%s", url, url[strlen(url) - 1] == '/' ? "" : "/") < 0) {
    connection->url = NULL;
    return belfry_error_set(error, BELFRY_ENOMEM, "out of memory");
  }
  return BELFRY_OK;
}

/* A key goes into a header, so it must be one word. Takes: `from` names where it is from. */
static int init_key(struct connection *connection, struct slice text, const char *from,
                    struct belfry_error *error) {
  text = slice_trim(text);
  bool good = text.len > 0;
  for (size_t i = 0; i < text.len; i++)
    if ((unsigned char)text.data[i] <= 0x20 || (unsigned char)text.data[i] >= 0x7f)
      good = false;
  if (!good)
    return belfry_error_set(error, BELFRY_EINVAL,
                            "%s does not hold an API key: one line such as bfy_...", from);
  connection->key = strndup(text.data, text.len);
  return connection->key ? BELFRY_OK : belfry_error_set(error, BELFRY_ENOMEM, "out of memory");
}

static int read_key_file(struct connection *connection, const char *path,
                         struct belfry_error *error) {
  struct stat st;
  size_t len;
  char *text = fd_read_file(path, KEY_FILE_BYTES_MAX, &len, error);
  if (!text)
    return error->code;
  if (stat(path, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & S_IROTH))
    command_complain("%s can be read by everybody on this machine: chmod 600 it", path);
  int status = init_key(connection, slice_new(text, len), path, error);
  explicit_bzero(text, len);
  free(text);
  return status;
}

/* The user's own key file, which may be absent. */
static int read_home_key(struct connection *connection, struct belfry_error *error) {
  const char *config = variable("XDG_CONFIG_HOME"), *home = variable("HOME");
  struct stat st;
  char *path = NULL;
  int status = BELFRY_OK;
  if (!config && !home)
    return BELFRY_OK;
  if (asprintf(&path, "%s%s/belfry/key", config ? config : home, config ? "" : "/.config") < 0)
    return belfry_error_set(error, BELFRY_ENOMEM, "out of memory");
  if (stat(path, &st) == 0)
    status = read_key_file(connection, path, error);
  free(path);
  return status;
}

int connection_init(struct connection *connection, const struct connection_options *options,
                    struct belfry_error *error) {
  long long seconds;
  *connection = (struct connection){.timeout_ms = TIMEOUT_DEFAULT_MS};
  if (options->timeout) {
    if (!slice_to_int64(slice_of(options->timeout), &seconds) || seconds < 1 ||
        seconds > TIMEOUT_MAX_S)
      return belfry_error_set(error, BELFRY_EINVAL,
                              "--timeout: '%s' is not a whole number of seconds from 1 to %d",
                              options->timeout, TIMEOUT_MAX_S);
    connection->timeout_ms = seconds * 1000;
  }
  const char *url = options->url ? options->url : variable("BELFRY_URL");
  const char *key_file = options->key_file ? options->key_file : variable("BELFRY_KEY_FILE");
  int status = init_url(connection, url ? url : CONNECTION_DEFAULT_URL, error);
  if (!status && key_file)
    status = read_key_file(connection, key_file, error);
  else if (!status && variable("BELFRY_KEY"))
    status = init_key(connection, slice_of(variable("BELFRY_KEY")), "BELFRY_KEY", error);
  else if (!status)
    status = read_home_key(connection, error);
  if (status)
    connection_fini(connection);
  return status;
}

void connection_fini(struct connection *connection) {
  if (connection->key)
    explicit_bzero(connection->key, strlen(connection->key));
  free(connection->key);
  free(connection->url);
  *connection = (struct connection){0};
}
