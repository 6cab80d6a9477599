-- statement: api_key_insert
-- writers: historyd, fcgi
INSERT INTO api_key (key_id, name, role, hash, created, created_by, expires)
VALUES (:key_id, :name, :role, :hash, :created, :created_by, :expires);

-- statement: api_key_delete
-- writers: fcgi
-- The last one that can administer stays.
DELETE FROM api_key
WHERE key_id = :key_id
  AND (role <> 'admin'
       OR EXISTS (SELECT 1 FROM administrator AS other
                  WHERE other.id <> :key_id AND (other.expires IS NULL OR other.expires > :now)));

-- statement: api_key_rotate
-- writers: fcgi
-- A new secret; the one before is good for a while, if so wished. What was good before that one is not any more.
UPDATE api_key SET previous_hash = hash, previous_until = :previous_until, hash = :hash WHERE key_id = :key_id;

-- statement: api_key_used
-- writers: fcgi, pushd
UPDATE api_key SET used = :now WHERE key_id = :id AND used < :now;

-- statement: api_key_find
-- reads
SELECT key_id, name, role, hash, expires, previous_hash, previous_until, used FROM api_key WHERE key_id = :key_id;

-- statement: api_key_get
-- reads
SELECT key_id, name, role, created, created_by, expires, used FROM api_key WHERE key_id = :key_id;

-- statement: api_keys
-- reads
-- A page of them, behind the one of :after_created and :after_id.
SELECT key_id, name, role, created, created_by, expires, used FROM api_key
WHERE (created, key_id) > (:after_created, :after_id) AND (:role = '' OR role = :role)
ORDER BY created, key_id LIMIT :limit;

-- statement: administrators
-- reads
-- How many keys and users can administer.
SELECT count(*) FROM administrator WHERE expires IS NULL OR expires > :now;

-- statement: user_insert
-- writers: fcgi
-- A name that is taken changes nothing.
INSERT INTO user (user_id, name, role, password, created, created_by, password_changed)
VALUES (:user_id, :name, :role, :password, :created, :created_by, :created)
ON CONFLICT (name) DO NOTHING;

-- statement: user_delete
-- writers: fcgi
-- The last one that can administer stays.
DELETE FROM user
WHERE user_id = :user_id
  AND (role <> 'admin' OR disabled
       OR EXISTS (SELECT 1 FROM administrator AS other
                  WHERE other.id <> :user_id AND (other.expires IS NULL OR other.expires > :now)));

-- statement: user_set_access
-- writers: fcgi
-- Role, and whether they may sign in. The last one that can administer stays so.
UPDATE user SET role = :role, disabled = :disabled
WHERE user_id = :user_id
  AND (role <> 'admin' OR disabled OR (:role = 'admin' AND NOT :disabled)
       OR EXISTS (SELECT 1 FROM administrator AS other
                  WHERE other.id <> :user_id AND (other.expires IS NULL OR other.expires > :now)));

-- statement: user_set_name
-- writers: fcgi
-- A name that another one has changes nothing.
UPDATE user SET name = :name
WHERE user_id = :user_id AND NOT EXISTS (SELECT 1 FROM user AS other WHERE other.name = :name AND other.user_id <> :user_id);

-- statement: user_set_password
-- writers: fcgi
-- Only if it is still the one that was looked at, where that matters ('' elsewhere).
UPDATE user SET password = :password, password_changed = :now
WHERE user_id = :user_id AND (:expected = '' OR password = :expected);

-- statement: user_used
-- writers: fcgi, pushd
UPDATE user SET used = :now WHERE user_id = :id AND used < :now;

-- statement: user_find
-- reads
-- By id or by name, which never look the same.
SELECT user_id, name, role, password, disabled, created, created_by, password_changed, used FROM user
WHERE user_id = :user OR name = :user;

-- statement: users
-- reads
-- A page of them, behind the one of :after_created and :after_id.
SELECT user_id, name, role, password, disabled, created, created_by, password_changed, used FROM user
WHERE (created, user_id) > (:after_created, :after_id) AND (:role = '' OR role = :role)
ORDER BY created, user_id LIMIT :limit;

-- statement: sign_in_insert
-- writers: fcgi
INSERT INTO sign_in (hash, key_id, user_id, proxy_name, proxy_role, created, expires)
VALUES (:hash, :key_id, :user_id, :proxy_name, :proxy_role, :created, :expires);

-- statement: sign_in_delete
-- writers: fcgi
DELETE FROM sign_in WHERE hash = :hash;

-- statement: sign_in_delete_of_user
-- writers: fcgi
-- All of a user's, but the one whose hash begins with :keep.
DELETE FROM sign_in WHERE user_id = :user_id AND (:keep = '' OR substr(hash, 1, length(:keep)) <> :keep);

-- statement: sign_in_extend
-- writers: fcgi
-- A sign-in that is used lasts on.
UPDATE sign_in SET expires = :expires WHERE hash = :hash AND expires < :expires;

-- statement: sign_in_expire
-- writers: fcgi
-- Sign-ins that have run out, or whose key or user is gone.
DELETE FROM sign_in
WHERE expires <= :now
   OR (key_id <> '' AND key_id NOT IN (SELECT key_id FROM api_key))
   OR (user_id <> '' AND user_id NOT IN (SELECT user_id FROM user));

-- statement: sign_in_find
-- reads
-- Whose it is, if that one may still sign in.
SELECT coalesce(api_key.key_id, user.user_id, ''), coalesce(api_key.name, user.name, sign_in.proxy_name),
       coalesce(api_key.role, user.role, sign_in.proxy_role),
       min(sign_in.expires, coalesce(api_key.expires, sign_in.expires)),
       CASE WHEN api_key.key_id IS NOT NULL THEN 'key' WHEN user.user_id IS NOT NULL THEN 'user' ELSE 'proxy' END,
       coalesce(api_key.used, user.used, 0)
FROM sign_in LEFT JOIN api_key ON api_key.key_id = sign_in.key_id
             LEFT JOIN user ON user.user_id = sign_in.user_id AND NOT user.disabled
WHERE sign_in.hash >= :start AND sign_in.hash < :start || 'g' -- hexadecimal: nothing that starts so sorts behind `g`
  AND (api_key.key_id IS NOT NULL OR user.user_id IS NOT NULL OR sign_in.proxy_name <> '');
