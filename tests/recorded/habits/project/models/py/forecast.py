def model(dbt, session):
    days = dbt.config.get("days", 7)
    dbt.config(days=30)
    owner = dbt.config.meta_get("owner")
    return session.sql(f"select {days} as id, {dbt.config.get('plain')}")
