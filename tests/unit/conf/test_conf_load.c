/* lib/conf: what a file and the environment make of the settings, and that a dump reads back as the
 * same. */
#include "conf_file.h"

#include "conf/conf_priv.h"

static char *dump_of(const struct conf *conf) {
  struct buf text;
  buf_init(&text, 0);
  conf_dump(conf, &text);
  assert_int_equal(buf_status(&text), 0);
  return text.data;
}

static void test_nothing_is_all_defaults(void **state) {
  (void)state;
  static const char *const texts[] = {"",
                                      "# a comment\n",
                                      "---\n",
                                      "fcgi:\nservices:\nlogs:\n",
                                      "{}",
                                      "null\n",
                                      ("\xef\xbb\xbf"
                                       "fcgi: {}\n")};
  struct conf *reference = conf_of("{}");
  char *expected = dump_of(reference);
  assert_int_equal(reference->fcgi_workers, 8);
  assert_int_equal(reference->push_interval_ms, 5000);
  assert_int_equal(reference->fcgi_max_event_bytes, 65536);
  assert_true(reference->push_enabled);
  assert_string_equal(reference->paths_state, "/var/lib/belfry");
  assert_null(reference->push_listen);
  assert_null(reference->web_custom_dir);
  assert_int_equal(reference->logging_level, 4);
  assert_int_equal(reference->access_read_role, 1);
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    struct conf *conf = conf_of(texts[i]);
    char *dump = dump_of(conf);
    assert_string_equal(dump, expected);
    free(dump);
    conf_free(conf);
  }
  free(expected);
  conf_free(reference);
}

static void test_services_and_thresholds_alone_are_enough(void **state) {
  (void)state;
  struct conf *conf =
      conf_of("{\n\t\"services\": [\n\t\t{\"name\": \"api\", \"port\": 8000, \"health_endpoint\": "
              "\"\\/health\"},\n"
              "\t\t{\"name\": \"db\", \"port\": 5432, \"health_endpoint\": null}\n\t],\n"
              "\t\"thresholds\": {\"restart_failures\": 5, \"cpu_max\": 80, \"mem_max\": 85}\n}\n");
  assert_int_equal(conf->service_count, 2);
  assert_string_equal(conf->services[0].name, "api");
  assert_int_equal(conf->services[0].port, 8000);
  assert_string_equal(conf->services[0].health_endpoint, "/health");
  assert_string_equal(conf->services[1].name, "db");
  assert_null(conf->services[1].health_endpoint);
  assert_int_equal(conf->thresholds_restart_failures, 5);
  assert_int_equal(conf->thresholds_cpu_max, 80);
  assert_int_equal(conf->thresholds_mem_max, 85);
  conf_free(conf);
}

static void test_ways_to_write_a_value(void **state) {
  (void)state;
  struct conf *conf = conf_of(
      "push: {enabled: Off, interval: '7 s', ring: 1gib, max_delay: 0}\nwatch: {enabled: no}\n"
      "metrics: {enabled: \"yes\"}\nfcgi: {workers: '+9', max_body: 2048}\n"
      "web: {title: Wächter 監視, custom_dir: ''}\naccess: {read_role: none}\n");
  assert_false(conf->push_enabled);
  assert_false(conf->watch_enabled);
  assert_true(conf->metrics_enabled);
  assert_int_equal(conf->push_interval_ms, 7000);
  assert_int_equal(conf->push_ring_bytes, 1 << 30);
  assert_int_equal(conf->push_max_delay_ms, 0);
  assert_int_equal(conf->fcgi_workers, 9);
  assert_int_equal(conf->fcgi_max_body_bytes, 2048);
  assert_string_equal(conf->web_title, "Wächter 監視");
  assert_null(conf->web_custom_dir);
  assert_int_equal(conf->access_read_role, 0);
  conf_free(conf);
}

