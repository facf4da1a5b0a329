"""A realm of Keycloak that stands in VNeID's place: the personas' claims, levels by what a login really proved."""
