"""The database's schema, step by step (alembic). Queries live in `inkling.campaigns.store`."""
