{% macro cents(column) %}({{ scale() }} * {{ column }}){% endmacro %}
{% macro scale() %}100{% endmacro %}
{% macro unused() %}1{% endmacro %}
{% test positive(model, column_name) %}
select * from {{ model }} where {{ column_name }} <= 0
{% endtest %}
