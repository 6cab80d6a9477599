/*
 * The same with sd-bus of libsystemd, glued to the loop: its descriptor and its time are waited
 * for, and its work is done a bounded piece at a time. A connection that is lost is made anew with
 * the next question.
 */
#include "watchd/systemd.h"

#include "base/clock.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>

#define STEPS_MAX    64 /* messages that are taken before others have their turn */
#define SYSTEMD      "org.freedesktop.systemd1"
#define MANAGER_PATH "/org/freedesktop/systemd1"
#define MANAGER      SYSTEMD ".Manager"
#define UNITS_PREFIX MANAGER_PATH "/unit"
#define PROPERTIES   "org.freedesktop.DBus.Properties"

struct systemd {
  struct ev_loop *loop; /* borrowed */
  sd_bus *bus;          /* owned; NULL: not connected */
  struct ev_io io;
  struct ev_timer time; /* when sd-bus wants to be called by itself */
  struct systemd_question *asked;
};

/* --- questions --- */

static void unlink_question(struct systemd_question *question) {
  struct systemd *systemd = question->systemd;
  for (struct systemd_question **at = &systemd->asked; *at; at = &(*at)->next)
    if (*at == question) {
      *at = question->next;
      break;
    }
  ev_timer_stop(systemd->loop, &question->timeout);
  sd_bus_slot_unref(question->slot);
  question->slot = NULL;
  question->systemd = NULL;
}

static void end_question(struct systemd_question *question, const struct belfry_error *error) {
  unlink_question(question);
  question->on_done(question->arg, error);
}

void systemd_call_off(struct systemd_question *question) {
  if (question->systemd)
    unlink_question(question);
}

/* --- the connection --- */

static void disconnect(struct systemd *systemd) {
  if (!systemd->bus)
    return;
  ev_io_stop(systemd->loop, &systemd->io);
  ev_timer_stop(systemd->loop, &systemd->time);
  systemd->bus = sd_bus_close_unref(systemd->bus); /* what was not sent is not waited for */
}

static struct systemd_question *first_lost(const struct systemd *systemd) {
  struct systemd_question *question = systemd->asked;
  while (question && !question->lost)
    question = question->next;
  return question;
}

/* Every question that is open has failed. */
static void lose(struct systemd *systemd, int errnum) {
  struct belfry_error error = {0};
  (void)belfry_error_errno(&error, errnum, "the connection to systemd was lost");
  disconnect(systemd);
  for (struct systemd_question *question = systemd->asked; question; question = question->next)
    question->lost = true;
  struct systemd_question *question;
  while ((question = first_lost(systemd))) /* a callback may ask anew, and call off others */
    end_question(question, &error);
}

/* Sees to it that the loop wakes when sd-bus has something to do. Returns: 0 or a negative errno.
 */
static int arm(struct systemd *systemd) {
  uint64_t until_us = UINT64_MAX;
  int events = sd_bus_get_events(systemd->bus);
  int status = events < 0 ? events : sd_bus_get_timeout(systemd->bus, &until_us);
  if (status < 0)
    return status;
  int wanted = (events & POLLIN ? EV_READ : 0) | (events & POLLOUT ? EV_WRITE : 0);
  int fd = sd_bus_get_fd(systemd->bus);
  if (fd < 0)
    return fd;
  if (!ev_is_active(&systemd->io) || systemd->io.fd != fd ||
      (systemd->io.events & (EV_READ | EV_WRITE)) != wanted) {
    ev_io_stop(systemd->loop, &systemd->io);
    ev_io_set(&systemd->io, fd, wanted);
    ev_io_start(systemd->loop, &systemd->io);
  }
  ev_timer_stop(systemd->loop, &systemd->time);
  if (until_us == UINT64_MAX)
    return 0;
  int64_t wait_us = (int64_t)until_us - clock_monotonic_us(&clock_system);
  ev_now_update(systemd->loop);
  ev_timer_set(&systemd->time, wait_us > 0 ? (double)wait_us / 1e6 : 0, 0);
  ev_timer_start(systemd->loop, &systemd->time);
  return 0;
}

static void work(struct systemd *systemd) {
  int status = 1;
  if (!systemd->bus)
    return;
  for (int i = 0; i < STEPS_MAX && status > 0; i++)
    status = sd_bus_process(systemd->bus, NULL);
  if (status >= 0)
    status = arm(systemd);
  if (status < 0)
    lose(systemd, -status);
}

static void systemd_on_io(struct ev_loop *loop, struct ev_io *io, int events) {
  (void)loop;
  (void)events;
  work(io->data);
}

static void systemd_on_time(struct ev_loop *loop, struct ev_timer *timer, int events) {
  (void)loop;
  (void)events;
  work(timer->data);
}

