/*
 * The way to a check of a password: how often somebody may be wrong, how many checks run at a time,
 * and which need not run again.
 */
#ifndef BELFRY_FCGI_PASSWORD_GATE_H
#define BELFRY_FCGI_PASSWORD_GATE_H

#include "fcgi/worker.h"

#define PASSWORD_KNOWN_S 300 /* a password that was right is known for so long */

/* Who asks. */
struct password_gate {
  struct worker *worker;
  const struct request *request;
};

/*
 * An auth_password_fn; takes a struct password_gate. Is BELFRY_EDENIED with worker->password_wait_s
 * set when too many were wrong (429), BELFRY_EBUSY with worker->password_busy when too many are
 * being checked (503).
 */
int password_gate_check(void *gate, struct history *history, struct slice user,
                        struct slice password, int64_t now_ms, struct auth_identity *out,
                        struct belfry_error *error) BELFRY_MUST_CHECK;

/* As password_hash, when there is room for it; else BELFRY_EBUSY with worker->password_busy. */
int password_gate_hash(struct worker *worker, struct slice password,
                       char out[PASSWORD_HASH_BYTES]) BELFRY_MUST_CHECK;

/* Makes the answer to a refusal of the gate: 429 or 503. Returns: false when it was none. */
bool password_gate_problem(const struct worker *worker, const struct request *request,
                           struct response *response);

#endif
