/* lib/conf: every mistake is told with its place, its key, and what would be right. */
#include "conf_file.h"

#include "config.h"

struct row {
  const char *text, *problems;
};

static void check_rows(const struct row *rows, size_t count) {
  for (size_t i = 0; i < count; i++) {
    const char *said = conf_problems_of(rows[i].text, strlen(rows[i].text));
    if (strcmp(said, rows[i].problems) != 0)
      fail_msg("of\n%s\nit is said\n%sinstead of\n%s", rows[i].text, said, rows[i].problems);
  }
}

#define CHECK_ROWS(rows) check_rows(rows, sizeof rows / sizeof *rows)

static void test_values(void **state) {
  (void)state;
  static const struct row rows[] = {
      {"fcgi:\n  workers: many\n",
       "2:12: fcgi.workers: 'many' is not a whole number from 1 to 256\n"},
      {"fcgi:\n  workers: 0\n", "2:12: fcgi.workers: '0' is not a whole number from 1 to 256\n"},
      {"fcgi:\n  workers: 257\n",
       "2:12: fcgi.workers: '257' is not a whole number from 1 to 256\n"},
      {"fcgi:\n  workers: 8.5\n",
       "2:12: fcgi.workers: '8.5' is not a whole number from 1 to 256\n"},
      {"fcgi:\n  workers: 99999999999999999999\n",
       "2:12: fcgi.workers: '99999999999999999999' is not a whole number from 1 to 256\n"},
      {"fcgi: {workers: }\n",
       "1:17: fcgi.workers: has no value: write a whole number from 1 to 256\n"},
      {"push:\n  enabled: maybe\n", "2:12: push.enabled: 'maybe' is not true or false\n"},
      {"push:\n  interval: 5\n", "2:13: push.interval: '5' is not a duration from 1s to 1m: write "
                                 "a number and ms, s, m, h or d, such as 30s\n"},
      {"push:\n  interval: 2m\n", "2:13: push.interval: '2m' is not a duration from 1s to 1m\n"},
      {"push:\n  interval: -5s\n", "2:13: push.interval: '-5s' is not a duration from 1s to 1m: "
                                   "write a number and ms, s, m, h or d, such as 30s\n"},
      {"push:\n  interval: 200000000000000d\n",
       "2:13: push.interval: '200000000000000d' is not a duration from 1s to 1m: write a number "
       "and ms, s, m, h or d, such as 30s\n"},
      {"fcgi:\n  max_body: 1MB\n",
       "2:13: fcgi.max_body: '1MB' is not a size from 1KiB to 1GiB: write a number of bytes, or "
       "with KiB, MiB, GiB or TiB, such as 8MiB\n"},
      {"fcgi:\n  max_body: 2GiB\n",
       "2:13: fcgi.max_body: '2GiB' is not a size from 1KiB to 1GiB\n"},
      {"journal:\n  priority: loud\n",
       "2:13: journal.priority: 'loud' is not emerg, alert, crit, err, warning, notice, info or "
       "debug\n"},
      {"syslog:\n  listen: 5514\n", "2:11: syslog.listen: '5514' is not an address such as "
                                    "127.0.0.1:8090 or [::1]:8090 of at most 255 bytes\n"},
      {"syslog:\n  max_message: 1KB\n",
       "2:16: syslog.max_message: '1KB' is not a size from 480 to 64KiB: write a number of bytes, "
       "or with KiB, MiB, GiB or TiB, such as 8MiB\n"},
#ifndef HAVE_LIBSYSTEMD
      {"journal:\n  enabled: yes\n",
       "2:12: journal.enabled: this Belfry was built without libsystemd: build it where "
       "libsystemd-dev is installed, or write false\n"},
#endif
      {"logging:\n  level: loud\n",
       "2:10: logging.level: 'loud' is not critical, error, warning, notice, info or debug\n"},
      {"access:\n  read_role: Viewer\n",
       "2:14: access.read_role: 'Viewer' is not none or viewer\n"},
      {"paths:\n  state: ''\n", "2:10: paths.state: must not be empty: write a path\n"},
      {"web:\n  title: \"\"\n",
       "2:10: web.title: must not be empty: write a text of at most 64 bytes\n"},
      {"web:\n  title: \"a\\x07b\"\n", "2:10: web.title: 'a?b' holds a control character or bytes "
                                       "that are not UTF-8: remove them\n"},
      {"access:\n  instance: a b\n",
       "2:13: access.instance: 'a b' is not letters, digits and - of at most 32 bytes\n"},
      {"push:\n  listen: 8090\n", "2:11: push.listen: '8090' is not an address such as "
                                  "127.0.0.1:8090 or [::1]:8090 of at most 255 bytes\n"},
      {"push:\n  listen: 127.0.0.1:0\n", "2:11: push.listen: '127.0.0.1:0' is not an address such "
                                         "as 127.0.0.1:8090 or [::1]:8090 of at most 255 bytes\n"},
      {"push:\n  listen: 127.0.0.1:65536\n",
       "2:11: push.listen: '127.0.0.1:65536' is not an address such as 127.0.0.1:8090 or "
       "[::1]:8090 of at most 255 bytes\n"},
      {"access:\n  trusted_proxies: 10.0.0.1/8\n",
       "2:20: access.trusted_proxies: '10.0.0.1/8' is not a comma list of addresses and networks "
       "such as 127.0.0.1,10.0.0.0/8,fd00::/8 of at most 1024 bytes: '10.0.0.1/8' has bits set "
       "beyond its /8: write 10.0.0.0/8\n"},
      {"web:\n  title: 0123456789012345678901234567890123456789012345678901234567890123456789\n",
       "2:10: web.title: '012345678901234567890123456789012345678901234567890123456789...' is not "
       "a text of at most 64 bytes\n"},
  };
  CHECK_ROWS(rows);
}

