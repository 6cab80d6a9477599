#include "history/manifest_priv.h"

#include "base/buf.h"
#include "base/fd.h"
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FORMAT             1
#define PIECE_BYTES        ((size_t)1 << 18)
#define MANIFEST_BYTES_MAX ((size_t)64 << 20)

/* --- files --- */

static int write_piece(int fd, const char *piece, size_t len) {
  while (len > 0) {
    ssize_t n = write(fd, piece, len);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return -1;
    piece += n;
    len -= (size_t)n;
  }
  return 0;
}

/* Reads all of `from`; what it read is hashed, and written to `to` unless that is -1. */
static int pump(int from, int to, EVP_MD_CTX *digest, char *piece, int64_t *bytes) {
  ssize_t n;
  *bytes = 0;
  while ((n = read(from, piece, PIECE_BYTES)) != 0) {
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0 || (to >= 0 && write_piece(to, piece, (size_t)n) < 0))
      return -1;
    EVP_DigestUpdate(digest, piece, (size_t)n);
    *bytes += n;
  }
  return fsync(to >= 0 ? to : from);
}

static void put_hash(EVP_MD_CTX *digest, char *hash) {
  unsigned char bytes[EVP_MAX_MD_SIZE];
  EVP_DigestFinal_ex(digest, bytes, NULL);
  for (size_t i = 0; i < (MANIFEST_HASH_BYTES - 1) / 2; i++)
    snprintf(hash + 2 * i, 3, "%02x", bytes[i]);
}

static int hash_and_copy(int from, int to, int64_t *bytes, char *hash, const char *path,
                         struct belfry_error *error) {
  EVP_MD_CTX *digest = EVP_MD_CTX_new();
  char *piece = malloc(PIECE_BYTES);
  int status = BELFRY_OK;
  if (!digest || !piece || !EVP_DigestInit_ex(digest, EVP_sha256(), NULL))
    status = belfry_error_set(error, BELFRY_ENOMEM, "out of memory while reading %.300s", path);
  else if (pump(from, to, digest, piece, bytes) < 0)
    status = belfry_error_errno(error, errno, "cannot %s %.300s", to >= 0 ? "copy" : "read", path);
  else if (hash)
    put_hash(digest, hash);
  free(piece);
  EVP_MD_CTX_free(digest);
  return status;
}

int manifest__copy(const char *from, const char *to, int64_t *bytes, char *hash,
                   struct belfry_error *error) {
  int in = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), out = -1;
  if (in < 0)
    return belfry_error_errno(error, errno, "cannot open %.300s", from);
  int status = BELFRY_OK;
  out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
  if (out < 0)
    status = belfry_error_set(error, errno == ENOSPC ? BELFRY_EFULL : BELFRY_EIO,
                              "cannot create %.200s: %s", to, strerror(errno));
  if (!status)
    status = hash_and_copy(in, out, bytes, hash, from, error);
  fd_close(&in);
  fd_close(&out);
  return status;
}

/* --- the list --- */

void manifest__fini(struct manifest *manifest) {
  free(manifest->files);
  *manifest = (struct manifest){0};
}

static struct manifest_file *new_file(struct manifest *manifest, struct belfry_error *error) {
  if (manifest->count == manifest->cap) {
    size_t cap = manifest->cap ? manifest->cap * 2 : 32;
    struct manifest_file *files = realloc(manifest->files, cap * sizeof *files);
    if (!files) {
      belfry_error_set(error, BELFRY_ENOMEM, "out of memory while listing a backup's files");
      return NULL;
    }
    manifest->files = files;
    manifest->cap = cap;
  }
  struct manifest_file *file = &manifest->files[manifest->count++];
  *file = (struct manifest_file){0};
  return file;
}

int manifest__add(struct manifest *manifest, const char *folder, const char *name,
                  struct belfry_error *error) {
  char path[PATH_MAX];
  struct manifest_file *file = new_file(manifest, error);
  if (!file)
    return BELFRY_ENOMEM;
  snprintf(file->name, sizeof file->name, "%s", name);
  if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path)
    return belfry_error_set(error, BELFRY_EINVAL, "the path %.300s is too long", folder);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return belfry_error_errno(error, errno, "cannot open %.300s", path);
  int status = hash_and_copy(fd, -1, &file->bytes, file->hash, path, error);
  fd_close(&fd);
  return status;
}

const struct manifest_file *manifest__find(const struct manifest *manifest, const char *name) {
  for (size_t i = 0; i < manifest->count; i++)
    if (strcmp(manifest->files[i].name, name) == 0)
      return &manifest->files[i];
  return NULL;
}

