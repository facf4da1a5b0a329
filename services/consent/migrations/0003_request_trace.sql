-- The trace in which a request was opened (W3C traceparent), so that the requests of her browser can be linked to it.
ALTER TABLE consent_request ADD COLUMN traceparent text CHECK (length(traceparent) <= 55);
