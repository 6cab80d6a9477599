/*
 * What clients say: {"event":NAME,"data":{...}}. A wrong command is answered with `error` and keeps
 * the connection; too many close it.
 */
#ifndef BELFRY_PUSHD_COMMANDS_H
#define BELFRY_PUSHD_COMMANDS_H

#include "base/slice.h"

#include <stdbool.h>

struct client;

#define COMMANDS_PER_SECOND 20
#define COMMANDS_BURST      40
#define COMMANDS_ABUSE      10 /* so many times as much closes the connection */

/* Fills the buckets of a new connection. */
void commands_init(struct client *client);

/* Takes a whole text message. May close or drop the client. */
void commands_on_message(struct client *client, struct slice message);

/* Whether a control frame is within what a peer may send. */
bool commands_allow_frame(struct client *client);

#endif
