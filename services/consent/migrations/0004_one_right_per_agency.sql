-- Of law: one per subject, dossier, rule version and agency. Where one agency receives and another decides, each has its own.
DROP INDEX consent_grant_of_law;
CREATE UNIQUE INDEX consent_grant_of_law ON consent_grant (subject_id, dossier_uid, rule_id, rule_version, agency_uid)
    WHERE state = 'granted' AND kind = 'legal_basis';