/* The sections and lists. */
#define KNOWN                                                                                      \
  "paths, logging, history, retention, fcgi, push, watch, masking, syslog, journal, metrics, "     \
  "model, web, access, "                                                                           \
  "alerting, thresholds, services, logs, scrapes, masks, alerts, channels, maintenance, "          \
  "recoveries"

static void test_keys(void **state) {
  (void)state;
  static const struct row rows[] = {
      {"fcgi:\n  wokers: 3\n", "2:3: fcgi: unknown key 'wokers': did you mean `workers`?\n"},
      {"fgci:\n  workers: 3\n", "1:1: unknown key 'fgci': did you mean `fcgi`?\n"},
      {"service: []\n", "1:1: unknown key 'service': did you mean `services`?\n"},
      {"metrics:\n  zebra: 3\n", "2:3: metrics: unknown key 'zebra': known are enabled\n"},
      {"zebra: 1\n", "1:1: unknown key 'zebra': known are " KNOWN "\n"},
      {"workers: 3\n", "1:1: the key 'workers' belongs under `fcgi:`\n"},
      {"fcgi:\n  workers: 3\n  workers: 4\n",
       "3:3: fcgi: the key 'workers' stands here a second time: remove one of them\n"},
      {"fcgi: {}\nfcgi: {}\n",
       "2:1: the key 'fcgi' stands here a second time: remove one of them\n"},
      {"services: []\nlogs: []\nservices: []\n",
       "3:1: the key 'services' stands here a second time: remove one of them\n"},
      {"? [a]\n: b\n", "1:3: a key must be a single word\n"},
      {"fcgi:\n  <<: {workers: 3}\n",
       "2:3: fcgi: unknown key '<<': known are workers, "
       "request_timeout, max_body, max_bulk_body, max_event, rate_limit, rate_window, "
       "max_requests\n"},
  };
  CHECK_ROWS(rows);
}

static void test_kinds(void **state) {
  (void)state;
  static const struct row rows[] = {
      {"- a\n", "1:1: must be a map of sections (such as `fcgi:`) and lists (such as `services:`), "
                "not a list\n"},
      {"hello\n", "1:1: must be a map of sections (such as `fcgi:`) and lists (such as "
                  "`services:`), not a single value\n"},
      {"fcgi: 3\n",
       "1:7: fcgi: must be a map of settings (`key: value` lines), not a single value\n"},
      {"fcgi: [3]\n", "1:7: fcgi: must be a map of settings (`key: value` lines), not a list\n"},
      {"fcgi:\n  workers: [3]\n", "2:12: fcgi.workers: must be a single value, not a list\n"},
      {"fcgi:\n  workers: {a: 3}\n", "2:12: fcgi.workers: must be a single value, not a map\n"},
      {"services: {name: a}\n", "1:11: services: must be a list (`- name: api`), not a map\n"},
      {"logs: /var/log/a\n",
       "1:7: logs: must be a list (`- path: /var/log/app.log`), not a single value\n"},
      {"services:\n  - api\n",
       "2:5: services[0]: must be a map of its members, not a single value\n"},
      {"fcgi:\n  workers: !env WORKERS\n",
       "2:12: fcgi.workers: the tag '!env' means nothing here: remove it\n"},
      {"fcgi: !include x.yaml\n",
       "1:7: fcgi: must be a map of settings (`key: value` lines), not a single value\n"},
  };
  CHECK_ROWS(rows);
}

#define RECOVERY                                                                                   \
  "services: [{name: a, port: 1}, {name: b, port: 2}]\nrecoveries:\n  - name: restart\n    "
#define COMMAND "command: [/bin/true]\n    "

static void test_recoveries(void **state) {
  (void)state;
  static const struct row rows[] = {
      {RECOVERY COMMAND "service: a\n", ""},
      {RECOVERY COMMAND "services: [a, b]\n    user: root\n    environment: [A=b, _C1=]\n", ""},
      {RECOVERY COMMAND "service: c\n",
       "3:5: recoveries[0]: recovers 'c', which is none of the services: add it, or correct the "
       "name\n"},
      {RECOVERY COMMAND "services: [a, c]\n",
       "3:5: recoveries[0]: recovers 'c', which is none of the services: add it, or correct the "
       "name\n"},
      {RECOVERY "command: [/bin/true]\n",
       "3:5: recoveries[0]: needs `service`: the name of one of the services, or `services`: a "
       "list of them\n"},
      {RECOVERY COMMAND "service: a\n    services: [b]\n",
       "3:5: recoveries[0]: has both `service` and `services`: leave one of them\n"},
      {RECOVERY "service: a\n",
       "3:5: recoveries[0]: needs `command`: a list of the program, by its "
       "absolute path, and its arguments\n"},
      {RECOVERY "service: a\n    command: [systemctl, restart, a]\n",
       "3:5: recoveries[0]: the program of `command` must be an absolute path such as "
       "/usr/bin/systemctl\n"},
      {RECOVERY "service: a\n    command: /bin/true\n",
       "5:14: recoveries[0].command: must be a list ([one, two]), not a single value\n"},
      {RECOVERY COMMAND "service: a\n    user: no-such-user\n",
       "3:5: recoveries[0]: runs as 'no-such-user', which is no user of this host: add the user, "
       "or "
       "correct the name\n"},
      {RECOVERY COMMAND "service: a\n    environment: [1A=b]\n",
       "6:19: recoveries[0].environment: '1A=b' is not a variable and its value such as MODE=fast "
       "of at most 4096 bytes\n"},
      {RECOVERY COMMAND "service: a\n    environment: [A]\n",
       "6:19: recoveries[0].environment: 'A' is not a variable and its value such as MODE=fast of "
       "at most 4096 bytes\n"},
      {RECOVERY COMMAND "service: a\n  - name: restart\n    " COMMAND "service: a\n",
       "3:5: recoveries[0]: there is another action 'restart' of the service a: call one of them "
       "something else\n"},
      {RECOVERY COMMAND "service: a\n  - name: restart\n    " COMMAND "service: b\n", ""},
      {RECOVERY COMMAND "services: [a, a]\n",
       "3:5: recoveries[0]: names the service a twice: leave one of them\n"},
      {RECOVERY COMMAND "service: a\n    trigger: cpu\n",
       "3:5: recoveries[0]: `trigger` means nothing to what is not run automatically: write "
       "`automatic: true`\n"},
      {RECOVERY COMMAND "service: a\n    trigger: disk\n",
       "6:14: recoveries[0].trigger: 'disk' is not failures, cpu or memory\n"},
      {RECOVERY COMMAND "service: a\n    automatic: true\n    trigger: cpu\n    after: 2\n",
       "3:5: recoveries[0]: `after` means nothing to this trigger: remove it, or write `trigger: "
       "failures`\n"},
      {RECOVERY COMMAND "service: a\n    for: 2m\n",
       "3:5: recoveries[0]: `for` means nothing to the trigger failures: remove it, or write "
       "`after`\n"},
      {RECOVERY COMMAND "service: a\n    cooldown: 2h\n    backoff_max: 1h\n",
       "3:5: recoveries[0]: `backoff_max` is shorter than `cooldown`: make it at least as long\n"},
      {RECOVERY COMMAND "service: a\n    max_per_hour: 61\n",
       "6:19: recoveries[0].max_per_hour: '61' is not a whole number from 1 to 60\n"},
      {RECOVERY COMMAND "service: a\n    timeout: 1ms\n",
       "6:14: recoveries[0].timeout: '1ms' is not a duration from 100ms to 1d\n"},
      {"recoveries:\n  - service: a\n",
       "2:5: recoveries[0]: `name` is missing, as in `- name: restart`\n"},
  };
  CHECK_ROWS(rows);
}