static void test_paths_are_taken_from_the_files_folder(void **state) {
  (void)state;
  char expected[200];
  struct conf *conf = conf_of("paths: {state: ., run: ./run}\nlogs:\n- path: log/app.log\n- {path: "
                              "/var/log/b, source: bee}\n");
  char *real = realpath(conf_folder, NULL);
  assert_string_equal(conf->paths_state, real);
  snprintf(expected, sizeof expected, "%s/run", real);
  assert_string_equal(conf->paths_run, expected);
  snprintf(expected, sizeof expected, "%s/log/app.log", real);
  assert_string_equal(conf->logs[0].path, expected);
  assert_string_equal(conf->logs[0].source, "app.log");
  assert_string_equal(conf->logs[1].path, "/var/log/b");
  assert_string_equal(conf->logs[1].source, "bee");
  char path[64];
  assert_int_equal(conf_run_path(conf, "history.sock", path, sizeof path), 0);
  snprintf(expected, sizeof expected, "%s/run/history.sock", real);
  assert_string_equal(path, expected);
  assert_int_equal(conf_state_path(conf, "history", path, 8), BELFRY_ETOOBIG);
  free(real);
  conf_free(conf);
}

/* A value other than the default, as it is written. */
static void put_other_value(const struct conf_row *row, bool last, struct buf *out) {
  switch (row->kind) {
  case CONF_KIND_BOOL:
    buf_put_text(out, row->fallback ? "false" : "true");
    return;
  case CONF_KIND_INT:
  case CONF_KIND_DURATION:
  case CONF_KIND_BYTES:
    conf__put_number(row->kind, last ? row->max : row->min, out);
    return;
  case CONF_KIND_CHOICE: {
    struct slice rest = slice_of(row->choices), choice, next;
    slice_split(&rest, '|', &choice);
    while (last && slice_split(&rest, '|', &next))
      choice = next;
    buf_put_slice(out, choice);
    return;
  }
  case CONF_KIND_PATH:
    buf_put_text(out, "\"/other \\\" 'path' # \\\\ ä\"");
    return;
  case CONF_KIND_TEXT:
    buf_put_text(out, row->form == CONF_FORM_ADDRESS    ? "'[::1]:8090'"
                      : row->form == CONF_FORM_NETWORKS ? "10.0.0.0/8, ::1"
                      : row->form == CONF_FORM_ANY      ? "\"yes: # \\\" 'ü' {} \\\\ 🦇\""
                                                        : "other-1");
    return;
  case CONF_KIND_WORDS: /* settings have none */
    return;
  }
}

static void test_every_setting_survives_dump_and_load(void **state) {
  (void)state;
  struct conf *defaults = conf_of("{}");
  for (size_t i = 0; i < conf__setting_count; i++)
    for (int last = 0; last < 2; last++) {
      const struct conf_row *row = &conf__settings[i];
      struct buf text;
      buf_init(&text, 0);
      buf_printf(&text, "%s:\n  %s: ", row->section, row->key);
      put_other_value(row, last, &text);
      buf_put_char(&text, '\n');
      struct conf *conf = conf_of(text.data);
      char *dump = dump_of(conf);
      struct conf *again = conf_of(dump);
      char *second = dump_of(again);
      assert_string_equal(dump, second);
      buf_clear(&text);
      conf__put_value(row, conf, &text);
      struct buf value;
      buf_init(&value, 0);
      conf__put_value(row, again, &value);
      if (!slice_equal(buf_slice(&text), buf_slice(&value)))
        fail_msg("%s.%s: %s became %s", row->section, row->key, text.data, value.data);
      buf_fini(&value);
      buf_fini(&text);
      free(dump);
      free(second);
      conf_free(conf);
      conf_free(again);
    }
  conf_free(defaults);
}

static void test_lists_survive_dump_and_load(void **state) {
  (void)state;
  struct conf *conf = conf_of("services:\n- {name: a.b:c-d_9, port: 65535}\n- {name: b, "
                              "health_endpoint: 'https://x.example/h?a=1#b'}\n"
                              "logs:\n- path: \"/a \\\" b\"\n");
  char *dump = dump_of(conf);
  struct conf *again = conf_of(dump);
  char *second = dump_of(again);
  assert_string_equal(dump, second);
  assert_int_equal(again->service_count, 2);
  assert_string_equal(again->services[1].health_endpoint, "https://x.example/h?a=1#b");
  assert_string_equal(again->logs[0].path, "/a \" b");
  free(dump);
  free(second);
  conf_free(conf);
  conf_free(again);
}

