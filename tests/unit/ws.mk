# Unit tests of lib/ws.
