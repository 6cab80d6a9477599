# Unit tests of historyd.
