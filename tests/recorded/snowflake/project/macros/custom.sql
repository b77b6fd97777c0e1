{% macro grant_all() %}{% do run_query('grant usage on schema dev to role reader') %}{% endmacro %}
