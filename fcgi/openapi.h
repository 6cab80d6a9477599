/*
 * The description of the API for programs (OpenAPI 3.1), made of the route table: its rows, the
 * tables of their parameters, and fcgi/schemas.
 */
#ifndef BELFRY_FCGI_OPENAPI_H
#define BELFRY_FCGI_OPENAPI_H

#include "base/buf.h"

/* Puts the document. `cookie` is the name of the sign-in's. */
void openapi_put(struct buf *out, const char *cookie);

#endif
