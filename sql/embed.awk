# Turns sql/schema/*.sql, sql/segment/*.sql and sql/statements/*.sql into C: run with -v part=header or -v part=source.
#
# A statement begins with a line `-- statement: NAME` and says on the next who may run it:
#   -- writers: fcgi, watchd     a mutation that these programs may append (historyd runs it)
#   -- projection                run by historyd for a stored event, with what history/event_values_priv.h gives as parameters
#   -- projection, if KEY        the same, for events only whose data has that member
#   -- reads                     run by readers
#   -- storage                   run by lib/history itself
#   -- segment                   run by lib/history in a sealed file
# A text that several statements of a file share begins with a line `-- fragment: NAME`; they name it as {NAME}.
# Comments after that are for people. A file of sql/schema is one migration; its number is its place in user_version. A
# file of sql/segment is the schema of one sort of sealed file.

function fail(text) {
  printf "%s:%d: %s\n", FILENAME, FNR, text > "/dev/stderr"
  failed = 1
  exit 1
}

function quote(line) {
  gsub(/\\/, "\\\\", line)
  gsub(/"/, "\\\"", line)
  return "    \"" line "\\n\"\n"
}

FNR == 1 {
  schema = FILENAME ~ /schema\/[0-9]+_[a-z_]+\.sql$/
  segment = FILENAME ~ /segment\/[a-z_]+\.sql$/
  if (segment) {
    match(FILENAME, /[a-z_]+\.sql$/)
    segment_name[++segments] = substr(FILENAME, RSTART, RLENGTH - 4)
  }
  if (schema) {
    match(FILENAME, /[0-9]+_[a-z_]+\.sql$/)
    number = substr(FILENAME, RSTART, 4) + 0
    if (number != ++schemas)
      fail("migration " number " does not follow number " (schemas - 1))
  }
  current = fragment = ""
  delete fragments
}

schema {
  if ($0 !~ /^[ \t]*--/ && $0 !~ /^[ \t]*$/)
    migration[schemas] = migration[schemas] quote($0)
  next
}

segment {
  if ($0 !~ /^[ \t]*--/ && $0 !~ /^[ \t]*$/)
    segment_schema[segments] = segment_schema[segments] quote($0)
  next
}

/^-- fragment: / {
  fragment = $3
  if (fragment !~ /^[a-z][a-z0-9_]*$/ || (fragment in fragments))
    fail("fragment name '" fragment "' is not [a-z][a-z0-9_]* or is there twice")
  fragments[fragment] = ""
  next
}

/^-- statement: / {
  fragment = ""
  current = ++statements
  name[current] = $3
  if ($3 !~ /^[a-z][a-z0-9_]*$/ || ($3 in seen))
    fail("statement name '" $3 "' is not [a-z][a-z0-9_]* or is there twice")
  seen[$3] = 1
  expect_kind = 1
  next
}

expect_kind {
  expect_kind = 0
  if ($0 ~ /^-- writers: [a-z, ]+$/) {
    kind[current] = "SQL_MUTATION"
    list = substr($0, 13)
    n = split(list, who, /, */)
    for (i = 1; i <= n; i++)
      writers[current] = writers[current] (i > 1 ? " | " : "") "1u << HISTORY_ORIGIN_" toupper(who[i])
  } else if ($0 ~ /^-- projection(, if [a-z_]+)?$/) {
    kind[current] = "SQL_PROJECTION"
    needs[current] = $4
  } else if ($0 == "-- reads") {
    kind[current] = "SQL_READ"
  } else if ($0 == "-- storage") {
    kind[current] = "SQL_STORAGE"
  } else if ($0 == "-- segment") {
    kind[current] = "SQL_SEGMENT"
  } else {
    fail("the line after `-- statement:` must be `-- writers: ...`, `-- projection`, `-- reads`, `-- storage` or `-- segment`")
  }
  next
}

/^[ \t]*--/ || /^[ \t]*$/ { next }

fragment != "" {
  fragments[fragment] = fragments[fragment] (fragments[fragment] == "" ? "" : " ") filled($0)
  next
}

# The fragments that a line names, put in their places.
function filled(line,  before, key) {
  before = ""
  while (match(line, /\{[a-z][a-z0-9_]*\}/)) {
    key = substr(line, RSTART + 1, RLENGTH - 2)
    if (!(key in fragments))
      fail("there is no fragment '" key "' above")
    before = before substr(line, 1, RSTART - 1) fragments[key]
    line = substr(line, RSTART + RLENGTH)
  }
  return before line
}

{
  if (current == "")
    fail("SQL before the first `-- statement:` line")
  text[current] = text[current] quote(filled($0))
}

END {
  if (failed)
    exit 1
  print "/* Made by sql/embed.awk from sql/schema and sql/statements. Do not edit. */"
  if (part == "header") {
    print "#ifndef BELFRY_HISTORY_STATEMENTS_H\n#define BELFRY_HISTORY_STATEMENTS_H\n"
    print "enum sql_statement {"
    for (i = 1; i <= statements; i++)
      print "  SQL_" toupper(name[i]) ","
    print "  SQL_STATEMENT_COUNT\n};\n"
    print "enum sql_kind { SQL_MUTATION, SQL_PROJECTION, SQL_READ, SQL_STORAGE, SQL_SEGMENT };\n"
    print "struct sql_source {\n  const char *name;\n  enum sql_kind kind;"
    print "  unsigned writers; /* bit 1 << enum history_origin for each that may run a mutation */"
    print "  const char *needs; /* the member of an event's data without which a projection is not run; or NULL */"
    print "  const char *text;\n};\n"
    print "extern const struct sql_source sql_sources[SQL_STATEMENT_COUNT];\n"
    print "#define SQL_SCHEMA_VERSION " schemas + 0
    print "extern const char *const sql_migrations[SQL_SCHEMA_VERSION];\n"
    for (i = 1; i <= segments; i++)
      print "extern const char sql_segment_" segment_name[i] "[];"
    print "\n#endif"
  } else {
    print "#include \"history/statements.h\"\n\n#include \"history/event.h\"\n\n#include <stddef.h>\n"
    print "const struct sql_source sql_sources[SQL_STATEMENT_COUNT] = {"
    for (i = 1; i <= statements; i++) {
      if (text[i] == "")
        fail("statement " name[i] " has no text")
      printf "  [SQL_%s] = {\"%s\", %s, %s, %s,\n%s  },\n", toupper(name[i]), name[i], kind[i], \
        (writers[i] == "" ? "0" : writers[i]), (needs[i] == "" ? "NULL" : "\"" needs[i] "\""), text[i]
    }
    print "};\n\nconst char *const sql_migrations[SQL_SCHEMA_VERSION] = {"
    for (i = 1; i <= schemas; i++)
      print "  (\n" migration[i] "  ),  /* clang takes two texts in a row for a forgotten comma */"
    print "};"
    for (i = 1; i <= segments; i++)
      printf "\nconst char sql_segment_%s[] =\n%s    ;\n", segment_name[i], segment_schema[i]
  }
}
