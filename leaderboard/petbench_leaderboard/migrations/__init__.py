"""The history of the leaderboard's schema, in Alembic's form."""
