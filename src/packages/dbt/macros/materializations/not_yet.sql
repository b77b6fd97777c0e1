{#- Kinds of nodes that raise until they are implemented. -#}
{% materialization materialized_view, default %}
  {{ exceptions.raise_not_implemented('materialized views are not supported by adapter ' ~ adapter.type()) }}
{% endmaterialization %}
