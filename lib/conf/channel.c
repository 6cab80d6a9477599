/*
 * Entries of `channels`, and what only one as a whole can be asked: whether it has what its type
 * needs, and nothing that means nothing to it.
 */
#include "conf/conf_priv.h"

#include <string.h>

#define DEFAULT_MAX_PER_HOUR   60
#define DEFAULT_GROUP_WAIT_MS  10000
#define DEFAULT_RETRY_DELAY_MS 5000
#define DEFAULT_GIVE_UP_MS     86400000
#define DEFAULT_TIMEOUT_MS     10000

static const struct conf_row channel_rows[] = {
    {.key = "name",
     .kind = CONF_KIND_TEXT,
     .offset = offsetof(struct conf_channel, name),
     .required = true,
     .fallback_text = "",
     .max = 64,
     .form = CONF_FORM_NAME,
     .doc = "What the channel is called; rules name it. Unique."},
    {.key = "type",
     .kind = CONF_KIND_CHOICE,
     .offset = offsetof(struct conf_channel, type),
     .required = true,
     .fallback_text = "",
     .choices = ""
#define CHANNEL_TYPE(name, needs, takes, doc) "|" #name
#include "conf/channel_types.def"
#undef CHANNEL_TYPE
     ,
     .doc = "How people are told."},
    {.key = "default",
     .kind = CONF_KIND_CHOICE,
     .offset = offsetof(struct conf_channel, by_name_only),
     .fallback_text = "",
     .choices = "true|false",
     .doc = "Whether it is told of alerts whose rules name no channels. Yes by default."},
    {.key = "send_resolved",
     .kind = CONF_KIND_CHOICE,
     .offset = offsetof(struct conf_channel, only_firing),
     .fallback_text = "",
     .choices = "true|false",
     .doc =
         "Whether it is told that an alert is over, if it was told of the alert. Yes by default."},
    {.key = "min_severity",
     .kind = CONF_KIND_CHOICE,
     .offset = offsetof(struct conf_channel, min_severity),
     .fallback_text = "",
     .choices = "debug|info|success|warning|error|critical",
     .doc = "Only alerts that are so grave, or more. All by default."},
    {.key = "url",
     .kind = CONF_KIND_TEXT,
     .offset = offsetof(struct conf_channel, url),
     .fallback_text = "",
     .max = 2048,
     .form = CONF_FORM_URL,
     .secret = true,
     .doc = "Where it is posted. Of telegram: where the Bot API is, https://api.telegram.org by "
            "default. It is not shown, as it often holds a secret."},
    {.key = "url_file",
     .kind = CONF_KIND_PATH,
     .offset = offsetof(struct conf_channel, url_file),
     .fallback_text = "",
     .max = 4095,
     .doc = "A file that holds the URL. Others must not be able to read it. It is read anew for "
            "each message."},
    {.key = "headers",
     .kind = CONF_KIND_WORDS,
     .offset = offsetof(struct conf_channel, headers),
     .max = 1024,
     .form = CONF_FORM_HEADER,
     .secret = true,
     .doc = "Headers of the request. Their values are not shown."},
    {.key = "token",
     .kind = CONF_KIND_TEXT,
     .offset = offsetof(struct conf_channel, token),
     .fallback_text = "",
     .max = 512,
     .form = CONF_FORM_ANY,
     .secret = true,
     .doc = "What shows that Belfry may: of telegram the bot's token, else a bearer token."},
    {.key = "token_file",
     .kind = CONF_KIND_PATH,
     .offset = offsetof(struct conf_channel, token_file),
     .fallback_text = "",
     .max = 4095,
     .doc = "A file that holds it, as of url_file."},
    {.key = "chat",
     .kind = CONF_KIND_TEXT,
     .offset = offsetof(struct conf_channel, chat),
     .fallback_text = "",
     .max = 64,
     .form = CONF_FORM_ANY,
     .doc = "The number of the chat, or @ and the name of the public one."},
    {.key = "server",
     .kind = CONF_KIND_TEXT,
     .offset = offsetof(struct conf_channel, server),
     .fallback_text = "",
     .max = 255,
     .form = CONF_FORM_ADDRESS,
     .doc = "The mail server and its port, such as mail.example.org:587."},
    {.key = "from",
     .kind = CONF_KIND_TEXT,
     .offset = offsetof(struct conf_channel, from),
     .fallback_text = "",
     .max = 254,
     .form = CONF_FORM_MAIL,
     .doc = "Whom the mail is from."},
    {.key = "to",
     .kind = CONF_KIND_WORDS,
     .offset = offsetof(struct conf_channel, to),
     .max = 254,
     .form = CONF_FORM_MAIL,
     .doc = "Whom it goes to."},
    {.key = "user",
     .kind = CONF_KIND_TEXT,
     .offset = offsetof(struct conf_channel, user),
     .fallback_text = "",
     .max = 256,
     .form = CONF_FORM_ANY,
     .doc = "Who signs in at the mail server. Nobody by default."},
    {.key = "password",
     .kind = CONF_KIND_TEXT,
     .offset = offsetof(struct conf_channel, password),
     .fallback_text = "",
     .max = 512,
     .form = CONF_FORM_ANY,
     .secret = true,
     .doc = "With what."},
    {.key = "password_file",
     .kind = CONF_KIND_PATH,
     .offset = offsetof(struct conf_channel, password_file),
     .fallback_text = "",
     .max = 4095,
     .doc = "A file that holds it, as of url_file."},
    {.key = "encryption",
     .kind = CONF_KIND_CHOICE,
     .offset = offsetof(struct conf_channel, encryption),
     .fallback_text = "",
     .choices = "starttls|tls|opportunistic|none",
     .doc = "How the connection to the mail server is made secret: starttls (the default), which "
            "must succeed before anything is said; tls from its first byte; opportunistic, "
            "starttls if the server offers it; none."},
    {.key = "ca_file",
     .kind = CONF_KIND_PATH,
     .offset = offsetof(struct conf_channel, ca_file),
     .fallback_text = "",
     .max = 4095,
     .doc =
         "Certificates (PEM) that the server's must be signed by. Those of the system by default."},
    {.key = "insecure",
     .kind = CONF_KIND_BOOL,
     .offset = offsetof(struct conf_channel, insecure),
     .doc = "Whether any certificate will do. No by default."},
    {.key = "command",
     .kind = CONF_KIND_WORDS,
     .offset = offsetof(struct conf_channel, command),
     .max = 4096,
     .form = CONF_FORM_ANY,
     .doc = "The program, by its absolute path, and its arguments. No shell looks at them."},
    {.key = "max_per_hour",
     .kind = CONF_KIND_INT,
     .offset = offsetof(struct conf_channel, max_per_hour),
     .min = 2,
     .max = 3600,
     .doc = "No more messages in an hour, half of them at once; what is beyond waits and is put "
            "together. 60 by default."},
    {.key = "group_wait",
     .kind = CONF_KIND_DURATION,
     .offset = offsetof(struct conf_channel, group_wait_ms),
     .min = 100,
     .max = 3600000,
     .doc = "How long the first alert of a group waits for others that go along; a critical one a "
            "tenth of it. 10s by default."},
    {.key = "retry_delay",
     .kind = CONF_KIND_DURATION,
     .offset = offsetof(struct conf_channel, retry_delay_ms),
     .min = 100,
     .max = 600000,
     .doc = "After how long a message that failed is tried again; each time twice as long, up to "
            "10 minutes. 5s by default."},
    {.key = "give_up",
     .kind = CONF_KIND_DURATION,
     .offset = offsetof(struct conf_channel, give_up_ms),
     .min = 1000,
     .max = 2592000000,
     .doc = "A message that fails for so long is given up. 1d by default."},
    {.key = "timeout",
     .kind = CONF_KIND_DURATION,
     .offset = offsetof(struct conf_channel, timeout_ms),
     .min = 100,
     .max = 600000,
     .doc = "How long a message may take. 10s by default."},
};

