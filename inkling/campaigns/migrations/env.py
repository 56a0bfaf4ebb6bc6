"""What alembic runs to bring a store to the newest schema, over the connection that `inkling.campaigns.store` hands
it.
"""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
with context.begin_transaction():
    context.run_migrations()
