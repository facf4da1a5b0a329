-- Of law: one per subject, dossier, rule version and agency. Where one agency receives and another decides, each has its own.
-- The new index is there before the old one goes, so that reading never waits for it to be built.
CREATE UNIQUE INDEX consent_grant_of_law_per_agency
    ON consent_grant (subject_id, dossier_uid, rule_id, rule_version, agency_uid)
    WHERE state = 'granted' AND kind = 'legal_basis';
DROP INDEX consent_grant_of_law;
ALTER INDEX consent_grant_of_law_per_agency RENAME TO consent_grant_of_law;

-- What a citizen hands in herself in a dossier, by her newest word to any of its agencies; no officer takes it away (ADR 0017).
CREATE TABLE handed_in (
    subject_id   uuid    NOT NULL,
    dossier_uid  uuid    NOT NULL,
    rule_id      text    NOT NULL CHECK (length(rule_id) <= 60),
    rule_version integer NOT NULL CHECK (rule_version > 0),
    attributes   text[]  NOT NULL,
    PRIMARY KEY (subject_id, dossier_uid, rule_id, rule_version)
);
-- So far it stood in the grants: what one of them names that stands she has taken back.
INSERT INTO handed_in
SELECT g.subject_id, g.dossier_uid, g.rule_id, g.rule_version, array_agg(DISTINCT attribute ORDER BY attribute)
  FROM consent_grant g CROSS JOIN unnest(g.opted_out) AS attribute
 WHERE g.kind = 'legal_basis'
   AND NOT EXISTS (SELECT FROM consent_grant s
                    WHERE s.subject_id = g.subject_id AND s.dossier_uid = g.dossier_uid AND s.rule_id = g.rule_id
                      AND s.rule_version = g.rule_version AND s.state = 'granted' AND attribute = ANY (s.attributes))
 GROUP BY g.subject_id, g.dossier_uid, g.rule_id, g.rule_version;