int manifest__write(const struct manifest *manifest, const char *folder,
                    const struct history_backup_summary *summary, int64_t now_ms,
                    struct belfry_error *error) {
  char path[PATH_MAX];
  struct buf text;
  buf_init(&text, 0);
  buf_printf(&text,
             "{\"format\":%d,\"version\":\"%s\",\"created\":%" PRId64
             ",\"epoch\":\"%s\",\"head\":%" PRId64 ",\n\"files\":[",
             FORMAT, PACKAGE_VERSION, now_ms, summary->epoch, summary->head);
  for (size_t i = 0; i < manifest->count; i++)
    buf_printf(&text, "%s\n{\"name\":\"%s\",\"bytes\":%" PRId64 ",\"sha256\":\"%s\"}",
               i > 0 ? "," : "", manifest->files[i].name, manifest->files[i].bytes,
               manifest->files[i].hash);
  buf_put_text(&text, "\n]}\n");
  int status = buf_status(&text);
  if (status)
    belfry_error_set(error, status, "out of memory while listing a backup's files");
  else if (snprintf(path, sizeof path, "%s/" MANIFEST_FILE, folder) >= (int)sizeof path)
    status = belfry_error_set(error, BELFRY_EINVAL, "the path %.300s is too long", folder);
  else
    status = fd_write_file(path, 0640, text.data, text.len, error);
  buf_fini(&text);
  return status;
}

/* hot.db, or a file right in segments: nothing that a manifest says leads out of the backup. */
static bool is_name(const char *name) {
  static const char folder[] = SEGMENT_FOLDER "/";
  if (!name || strlen(name) >= MANIFEST_NAME_BYTES)
    return false;
  if (strcmp(name, STORAGE_DATABASE) == 0)
    return true;
  if (strncmp(name, folder, sizeof folder - 1) != 0)
    return false;
  const char *file = name + sizeof folder - 1;
  size_t len = strlen(file);
  return len > 3 && len < SEGMENT_FILE_BYTES && strcmp(file + len - 3, ".db") == 0 &&
         file[0] != '.' && strspn(file, "abcdefghijklmnopqrstuvwxyz0123456789-.") == len;
}

static int take_file(struct manifest *manifest, json_t *item, struct belfry_error *error) {
  const char *name = json_string_value(json_object_get(item, "name"));
  const char *hash = json_string_value(json_object_get(item, "sha256"));
  json_int_t bytes = json_integer_value(json_object_get(item, "bytes"));
  if (!is_name(name) || !hash || strlen(hash) != MANIFEST_HASH_BYTES - 1 || bytes < 1 ||
      manifest__find(manifest, name))
    return belfry_error_set(error, BELFRY_ECORRUPT, "names a file wrongly");
  struct manifest_file *file = new_file(manifest, error);
  if (!file)
    return BELFRY_ENOMEM;
  snprintf(file->name, sizeof file->name, "%s", name);
  snprintf(file->hash, sizeof file->hash, "%s", hash);
  file->bytes = bytes;
  return BELFRY_OK;
}

static int take_all(struct manifest *manifest, json_t *root, struct belfry_error *error) {
  json_t *files = json_object_get(root, "files"), *item;
  json_t *format = json_object_get(root, "format");
  size_t i;
  if (!json_is_integer(format) || !json_is_array(files))
    return belfry_error_set(error, BELFRY_ECORRUPT, "is not the list of a backup's files");
  if (json_integer_value(format) > FORMAT)
    return belfry_error_set(error, BELFRY_EVERSION, "is of a newer Belfry");
  json_array_foreach(files, i, item) {
    int status = take_file(manifest, item, error);
    if (status)
      return status;
  }
  return manifest__find(manifest, STORAGE_DATABASE)
             ? BELFRY_OK
             : belfry_error_set(error, BELFRY_ECORRUPT, "does not name " STORAGE_DATABASE);
}

int manifest__read(struct manifest *manifest, const char *folder, struct belfry_error *error) {
  char path[PATH_MAX];
  size_t len = 0;
  json_error_t where;
  struct belfry_error why = {0};
  if (snprintf(path, sizeof path, "%s/" MANIFEST_FILE, folder) >= (int)sizeof path)
    return belfry_error_set(error, BELFRY_EINVAL, "the path %.300s is too long", folder);
  if (access(path, F_OK) < 0 && errno == ENOENT)
    return belfry_error_set(error, BELFRY_ENOENT,
                            "there is no " MANIFEST_FILE " in %.300s: it is no (whole) backup",
                            folder);
  char *text = fd_read_file(path, MANIFEST_BYTES_MAX, &len, error);
  if (!text)
    return error ? error->code : BELFRY_EIO;
  json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &where);
  int status = root ? take_all(manifest, root, &why)
                    : belfry_error_set(&why, BELFRY_ECORRUPT, "is damaged (line %d: %s)",
                                       where.line, where.text);
  json_decref(root);
  free(text);
  return status ? belfry_error_set(error, status, "%.200s %s", path, why.text) : BELFRY_OK;
}
