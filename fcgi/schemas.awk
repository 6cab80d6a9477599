# Turns fcgi/schemas/*.json into C: a table of their names and texts, sorted by name. A file is named after its schema.

function quote(line) {
  sub(/^[ \t]+/, "", line)
  gsub(/\\/, "&&", line)
  gsub(/"/, "\\\"", line)
  return "    \"" line "\"\n"
}

FNR == 1 {
  if (!match(FILENAME, /[a-z][a-z0-9_]*\.json$/)) {
    print FILENAME ": is not named [a-z][a-z0-9_]*.json" > "/dev/stderr"
    failed = 1
    exit 1
  }
  name[++count] = substr(FILENAME, RSTART, RLENGTH - 5)
}

{ text[count] = text[count] quote($0) }

END {
  if (failed)
    exit 1
  print "/* Made by fcgi/schemas.awk from fcgi/schemas. Do not edit. */"
  print "#include \"fcgi/schemas.h\"\n"
  print "const struct schema schemas[] = {"
  for (i = 1; i <= count; i++)
    printf "  {\"%s\",\n%s  },\n", name[i], text[i]
  print "};\n\nconst size_t schema_count = sizeof schemas / sizeof *schemas;"
}
