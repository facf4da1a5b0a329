"""What consent is about, without framework, driver or clock: requests, notices, grants, and what may become of them."""
