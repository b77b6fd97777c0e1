{#- What a session carries besides its statements: the warehouse and the query tag. Projects override `set_query_tag`, so its name, and that it
    gives the tag of before, stay. -#}
{%- macro get_current_query_tag() -%}
  {%- set parameter = run_query("show parameters like 'query_tag' in session") -%}
  {{ return(parameter.rows[0]['value']) }}
{%- endmacro -%}

{%- macro set_query_tag() -%}
  {{ return(adapter.dispatch('set_query_tag', 'dbt')()) }}
{%- endmacro -%}

{%- macro snowflake__set_query_tag() -%}
  {%- set tag = config.get('query_tag') -%}
  {%- if not tag -%}
    {{ return(none) }}
  {%- endif -%}
  {%- set before = get_current_query_tag() -%}
  {%- do log("Query tag of the session: '" ~ tag ~ "', before: '" ~ before ~ "'") -%}
  {%- do store_result('tamis_query_tag', response={'before': before}) -%}
  {%- do tamis_alter_query_tag(tag) -%}
  {{ return(before) }}
{%- endmacro -%}

{%- macro unset_query_tag(original_query_tag) -%}
  {{ return(adapter.dispatch('unset_query_tag', 'dbt')(original_query_tag)) }}
{%- endmacro -%}

{%- macro snowflake__unset_query_tag(original_query_tag) -%}
  {%- if config.get('query_tag') -%}
    {%- do load_result('tamis_query_tag') -%}
    {%- do tamis_alter_query_tag(original_query_tag) -%}
  {%- endif -%}
{%- endmacro -%}

{%- macro tamis_alter_query_tag(tag) -%}
  {%- if tag -%}
    {%- do run_query("alter session set query_tag = '" ~ dbt.escape_single_quotes(tag) ~ "'") -%}
  {%- else -%}
    {%- do run_query('alter session unset query_tag') -%}
  {%- endif -%}
{%- endmacro -%}

{#- The warehouse of the node, for as long as the node takes; gives the one of before. -#}
{%- macro snowflake__tamis_before_node() -%}
  {%- set warehouse = config.get('snowflake_warehouse') -%}
  {%- if not warehouse or warehouse == target.get('warehouse') -%}
    {{ return(none) }}
  {%- endif -%}
  {%- set before = run_query('select current_warehouse() as warehouse').rows[0][0] -%}
  {%- do run_query('use warehouse ' ~ warehouse) -%}
  {{ return(before) }}
{%- endmacro -%}

{%- macro snowflake__tamis_after_node(before, failed) -%}
  {#- The node ended before it set its query tag back. -#}
  {%- if failed and _sql_results.get('tamis_query_tag') -%}
    {%- do tamis_alter_query_tag(load_result('tamis_query_tag').response.before) -%}
  {%- endif -%}
  {%- if before -%}
    {%- do run_query('use warehouse ' ~ before) -%}
  {%- endif -%}
{%- endmacro -%}