static void test_scrapes(void **state) {
  (void)state;
  static const struct row rows[] = {
      {"masks:\n  - pattern: 'a('\n",
       "2:5: masks[0]: the pattern is wrong at its character 3: missing closing parenthesis\n"},
      {"scrapes:\n  - source: a\n",
       "2:5: scrapes[0]: `url` is missing, as in `- url: http://127.0.0.1:9100/metrics`\n"},
      {"scrapes:\n  - url: /metrics\n",
       "2:5: scrapes[0]: a scrape needs a whole URL, such as http://127.0.0.1:9100/metrics\n"},
      {"scrapes:\n  - url: http://h/\n    json: [Total=a]\n",
       "3:12: scrapes[0].json: 'Total=a' is not a metric and the path of its number such as "
       "requests_total=http.requests of at most 512 bytes\n"},
      {"scrapes:\n  - url: http://h/\n    max_series: 0\n",
       "3:17: scrapes[0].max_series: '0' is not a whole number from 1 to 1000000\n"},
  };
  CHECK_ROWS(rows);
}

#define SERVICE "services:\n  - name: a\n    "

static void test_types_of_services(void **state) {
  (void)state;
  static const struct row rows[] = {
      {SERVICE "type: ping\n", "3:11: services[0].type: 'ping' is not auto, http, tcp, tls, grpc, "
                               "exec, process, systemd or push\n"},
      {SERVICE "type: tls\n", "2:5: services[0]: a service of the type tls needs `port`: a whole "
                              "number from 1 to 65535\n"},
      {SERVICE "type: exec\n", "2:5: services[0]: a service of the type exec needs `command`: a "
                               "list, each of them a text of at most 4096 bytes\n"},
      {SERVICE "type: exec\n    command: check me\n",
       "4:14: services[0].command: must be a list ([one, two]), not a single value\n"},
      {SERVICE "type: exec\n    command: [[a]]\n",
       "4:15: services[0].command: must be a list of single values, not a list\n"},
      {SERVICE "type: exec\n    command: [check]\n",
       "2:5: services[0]: `command` must begin with the absolute path of a program\n"},
      {SERVICE "type: exec\n    command: [/bin/true, \"a\\tb\"]\n",
       "4:26: services[0].command: 'a?b' holds a control character or bytes that are not UTF-8: "
       "remove them\n"},
      {SERVICE "port: 1\n    command: [/bin/true]\n",
       "2:5: services[0]: `command` means nothing to a service of the type tcp: remove it, or "
       "write `type: exec`\n"},
      {SERVICE "port: 1\n    insecure: true\n",
       "2:5: services[0]: `insecure` means nothing to a service of the type tcp: remove it, or "
       "write `type: http`\n"},
      {SERVICE "port: 1\n    health_endpoint: /\n    method: get\n",
       "5:13: services[0].method: 'get' is not a method of HTTP such as GET or HEAD of at most 16 "
       "bytes\n"},
      {SERVICE "port: 1\n    health_endpoint: /\n    headers: [nothing]\n",
       "5:15: services[0].headers: 'nothing' is not a header such as \"Accept: text/plain\" of at "
       "most 1024 bytes\n"},
      {SERVICE "port: 1\n    health_endpoint: /\n    expect_status: 300-200\n",
       "5:20: services[0].expect_status: '300-200' is not a comma list of statuses of HTTP such as "
       "200-299,401 of at most 256 bytes\n"},
      {SERVICE "port: 1\n    health_endpoint: /\n    expect_status: ok\n",
       "5:20: services[0].expect_status: 'ok' is not a comma list of statuses of HTTP such as "
       "200-299,401 of at most 256 bytes\n"},
      {SERVICE "port: 1\n    health_endpoint: /\n    expect_json: status\n",
       "5:18: services[0].expect_json: 'status' is not a member and its value such as status=ok or "
       "checks.db.status=up of at most 1024 bytes\n"},
      {SERVICE "type: push\n    source: x\n    within: 0\n",
       "5:13: services[0].within: '0' is not a duration from 1s to 365d\n"},
      {SERVICE "type: process\n    process: ''\n",
       "2:5: services[0]: a service of the type process needs `process`: a text of at most 256 "
       "bytes\n"},
      {SERVICE "type: systemd\n    unit: 'nginx; reboot'\n",
       "4:11: services[0].unit: 'nginx; reboot' is not the name of a unit such as nginx.service of "
       "at most 200 bytes\n"},
      {SERVICE "port: 1\n    interval: 10ms\n",
       "4:15: services[0].interval: '10ms' is not a duration from 1s to 1d\n"},
  };
  CHECK_ROWS(rows);
}

