{#- Lists of dates for loops in models. -#}
{%- macro convert_datetime(date_str, date_fmt) -%}
  {%- set failure = "'" ~ date_str ~ "' does not match the date format '" ~ date_fmt ~ "'" -%}
  {%- do return(try_or_compiler_error(failure, modules.datetime.datetime.strptime, date_str.strip(), date_fmt)) -%}
{%- endmacro -%}

{%- macro dates_in_range(start_date_str, end_date_str=none, in_fmt='%Y%m%d', out_fmt='%Y%m%d') -%}
  {%- set end_date_str = start_date_str if end_date_str is none else end_date_str -%}
  {%- set first = convert_datetime(start_date_str, in_fmt) -%}
  {%- set last = convert_datetime(end_date_str, in_fmt) -%}
  {%- set days = (last - first).days -%}
  {%- if days < 0 -%}
    {%- do exceptions.raise_compiler_error('Partition start date is after the end date: ' ~ start_date_str ~ ', ' ~ end_date_str) -%}
  {%- endif -%}
  {%- set found = [] -%}
  {%- for offset in range(days + 1) -%}
    {%- set day = first + modules.datetime.timedelta(days=offset) -%}
    {%- do found.append(day.strftime(out_fmt) if out_fmt else day) -%}
  {%- endfor -%}
  {%- do return(found) -%}
{%- endmacro -%}

{#- `raw` is one date, or two with a comma between them. -#}
{%- macro partition_range(raw_partition_date, date_fmt='%Y%m%d') -%}
  {%- set parts = (raw_partition_date | string).split(',') -%}
  {%- if parts | length == 1 -%}
    {%- do return(dates_in_range(parts[0], none, in_fmt=date_fmt)) -%}
  {%- elif parts | length == 2 -%}
    {%- do return(dates_in_range(parts[0], parts[1], in_fmt=date_fmt)) -%}
  {%- endif -%}
  {%- do exceptions.raise_compiler_error('Dates are one date or two with a comma between them, found: ' ~ raw_partition_date) -%}
{%- endmacro -%}

{%- macro py_current_timestring() -%}
  {%- do return(modules.datetime.datetime.now().strftime('%Y%m%d%H%M%S%f')) -%}
{%- endmacro -%}
