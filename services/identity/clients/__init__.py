"""Whom identity asks: VNeID for a login, `reuse` for a dossier, `consent` for the citizen's answer."""