static void test_dependencies(void **state) {
  (void)state;
  static const struct row rows[] = {
      {SERVICE "port: 1\n    depends_on: [b]\n  - name: b\n    port: 2\n", ""},
      {SERVICE "port: 1\n    depends_on: [b]\n",
       "2:5: services[0]: depends on 'b', which is none of the services: add it, or correct the "
       "name\n"},
      {SERVICE "port: 1\n    depends_on: [a]\n",
       "2:5: services[0]: 'a' depends on itself by what it depends on: remove one of these\n"},
      {SERVICE "port: 1\n    depends_on: b\n",
       "4:17: services[0].depends_on: must be a list ([one, two]), not a single value\n"},
      {SERVICE "port: 1\n    depends_on: [b]\n  - name: b\n    port: 2\n    depends_on: [a]\n",
       "2:5: services[0]: 'a' depends on itself by what it depends on: remove one of these\n"
       "5:5: services[1]: 'b' depends on itself by what it depends on: remove one of these\n"},
  };
  CHECK_ROWS(rows);
}

#define RULE "alerts:\n  - name: r\n    "

static void test_alerts(void **state) {
  (void)state;
  static const struct row rows[] = {
      {"alerts:\n  - metric: m\n    above: 3\n",
       "2:5: alerts[0]: `name` is missing, as in `- name: disk_full`\n"},
      {RULE "metric: m\n    above: 3\n    clear: 2\n    by: [host]\n    for: 1m\n", ""},
      {RULE "metric: m\n    absent: 5m\n", ""},
      {RULE "services: ['*']\n    status: [down, unknown]\n", ""},
      {RULE "events: [error_occurred]\n    words: '\"no space\" -test'\n    above: 10\n", ""},
      {RULE "for: 1m\n", "2:5: alerts[0]: is about nothing: write exactly one of `metric`, "
                         "`services`, `events` and `logs`\n"},
      {RULE "metric: m\n    above: 3\n    logs: x\n",
       "2:5: alerts[0]: is about several things: write exactly one of `metric`, `services`, "
       "`events` and `logs`\n"},
      {RULE "metric: m\n",
       "2:5: alerts[0]: needs `above`, `below` or `absent`, or nothing is ever bad\n"},
      {RULE "metric: m\n    above: 3\n    below: 1\n",
       "2:5: alerts[0]: is bad above and below a number: write two rules\n"},
      {RULE "metric: m\n    above: 3\n    absent: 1m\n",
       "2:5: alerts[0]: `absent` asks whether there is any, `above` and `below` how many: write "
       "two rules\n"},
      {RULE "metric: m\n    absent: 1m\n    agg: max\n",
       "2:5: alerts[0]: `agg` means nothing to a rule with `absent`: remove it\n"},
      {RULE "metric: m\n    absent: 1m\n    clear: 3\n",
       "2:5: alerts[0]: `clear` needs `above` or `below`\n"},
      {RULE "metric: m\n    above: 3\n    clear: 4\n",
       "2:5: alerts[0]: `clear` must not be greater than `above`\n"},
      {RULE "metric: m\n    below: 3\n    clear: 2.5\n",
       "2:5: alerts[0]: `clear` must not be less than `below`\n"},
      {RULE "metric: m\n    above: many\n",
       "4:12: alerts[0].above: 'many' is not a number such as 90 or -0.5 of at most 32 bytes\n"},
      {RULE "metric: m\n    above: nan\n",
       "4:12: alerts[0].above: 'nan' is not a number such as 90 or -0.5 of at most 32 bytes\n"},
      {RULE "metric: m\n    above: 3\n    agg: median\n",
       "2:5: alerts[0]: there is no `agg` 'median': write avg, min, max, sum, count, last, rate, "
       "or a quantile such as p95\n"},
      {RULE "metric: m\n    above: 3\n    agg: p101\n",
       "2:5: alerts[0]: there is no `agg` 'p101': write avg, min, max, sum, count, last, rate, or "
       "a quantile such as p95\n"},
      {RULE "metric: m\n    above: 3\n    match: [mount]\n",
       "5:13: alerts[0].match: 'mount' is not a label and its value such as mount=/var of at most "
       "256 bytes\n"},
      {RULE "metric: m\n    above: 3\n    window: 2d\n",
       "5:13: alerts[0].window: '2d' is not a duration from 1s to 1d\n"},
      {RULE "services: ['*']\n    status: [up]\n",
       "2:5: alerts[0]: 'up' is no status of a service that is bad: write down, degraded or "
       "unknown\n"},
      {RULE "services: ['*']\n    above: 3\n",
       "2:5: alerts[0]: `above` means nothing to a rule about `services`: remove it\n"},
      {RULE "logs: oops\n    words: x\n",
       "2:5: alerts[0]: `words` means nothing to a rule about `logs`: remove it\n"},
      {RULE "logs: oops\n    severity: fatal\n",
       "4:15: alerts[0].severity: 'fatal' is not error, critical, warning or info\n"},
      {RULE "logs: oops\n    repeat: 10s\n",
       "4:13: alerts[0].repeat: '10s' is not a duration from 1m to 30d\n"},
      {RULE "logs: oops\n    depends_on: [r]\n",
       "2:5: alerts[0]: depends on itself: remove that\n"},
      {RULE "logs: oops\n    depends_on: [db]\n",
       "2:5: alerts[0]: depends on 'db', which is none of the services and rules: add it, or "
       "correct the name\n"},
      {RULE "logs: oops\n    channels: [ops]\n",
       "2:5: alerts[0]: names the channel 'ops', which is none of the channels: add it, or correct "
       "the name\n"},
      {RULE "logs: oops\n  - name: r\n    logs: x\n",
       "4:5: alerts[1]: there is a rule 'r' already: names must differ\n"},
  };
  CHECK_ROWS(rows);
}