static const struct {
  const char *name, *needs, *takes;
} types[] = {
    [CONF_CHANNEL_NONE] = {"", "", ""},
#define CHANNEL_TYPE(name, needs, takes, doc) [CONF_CHANNEL_##name] = {#name, needs, takes},
#include "conf/channel_types.def"
#undef CHANNEL_TYPE
};

#define COMMON                                                                                     \
  "name,type,default,send_resolved,min_severity,max_per_hour,group_wait,retry_delay,give_up,"      \
  "timeout"

const char *conf_channel_type_name(const struct conf_channel *channel) {
  return types[channel->type].name;
}

const struct conf_channel *conf_channel_find(const struct conf *conf, struct slice name) {
  for (size_t i = 0; i < conf->channel_count; i++)
    if (conf->channels[i].name && slice_is(name, conf->channels[i].name))
      return &conf->channels[i];
  return NULL;
}

/* --- what its type needs and takes --- */

/* Whether `key` stands in a comma list whose pieces may be alternatives, a|b. */
static bool listed(const char *list, const char *key) {
  struct slice rest = slice_of(list), group, piece;
  while (slice_split(&rest, ',', &group))
    while (slice_split(&group, '|', &piece))
      if (slice_is(piece, key))
        return true;
  return false;
}

static bool is_there(const struct conf_channel *channel, struct slice key) {
  for (size_t i = 0; i < sizeof channel_rows / sizeof *channel_rows; i++)
    if (slice_is(key, channel_rows[i].key))
      return !conf__value_absent(&channel_rows[i], channel);
  return false;
}