static int connect_bus(struct systemd *systemd, struct belfry_error *error) {
  if (systemd->bus)
    return BELFRY_OK;
  int status = sd_bus_open_system(&systemd->bus);
  if (status >= 0)
    return BELFRY_OK;
  systemd->bus = NULL;
  return belfry_error_errno(error, -status, "cannot reach systemd over the system's D-Bus");
}

/* The peer is there, but silent: the next question begins with another connection. */
static void systemd_on_timeout(struct ev_loop *loop, struct ev_timer *timer, int events) {
  (void)loop;
  (void)events;
  struct systemd_question *question = timer->data;
  struct systemd *systemd = question->systemd;
  struct belfry_error error = {0};
  (void)belfry_error_set(&error, BELFRY_ETIMEDOUT, "systemd did not answer in time");
  end_question(question, &error);
  if (!systemd->asked)
    disconnect(systemd);
}

/* --- asking --- */

static void link_question(struct systemd *systemd, struct systemd_question *question,
                          sd_bus_slot *slot, int64_t timeout_ms) {
  question->systemd = systemd;
  question->slot = slot;
  question->lost = false;
  question->next = systemd->asked;
  systemd->asked = question;
  ev_now_update(systemd->loop);
  ev_timer_init(&question->timeout, systemd_on_timeout, (double)timeout_ms / 1000, 0);
  question->timeout.data = question;
  ev_timer_start(systemd->loop, &question->timeout);
}

static void work_soon(struct systemd *systemd) {
  ev_timer_stop(systemd->loop, &systemd->time);
  ev_timer_set(&systemd->time, 0, 0);
  ev_timer_start(systemd->loop, &systemd->time);
}

/* Sends `message`, which is freed. */
static int ask(struct systemd *systemd, struct systemd_question *question, sd_bus_message *message,
               sd_bus_message_handler_t on_answer, int64_t timeout_ms, struct belfry_error *error) {
  sd_bus_slot *slot = NULL;
  int status = sd_bus_call_async(systemd->bus, &slot, message, on_answer, question, UINT64_MAX);
  sd_bus_message_unref(message);
  if (status >= 0)
    link_question(systemd, question, slot, timeout_ms);
  /* A connection that is broken is noticed from the loop: nobody else is told from within. */
  if (status < 0 || arm(systemd) < 0)
    work_soon(systemd);
  return status < 0 ? belfry_error_errno(error, -status, "cannot ask systemd") : BELFRY_OK;
}

static int new_call(struct systemd *systemd, const char *path, const char *interface,
                    const char *method, sd_bus_message **out, struct belfry_error *error) {
  int status = connect_bus(systemd, error);
  if (status)
    return status;
  int code = sd_bus_message_new_method_call(systemd->bus, out, SYSTEMD, path, interface, method);
  return code < 0 ? belfry_error_errno(error, -code, "cannot ask systemd") : BELFRY_OK;
}

/* Whether the answer is one; else the question has ended. */
static bool is_answer(struct systemd_question *question, sd_bus_message *message) {
  const sd_bus_error *said = sd_bus_message_get_error(message);
  if (!said)
    return true;
  struct belfry_error error = {0};
  (void)belfry_error_set(&error, BELFRY_EIO, "systemd: %.160s",
                         said->message ? said->message : said->name);
  end_question(question, &error);
  return false;
}

static void end_answer(struct systemd_question *question, int status) {
  struct belfry_error error = {0};
  if (status < 0)
    (void)belfry_error_set(&error, BELFRY_ECORRUPT, "systemd's answer cannot be read");
  end_question(question, status < 0 ? &error : NULL);
}

/* a(ssssssouso): name, description, load, active, sub, following, path, job, its type, its path. */
static int systemd_on_units(sd_bus_message *message, void *arg, sd_bus_error *ret_error) {
  (void)ret_error;
  struct systemd_question *question = arg;
  struct systemd_unit unit = {.result = "", .exit_status = -1, .restarts = -1};
  if (!is_answer(question, message))
    return 0;
  int status = sd_bus_message_enter_container(message, 'a', "(ssssssouso)");
  while (status >= 0 &&
         (status = sd_bus_message_read(message, "(ssssssouso)", &unit.name, NULL, &unit.load,
                                       &unit.state, &unit.sub, NULL, NULL, NULL, NULL, NULL)) > 0)
    question->on_unit(question->arg, &unit);
  end_answer(question, status);
  return 0;
}

