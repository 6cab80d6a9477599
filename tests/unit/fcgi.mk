# Unit tests of fcgi.
