/*
 * File descriptors and unix sockets. Every descriptor made here is close-on-exec.
 */
#ifndef BELFRY_BASE_FD_H
#define BELFRY_BASE_FD_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define FD_UNIX_BACKLOG 4096

/* Closes `*fd` unless it is -1, and sets it to -1. */
void fd_close(int *fd);

int fd_set_nonblocking(int fd, bool on) BELFRY_MUST_CHECK;

/*
 * Listens on a unix stream socket at `path` with `mode`, nonblocking. A socket file that nobody
 * listens on is replaced; one that answers is BELFRY_ECONFLICT.
 */
int fd_unix_listen(const char *path, mode_t mode, int *out_fd,
                   struct belfry_error *error) BELFRY_MUST_CHECK;

/* Binds a unix datagram socket at `path` with `mode`, nonblocking. A file that is there is
 * replaced. */
int fd_unix_bind_datagram(const char *path, mode_t mode, int *out_fd,
                          struct belfry_error *error) BELFRY_MUST_CHECK;

/* Connects to a unix stream socket; the descriptor is nonblocking. A full backlog is BELFRY_EBUSY.
 */
int fd_unix_connect(const char *path, int *out_fd, struct belfry_error *error) BELFRY_MUST_CHECK;

/*
 * Listens on a TCP address "HOST:PORT" or "[V6]:PORT" (numeric), nonblocking.
 */
int fd_tcp_listen(const char *address, int *out_fd, struct belfry_error *error) BELFRY_MUST_CHECK;

/* Binds a UDP socket to such an address, nonblocking. */
int fd_udp_bind(const char *address, int *out_fd, struct belfry_error *error) BELFRY_MUST_CHECK;

/* Who is at the other end of a unix socket (SO_PEERCRED). */
int fd_peer(int fd, uid_t *uid, gid_t *gid, pid_t *pid) BELFRY_MUST_CHECK;

/* Waits until `fd` is ready for `events` (poll(2)); a negative timeout is none. Returns: 0,
 * BELFRY_ETIMEDOUT or BELFRY_EIO. */
int fd_wait(int fd, short events, int timeout_ms) BELFRY_MUST_CHECK;

/* Reads a whole file of at most `max` bytes. Returns: owned, ends in NUL, free with free(); NULL
 * with `error` set. */
char *fd_read_file(const char *path, size_t max, size_t *out_len, struct belfry_error *error);

/* Writes a whole file so that it is there with all of `data` or not at all, also after a power cut.
 */
int fd_write_file(const char *path, mode_t mode, const void *data, size_t len,
                  struct belfry_error *error) BELFRY_MUST_CHECK;

/* Fills `out` with `len` bytes that nobody can guess. Ends the program if the system has none (it
 * always has). */
void fd_random(void *out, size_t len);

#endif
