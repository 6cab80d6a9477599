#include "watchd/host_mounts.h"

#include "watchd/host_subject.h"

/* Local file systems that keep data. Everything else is virtual, or on a network and may hang. */
static const char *const types[] = {"ext2",  "ext3",    "ext4",    "xfs",      "btrfs",  "zfs",
                                    "f2fs",  "jfs",     "ntfs",    "ntfs3",    "vfat",   "exfat",
                                    "msdos", "hfs",     "ufs",     "reiserfs", "nilfs2", "hfsplus",
                                    "minix", "fuseblk", "bcachefs"};

static bool is_measured(struct slice type, struct slice path) {
  for (size_t i = 0; i < sizeof types / sizeof *types; i++)
    if (slice_is(type, types[i]))
      return true;
  return slice_is(type, "overlay") && slice_is(path, "/"); /* the root of a container */
}

/* Copies a field, turning the kernel's \040 \011 \012 \134 back into the bytes they stand for.
 * Returns: false when it does not fit. */
static bool unescape(struct slice field, char *out, size_t size) {
  size_t len = 0;
  for (size_t i = 0; i < field.len; i++) {
    char c = field.data[i];
    if (c == '\\' && field.len - i > 3) {
      unsigned value = 0;
      for (size_t k = 1; k <= 3; k++)
        value = value * 8 + (unsigned)(field.data[i + k] - '0');
      c = (char)value;
      i += 3;
    }
    if (len + 1 >= size || c == '\0')
      return false;
    out[len++] = c;
  }
  out[len] = '\0';
  return len > 0;
}

/* "36 35 98:0 /root /mount options optional... - type source superoptions" */
static bool parse_line(struct slice line, struct host_mount *out) {
  struct slice id, parent, device, root, path, word, type, source;
  if (!host_next_word(&line, &id) || !host_next_word(&line, &parent) ||
      !host_next_word(&line, &device) || !host_next_word(&line, &root) ||
      !host_next_word(&line, &path))
    return false;
  do {
    if (!host_next_word(&line, &word))
      return false;
  } while (!slice_is(word, "-"));
  if (!host_next_word(&line, &type) || !host_next_word(&line, &source))
    return false;
  return is_measured(type, path) && unescape(path, out->path, sizeof out->path) &&
         unescape(device, out->device, sizeof out->device) &&
         unescape(source, out->source, sizeof out->source);
}

/* Subvolumes of btrfs have device numbers of their own, but name the same source. */
static bool same_device(const struct host_mount *a, const struct host_mount *b) {
  return strcmp(a->device, b->device) == 0 ||
         (a->source[0] == '/' && strcmp(a->source, b->source) == 0);
}

size_t host_mounts_parse(struct slice text, struct host_mount out[HOST_MOUNTS_MAX]) {
  static struct host_mount mount; /* large; there is one thread */
  size_t count = 0;
  struct slice line;
  while (slice_split(&text, '\n', &line)) {
    if (!parse_line(line, &mount))
      continue;
    size_t i = 0;
    while (i < count && !same_device(&out[i], &mount))
      i++;
    if (i == count && count < HOST_MOUNTS_MAX)
      out[count++] = mount;
    else if (i < count && strlen(mount.path) < strlen(out[i].path))
      out[i] = mount;
  }
  return count;
}

bool host_mounts_tell_root(struct slice text) {
  struct slice line, word = {0};
  while (slice_split(&text, '\n', &line)) {
    int field = 0;
    while (field < 5 && host_next_word(&line, &word))
      field++;
    if (field == 5 && slice_is(word, "/"))
      return true;
  }
  return false;
}
