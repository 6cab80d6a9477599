#include "watchd/delivery.h"

#include "base/fd.h"
#include "base/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define ANSWER_BYTES_MAX    ((size_t)16 << 10)
#define BODY_BYTES_MAX      ((size_t)4 << 20)
#define SECRET_BYTES_MAX    ((size_t)4096)
#define SECRET_SHORTEST     4 /* less than that is no secret, and would be found anywhere */
#define URL_SECRET_SHORTEST 8
#define RETRY_AFTER_MAX_MS  86400000

static const struct channel_type *const types[] = {
#define CHANNEL_TYPE(name, needs, takes, doc) [CONF_CHANNEL_##name] = &channel_##name,
#include "conf/channel_types.def"
#undef CHANNEL_TYPE
};

/* --- secrets -----------------------------------------------------------------------------------
 */

static int check_secret_file(const char *path, struct belfry_error *error) {
  struct stat file;
  if (stat(path, &file) < 0)
    return belfry_error_set(error, BELFRY_EIO, "cannot look at %s", path);
  if (!S_ISREG(file.st_mode))
    return belfry_error_set(error, BELFRY_EINVAL, "%s is no file", path);
  if (file.st_mode & S_IRWXO)
    return belfry_error_set(error, BELFRY_EINVAL,
                            "%s may be read by everybody: chmod o= it, as it holds a secret", path);
  return BELFRY_OK;
}

/* Reads it anew each time, so that a new secret needs no reload. */
static int read_secret(const char *text, const char *path, char **out, struct belfry_error *error) {
  if (!text && !path)
    return BELFRY_OK;
  if (text) {
    *out = strdup(text);
    return *out ? BELFRY_OK : belfry_error_set(error, BELFRY_ENOMEM, "out of memory");
  }
  int status = check_secret_file(path, error);
  char *content = status ? NULL : fd_read_file(path, SECRET_BYTES_MAX, NULL, error);
  if (!content)
    return status ? status : error->code;
  struct slice line = slice_trim(slice_of(content));
  if (line.len == 0)
    status = belfry_error_set(error, BELFRY_EINVAL, "%s is empty", path);
  for (size_t i = 0; i < line.len && !status; i++)
    if ((unsigned char)line.data[i] < 0x20 || line.data[i] == 0x7f)
      status = belfry_error_set(error, BELFRY_EINVAL, "%s holds more than one line", path);
  if (!status && !(*out = strndup(line.data, line.len)))
    status = belfry_error_set(error, BELFRY_ENOMEM, "out of memory");
  free(content);
  return status;
}

static int read_secrets(struct delivery *delivery, struct belfry_error *error) {
  const struct conf_channel *conf = delivery->conf;
  int status = read_secret(conf->url, conf->url_file, &delivery->url, error);
  if (!status)
    status = read_secret(conf->token, conf->token_file, &delivery->token, error);
  if (!status)
    status = read_secret(conf->password, conf->password_file, &delivery->password, error);
  return status;
}

static void hide(char *text, const char *secret) {
  size_t len = secret ? strlen(secret) : 0;
  for (char *at = text; len >= SECRET_SHORTEST && (at = strstr(at, secret)); at += 3) {
    memmove(at + 3, at + len, strlen(at + len) + 1);
    memcpy(at, "***", 3);
  }
}

/* Of a URL each part of its path and its query that is long enough to be a secret: the host may be
 * told. */
static void hide_url(char *text, const char *url) {
  const char *host = url ? strstr(url, "://") : NULL;
  char part[256];
  hide(text, url);
  for (const char *at = host ? strpbrk(host + 3, "/?#") : NULL; at && *at;) {
    at += strspn(at, "/?#&=");
    size_t len = strcspn(at, "/?#&=");
    snprintf(part, sizeof part, "%.*s", (int)len, at);
    if (len >= URL_SECRET_SHORTEST)
      hide(text, part);
    at += len;
  }
}

/* Servers like to repeat what they were sent. */
static void hide_secrets(const struct delivery *delivery, char *text) {
  hide(text, delivery->token);
  hide(text, delivery->password);
  hide_url(text, delivery->url);
  for (char **header = delivery->conf->headers; header && *header; header++)
    hide(text, slice_trim(slice_of(strchr(*header, ':') + 1)).data);
}

/* --- the end -----------------------------------------------------------------------------------
 */