static void test_secrets_are_not_dumped(void **state) {
  (void)state;
  struct conf *conf = conf_of(
      "channels:\n- {name: a, type: webhook, url: 'https://h/SECRET', token: SECRET, headers: "
      "['X-Key: SECRET', 'A: SECRET'], default: false, send_resolved: false, min_severity: error}\n"
      "- {name: b, type: email, server: 'm:25', from: a@b, to: [c@d], user: u, password: SECRET, "
      "encryption: none}\n"
      "- {name: c, type: exec, command: [/bin/cat, '']}\n");
  assert_string_equal(conf->channels[0].token, "SECRET");
  assert_int_equal(conf->channels[0].max_per_hour, 60);
  char *dump = dump_of(conf);
  assert_null(strstr(dump, "SECRET"));
  struct conf *again = conf_of(dump);
  char *second = dump_of(again);
  assert_string_equal(dump, second);
  assert_int_equal(again->channels[0].by_name_only, 1);
  assert_int_equal(again->channels[0].only_firing, 1);
  assert_string_equal(again->channels[0].headers[1], "A:hidden");
  assert_int_equal(again->channels[1].encryption, CONF_ENCRYPTION_NONE);
  assert_true(conf_channel_find(again, slice_of("c")) == &again->channels[2]);
  free(dump);
  free(second);
  conf_free(conf);
  conf_free(again);
}

/* One of each type, with all that it takes; each is read, written out, read again, copied and
 * compared. */
static void test_services_of_all_types(void **state) {
  (void)state;
  static const char *const rest[] = {
      "port: 1, health_endpoint: /h, host: h.example, method: POST, headers: ['A: b', 'C-d: "
      "\"e\"'], body: '{}', "
      "expect_status: '200-299,404', expect_text: \"so 'that'\", expect_json: a.0.b=c=d, insecure: "
      "true, "
      "certificate_days: 30",
      "type: tcp, port: 1, host: '::1'",
      "type: tls, port: 1, insecure: yes, certificate_days: 1",
      "type: grpc, port: 65535, grpc_service: a.b.C",
      "type: exec, command: [/bin/echo, '', \"a b\", \"'\"]",
      "type: process, process: /usr/sbin/nginx",
      "type: systemd, unit: 'db@15-a\\x2db.service'",
      "type: push, source: cron, metric: backup_bytes, within: 2d",
  };
  static const char *const types[] = {"http", "tcp",     "tls",     "grpc",
                                      "exec", "process", "systemd", "push"};
  char text[4096] = "services:\n";
  for (size_t i = 0; i < 8; i++)
    sprintf(text + strlen(text),
            "- {name: n%zu, interval: 5s, timeout: 1s, degraded_latency: 1s, %s}\n", i, rest[i]);
  struct conf *conf = conf_of(text);
  char *dump = dump_of(conf);
  struct conf *again = conf_of(dump);
  assert_int_equal(again->service_count, 8);
  for (size_t i = 0; i < 8; i++) {
    struct conf_service *copy = conf_service_copy(&conf->services[i]);
    assert_string_equal(conf_service_type_name(copy), types[i]);
    assert_true(conf_service_same(copy, &again->services[i]));
    assert_false(conf_service_same(copy, &conf->services[(i + 1) % 8]));
    copy->interval_ms++;
    assert_false(conf_service_same(copy, &conf->services[i]));
    conf_service_free(copy);
  }
  assert_string_equal(again->services[0].headers[1], "C-d: \"e\"");
  assert_null(again->services[0].headers[2]);
  assert_string_equal(again->services[4].command[2], "a b");
  free(dump);
  conf_free(conf);
  conf_free(again);
}

static void test_scrapes(void **state) {
  (void)state;
  struct conf *conf =
      conf_of("scrapes:\n- url: http://me:secret@h.example:9100/metrics?a=b\n"
              "- {url: 'https://h/stats', source: shop, interval: 5s, timeout: 1s, max_series: 10, "
              "metrics: ['a*'], json: [total=a.b, c_d=e], headers: ['A: b'], insecure: true}\n");
  char *dump = dump_of(conf);
  struct conf *again = conf_of(dump);
  assert_int_equal(again->scrape_count, 2);
  assert_string_equal(again->scrapes[0].source, "h.example:9100"); /* and nobody's password */
  assert_int_equal(again->scrapes[0].interval_ms, 10000);
  assert_int_equal(again->scrapes[0].max_series, 2000);
  assert_null(again->scrapes[0].metrics);
  assert_string_equal(again->scrapes[1].json[1], "c_d=e");
  for (size_t i = 0; i < 2; i++) {
    struct conf_scrape *copy = conf_scrape_copy(&conf->scrapes[i]);
    assert_true(conf_scrape_same(copy, &again->scrapes[i]));
    assert_false(conf_scrape_same(copy, &again->scrapes[!i]));
    conf_scrape_free(copy);
  }
  free(dump);
  conf_free(conf);
  conf_free(again);
}

