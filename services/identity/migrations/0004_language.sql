-- In which language a client wants its citizen's pages (OpenID Connect Core §3.1.2.1, ui_locales); null: it did not say.
ALTER TABLE pushed_request ADD COLUMN language text CHECK (language IN ('vi', 'en'));
