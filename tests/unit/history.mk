# Unit tests of lib/history.
