-- The trace in which an event was taken in (W3C traceparent): its leaf is the last span of what caused it. It is in no
-- leaf and proves nothing.
ALTER TABLE entry ADD COLUMN traceparent text;