#define MAINTENANCE "maintenance:\n  - name: m\n    "

static void test_maintenance(void **state) {
  (void)state;
  static const struct row rows[] = {
      {MAINTENANCE "from: 2026-11-20T22:00:00+01:00\n    to: 2026-11-21T02:00:00+01:00\n", ""},
      {MAINTENANCE "start: '22:00'\n    end: '02:00'\n    days: [sat]\n    timezone: Asia/Tokyo\n",
       ""},
      {MAINTENANCE "services: [db]\n", "2:5: maintenance[0]: needs either `from` and `to` (once), "
                                       "or `start` and `end` (again and again)\n"},
      {MAINTENANCE "from: 2026-11-20\n", "2:5: maintenance[0]: `to` is missing\n"},
      {MAINTENANCE "end: '02:00'\n", "2:5: maintenance[0]: `start` is missing\n"},
      {MAINTENANCE "from: 2026-11-20\n    to: 2026-11-19\n",
       "2:5: maintenance[0]: `to` must be after `from`\n"},
      {MAINTENANCE "from: tomorrow\n    to: 2026-11-19\n",
       "3:11: maintenance[0].from: 'tomorrow' is not a time such as 2026-11-20T22:00:00+01:00 of "
       "at most 40 bytes\n"},
      {MAINTENANCE "start: '24:00'\n    end: '02:00'\n",
       "3:12: maintenance[0].start: '24:00' is not a time of day such as 22:30 of at most 5 "
       "bytes\n"},
      {MAINTENANCE "start: '22:00'\n    end: '02:00'\n    timezone: Europe/Bonn\n",
       "5:15: maintenance[0].timezone: 'Europe/Bonn' is not a time zone that is known here such as "
       "Europe/Berlin of at most 64 bytes\n"},
      {MAINTENANCE "start: '22:00'\n    end: '02:00'\n    days: [son]\n",
       "2:5: maintenance[0]: 'son' is not a day: write mon, tue, wed, thu, fri, sat or sun\n"},
      {MAINTENANCE "start: '22:00'\n    end: '02:00'\n    from: 2026-11-20\n",
       "2:5: maintenance[0]: needs either `from` and `to` (once), or `start` and `end` (again and "
       "again)\n"},
  };
  CHECK_ROWS(rows);
}

#define CHANNEL "channels:\n  - name: c\n    "
#define HOOK    CHANNEL "type: webhook\n    "
#define MAIL    CHANNEL "type: email\n    server: m:25\n    from: a@b\n    "
#define BOT     CHANNEL "type: telegram\n    "
#define RUN     CHANNEL "type: exec\n    "
#define URL     "url: https://h/x\n    "
#define TYPES   "webhook, alertmanager, slack, telegram, email or exec"