static void free_delivery(struct delivery *delivery) {
  if (delivery->fetching)
    fetch_fini(&delivery->fetch);
  curl_slist_free_all(delivery->recipients);
  buf_fini(&delivery->body);
  free(delivery->url);
  free(delivery->token);
  free(delivery->password);
  free(delivery);
}

static void tell(struct delivery *delivery, struct delivery_end *end) {
  delivery_done_fn on_done = delivery->on_done;
  void *arg = delivery->arg;
  hide_secrets(delivery, end->words);
  free_delivery(delivery);
  on_done(arg, end);
}

void delivery_cancel(struct delivery *delivery) {
  if (!delivery)
    return;
  if (delivery->running)
    command_cancel(&delivery->command);
  free_delivery(delivery);
}

/* Its first line that holds anything, as one may show it. */
static void put_first_line(struct buf *out, struct slice text) {
  struct slice line = {0};
  while (slice_split(&text, '\n', &line) && slice_trim(line).len == 0)
    continue;
  message_put_line(out, slice_trim(line));
}

static void set_words(struct delivery_end *end, struct buf *words) {
  size_t len = words->len < sizeof end->words - 1 ? words->len : sizeof end->words - 1;
  len = utf8_valid_prefix(slice_new(words->data, len));
  if (len > 0)
    memcpy(end->words, words->data, len);
  end->words[len] = '\0';
  buf_fini(words);
}

void delivery_judge_http(const struct delivery *delivery, struct delivery_end *end) {
  long status = fetch_status(&delivery->fetch);
  curl_off_t after_s = 0;
  struct buf words;
  end->accepted = status >= 200 && status <= 299;
  if (end->accepted)
    return;
  curl_easy_getinfo(delivery->fetch.easy, CURLINFO_RETRY_AFTER, &after_s);
  if (after_s > 0)
    end->retry_after_ms = after_s > RETRY_AFTER_MAX_MS / 1000 ? RETRY_AFTER_MAX_MS : after_s * 1000;
  buf_init(&words, 0);
  buf_printf(&words, "HTTP %ld", status);
  if (status >= 300 && status <= 399)
    buf_put_text(&words, ", and redirects are not followed");
  if (slice_trim(buf_slice(&delivery->fetch.body)).len > 0) {
    /* A secret that is cut would not be found: hide what can be found first. */
    char *answer = strndup(delivery->fetch.body.data, delivery->fetch.body.len);
    if (answer) {
      hide_secrets(delivery, answer);
      buf_put_text(&words, ": ");
      put_first_line(&words, slice_of(answer));
    }
    free(answer);
  }
  set_words(end, &words);
}

/* libcurl does not always say what a mail server has answered. */
static void put_failure(const struct delivery *delivery, struct delivery_end *end) {
  long status = fetch_status(&delivery->fetch);
  char words[sizeof end->words];
  (void)fetch_failure(&delivery->fetch, words, sizeof words);
  if (delivery->conf->type == CONF_CHANNEL_email && status >= 400)
    snprintf(end->words, sizeof end->words, "the server answered %ld: %.150s", status, words);
  else
    memcpy(end->words, words, sizeof end->words);
}

static void delivery_on_fetched(void *arg, bool ended) {
  struct delivery *delivery = arg;
  struct delivery_end end = {0};
  const struct channel_type *type = types[delivery->conf->type];
  if (!ended)
    put_failure(delivery, &end);
  else if (type->judge)
    type->judge(delivery, &end);
  else
    delivery_judge_http(delivery, &end);
  utf8_repair(end.words);
  tell(delivery, &end);
}

static void delivery_on_program(void *arg, const struct command_end *program) {
  struct delivery *delivery = arg;
  struct delivery_end end = {.accepted = !program->timed_out && WIFEXITED(program->status) &&
                                         WEXITSTATUS(program->status) == 0};
  struct buf words;
  delivery->running = false;
  buf_init(&words, 0);
  if (program->timed_out)
    buf_printf(&words, "the program did not end within %lld ms",
               (long long)delivery->conf->timeout_ms);
  else if (WIFSIGNALED(program->status))
    buf_printf(&words, "the program was ended by the signal %d", WTERMSIG(program->status));
  else if (!end.accepted)
    buf_printf(&words, "exit status %d", WEXITSTATUS(program->status));
  if (!end.accepted && slice_trim(program->output).len > 0) {
    buf_put_text(&words, ": ");
    put_first_line(&words, program->output);
  }
  set_words(&end, &words);
  tell(delivery, &end);
}

