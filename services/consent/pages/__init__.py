"""The pages of consent: what a citizen is told and asked, and her own page."""
