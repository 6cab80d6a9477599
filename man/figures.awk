# Makes the list of what belfry-pushd counts, as mdoc, from lib/model/push_figures.def.

function item(name, text) {
  gsub(/\\/, "\\e", text)
  gsub(/\. /, ".\n", text) # a sentence a line
  printf ".It Sy %s\n%s\n", name, text
}

function begin(title) {
  printf "%s.Pp\n%s\n.Bl -tag -width Ds -compact\n", open ? ".El\n" : "", title
  open = 1
}

/^PUSH_[A-Z]+\(/ {
  match($0, /^PUSH_[A-Z]+/)
  kind = substr($0, 6, RLENGTH - 5)
  name = $0
  sub(/^[^(]*\(/, "", name)
  code = name
  sub(/,.*/, "", name)
  sub(/^[^,]*, */, "", code)
  sub(/,.*/, "", code)
  text = $0
  sub(/^[^"]*"/, "", text)
  sub(/"\)[ \t]*$/, "", text)
  titles["GAUGE"] = "How it is now:"
  titles["COUNTER"] = "Since the start of the process; a peak starts anew with each report, about once a second:"
  titles["REFUSAL"] = "In\n.Sy refusals ,\nhandshakes that were not let in, by reason:"
  titles["CLOSE"] = "In\n.Sy closes ,\nconnections that ended, by the code of the close frame:"
  group = kind == "PEAK" ? "COUNTER" : kind
  if (group != last)
    begin(titles[group])
  last = group
  if (kind == "PEAK")
    text = text " A peak."
  if (kind == "CLOSE" && code > 0)
    text = code ": " text
  item(name, text)
}

END {
  print ".El"
}
