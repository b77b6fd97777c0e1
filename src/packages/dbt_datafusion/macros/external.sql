{#- dbt-duckdb's projects call it in a hook. Files are read where a source names them; there is nothing to register. -#}
{%- macro register_upstream_external_models() -%}{%- endmacro -%}