static void test_channels(void **state) {
  (void)state;
  static const struct row rows[] = {
      {HOOK URL
       "headers: ['X-Key: s']\n    token: t\n    default: false\n    send_resolved: false\n",
       ""},
      {CHANNEL "type: slack\n    url_file: u\n    min_severity: error\n", ""},
      {BOT "token_file: t\n    chat: '-100'\n", ""},
      {MAIL "to: [c@d, e.f+g@h.i]\n    user: u\n    password_file: p\n    encryption: tls\n", ""},
      {RUN "command: [/bin/true, '']\n    timeout: 1s\n", ""},
      {CHANNEL "type: alertmanager\n    " URL "ca_file: c\n    max_per_hour: 2\n    give_up: 1h\n",
       ""},
      {"channels: {}\n", "1:11: channels: must be a list (`- name: ops`), not a map\n"},
      {"channels:\n  - c\n",
       "2:5: channels[0]: must be a map of its members, not a single value\n"},
      {"channels:\n  - type: webhook\n    url: https://h/\n",
       "2:5: channels[0]: `name` is missing, as in `- name: ops`\n"},
      {"channels:\n  - name: c\n", "2:5: channels[0]: `type` is missing, as in `- name: ops`\n"},
      {CHANNEL "type:\n", "3:10: channels[0].type: has no value: write " TYPES "\n"},
      {CHANNEL "type: ''\n", "3:11: channels[0].type: '' is not " TYPES "\n"},
      {CHANNEL "type: pager\n", "3:11: channels[0].type: 'pager' is not " TYPES "\n"},
      {CHANNEL "typ: exec\n", "3:5: channels[0]: unknown key 'typ': did you mean `type`?\n2:5: "
                              "channels[0]: `type` is missing, as in `- name: ops`\n"},
      {"channels:\n  - name: 'a b'\n    type: exec\n    command: [/x]\n",
       "2:11: channels[0].name: 'a b' is not letters, digits and _ . : - of at most 64 bytes\n"},
      {HOOK "timeout: 1s\n",
       "2:5: channels[0]: a channel of the type webhook needs `url` or `url_file`\n"},
      {HOOK URL "url_file: f\n",
       "2:5: channels[0]: has both `url` and `url_file`: remove one of them\n"},
      {HOOK URL "token: t\n    token_file: f\n",
       "2:5: channels[0]: has both `token` and `token_file`: remove one of them\n"},
      {HOOK "url: ftp://h/secret\n",
       "4:10: channels[0].url: the secret that stands here is not a URL such as "
       "https://example.org/hook of at most 2048 bytes\n"},
      {HOOK "url: /secret\n", "4:10: channels[0].url: the secret that stands here is not a URL "
                              "such as https://example.org/hook of at most 2048 bytes\n"},
      {HOOK "url: https://\n", "4:10: channels[0].url: the secret that stands here is not a URL "
                               "such as https://example.org/hook of at most 2048 bytes\n"},
      {HOOK "url: 'https://h/se cret'\n",
       "4:10: channels[0].url: the secret that stands here is not a URL such as "
       "https://example.org/hook of at most 2048 bytes\n"},
      {HOOK "url: [https://h/secret]\n",
       "4:10: channels[0].url: must be a single value, not a list\n"},
      {HOOK "url: \"https://h/sec\\x07ret\"\n",
       "4:10: channels[0].url: the secret that stands here holds a control character or bytes that "
       "are not UTF-8: remove them\n"},
      {HOOK URL "headers: secret\n",
       "5:14: channels[0].headers: must be a list ([one, two]), not a single value\n"},
      {HOOK URL "headers: [secret]\n",
       "5:15: channels[0].headers: the secret that stands here is not a header such as \"Accept: "
       "text/plain\" of at most 1024 bytes\n"},
      {HOOK URL "headers: [\"X: sec\\r\\nret: y\"]\n",
       "5:15: channels[0].headers: the secret that stands here holds a control character or bytes "
       "that are not UTF-8: remove them\n"},
      {HOOK URL "chat: 5\n", "2:5: channels[0]: `chat` means nothing to a channel of the type "
                             "webhook: remove it, or write `type: telegram`\n"},
      {HOOK URL "to: [a@b]\n", "2:5: channels[0]: `to` means nothing to a channel of the type "
                               "webhook: remove it, or write `type: email`\n"},
      {HOOK URL "command: [/x]\n", "2:5: channels[0]: `command` means nothing to a channel of the "
                                   "type webhook: remove it, or write `type: exec`\n"},
      {HOOK URL "default: maybe\n", "5:14: channels[0].default: 'maybe' is not true or false\n"},
      {HOOK URL "send_resolved: often\n",
       "5:20: channels[0].send_resolved: 'often' is not true or false\n"},
      {HOOK URL "min_severity: loud\n", "5:19: channels[0].min_severity: 'loud' is not debug, "
                                        "info, success, warning, error or critical\n"},
      {HOOK URL "max_per_hour: 1\n",
       "5:19: channels[0].max_per_hour: '1' is not a whole number from 2 to 3600\n"},
      {HOOK URL "max_per_hour: 3601\n",
       "5:19: channels[0].max_per_hour: '3601' is not a whole number from 2 to 3600\n"},
      {HOOK URL "group_wait: 10\n",
       "5:17: channels[0].group_wait: '10' is not a duration from 100ms to 1h: write a number and "
       "ms, s, m, h or d, such as 30s\n"},
      {HOOK URL "group_wait: 2h\n",
       "5:17: channels[0].group_wait: '2h' is not a duration from 100ms to 1h\n"},
      {HOOK URL "retry_delay: 1ms\n",
       "5:18: channels[0].retry_delay: '1ms' is not a duration from 100ms to 10m\n"},
      {HOOK URL "give_up: 31d\n",
       "5:14: channels[0].give_up: '31d' is not a duration from 1s to 30d\n"},
      {HOOK URL "timeout: 11m\n",
       "5:14: channels[0].timeout: '11m' is not a duration from 100ms to 10m\n"},
      {HOOK URL "insecure: maybe\n", "5:15: channels[0].insecure: 'maybe' is not true or false\n"},
      {CHANNEL "type: slack\n    " URL "token: t\n",
       "2:5: channels[0]: `token` means nothing to a channel of the type slack: remove it, or "
       "write `type: webhook`\n"},
      {CHANNEL "type: slack\n",
       "2:5: channels[0]: a channel of the type slack needs `url` or `url_file`\n"},
      {BOT "chat: '1'\n",
       "2:5: channels[0]: a channel of the type telegram needs `token` or `token_file`\n"},
      {BOT "token: t\n", "2:5: channels[0]: a channel of the type telegram needs `chat`\n"},
      {BOT "token: t\n    chat: '1'\n    server: m:25\n",
       "2:5: channels[0]: `server` means nothing to a channel of the type telegram: remove it, or "
       "write `type: email`\n"},
      {MAIL "user: u\n    password: p\n",
       "2:5: channels[0]: a channel of the type email needs `to`\n"},
      {MAIL "to: []\n", "2:5: channels[0]: a channel of the type email needs `to`\n"},
      {MAIL "to: ops@example.org\n",
       "6:9: channels[0].to: must be a list ([one, two]), not a single value\n"},
      {MAIL "to: ['Ops <ops@example.org>']\n",
       "6:10: channels[0].to: 'Ops <ops@example.org>' is not an address such as ops@example.org of "
       "at most 254 bytes\n"},
      {MAIL "to: [\"a@b\\r\\nBcc: c@d\"]\n",
       "6:10: channels[0].to: 'a@b??Bcc: c@d' holds a control character or bytes that are not "
       "UTF-8: remove them\n"},
      {MAIL "to: [ops]\n", "6:10: channels[0].to: 'ops' is not an address such as ops@example.org "
                           "of at most 254 bytes\n"},
      {CHANNEL "type: email\n    server: m\n    from: a@b\n    to: [c@d]\n",
       "4:13: channels[0].server: 'm' is not an address such as 127.0.0.1:8090 or [::1]:8090 of at "
       "most 255 bytes\n"},
      {CHANNEL "type: email\n    server: m:25\n    to: [c@d]\n",
       "2:5: channels[0]: a channel of the type email needs `from`\n"},
      {MAIL "to: [c@d]\n    user: u\n",
       "2:5: channels[0]: `user` needs a `password` or a `password_file`\n"},
      {MAIL "to: [c@d]\n    password: p\n", "2:5: channels[0]: a password needs a `user`\n"},
      {MAIL "to: [c@d]\n    user: u\n    password: p\n    password_file: f\n",
       "2:5: channels[0]: has both `password` and `password_file`: remove one of them\n"},
      {MAIL "to: [c@d]\n    encryption: ssl\n",
       "7:17: channels[0].encryption: 'ssl' is not starttls, tls, opportunistic or none\n"},
      {RUN "timeout: 1s\n", "2:5: channels[0]: a channel of the type exec needs `command`\n"},
      {RUN "command: notify\n",
       "4:14: channels[0].command: must be a list ([one, two]), not a single value\n"},
      {RUN "command: [notify, x]\n",
       "2:5: channels[0]: `command` must begin with the absolute path of a program\n"},
      {RUN "command: [/x]\n    url: https://h/\n",
       "2:5: channels[0]: `url` means nothing to a channel of the type exec: remove it, or write "
       "`type: webhook`\n"},
      {"channels:\n  - {name: c, type: exec, command: [/x]}\n  - {name: c, type: exec, command: "
       "[/x]}\n",
       "3:5: channels[1]: there is a channel 'c' already: names must differ\n"},
  };
  CHECK_ROWS(rows);
}

