# Unit tests of lib/auth.
