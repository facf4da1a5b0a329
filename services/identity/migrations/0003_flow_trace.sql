-- The trace in which a login began (W3C traceparent), so that the later requests of its browser can be linked to it.
ALTER TABLE flow ADD COLUMN traceparent text CHECK (length(traceparent) <= 55);