static void test_environment_overrides_the_file(void **state) {
  (void)state;
  setenv("BELFRY_FCGI_WORKERS", "3", 1);
  setenv("BELFRY_PUSH_INTERVAL", "9s", 1);
  setenv("BELFRY_WEB_TITLE", "", 1); /* counts as not set */
  struct conf *conf = conf_of("fcgi: {workers: 4}\nweb: {title: Mine}\n");
  assert_int_equal(conf->fcgi_workers, 3);
  assert_int_equal(conf->push_interval_ms, 9000);
  assert_string_equal(conf->web_title, "Mine");
  conf_free(conf);
  setenv("BELFRY_FCGI_WORKERS", "many", 1);
  assert_string_equal(
      conf_problems_of("", 0),
      "BELFRY_FCGI_WORKERS: fcgi.workers: 'many' is not a whole number from 1 to 256\n");
  unsetenv("BELFRY_FCGI_WORKERS");
  unsetenv("BELFRY_PUSH_INTERVAL");
  unsetenv("BELFRY_WEB_TITLE");
}

static void test_every_setting_has_its_variable(void **state) {
  (void)state;
  for (size_t i = 0; i < conf__setting_count; i++) {
    char name[100], expected[300];
    int len = snprintf(name, sizeof name, "BELFRY_%s_%s", conf__settings[i].section,
                       conf__settings[i].key);
    for (int c = 0; c < len; c++)
      if (name[c] >= 'a' && name[c] <= 'z')
        name[c] = (char)(name[c] - 'a' + 'A');
    setenv(name, "\x01", 1);
    snprintf(expected, sizeof expected, "%s: %s.%s: ", name, conf__settings[i].section,
             conf__settings[i].key);
    const char *said = conf_problems_of("", 0);
    if (strncmp(said, expected, strlen(expected)) != 0)
      fail_msg("%s is not looked at: '%s'", name, said);
    unsetenv(name);
  }
}

static void test_aliases_fill_what_nobody_says(void **state) {
  (void)state;
  char cwd[4096], expected[4200];
  assert_non_null(getcwd(cwd, sizeof cwd));
  setenv("DASHBOARD_ENABLED", "false", 1);
  setenv("DASHBOARD_REFRESH_INTERVAL", "12", 1);
  setenv("HISTORY_FILE_PATH", "/srv/dashboard/history.json", 1);
  setenv("LOG_FILE_PATH", "logs/recovery.log", 1);
  struct conf *conf = conf_of("{}");
  assert_false(conf->push_enabled);
  assert_int_equal(conf->push_interval_ms, 12000);
  assert_string_equal(conf->paths_state, "/srv/dashboard");
  assert_int_equal(conf->log_count, 1);
  snprintf(expected, sizeof expected, "%s/logs/recovery.log", cwd);
  assert_string_equal(conf->logs[0].path, expected);
  assert_string_equal(conf->logs[0].source, "recovery.log");
  conf_free(conf);

  setenv("LOG_FILE_PATH", "/var/log/a.log", 1);
  setenv("BELFRY_PUSH_ENABLED", "true", 1);
  conf = conf_of("push: {interval: 3s}\npaths: {state: /elsewhere}\nlogs: [{path: /var/log/a.log, "
                 "source: mine}]\n");
  assert_true(conf->push_enabled);
  assert_int_equal(conf->push_interval_ms, 3000);
  assert_string_equal(conf->paths_state, "/elsewhere");
  assert_int_equal(conf->log_count, 1);
  assert_string_equal(conf->logs[0].source, "mine");
  conf_free(conf);

  unsetenv("BELFRY_PUSH_ENABLED");
  setenv("DASHBOARD_REFRESH_INTERVAL", "2m", 1);
  assert_string_equal(conf_problems_of("", 0), "DASHBOARD_REFRESH_INTERVAL: push.interval: '2m' is "
                                               "not a whole number of seconds from 1 to 60\n");
  setenv("DASHBOARD_REFRESH_INTERVAL", "61", 1);
  assert_string_equal(
      conf_problems_of("", 0),
      "DASHBOARD_REFRESH_INTERVAL: push.interval: '61s' is not a duration from 1s to 1m\n");
  unsetenv("DASHBOARD_ENABLED");
  unsetenv("DASHBOARD_REFRESH_INTERVAL");
  unsetenv("HISTORY_FILE_PATH");
  unsetenv("LOG_FILE_PATH");
}

