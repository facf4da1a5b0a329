-- An event is written to as few indexes as it can be (docs/performance.md): those of the number, and of the place it has on
-- a topic, take a row in only once the relay has given it one; what may be used once is swept by a scan each minute.
ALTER TABLE outbox DROP CONSTRAINT outbox_sequence_key;
CREATE UNIQUE INDEX outbox_sequence ON outbox (sequence) WHERE sequence IS NOT NULL;
DROP INDEX outbox_refill;
CREATE INDEX outbox_refill ON outbox (partition, sequence) WHERE sequence IS NOT NULL;
DROP INDEX replay_expires_at;

-- PostgreSQL reads a table's CHECKs from their text, and plans them, for each statement that writes to it. What the code
-- that writes a row has made sure of is not asked again; that a number comes whole, and before all else, is.
ALTER TABLE outbox
  DROP CONSTRAINT outbox_type_check,
  DROP CONSTRAINT outbox_key_check,
  DROP CONSTRAINT outbox_data_check,
  DROP CONSTRAINT outbox_traceparent_check,
  DROP CONSTRAINT outbox_sequence_check,
  DROP CONSTRAINT outbox_partition_check,
  DROP CONSTRAINT outbox_check,
  DROP CONSTRAINT outbox_signature_check,
  DROP CONSTRAINT outbox_kid_check,
  DROP CONSTRAINT outbox_check1,
  DROP CONSTRAINT outbox_check2,
  DROP CONSTRAINT outbox_check3,
  ADD CONSTRAINT outbox_numbered_first CHECK (
    num_nonnulls(sequence, partition, previous, canonical, signature, kid, numbered_at)
    = CASE WHEN num_nonnulls(sequence, published_at, sealed_at) > 0 THEN 7 ELSE 0 END);
ALTER TABLE replay
  DROP CONSTRAINT replay_kind_check,
  DROP CONSTRAINT replay_key_check;
