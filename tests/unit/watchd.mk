# Unit tests of watchd.
