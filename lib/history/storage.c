/*
 * One SQLite connection as Belfry uses it.
 *
 * Law 1: only the writer writes, and it alone checkpoints, when it decides to; so automatic
 * checkpoints are off everywhere, and closing never checkpoints nor removes the write-ahead log
 * (readers of another user could not make a new one).
 */
#include "history/storage_priv.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define WRITER_BUSY_MS 2000
#define READER_BUSY_MS 1000

/* Settings of a connection. cache_size is in KiB when negative. The writer's cache holds the upper
   parts of its indexes. A log that has grown far because readers held it is cut back to
   journal_size_limit when it starts over. No reader maps a database: of one that is written SQLite
   makes the whole map anew behind each commit, which costs a worker that looks up a key for each
   event more than to read the few pages. */
static const char writer_pragmas[] = "PRAGMA journal_mode = WAL;"
                                     "PRAGMA synchronous = FULL;"
                                     "PRAGMA wal_autocheckpoint = 0;"
                                     "PRAGMA journal_size_limit = 67108864;"
                                     "PRAGMA secure_delete = OFF;"
                                     "PRAGMA temp_store = MEMORY;"
                                     "PRAGMA cache_size = -12288;";
static const char reader_pragmas[] = "PRAGMA wal_autocheckpoint = 0;"
                                     "PRAGMA query_only = ON;"
                                     "PRAGMA temp_store = MEMORY;"
                                     "PRAGMA cache_size = -8192;"
                                     "PRAGMA mmap_size = 0;";

static int code_of(const struct storage *storage, int code) {
  switch (code & 0xff) {
  case SQLITE_BUSY:
  case SQLITE_LOCKED:
  case SQLITE_PROTOCOL:
  case SQLITE_SCHEMA:
  case SQLITE_READONLY: /* a reader that would have to recover the log: the writer will */
    return BELFRY_EBUSY;
  case SQLITE_FULL:
    return BELFRY_EFULL;
  case SQLITE_NOMEM:
    return BELFRY_ENOMEM;
  case SQLITE_CORRUPT:
  case SQLITE_NOTADB:
    return BELFRY_ECORRUPT;
  case SQLITE_CONSTRAINT:
    return code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY
               ? BELFRY_ECONFLICT
               : BELFRY_EINVAL;
  case SQLITE_TOOBIG:
    return BELFRY_ETOOBIG;
  case SQLITE_INTERRUPT:
    return BELFRY_ETIMEDOUT;
  case SQLITE_PERM:
  case SQLITE_AUTH:
    return BELFRY_EDENIED;
  case SQLITE_IOERR: {
    if (code == SQLITE_IOERR_NOMEM)
      return BELFRY_ENOMEM;
    /* The unix layer calls only ENOSPC of a write "full"; a quota, a file size limit and the shared
       memory's file are reported as I/O errors. */
    int system = storage->db ? sqlite3_system_errno(storage->db) : 0;
    return code != SQLITE_IOERR_FSYNC && (system == ENOSPC || system == EDQUOT || system == EFBIG)
               ? BELFRY_EFULL
               : BELFRY_EIO;
  }
  case SQLITE_CANTOPEN:
    return BELFRY_EIO;
  default: /* SQLITE_ERROR, SQLITE_MISMATCH, SQLITE_RANGE: what was asked is wrong */
    return BELFRY_EINVAL;
  }
}

int storage__fail(const struct storage *storage, int code, const char *doing,
                  struct belfry_error *error) {
  const char *text = storage->db && sqlite3_extended_errcode(storage->db) == code
                         ? sqlite3_errmsg(storage->db)
                         : sqlite3_errstr(code);
  return belfry_error_set(error, code_of(storage, code), "%s: %s", doing, text);
}