static void test_health_config_path_names_the_file(void **state) {
  (void)state;
  struct belfry_error error = {0};
  const char text[] =
      "{\"services\":[{\"name\":\"api\",\"port\":8000,\"health_endpoint\":\"/health\"}],"
      "\"thresholds\":{\"restart_failures\":3,\"cpu_max\":80,\"mem_max\":80}}";
  conf_write(text, strlen(text));
  setenv("HEALTH_CONFIG_PATH", conf_path, 1);
  struct conf *conf = conf_load(NULL, &error);
  assert_non_null(conf);
  assert_int_equal(conf->service_count, 1);
  conf_free(conf);
  setenv("HEALTH_CONFIG_PATH", "/nowhere/health_config.json", 1);
  assert_null(conf_load(NULL, &error));
  assert_int_equal(error.code, BELFRY_ENOENT);
  unsetenv("HEALTH_CONFIG_PATH");
}

/* The example that is installed: as it is, and with everything in it that is commented out. */
static void test_the_example_is_valid(void **state) {
  (void)state;
  const char *srcdir = getenv("srcdir");
  char path[4200], line[300];
  struct buf text;
  snprintf(path, sizeof path, "%s/etc/belfry.yaml", srcdir ? srcdir : ".");
  FILE *file = fopen(path, "r");
  if (!file)
    fail_msg("%s is not there", path);
  buf_init(&text, 0);
  while (fgets(line, sizeof line, file)) {
    bool setting = line[0] == '#' && line[1] != ' ' && line[1] != '\n';
    bool member = strncmp(line, "#  ", 3) == 0;
    if (!strstr(line, ": []\n"))
      buf_put_text(&text, setting || member ? line + 1 : line);
  }
  fclose(file);
  assert_int_equal(conf_check(path, conf_collect, &text), 0);
  struct conf *conf = conf_of(text.data);
  assert_int_equal(conf->service_count, 4);
  assert_int_equal(conf->log_count, 3);
  assert_int_equal(conf->alert_count, 3);
  assert_int_equal(conf->maintenance_count, 1);
  assert_int_equal(conf->recovery_count, 1);
  assert_string_equal(conf->push_listen, "127.0.0.1:8090");
  conf_free(conf);
  buf_fini(&text);
}

/* Every setting, list and alias is in the manual, and nothing in it can be taken for a request. */
static void test_manual_has_every_setting(void **state) {
  (void)state;
  struct buf text;
  buf_init(&text, 0);
  conf_document(&text);
  assert_int_equal(buf_status(&text), 0);
  for (size_t i = 0; i < conf__setting_count; i++) {
    char line[100];
    snprintf(line, sizeof line, "\n.It Ic %s\n", conf__settings[i].key);
    if (!strstr(text.data, line))
      fail_msg("%s.%s is not in the manual", conf__settings[i].section, conf__settings[i].key);
  }
  static const char *const parts[] = {".Ss The list services\n", ".Ss The list logs\n",
                                      ".It Ev DASHBOARD_ENABLED\n",
                                      "Takes a whole number from 1 to 256; default 8.\n",
                                      "Takes a duration from 1s to 1m; default 5s.\n"};
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
    if (!strstr(text.data, parts[i]))
      fail_msg("'%s' is not in the manual", parts[i]);
  buf_fini(&text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_nothing_is_all_defaults),
      cmocka_unit_test(test_services_and_thresholds_alone_are_enough),
      cmocka_unit_test(test_ways_to_write_a_value),
      cmocka_unit_test(test_paths_are_taken_from_the_files_folder),
      cmocka_unit_test(test_every_setting_survives_dump_and_load),
      cmocka_unit_test(test_lists_survive_dump_and_load),
      cmocka_unit_test(test_secrets_are_not_dumped),
      cmocka_unit_test(test_services_of_all_types),
      cmocka_unit_test(test_scrapes),
      cmocka_unit_test(test_environment_overrides_the_file),
      cmocka_unit_test(test_every_setting_has_its_variable),
      cmocka_unit_test(test_aliases_fill_what_nobody_says),
      cmocka_unit_test(test_health_config_path_names_the_file),
      cmocka_unit_test(test_the_example_is_valid),
      cmocka_unit_test(test_manual_has_every_setting),
  };
  return cmocka_run_group_tests(tests, conf_folder_make, conf_folder_remove);
}