static void test_lists(void **state) {
  (void)state;
  static const struct row rows[] = {
      {"services:\n  - port: 80\n", "2:5: services[0]: `name` is missing, as in `- name: api`\n"},
      {"services:\n  - name: a\n", "2:5: services[0]: needs a port (a whole number from 1 to "
                                   "65535) or a health_endpoint that is a URL, or a type\n"},
      {"services:\n  - name: a\n    health_endpoint: /health\n",
       "2:5: services[0]: a health_endpoint that is a path needs a port: add one, or write a whole "
       "URL\n"},
      {"services:\n  - name: a\n    port: 65536\n",
       "3:11: services[0].port: '65536' is not a whole number from 1 to 65535\n"},
      {"services:\n  - name: a\n    port: 1\n  - name: a\n    port: 2\n",
       "4:5: services[1]: there is a service 'a' already: names must differ\n"},
      {"services:\n  - name: a b\n    port: 1\n",
       "2:11: services[0].name: 'a b' is not letters, digits and _ . : - of at most 64 bytes\n"},
      {"services:\n  - name:\n    port: 1\n", "2:10: services[0].name: must not be empty: write "
                                              "letters, digits and _ . : - of at most 64 bytes\n"},
      {"services:\n  - name: a\n    port: 1\n    health_endpoint: health\n",
       "4:22: services[0].health_endpoint: 'health' is not a path such as /health or a URL such as "
       "http://127.0.0.1:8000/health of at most 2048 bytes\n"},
      {"services:\n  - name: a\n    port: 1\n    health_endpoint: http://\n",
       "4:22: services[0].health_endpoint: 'http://' is not a path such as /health or a URL such "
       "as "
       "http://127.0.0.1:8000/health of at most 2048 bytes\n"},
      {"services:\n  - name: a\n    prt: 1\n",
       "3:5: services[0]: unknown key 'prt': did you mean `port`?\n"},
      {"logs:\n  - source: a\n",
       "2:5: logs[0]: `path` is missing, as in `- path: /var/log/app.log`\n"},
      {"logs:\n  - path: /a\n    format: xml\n",
       "3:13: logs[0].format: 'xml' is not auto, plain, json, logfmt, nginx_access, nginx_error, "
       "apache_access, apache_error, syslog or pattern\n"},
      {"logs:\n  - path: /a\n    format: pattern\n",
       "2:5: logs[0]: the format pattern needs `pattern`, such as '^(?<time>\\S+) "
       "(?<severity>\\w+) (?<message>.*)$'\n"},
      {"logs:\n  - path: /a\n    format: json\n    pattern: (?<a>b)\n",
       "2:5: logs[0]: `pattern` is for the format pattern: remove one of them\n"},
      {"logs:\n  - path: /a\n    pattern: '(?<a>b'\n",
       "2:5: logs[0]: the pattern is wrong at its character 7: missing closing parenthesis\n"},
      {"logs:\n  - path: /a\n    pattern: 'b+'\n",
       "2:5: logs[0]: the pattern has no named group: write (?<message>...) around what is the "
       "message\n"},
      {"logs:\n  - path: /a\n    multiline_start: '['\n",
       "2:5: logs[0]: the pattern is wrong at its character 2: missing terminating ] for character "
       "class\n"},
      {"logs:\n  - path: /a\n    multiline: off\n    multiline_start: '^x'\n",
       "2:5: logs[0]: `multiline_start` means nothing with multiline: off: remove one of them\n"},
      {"logs:\n  - path: /a\n    multiline: yes\n",
       "3:16: logs[0].multiline: 'yes' is not auto or off\n"},
      {"logs:\n  - path: /a/**/b\n",
       "2:5: logs[0]: ** is not understood in a path: write a `*` for each folder\n"},
  };
  CHECK_ROWS(rows);
}

static void test_yaml_itself(void **state) {
  (void)state;
  static const struct row rows[] = {
      {"fcgi:\n\tworkers: 3\n", "2:1: not valid YAML: found character that cannot start any token "
                                "while scanning for the next token; there is "
                                "a tab: indent with spaces\n"},
      {"fcgi: {workers: 3\n",
       "2:1: not valid YAML: did not find expected ',' or '}' while parsing a flow mapping\n"},
      {"fcgi:\n  workers: *nobody\n", "2:12: not valid YAML: found undefined alias\n"},
      {"fcgi: {}\n---\npush: {}\n",
       "3:1: a second document starts here: one file holds one configuration\n"},
      {"# \xff\n", "1:3: these bytes are not UTF-8: save the file as UTF-8\n"},
      {"# ok\nweb: {title: \"\xc3\"}\n",
       "2:15: these bytes are not UTF-8: save the file as UTF-8\n"},
      {"a: \x01\n", "1:4: not valid YAML: control characters are not allowed\n"},
  };
  CHECK_ROWS(rows);
}

