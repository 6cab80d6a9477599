# The client library, which is one header, and examples of how to send without any.
include_HEADERS = %D%/belfry.h
examplesdir = $(docdir)/examples
dist_examples_DATA = examples/emit.c
dist_examples_SCRIPTS = examples/emit.py examples/emit.sh
