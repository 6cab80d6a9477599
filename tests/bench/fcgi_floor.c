/*
 * The floor under belfry-fcgi: a libfcgi program that prefork workers and answers every request
 * with a constant body, as long as the one it is compared with. What belfry-fcgi takes longer than
 * this is its own work.
 *
 *     fcgi_floor SOCKET WORKERS BYTES
 */
#include "base/fd.h"

#include <fcgiapp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define BODY_BYTES_MAX 65536

static void serve(int listener, int bytes) {
  FCGX_Request request;
  char body[BODY_BYTES_MAX];
  memset(body, 'x', sizeof body);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (FCGX_Init() || FCGX_InitRequest(&request, listener, 0))
    _exit(1);
  while (FCGX_Accept_r(&request) == 0) {
    FCGX_FPrintF(request.out, "Status: 200 OK\r\nContent-Type: text/plain\r\n\r\n");
    FCGX_PutStr(body, bytes, request.out);
    FCGX_Finish_r(&request);
  }
  _exit(1);
}

int main(int argc, char **argv) {
  struct belfry_error error = {0};
  int listener = -1, workers = argc == 4 ? atoi(argv[2]) : 0;
  int bytes = argc == 4 ? atoi(argv[3]) : 0;
  if (workers < 1 || workers > 256 || bytes < 1 || bytes > BODY_BYTES_MAX) {
    fprintf(stderr, "usage: fcgi_floor SOCKET WORKERS BYTES\n");
    return 2;
  }
  if (fd_unix_listen(argv[1], 0660, &listener, &error) || fd_set_nonblocking(listener, false)) {
    fprintf(stderr, "fcgi_floor: %s\n", error.text);
    return 1;
  }
  for (int i = 0; i < workers; i++)
    if (fork() == 0)
      serve(listener, bytes);
  while (wait(NULL) > 0)
    ;
  return 0;
}
