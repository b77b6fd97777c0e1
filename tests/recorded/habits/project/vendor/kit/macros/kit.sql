{% macro double(text) %}{{ kit.choose() }}{{ text }}{{ kit.only_in_kit() }}{% endmacro %}
{% macro only_in_kit() %}1{% endmacro %}
{% macro choose() %}{{ return(adapter.dispatch('choose')()) }}{% endmacro %}
{% macro default__choose() %}kit{% endmacro %}
{% test positive(model, column_name) %}select * from {{ model }} where {{ column_name }} < 0{% endtest %}
{% test below(model, column_name, most) %}select * from {{ model }} where {{ column_name }} >= {{ most }}{% endtest %}
