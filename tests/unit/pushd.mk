# Unit tests of pushd.
