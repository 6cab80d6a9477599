/*
 * Prints the settings as the manual says them; made into man/belfry.yaml.5 when Belfry is built.
 */
#include "conf/conf.h"

#include <stdio.h>

int main(void) {
  struct buf text;
  buf_init(&text, 0);
  conf_document(&text);
  int status = buf_status(&text);
  if (!status && fwrite(text.data, 1, text.len, stdout) != text.len)
    status = BELFRY_EIO;
  buf_fini(&text);
  if (fflush(stdout) != 0)
    status = BELFRY_EIO;
  if (status)
    fprintf(stderr, "%s\n", belfry_strerror(status));
  return status ? 1 : 0;
}
