{#- Runs the hooks that belong inside, or outside, of the transaction. Hooks are {sql, transaction} dicts. -#}
{%- macro run_hooks(hooks, inside_transaction=true) -%}
  {%- for hook in hooks | selectattr('transaction', 'equalto', inside_transaction) -%}
    {%- set text = render(hook.get('sql')) | trim -%}
    {%- if text | length > 0 -%}
      {%- call statement(auto_begin=inside_transaction) -%}
        {{ text }}
      {%- endcall -%}
    {%- endif -%}
  {%- endfor -%}
{%- endmacro -%}

{%- macro make_hook_config(sql, inside_transaction) -%}
  {{ tojson({'sql': sql, 'transaction': inside_transaction}) }}
{%- endmacro -%}

{%- macro before_begin(sql) -%}
  {{ make_hook_config(sql, inside_transaction=false) }}
{%- endmacro -%}

{%- macro in_transaction(sql) -%}
  {{ make_hook_config(sql, inside_transaction=true) }}
{%- endmacro -%}

{%- macro after_commit(sql) -%}
  {{ make_hook_config(sql, inside_transaction=false) }}
{%- endmacro -%}

{#- Around the materialization of a node: what its session needs for it alone. `tamis_after_node` gets what the other gave, and
    is called whatever happened. -#}
{%- macro tamis_before_node() -%}
  {{ return(adapter.dispatch('tamis_before_node', 'dbt')()) }}
{%- endmacro -%}

{%- macro default__tamis_before_node() -%}
  {{ return(none) }}
{%- endmacro -%}

{%- macro tamis_after_node(before, failed) -%}
  {{ adapter.dispatch('tamis_after_node', 'dbt')(before, failed) }}
{%- endmacro -%}

{%- macro default__tamis_after_node(before, failed) -%}
{%- endmacro -%}
