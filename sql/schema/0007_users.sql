-- People who sign in by name and password, and when keys and people were last seen.

CREATE TABLE user (
  user_id    TEXT PRIMARY KEY,              -- begins with a digit, which a name does not
  name       TEXT    NOT NULL COLLATE NOCASE UNIQUE,
  role       TEXT    NOT NULL,              -- viewer, operator, admin
  password   TEXT    NOT NULL,              -- yescrypt, as crypt(5) writes it
  disabled   INTEGER NOT NULL DEFAULT 0,    -- 1: may not sign in
  created    INTEGER NOT NULL,
  created_by TEXT    NOT NULL,
  password_changed INTEGER NOT NULL,
  used       INTEGER NOT NULL DEFAULT 0     -- when it was last seen, give or take a minute; 0: never
) WITHOUT ROWID;

ALTER TABLE api_key ADD COLUMN used INTEGER NOT NULL DEFAULT 0;           -- when it was last seen, give or take a minute; 0: never
ALTER TABLE api_key ADD COLUMN previous_hash TEXT NOT NULL DEFAULT '';    -- of the secret before the last rotation ...
ALTER TABLE api_key ADD COLUMN previous_until INTEGER NOT NULL DEFAULT 0; -- ... and until when that one is good, too

-- A sign-in is of a key, of a user, or of somebody whom the proxy vouched for; key_id is '' for the others.
ALTER TABLE sign_in ADD COLUMN user_id TEXT NOT NULL DEFAULT '';    -- ends with the user, or while that one is disabled
ALTER TABLE sign_in ADD COLUMN proxy_name TEXT NOT NULL DEFAULT ''; -- what the proxy called them ...
ALTER TABLE sign_in ADD COLUMN proxy_role TEXT NOT NULL DEFAULT ''; -- ... and the role that came with it

-- Who can administer. One of them must be left.
CREATE VIEW administrator (id, expires) AS
SELECT key_id, expires FROM api_key WHERE role = 'admin'
UNION ALL
SELECT user_id, NULL FROM user WHERE role = 'admin' AND NOT disabled;
