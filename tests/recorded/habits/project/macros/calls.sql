{% macro ref() %}{{ return(builtins.ref(*varargs)) }}{% endmacro %}

{% macro again(depth) %}{% if depth > 0 %}{{ shop.again(depth - 1) }}{{ again(0) }}{% endif %}{% endmacro %}

{% macro items() %}1{% endmacro %}

{% macro walks(pairs) %}{% for pair in pairs.items() %}{{ only_in_kit() }}{{ pair }}{% endfor %}{% endmacro %}

{% macro choose() %}{{ return(adapter.dispatch('choose')()) }}{% endmacro %}
{% macro default__choose() %}root{% endmacro %}

{% macro pick() %}{{ return(adapter.dispatch('windows', 'shop')()) }}{% endmacro %}
{% macro default__windows() %}1{% endmacro %}

{% test positive(model, column_name) %}select * from {{ model }} where {{ column_name }} <= 0{% endtest %}

{% macro bound() %}10{% endmacro %}
