"""All SQL. One code path for SQLite and PostgreSQL (SQLAlchemy Core) and the Alembic migrations."""