int systemd_ask_units(struct systemd *systemd, struct systemd_question *question,
                      int64_t timeout_ms, struct belfry_error *error) {
  sd_bus_message *message = NULL;
  int status = new_call(systemd, MANAGER_PATH, MANAGER, "ListUnitsByPatterns", &message, error);
  if (status)
    return status;
  int code = sd_bus_message_append(message, "asas", 0, 7, "*.service", "*.socket", "*.mount",
                                   "*.automount", "*.timer", "*.path", "*.swap");
  if (code < 0) {
    sd_bus_message_unref(message);
    return belfry_error_errno(error, -code, "cannot ask systemd");
  }
  return ask(systemd, question, message, systemd_on_units, timeout_ms, error);
}

/* Reads the value of a property that is of interest. Returns: positive, or a negative errno. */
static int read_property(sd_bus_message *message, const char *name, struct systemd_unit *unit) {
  static const struct {
    const char *name;
    size_t offset;
    char type[2];
  } wanted[] = {
      {"LoadState", offsetof(struct systemd_unit, load), "s"},
      {"ActiveState", offsetof(struct systemd_unit, state), "s"},
      {"SubState", offsetof(struct systemd_unit, sub), "s"},
      {"Result", offsetof(struct systemd_unit, result), "s"},
      {"StateChangeTimestamp", offsetof(struct systemd_unit, since_us), "t"},
      {"ExecMainStatus", offsetof(struct systemd_unit, exit_status), "i"},
      {"NRestarts", offsetof(struct systemd_unit, restarts), "u"},
  };
  size_t i = 0, count = sizeof wanted / sizeof *wanted;
  while (i < count && strcmp(wanted[i].name, name) != 0)
    i++;
  if (i == count)
    return sd_bus_message_skip(message, "v");
  char *to = (char *)unit + wanted[i].offset;
  const char *text;
  uint64_t large;
  uint32_t number;
  int32_t whole;
  int status;
  switch (wanted[i].type[0]) {
  case 's':
    if ((status = sd_bus_message_read(message, "v", "s", &text)) > 0)
      *(const char **)to = text;
    return status;
  case 't':
    if ((status = sd_bus_message_read(message, "v", "t", &large)) > 0)
      *(int64_t *)to = large > INT64_MAX ? 0 : (int64_t)large;
    return status;
  case 'i':
    if ((status = sd_bus_message_read(message, "v", "i", &whole)) > 0)
      *(int64_t *)to = whole;
    return status;
  default:
    if ((status = sd_bus_message_read(message, "v", "u", &number)) > 0)
      *(int64_t *)to = number;
    return status;
  }
}

/* a{sv}: the properties of all its interfaces. */
static int systemd_on_properties(sd_bus_message *message, void *arg, sd_bus_error *ret_error) {
  (void)ret_error;
  struct systemd_question *question = arg;
  struct systemd_unit unit = {.name = "",
                              .load = "",
                              .state = "",
                              .sub = "",
                              .result = "",
                              .exit_status = -1,
                              .restarts = -1};
  const char *name;
  if (!is_answer(question, message))
    return 0;
  int status = sd_bus_message_enter_container(message, 'a', "{sv}");
  while (status >= 0 && (status = sd_bus_message_enter_container(message, 'e', "sv")) > 0) {
    status = sd_bus_message_read(message, "s", &name);
    if (status >= 0)
      status = read_property(message, name, &unit);
    if (status >= 0)
      status = sd_bus_message_exit_container(message);
  }
  if (status >= 0)
    question->on_unit(question->arg, &unit);
  end_answer(question, status);
  return 0;
}

int systemd_ask_unit(struct systemd *systemd, struct systemd_question *question, const char *name,
                     int64_t timeout_ms, struct belfry_error *error) {
  sd_bus_message *message = NULL;
  char *path = NULL;
  int code = sd_bus_path_encode(UNITS_PREFIX, name, &path);
  if (code < 0)
    return belfry_error_errno(error, -code, "cannot ask systemd");
  int status = new_call(systemd, path, PROPERTIES, "GetAll", &message, error);
  free(path);
  if (status)
    return status;
  code = sd_bus_message_append(message, "s", ""); /* of every interface */
  if (code < 0) {
    sd_bus_message_unref(message);
    return belfry_error_errno(error, -code, "cannot ask systemd");
  }
  return ask(systemd, question, message, systemd_on_properties, timeout_ms, error);
}

/* --- life --- */

int systemd_new(struct ev_loop *loop, struct systemd **out) {
  struct systemd *systemd = calloc(1, sizeof *systemd);
  if (!systemd)
    return BELFRY_ENOMEM;
  systemd->loop = loop;
  ev_init(&systemd->io, systemd_on_io);
  ev_init(&systemd->time, systemd_on_time);
  systemd->io.data = systemd->time.data = systemd;
  *out = systemd;
  return BELFRY_OK;
}

void systemd_free(struct systemd *systemd) {
  if (!systemd)
    return;
  disconnect(systemd);
  free(systemd);
}
