{#- Comments are kept with the table or view. There are no users, so grants only warn. -#}
{%- macro datafusion__alter_relation_comment(relation, relation_comment) -%}
  comment on {{ 'view' if relation.is_view else 'table' }} {{ relation.render() }}
    is '{{ relation_comment | replace("'", "''") }}'
{%- endmacro -%}

{%- macro datafusion__alter_column_comment(relation, column_dict) -%}
  {%- set existing = adapter.get_columns_in_relation(relation) -%}
  {%- set documented = validate_doc_columns(relation, column_dict, existing) -%}
  {%- set names = {} -%}
  {%- for column in existing -%}
    {%- do names.update({column.name | lower: column.name}) -%}
  {%- endfor -%}
  {%- for key, column in documented.items() if column['description'] %}
    {%- set name = column['name'] if column.get('quote') else names[column['name'] | lower] %}
  comment on column {{ relation.render() }}.{{ adapter.quote(name) }}
    is '{{ column['description'] | replace("'", "''") }}';
  {%- endfor -%}
{%- endmacro -%}

{%- macro datafusion__apply_grants(relation, grant_config, should_revoke=true) -%}
  {%- if grant_config -%}
    {{ exceptions.warn('grants on ' ~ relation.render() ~ ' have no effect: the embedded engine has no users') }}
  {%- endif -%}
{%- endmacro -%}

{%- macro datafusion__copy_grants() -%}
  {{ return(false) }}
{%- endmacro -%}
