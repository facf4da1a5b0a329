-- The service itself can neither change nor remove a leaf or a signed checkpoint, nor an event but for its place in the
-- tree and, to erase a person, what it said. So a fault, or a thief of its password, cannot rewrite the log from within.
DO $$
DECLARE other text;
BEGIN
  FOR other IN SELECT DISTINCT grantee FROM information_schema.role_table_grants
                WHERE table_name = 'leaf' AND grantee <> current_user
  LOOP
    EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON leaf, checkpoint, entry FROM %I', other);
    EXECUTE format('GRANT UPDATE (leaf_index, canonical, signature, kid, salt) ON entry TO %I', other);
  END LOOP;
END $$
