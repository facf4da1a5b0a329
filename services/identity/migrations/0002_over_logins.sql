-- Logins that are over are deleted after a month (service/sweep.py), with their codes and the requests they began with.
CREATE INDEX flow_over ON flow (closed_at) WHERE closed_at IS NOT NULL;
CREATE INDEX pushed_request_used ON pushed_request (expires_at) WHERE logged_in_at IS NOT NULL;
