-- statement: api_key_insert
-- writers: historyd, fcgi
INSERT INTO api_key (key_id, name, role, hash, created, created_by, expires)
VALUES (:key_id, :name, :role, :hash, :created, :created_by, :expires);

-- statement: api_key_delete
-- writers: fcgi
-- The last key that can administer stays.
DELETE FROM api_key
WHERE key_id = :key_id
  AND (role <> 'admin'
       OR EXISTS (SELECT 1 FROM api_key AS other
                  WHERE other.role = 'admin' AND other.key_id <> :key_id
                    AND (other.expires IS NULL OR other.expires > :now)));

-- statement: api_key_find
-- reads
SELECT key_id, name, role, hash, expires FROM api_key WHERE key_id = :key_id;

-- statement: api_keys
-- reads
SELECT key_id, name, role, created, created_by, expires FROM api_key ORDER BY created, key_id;

-- statement: api_key_admins
-- reads
-- How many keys can administer.
SELECT count(*) FROM api_key WHERE role = 'admin' AND (expires IS NULL OR expires > :now);

-- statement: sign_in_insert
-- writers: fcgi
INSERT INTO sign_in (hash, key_id, created, expires) VALUES (:hash, :key_id, :created, :expires);

-- statement: sign_in_delete
-- writers: fcgi
DELETE FROM sign_in WHERE hash = :hash;

-- statement: sign_in_extend
-- writers: fcgi
-- A sign-in that is used lasts on.
UPDATE sign_in SET expires = :expires WHERE hash = :hash AND expires < :expires;

-- statement: sign_in_expire
-- writers: fcgi
-- Sign-ins that have run out, or whose key is gone.
DELETE FROM sign_in WHERE expires <= :now OR key_id NOT IN (SELECT key_id FROM api_key);

-- statement: sign_in_find
-- reads
SELECT api_key.key_id, api_key.name, api_key.role, min(sign_in.expires, coalesce(api_key.expires, sign_in.expires))
FROM sign_in JOIN api_key USING (key_id)
WHERE sign_in.hash = :hash;

-- statement: sign_in_check
-- reads
-- A sign-in found again by the start of its hash (hexadecimal, so nothing that starts so sorts behind `g`).
SELECT api_key.key_id, api_key.name, api_key.role, min(sign_in.expires, coalesce(api_key.expires, sign_in.expires))
FROM sign_in JOIN api_key USING (key_id)
WHERE sign_in.hash >= :start AND sign_in.hash < :start || 'g';
