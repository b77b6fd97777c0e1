{#- Comments from descriptions, and grants. -#}
{%- macro snowflake__alter_relation_comment(relation, relation_comment) -%}
  comment on {{ tamis_ddl_word(relation) }} {{ relation }} is {{ tamis_dollar_quoted(relation_comment) }};
{%- endmacro -%}

{#- A view has its columns' comments from the CREATE. -#}
{%- macro snowflake__persist_docs(relation, model, for_relation, for_columns) -%}
  {%- set with_columns = for_columns and not relation.is_view -%}
  {{ return(default__persist_docs(relation, model, for_relation, with_columns)) }}
{%- endmacro -%}

{%- macro snowflake__alter_column_comment(relation, column_dict) -%}
  {%- set existing = adapter.get_columns_in_relation(relation) -%}
  {%- set documented = validate_doc_columns(relation, column_dict, existing) -%}
  {%- set lines = [] -%}
  {%- for column in existing -%}
    {%- do lines.append(get_column_comment_sql(column.name, documented)) -%}
  {%- endfor -%}
  {%- if lines and documented %}
  alter {{ tamis_ddl_word(relation) }} {{ relation }} alter {{ lines | join(', ') }};
  {%- endif -%}
{%- endmacro -%}

{#- Whether a replaced relation keeps its grants. -#}
{%- macro snowflake__copy_grants() -%}
  {{ return(config.get('copy_grants', default=false)) }}
{%- endmacro -%}

{%- macro snowflake__support_multiple_grantees_per_dcl_statement() -%}
  {{ return(false) }}
{%- endmacro -%}

{#- Grantees are roles, written as in the config. -#}
{%- macro snowflake__get_grant_sql(relation, privilege, grantees) -%}
  grant {{ privilege }} on {{ relation.render() }} to {{ grantees | join(', ') }}
{%- endmacro -%}

{%- macro snowflake__get_revoke_sql(relation, privilege, grantees) -%}
  revoke {{ privilege }} on {{ relation.render() }} from {{ grantees | join(', ') }}
{%- endmacro -%}