/* --- the beginning -----------------------------------------------------------------------------
 */

int delivery_fetch(struct delivery *delivery, const char *url, struct belfry_error *error) {
  const struct conf_channel *conf = delivery->conf;
  int status = fetch_init(&delivery->fetch, delivery->transfers, url, conf->timeout_ms,
                          ANSWER_BYTES_MAX, conf->insecure);
  if (status)
    return belfry_error_set(error, status, "out of memory");
  delivery->fetching = true;
  /* What is secret in a message is for whom it was written to. */
  curl_easy_setopt(delivery->fetch.easy, CURLOPT_FOLLOWLOCATION, 0L);
  if (conf->ca_file)
    curl_easy_setopt(delivery->fetch.easy, CURLOPT_CAINFO, conf->ca_file);
  return BELFRY_OK;
}

int delivery_fetch_run(struct delivery *delivery, struct belfry_error *error) {
  return fetch_run(&delivery->fetch, delivery_on_fetched, delivery, error);
}

static int put_header(struct delivery *delivery, const char *name, const char *value,
                      struct belfry_error *error) {
  char *line = NULL;
  int status = asprintf(&line, "%s%s", name, value) < 0 || fetch_header(&delivery->fetch, line)
                   ? belfry_error_set(error, BELFRY_ENOMEM, "out of memory")
                   : BELFRY_OK;
  free(line);
  return status;
}

static int put_headers(struct delivery *delivery, struct belfry_error *error) {
  char id[MESSAGE_ID_BYTES];
  message_id(delivery->message, id);
  int status = put_header(delivery, "Content-Type: ", "application/json", error);
  if (!status)
    status = put_header(delivery, "Idempotency-Key: ", id, error);
  if (!status)
    status = put_header(delivery, "Expect:", "", error);
  if (!status && delivery->token && delivery->conf->type != CONF_CHANNEL_telegram)
    status = put_header(delivery, "Authorization: Bearer ", delivery->token, error);
  for (char **header = delivery->conf->headers; header && *header && !status; header++)
    status = put_header(delivery, *header, "", error);
  return status;
}

static int check_body(const struct delivery *delivery, struct belfry_error *error) {
  int status = buf_status(&delivery->body);
  return status ? belfry_error_set(error, status, "cannot put the message: %s",
                                   belfry_strerror(status))
                : BELFRY_OK;
}

int delivery_post(struct delivery *delivery, const char *url, struct belfry_error *error) {
  int status = check_body(delivery, error);
  if (!status)
    status = delivery_fetch(delivery, url, error);
  if (!status)
    status = put_headers(delivery, error);
  if (status)
    return status;
  curl_easy_setopt(delivery->fetch.easy, CURLOPT_POSTFIELDS, delivery->body.data);
  curl_easy_setopt(delivery->fetch.easy, CURLOPT_POSTFIELDSIZE_LARGE,
                   (curl_off_t)delivery->body.len);
  return delivery_fetch_run(delivery, error);
}

int delivery_command(struct delivery *delivery, struct belfry_error *error) {
  int status = check_body(delivery, error);
  if (!status)
    status = command_start_fed(&delivery->command, delivery->loop, delivery->conf->command,
                               buf_slice(&delivery->body), delivery->conf->timeout_ms,
                               ANSWER_BYTES_MAX, delivery_on_program, delivery, error);
  delivery->running = !status;
  return status;
}

int delivery_start(const struct delivery_tools *tools, const struct conf_channel *conf,
                   const struct message *message, delivery_done_fn on_done, void *arg,
                   struct delivery **out, struct belfry_error *error) {
  struct delivery *delivery = calloc(1, sizeof *delivery);
  if (!delivery)
    return belfry_error_set(error, BELFRY_ENOMEM, "out of memory");
  *delivery = (struct delivery){.conf = conf,
                                .message = message,
                                .transfers = tools->transfers,
                                .loop = tools->loop,
                                .on_done = on_done,
                                .arg = arg};
  buf_init(&delivery->body, BODY_BYTES_MAX);
  int status = read_secrets(delivery, error);
  if (!status)
    status = types[conf->type]->send(delivery, error);
  if (!status) {
    *out = delivery;
    return BELFRY_OK;
  }
  hide_secrets(delivery, error->text);
  free_delivery(delivery);
  return status;
}