bool storage__has_moved(struct storage *storage) {
  int moved = 0;
  return sqlite3_file_control(storage->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK &&
         moved;
}

/*
 * The index of the write-ahead log begins with a header that every commit writes anew, with a count
 * of transactions, the log's last frame and checksums in it; it is shared memory that this
 * connection has mapped. Twice the same, with a checksum, for who must know that it is whole; a
 * header that is read half written differs from the one before as well.
 * https://www.sqlite.org/walformat.html#the_wal_index_file_format
 */
#define INDEX_HEADER_BYTES 48
#define INDEX_REGION_BYTES 32768

uint64_t storage__commits(struct storage *storage) {
  sqlite3_file *file = NULL;
  void volatile *region = NULL;
  if (sqlite3_file_control(storage->db, "main", SQLITE_FCNTL_FILE_POINTER, &file) != SQLITE_OK ||
      !file || !file->pMethods || file->pMethods->iVersion < 2)
    return 0;
  int code = file->pMethods->xShmMap(file, 0, INDEX_REGION_BYTES, 0, &region);
  if ((code != SQLITE_OK && code != SQLITE_READONLY) || !region)
    return 0;
  const volatile uint64_t *words = region;
  uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a, by words */
  for (size_t i = 0; i < INDEX_HEADER_BYTES / sizeof *words; i++)
    hash = (hash ^ words[i]) * UINT64_C(0x100000001b3);
  return hash ? hash : 1;
}

int storage__exec(struct storage *storage, const char *sql, const char *doing,
                  struct belfry_error *error) {
  int code = sqlite3_exec(storage->db, sql, NULL, NULL, NULL);
  return code == SQLITE_OK ? BELFRY_OK : storage__fail(storage, code, doing, error);
}

/* An immutable file is opened by its URI; what such a name could hold that means something in one
   is escaped. */
static int open_database(struct storage *storage, const char *path, enum storage_mode mode) {
  char uri[3 * PATH_MAX + 32];
  int flags =
      SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
      (mode == STORAGE_WRITES ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY);
  if (mode != STORAGE_READS_FINISHED)
    return sqlite3_open_v2(path, &storage->db, flags, NULL);
  char *at = stpcpy(uri, "file:");
  for (; *path && at < uri + sizeof uri - 32; path++)
    at = strchr("%?#", *path) ? at + sprintf(at, "%%%02x", (unsigned char)*path)
                              : (*at = *path, at + 1);
  strcpy(at, "?immutable=1");
  return sqlite3_open_v2(uri, &storage->db, flags | SQLITE_OPEN_URI, NULL);
}

int storage__open_file(struct storage *storage, const char *path, enum storage_mode mode,
                       int page_bytes, struct belfry_error *error) {
  *storage = (struct storage){0};
  if (strlen(path) >= PATH_MAX)
    return belfry_error_set(error, BELFRY_EINVAL, "the path %.300s is too long", path);
  if (mode != STORAGE_WRITES && access(path, F_OK) < 0 && errno == ENOENT)
    return belfry_error_set(error, BELFRY_ENOENT, "there is no %.300s", path);
  /* Counting every allocation takes a lock each time, and nobody asks for the count. Refused, and
     harmless, when SQLite has begun its work already. */
  (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  char doing[PATH_MAX + 32];
  snprintf(doing, sizeof doing, "cannot open %.300s", path);
  int code = open_database(storage, path, mode);
  if (code != SQLITE_OK)
    return storage__fail(storage, code, doing, error);
  sqlite3_busy_timeout(storage->db, mode == STORAGE_WRITES ? WRITER_BUSY_MS : READER_BUSY_MS);
  sqlite3_db_config(storage->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
  int persist = 1;
  sqlite3_file_control(storage->db, "main", SQLITE_FCNTL_PERSIST_WAL, &persist);
  char page_size[40];
  snprintf(page_size, sizeof page_size, "PRAGMA page_size = %d", page_bytes);
  int status = mode == STORAGE_WRITES ? storage__exec(storage, page_size, doing, error) : BELFRY_OK;
  return status ? status
                : storage__exec(storage, mode == STORAGE_WRITES ? writer_pragmas : reader_pragmas,
                                doing, error);
}

int storage__open(struct storage *storage, const char *dir, enum storage_mode mode,
                  struct belfry_error *error) {
  char path[PATH_MAX];
  struct belfry_error why = {0};
  *storage = (struct storage){0};
  if (snprintf(path, sizeof path, "%s/" STORAGE_DATABASE, dir) >= (int)sizeof path)
    return belfry_error_set(error, BELFRY_EINVAL, "the history's path %s is too long", dir);
  int status = storage__open_file(storage, path, mode, STORAGE_PAGE_BYTES, &why);
  if (status == BELFRY_ENOENT)
    return belfry_error_set(error, BELFRY_EBUSY, "there is no history in %s yet", dir);
  return status ? belfry_error_set(error, status, "%s", why.text) : BELFRY_OK;
}

void storage__close(struct storage *storage) {
  for (size_t i = 0; i < SQL_STATEMENT_COUNT; i++)
    sqlite3_finalize(storage->statements[i]);
  sqlite3_close(storage->db);
  *storage = (struct storage){0};
}

int storage__schema(struct storage *storage, int *version, struct belfry_error *error) {
  static const char doing[] = "cannot read the history's version";
  sqlite3_stmt *statement = NULL;
  int code = sqlite3_prepare_v2(storage->db, "PRAGMA user_version", -1, &statement, NULL);
  if (code == SQLITE_OK)
    code = sqlite3_step(statement);
  if (code == SQLITE_ROW)
    *version = sqlite3_column_int(statement, 0);
  sqlite3_finalize(statement);
  return code == SQLITE_ROW ? BELFRY_OK : storage__fail(storage, code, doing, error);
}

int storage__statement(struct storage *storage, enum sql_statement statement, sqlite3_stmt **out,
                       struct belfry_error *error) {
  sqlite3_stmt **slot = &storage->statements[statement];
  if (*slot) {
    *out = *slot;
    return BELFRY_OK;
  }
  int code = sqlite3_prepare_v3(storage->db, sql_sources[statement].text, -1,
                                SQLITE_PREPARE_PERSISTENT, slot, NULL);
  if (code != SQLITE_OK) {
    char doing[96];
    snprintf(doing, sizeof doing, "cannot prepare the statement %.40s",
             sql_sources[statement].name);
    return storage__fail(storage, code, doing, error);
  }
  *out = *slot;
  return BELFRY_OK;
}

const char *storage__name(const sqlite3_stmt *statement, const struct storage *storage) {
  for (size_t i = 0; i < SQL_STATEMENT_COUNT; i++)
    if (storage->statements[i] == statement)
      return sql_sources[i].name;
  return "a control word";
}

/* The parameter's number without its colon, or 0. */
static int find_parameter(sqlite3_stmt *statement, const char *name) {
  int count = sqlite3_bind_parameter_count(statement);
  for (int i = 1; i <= count; i++) {
    const char *known = sqlite3_bind_parameter_name(statement, i);
    if (known && strcmp(known + 1, name) == 0)
      return i;
  }
  return 0;
}

static int bind_value(sqlite3_stmt *statement, int parameter, const struct history_value *value) {
  switch (value->kind) {
  case HISTORY_INTEGER:
    return sqlite3_bind_int64(statement, parameter, value->integer);
  case HISTORY_REAL:
    return sqlite3_bind_double(statement, parameter, value->real);
  case HISTORY_TEXT:
    return sqlite3_bind_text64(statement, parameter, value->text.data ? value->text.data : "",
                               value->text.len, SQLITE_STATIC, SQLITE_UTF8);
  case HISTORY_BLOB:
    return sqlite3_bind_blob64(statement, parameter, value->text.data ? value->text.data : "",
                               value->text.len, SQLITE_STATIC);
  case HISTORY_NULL:
    break;
  }
  return sqlite3_bind_null(statement, parameter);
}

int storage__bind(sqlite3_stmt *statement, const struct history_value *values, size_t count,
                  struct belfry_error *error) {
  uint64_t bound = 0;
  int parameters = sqlite3_bind_parameter_count(statement);
  if (parameters >= 64)
    return belfry_error_set(error, BELFRY_EINVAL, "a statement has more than 63 parameters");
  for (size_t i = 0; i < count; i++) {
    int parameter = find_parameter(statement, values[i].name);
    if (!parameter || bind_value(statement, parameter, &values[i]) != SQLITE_OK)
      return belfry_error_set(error, BELFRY_EINVAL,
                              "the statement does not take a value named '%s'", values[i].name);
    bound |= UINT64_C(1) << parameter;
  }
  for (int i = 1; i <= parameters; i++)
    if (!(bound & UINT64_C(1) << i))
      return belfry_error_set(error, BELFRY_EINVAL, "the statement's value '%s' is missing",
                              sqlite3_bind_parameter_name(statement, i) + 1);
  return BELFRY_OK;
}

int storage__run(struct storage *storage, sqlite3_stmt *statement, int64_t *changed,
                 struct belfry_error *error) {
  int code = sqlite3_step(statement);
  if (code == SQLITE_DONE) {
    if (changed)
      *changed = sqlite3_changes64(storage->db);
    code = sqlite3_reset(statement);
    if (code == SQLITE_OK)
      return BELFRY_OK;
  }
  char doing[64];
  snprintf(doing, sizeof doing, "%.40s", storage__name(statement, storage));
  int status = storage__fail(storage, code == SQLITE_ROW ? SQLITE_MISUSE : code, doing, error);
  sqlite3_reset(statement);
  return status;
}

int storage__position(struct storage *storage, struct history_position *out, int64_t *received_ms,
                      struct belfry_error *error) {
  static const char doing[] = "cannot read the history's position";
  *out = (struct history_position){0};
  sqlite3_stmt *statement;
  int status = storage__statement(storage, SQL_EVENT_POSITION, &statement, error);
  if (status)
    return status;
  int code = sqlite3_step(statement);
  if (code == SQLITE_ROW) {
    out->head = sqlite3_column_int64(statement, 1);
    out->oldest = sqlite3_column_type(statement, 0) == SQLITE_NULL
                      ? out->head + 1
                      : sqlite3_column_int64(statement, 0);
    if (received_ms)
      *received_ms = sqlite3_column_int64(statement, 2);
    out->deletion = sqlite3_column_int64(statement, 3);
  } else {
    status = storage__fail(storage, code, doing, error);
  }
  sqlite3_reset(statement);
  if (status)
    return status;

  status = storage__statement(storage, SQL_HISTORY_GET, &statement, error);
  if (status)
    return status;
  status = storage__bind(
      statement, (struct history_value[]){HISTORY_VALUE_TEXT("key", slice_of("epoch"))}, 1, error);
  if (status)
    return status;
  code = sqlite3_step(statement);
  struct slice epoch = code == SQLITE_ROW ? storage__text(statement, 0) : slice_new("", 0);
  if (code != SQLITE_ROW && code != SQLITE_DONE)
    status = storage__fail(storage, code, doing, error);
  else if (epoch.len != HISTORY_EPOCH_BYTES - 1)
    status = belfry_error_set(error, BELFRY_ECORRUPT, "the history has no epoch");
  else
    memcpy(out->epoch, epoch.data, HISTORY_EPOCH_BYTES - 1);
  sqlite3_reset(statement);
  return status;
}
