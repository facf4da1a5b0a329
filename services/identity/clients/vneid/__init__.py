"""VNeID as our OpenID provider: the one place where Authlib is used, behind a port for each dialect of its claims."""
