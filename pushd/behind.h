/*
 * Clients with more to be sent than one write: those who resume from far behind, and those whose
 * peer takes bytes again after it did not. They stand in one line and are given a share each in
 * turn, a few milliseconds at a time, so that ten thousand who come back at once do not delay what
 * happens now. Events that the ring has no more are read from the history a page at a time; a page
 * serves all who need it.
 */
#ifndef BELFRY_PUSHD_BEHIND_H
#define BELFRY_PUSHD_BEHIND_H

#include "pushd/client.h"
#include "pushd/ring.h"

#include <stdbool.h>
#include <stdint.h>

struct hub;

#define BEHIND_PAGE_EVENTS 256 /* of the history */
#define BEHIND_PAGE_BYTES  262144

struct behind {
  struct client_line line;
  struct ring page;               /* a piece of the history */
  struct audience *page_audience; /* whose events are in it; one reference */
};

/* Returns: 0 or BELFRY_ENOMEM. */
int behind_init(struct behind *behind) BELFRY_MUST_CHECK;
void behind_fini(struct behind *behind, struct audiences *audiences);

/* Puts the client at the end of the line, if it does not stand in it. */
void behind_add(struct hub *hub, struct client *client);
void behind_remove(struct hub *hub, struct client *client);

/* The page, when it has what the client needs next; else NULL. */
struct ring *behind_page(struct hub *hub, const struct client *client);

/* Forgets the page: the history is another. */
void behind_forget(struct hub *hub);

/* Gives those in front their shares, for a few milliseconds. */
void behind_serve(struct hub *hub);

#endif
