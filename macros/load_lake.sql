{#
  Loads the event lake into the table that `source('lake', 'events')` is on Snowflake. Files that were loaded before are left out: Snowflake
  remembers them. Run it before each build there:

      tamis run-operation load_lake --target prod --args '{url: "s3://my-bucket/events/", storage_integration: lake_reader}'

  Without `url` the files are those of the stage `lake.event_files`, as uploaded by PUT or `snow stage copy`.
#}
{% macro load_lake(url=none, storage_integration=none) %}
  {%- if target.type != 'snowflake' or target.get('dialect') -%}
    {{ exceptions.raise_compiler_error('load_lake is for Snowflake; the embedded engine reads the lake where it is') }}
  {%- endif -%}
  {%- set place = target.database ~ '.lake' -%}
  {%- do run_query('create schema if not exists ' ~ place) -%}
  {%- if adapter.get_relation(database=target.database, schema='lake', identifier='events') is none -%}
    {%- do run_query(lake_table(place)) -%}
  {%- endif -%}
  {%- do run_query(
      'create stage if not exists ' ~ place ~ '.event_files'
      ~ (" url = '" ~ url ~ "'" if url else '')
      ~ (' storage_integration = ' ~ storage_integration if storage_integration else '')
      ~ ' file_format = (type = parquet)') -%}
  {%- set files = run_query(lake_copy(place)) -%}
  {%- set loaded = [] -%}
  {%- for row in files.rows if row.get('status') == 'LOADED' -%}
    {%- do loaded.append(row['rows_loaded'] | int) -%}
  {%- endfor -%}
  {%- do log(loaded | length ~ ' new files with ' ~ loaded | sum ~ ' events were loaded', info=true) -%}
{% endmacro %}

{% macro lake_table(place) %}
  create table {{ place }}.events (
    event_id varchar,
    customer_id varchar,
    user_id varchar,
    event_type varchar,
    event_ts timestamp_ntz,
    received_at timestamp_ntz,
    schema_version integer,
    payload varchar,
    event_date date,
    customer_bucket integer
  )
{% endmacro %}

{# The folders of a file are columns too: `event_date=2026-03-01/customer_bucket=2/part-000.parquet`. #}
{% macro lake_copy(place) %}
  copy into {{ place }}.events
  from (
    select
      $1:event_id::varchar,
      $1:customer_id::varchar,
      $1:user_id::varchar,
      $1:event_type::varchar,
      $1:event_ts::timestamp_ntz,
      $1:received_at::timestamp_ntz,
      $1:schema_version::integer,
      $1:payload::varchar,
      to_date(split_part(split_part(metadata$filename, 'event_date=', 2), '/', 1)),
      split_part(split_part(metadata$filename, 'customer_bucket=', 2), '/', 1)::integer
    from @{{ place }}.event_files
  )
  pattern = '.*[.]parquet'
  file_format = (type = parquet)
{% endmacro %}