/* Of alternatives there may be one, and must if they are needed. */
static void check_alternatives(const struct conf_channel *channel, struct slice group, bool needed,
                               struct buf *why) {
  struct slice rest = group, first = {0}, second = {0}, key;
  int there = 0;
  (void)slice_split(&rest, '|', &first);
  (void)slice_split(&rest, '|', &second);
  rest = group;
  while (slice_split(&rest, '|', &key))
    there += is_there(channel, key);
  if (there > 1)
    buf_printf(why, "has both `%.*s` and `%.*s`: remove one of them", SLICE_ARG(first),
               SLICE_ARG(second));
  else if (there == 0 && needed && second.len > 0)
    buf_printf(why, "a channel of the type %s needs `%.*s` or `%.*s`", types[channel->type].name,
               SLICE_ARG(first), SLICE_ARG(second));
  else if (there == 0 && needed)
    buf_printf(why, "a channel of the type %s needs `%.*s`", types[channel->type].name,
               SLICE_ARG(first));
}

static void check_groups(const struct conf_channel *channel, const char *groups, bool needed,
                         struct buf *why) {
  struct slice rest = slice_of(groups), group;
  while (why->len == 0 && slice_split(&rest, ',', &group))
    check_alternatives(channel, group, needed, why);
}

/* The first type to which `key` means something. */
static const char *type_for(const char *key) {
  for (size_t i = 0; i < sizeof types / sizeof *types; i++)
    if (listed(types[i].needs, key) || listed(types[i].takes, key))
      return types[i].name;
  return "";
}

static void check_members(const struct conf_channel *channel, struct buf *why) {
  const char *needs = types[channel->type].needs, *takes = types[channel->type].takes;
  for (size_t i = 0; i < sizeof channel_rows / sizeof *channel_rows && why->len == 0; i++) {
    const char *key = channel_rows[i].key;
    if (!conf__value_absent(&channel_rows[i], channel) && !listed(COMMON, key) &&
        !listed(needs, key) && !listed(takes, key))
      buf_printf(why,
                 "`%s` means nothing to a channel of the type %s: remove it, or write `type: %s`",
                 key, types[channel->type].name, type_for(key));
  }
  check_groups(channel, needs, true, why);
  check_groups(channel, takes, false, why);
}

static bool is_repeated(const struct conf *conf, const struct conf_channel *channel) {
  for (const struct conf_channel *other = conf->channels; other < channel; other++)
    if (other->name && strcmp(other->name, channel->name) == 0)
      return true;
  return false;
}

static void set_default(int64_t *field, int64_t value) {
  if (*field == 0)
    *field = value;
}

static void finish(const struct conf *conf, void *entry, struct buf *why) {
  struct conf_channel *channel = entry;
  bool has_password = channel->password || channel->password_file;
  set_default(&channel->max_per_hour, DEFAULT_MAX_PER_HOUR);
  set_default(&channel->group_wait_ms, DEFAULT_GROUP_WAIT_MS);
  set_default(&channel->retry_delay_ms, DEFAULT_RETRY_DELAY_MS);
  set_default(&channel->give_up_ms, DEFAULT_GIVE_UP_MS);
  set_default(&channel->timeout_ms, DEFAULT_TIMEOUT_MS);
  if (is_repeated(conf, channel))
    buf_printf(why, "there is a channel '%s' already: names must differ", channel->name);
  else
    check_members(channel, why);
  if (why->len == 0 && channel->command && channel->command[0][0] != '/')
    buf_put_text(why, "`command` must begin with the absolute path of a program");
  if (why->len == 0 && has_password && !channel->user)
    buf_put_text(why, "a password needs a `user`");
  if (why->len == 0 && channel->user && !has_password)
    buf_put_text(why, "`user` needs a `password` or a `password_file`");
}

const struct conf_list conf__channel_list = {
    CONF_LIST_OF(channels, channel, channel_rows),
    .finish = finish,
    .example = "- name: ops",
    .doc = "Whom alerts are told, and how. Each entry needs what its type needs.",
};

struct conf_channel *conf_channel_copy(const struct conf_channel *channel) {
  return conf__copy_entry(&conf__channel_list, channel);
}

void conf_channel_free(struct conf_channel *channel) {
  conf__free_entry(&conf__channel_list, channel);
}

bool conf_channel_same(const struct conf_channel *a, const struct conf_channel *b) {
  return conf__same_entry(&conf__channel_list, a, b);
}
