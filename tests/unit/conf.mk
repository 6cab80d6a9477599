# Unit tests of lib/conf.
