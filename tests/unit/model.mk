# Unit tests of lib/model.