static void test_all_are_told(void **state) {
  (void)state;
  static const struct row rows[] = {
      {"fcgi:\n  workers: x\n  max_event: y\npush:\n  enabled: z\n",
       "2:12: fcgi.workers: 'x' is not a whole number from 1 to 256\n"
       "3:14: fcgi.max_event: 'y' is not a size from 256 to 8MiB: write a number of bytes, or with "
       "KiB, MiB, GiB or "
       "TiB, such as 8MiB\n"
       "5:12: push.enabled: 'z' is not true or false\n"},
  };
  CHECK_ROWS(rows);
}

static void test_bounds(void **state) {
  (void)state;
  struct buf text;
  buf_init(&text, 0);
  while (text.len <= (1 << 20))
    buf_put_text(&text, "# a comment that is repeated\n");
  const char *said = conf_problems_of(text.data, text.len);
  assert_non_null(strstr(said, "is larger than 1048576 bytes"));

  buf_clear(&text);
  buf_put_text(&text, "services:\n");
  for (int i = 0; i < 1001; i++)
    buf_printf(&text, "- {name: s%d, port: 1}\n", i);
  assert_string_equal(conf_problems_of(text.data, text.len),
                      "2:1: services: holds 1001 entries, more than 1000\n");

  buf_clear(&text);
  buf_put_text(&text, "services: [");
  for (int i = 0; i < 100001; i++)
    buf_put_text(&text, "a,");
  buf_put_text(&text, "]\n");
  assert_string_equal(conf_problems_of(text.data, text.len), ": holds more than 100000 values\n");

  /* No more than anybody would read. */
  buf_clear(&text);
  for (int i = 0; i < 1000; i++)
    buf_printf(&text, "zebra%d: 1\n", i);
  struct buf problems;
  buf_init(&problems, 0);
  conf_write(text.data, text.len);
  assert_int_equal(conf_check(conf_path, conf_collect, &problems), 200);
  buf_fini(&problems);
  buf_fini(&text);
}

/* An alias may stand for what its anchor does; a bomb of them is not even looked into. */
static void test_aliases(void **state) {
  (void)state;
  static const struct row rows[] = {
      {"push:\n  interval: &t 7s\nwatch:\n  interval: *t\n", ""},
      {"a: &a [x,x,x,x]\nb: &b [*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b]\nservices: [*c]\n",
       "1:1: unknown key 'a': known are " KNOWN "\n"
       "2:1: unknown key 'b': known are " KNOWN "\n"
       "3:1: unknown key 'c': known are " KNOWN "\n"
       "3:4: services[0]: must be a map of its members, not a list\n"},
      {"services: &s\n  - *s\n", "1:11: services[0]: must be a map of its members, not a list\n"},
  };
  CHECK_ROWS(rows);
}

static void test_first_problem_is_the_error(void **state) {
  (void)state;
  struct belfry_error error = {0};
  char expected[200];
  const char text[] = "\n\nfcgi:\n  workers: many\n  wokers: 2\n";
  conf_write(text, strlen(text));
  assert_null(conf_load(conf_path, &error));
  snprintf(expected, sizeof expected,
           "%s:4:12: fcgi.workers: 'many' is not a whole number from 1 to 256", conf_path);
  assert_string_equal(error.text, expected);
  assert_int_equal(error.code, BELFRY_EINVAL);
}

static void test_a_file_that_is_not_there(void **state) {
  (void)state;
  struct belfry_error error = {0};
  assert_null(conf_load("/nowhere/belfry.yaml", &error));
  assert_int_equal(error.code, BELFRY_ENOENT);
  assert_string_equal(
      error.text,
      "/nowhere/belfry.yaml: cannot open /nowhere/belfry.yaml: No such file or directory");
}

static void test_socket_paths_must_fit(void **state) {
  (void)state;
  char text[400], run[120];
  memset(run, 'r', sizeof run);
  run[0] = '/';
  run[94] = '\0'; /* with /history.sock: 107 */
  snprintf(text, sizeof text, "paths: {run: %s}\n", run);
  assert_string_equal(conf_problems_of(text, strlen(text)), "");
  run[94] = 'r';
  run[95] = '\0';
  snprintf(text, sizeof text, "paths: {run: %s}\n", run);
  assert_string_equal(conf_problems_of(text, strlen(text)),
                      ": paths.run: has 95 bytes; with /history.sock a socket's path would hold "
                      "more than 107: choose a "
                      "folder of at most 94 bytes\n");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_values),
      cmocka_unit_test(test_keys),
      cmocka_unit_test(test_kinds),
      cmocka_unit_test(test_dependencies),
      cmocka_unit_test(test_alerts),
      cmocka_unit_test(test_maintenance),
      cmocka_unit_test(test_channels),
      cmocka_unit_test(test_lists),
      cmocka_unit_test(test_types_of_services),
      cmocka_unit_test(test_recoveries),
      cmocka_unit_test(test_scrapes),
      cmocka_unit_test(test_yaml_itself),
      cmocka_unit_test(test_all_are_told),
      cmocka_unit_test(test_bounds),
      cmocka_unit_test(test_aliases),
      cmocka_unit_test(test_first_problem_is_the_error),
      cmocka_unit_test(test_a_file_that_is_not_there),
      cmocka_unit_test(test_socket_paths_must_fit),
  };
  return cmocka_run_group_tests(tests, conf_folder_make, conf_folder_remove);
}
