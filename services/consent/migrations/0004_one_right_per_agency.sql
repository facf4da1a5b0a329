-- Of law: one per subject, dossier, rule version and agency. Where one agency receives and another decides, each has its own.
-- The new index is there before the old one goes, so that reading never waits for it to be built.
CREATE UNIQUE INDEX consent_grant_of_law_per_agency
    ON consent_grant (subject_id, dossier_uid, rule_id, rule_version, agency_uid)
    WHERE state = 'granted' AND kind = 'legal_basis';
DROP INDEX consent_grant_of_law;
ALTER INDEX consent_grant_of_law_per_agency RENAME TO consent_grant_of_law;
