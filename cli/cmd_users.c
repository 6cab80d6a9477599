/*
 * belfry users: lists, creates, changes and deletes users. A password is asked for without being
 * shown, or is the first line of stdin; it is never an argument, which others could see.
 */
#include "cli/admin.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

struct changes {
  const char *name, *role, *disabled; /* the last as JSON; NULL: stays */
};

static int list(const struct command *command, struct admin *admin, void *arg, int argc,
                char **argv) {
  static const struct admin_column columns[] = {{"id", "ID", 12},
                                                {"role", "ROLE", 8},
                                                {"disabled", "STATE", 8},
                                                {"created", "CREATED", 24},
                                                {"last_used", "LAST USED", 24},
                                                {"created_by", "CREATED BY", 16},
                                                {"name", "NAME", 0}};
  (void)arg;
  if (argc > 0)
    return command_misused(command, "list takes no argument '%s'", argv[0]);
  return admin_print_list(admin, "api/users", "users", columns);
}

/* --- passwords ----------------------------------------------------------------------------------
 */

/* Reads a line from stdin; on a terminal after `prompt`, and without showing it. Returns: owned, to
 * be given to forget(); NULL when there is none. */
static char *read_secret(const char *prompt) {
  struct termios before, silent;
  bool terminal = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &before) == 0;
  char *line = NULL;
  size_t room = 0;
  if (terminal) {
    fputs(prompt, stderr);
    silent = before;
    silent.c_lflag &= ~(tcflag_t)ECHO;
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
  }
  ssize_t len = getline(&line, &room, stdin);
  if (terminal) {
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    fputc('\n', stderr);
  }
  if (len < 0) {
    free(line);
    return NULL;
  }
  line[strcspn(line, "\r\n")] = '\0';
  return line;
}

static void forget(char *secret) {
  if (secret)
    explicit_bzero(secret, strlen(secret));
  free(secret);
}

/* Asks for a new password, on a terminal twice. Returns: as read_secret; NULL after saying why. */
static char *ask_password(void) {
  char *password = read_secret("New password: ");
  if (!password || !password[0]) {
    command_complain("there is no password on stdin");
    forget(password);
    return NULL;
  }
  if (!isatty(STDIN_FILENO))
    return password;
  char *again = read_secret("The same again: ");
  if (again && strcmp(password, again) == 0) {
    forget(again);
    return password;
  }
  command_complain("these are not the same");
  forget(again);
  forget(password);
  return NULL;
}

static void put_member(struct buf *body, const char *name, const char *text) {
  buf_printf(body, "%s\"%s\":", body->len > 1 ? "," : "", name);
  json_put_string(body, slice_of(text));
}

/* Empties a body that holds a password. */
static void wipe(struct buf *body) {
  if (body->data)
    explicit_bzero(body->data, body->len);
  buf_fini(body);
}

/* --- verbs --------------------------------------------------------------------------------------
 */

static int create(const struct command *command, struct admin *admin, void *arg, int argc,
                  char **argv) {
  struct buf body;
  (void)arg;
  if (argc != 2)
    return command_misused(command, "create takes a name and a role: viewer, operator or admin");
  char *password = ask_password();
  if (!password)
    return EXIT_FAILED;
  buf_init(&body, 0);
  buf_put_char(&body, '{');
  put_member(&body, "name", argv[0]);
  put_member(&body, "role", argv[1]);
  put_member(&body, "password", password);
  buf_put_char(&body, '}');
  json_t *answer =
      buf_status(&body) ? NULL : admin_ask(admin, "POST", "api/users", buf_slice(&body), 201);
  bool done = answer != NULL;
  json_decref(answer);
  wipe(&body);
  forget(password);
  return done ? EXIT_OK : EXIT_FAILED;
}

static int passwd(const struct command *command, struct admin *admin, void *arg, int argc,
                  char **argv) {
  struct buf body;
  (void)arg;
  if (argc != 1 || !argv[0][0])
    return command_misused(command, "passwd takes the name of one user");
  char *password = ask_password();
  if (!password)
    return EXIT_FAILED;
  buf_init(&body, 0);
  buf_put_char(&body, '{');
  put_member(&body, "password", password);
  buf_put_char(&body, '}');
  bool done = !buf_status(&body) &&
              admin_ask_about(admin, "PATCH", "api/users/", argv[0], buf_slice(&body), 200);
  wipe(&body);
  forget(password);
  return done ? EXIT_OK : EXIT_FAILED;
}

static int set(const struct command *command, struct admin *admin, void *arg, int argc,
               char **argv) {
  const struct changes *changes = arg;
  struct buf body;
  if (argc != 1 || !argv[0][0])
    return command_misused(command, "set takes the name of one user");
  if (!changes->name && !changes->role && !changes->disabled)
    return command_misused(command, "say what to set: --name, --role, --disable or --enable");
  buf_init(&body, 0);
  buf_put_char(&body, '{');
  if (changes->name)
    put_member(&body, "name", changes->name);
  if (changes->role)
    put_member(&body, "role", changes->role);
  if (changes->disabled)
    buf_printf(&body, "%s\"disabled\":%s", body.len > 1 ? "," : "", changes->disabled);
  buf_put_char(&body, '}');
  bool done = !buf_status(&body) &&
              admin_ask_about(admin, "PATCH", "api/users/", argv[0], buf_slice(&body), 200);
  buf_fini(&body);
  return done ? EXIT_OK : EXIT_FAILED;
}

static int delete (const struct command *command, struct admin *admin, void *arg, int argc,
                   char **argv) {
  (void)arg;
  if (argc != 1 || !argv[0][0])
    return command_misused(command,
                           "delete takes the name of one user; `belfry users list` shows them");
  return admin_ask_about(admin, "DELETE", "api/users/", argv[0], slice_of(NULL), 204) ? EXIT_OK
                                                                                      : EXIT_FAILED;
}

int cmd_users(const struct command *command, int argc, char **argv) {
  static const struct option options[] = {{"name", required_argument, NULL, 'n'},
                                          {"role", required_argument, NULL, 'r'},
                                          {"disable", no_argument, NULL, 'd'},
                                          {"enable", no_argument, NULL, 'e'},
                                          CONNECTION_LONG_OPTIONS,
                                          {0}};
  static const struct admin_verb verbs[] = {{"list", list}, {"create", create}, {"passwd", passwd},
                                            {"set", set},   {"delete", delete}, {0}};
  struct changes changes = {0};
  struct admin admin = {0};
  int option;
  while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
    if (option == 'h')
      return command_print_usage(command);
    else if (option == 'n')
      changes.name = optarg;
    else if (option == 'r')
      changes.role = optarg;
    else if (option == 'd' || option == 'e')
      changes.disabled = option == 'd' ? "true" : "false";
    else if (!connection_take_option(&admin.options, option, optarg))
      return command_misused(command, "these arguments are not understood");
  }
  return admin_run(command, &admin, verbs, &changes, argc - optind, argv + optind);
}
