/* A word of the table of good passwords: 44 bits of a keyed hash of what is stored and what was
   shown, 20 bits of the second in which it was right. What is stored is part of it, so that a
   password ends when it is changed, and no look at the history is spared. */
#include "fcgi/password_gate.h"

#include <openssl/crypto.h>

#define SECONDS_BITS 20
#define SECONDS_MASK ((1u << SECONDS_BITS) - 1)
#define BUSY_RETRY_S 1

static uint32_t seconds_now(const struct worker *worker) {
  return (uint32_t)(clock_monotonic_ms(worker->clock) / 1000) & SECONDS_MASK;
}

static uint64_t hash_of(const struct worker *worker, const struct auth_user *user,
                        struct slice password) {
  const struct slice texts[] = {slice_of(user->identity.id), slice_of(user->password), password};
  return auth_keyed_hash(worker->shared->secret, SHARED_SECRET_BYTES, texts, 3);
}

static bool is_known(const struct worker *worker, uint64_t hash) {
  uint64_t word = atomic_load(&worker->shared->good_passwords[hash % SHARED_PASSWORDS_MAX]);
  uint32_t age_s = (seconds_now(worker) - (uint32_t)word) & SECONDS_MASK;
  return word >> SECONDS_BITS == hash >> SECONDS_BITS && age_s < PASSWORD_KNOWN_S;
}

static void remember(const struct worker *worker, uint64_t hash) {
  atomic_store(&worker->shared->good_passwords[hash % SHARED_PASSWORDS_MAX],
               hash >> SECONDS_BITS << SECONDS_BITS | seconds_now(worker));
}

/* A quarter of the workers may be busy so; those that die let go (pool.c). */
static bool begin(struct worker *worker) {
  unsigned busy = 0;
  atomic_store(&worker->slot->in_password, true);
  for (size_t i = 0; i < SHARED_SLOTS_MAX; i++)
    busy += atomic_load(&worker->shared->slots[i].in_password);
  if (busy <= shared_long_max(worker->conf->fcgi_workers))
    return true;
  atomic_store(&worker->slot->in_password, false);
  worker->password_busy = true;
  return false;
}

static void end(struct worker *worker) {
  atomic_store(&worker->slot->in_password, false);
}

static int check(struct worker *worker, const struct auth_user *user, struct slice password,
                 bool *right, struct belfry_error *error) {
  uint64_t hash = user->found ? hash_of(worker, user, password) : 0;
  *right = user->found && is_known(worker, hash);
  if (*right)
    return BELFRY_OK;
  if (!begin(worker))
    return belfry_error_set(error, BELFRY_EBUSY, "too many passwords are being checked");
  int status = password_check(password, user->found ? user->password : NULL, right);
  end(worker);
  if (status)
    return belfry_error_set(error, status, "out of memory");
  if (*right)
    remember(worker, hash);
  return BELFRY_OK;
}

int password_gate_check(void *arg, struct history *history, struct slice user,
                        struct slice password, int64_t now_ms, struct auth_identity *out,
                        struct belfry_error *error) {
  const struct password_gate *gate = arg;
  struct worker *worker = gate->worker;
  const struct request *request = gate->request;
  int64_t monotonic_ms = clock_monotonic_ms(worker->clock);
  (void)now_ms;
  worker->password_wait_s = sign_in_wait_s(worker->shared, request->address, user, monotonic_ms);
  if (worker->password_wait_s > 0)
    return belfry_error_set(error, BELFRY_EDENIED, "too many failed sign-ins");
  struct auth_user known;
  bool right = false;
  int status = auth_user_find(history, user, &known, error);
  if (!status && known.found && slice_equal(user, slice_of(known.identity.id)))
    known.found = false; /* one signs in by name */
  if (!status)
    status = check(worker, &known, password, &right, error);
  if (!status && right && !known.disabled) {
    *out = known.identity;
  } else if (!status) {
    sign_in_failed(worker->shared, request->address, user, monotonic_ms);
    status = belfry_error_set(error, BELFRY_EDENIED, "the user or the password is wrong");
  }
  OPENSSL_cleanse(&known, sizeof known);
  return status;
}

int password_gate_hash(struct worker *worker, struct slice password,
                       char out[PASSWORD_HASH_BYTES]) {
  if (!begin(worker))
    return BELFRY_EBUSY;
  int status = password_hash(password, out);
  end(worker);
  return status;
}

bool password_gate_problem(const struct worker *worker, const struct request *request,
                           struct response *response) {
  if (worker->password_wait_s > 0) {
    response_header(response, "Retry-After", "%d", worker->password_wait_s);
    response_problem(response, request, 429, "too many failed sign-ins; wait %d seconds",
                     worker->password_wait_s);
    return true;
  }
  if (worker->password_busy)
    response_unavailable(response, request, BUSY_RETRY_S,
                         "as many passwords are being checked as may be at a time; try again");
  return worker->password_busy;
}
