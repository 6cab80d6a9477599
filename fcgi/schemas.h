/*
 * What bodies and answers look like: fcgi/schemas/NAME.json, fragments of JSON Schema 2020-12 that
 * the rows of routes.def name. One refers to another as `#/components/schemas/NAME`.
 */
#ifndef BELFRY_FCGI_SCHEMAS_H
#define BELFRY_FCGI_SCHEMAS_H

#include <stddef.h>

struct schema {
  const char *name;
  const char *text; /* JSON */
};

extern const struct schema schemas[]; /* sorted by name */
extern const size_t schema_count;

#endif
