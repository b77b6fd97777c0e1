"""Records what PyYAML makes of scalars, documents and values: tests/cases/yaml/*.json.

Run with a Python that has PyYAML: python tests/it/yaml_record.py
"""

import datetime
import json
import pathlib

import yaml

OUT = pathlib.Path(__file__).resolve().parent.parent / "cases" / "yaml"

WORDS = """yes Yes YES yEs no No NO true True TRUE tRUE false False FALSE on On ON off Off OFF y Y n N t f
~ null Null NULL nUll none None nil undefined = << < <<< ! & * @ ? - : # , % | >"""

NUMBERS = """0 1 -1 +1 00 01 007 012 -012 +012 08 09 018 0777 0778 0_ 0_7 _1 1_ 1_000 1__000 -1_000 +1_000 1,000
0x 0x1f 0X1F 0x1F -0x1f +0x1f 0x_ 0x1_f 0xg 0b 0b0 0b101 -0b101 0b1_0 0b2 0o7 0o17 0O17
1. .5 1.5 -1.5 +1.5 -.5 +.5 1.e3 1.e+3 1.0e3 1.0e+3 1.0e-3 1.0E+3 1e3 1e+3 1E5 1e-3 .5e+3 .5e3 1_000.5 1.5_0 ._5 .
.. ... .inf .Inf .INF +.inf -.inf .iNf .nan .NaN .NAN -.nan +.nan inf nan Infinity 1.5. 1..5 1.2.3 1.2.3.4
9223372036854775807 -9223372036854775808 123456789012 99999999999999999999 -99999999999999999999
1:30 1:2 1:60 1:59 01:30 0:30 190:20:30 -1:30 +1:30 1:30:59 1:30:60 1:30. 1:30.5 190:20:30.15 0:30.5 00:30.5 1:a a:1
1:5:9 1:05 1:005 12:30:45 12:30:45.678 23:59 24:00 8:00 08:00 1_0:30 +12 -12 --1 +-1 - + -- ++ 1- 1+ 1-1 1a a1 $1 1%
0.0 -0.0 0. 00.5 007.5 0x1.5 1.0_ 1_.0 _1.0 3.14 2.50 100.00 1e 1.e e3 1.5e 1.5e+ 5e-1 5.e-1 1.7976931348623157e+308 1.0e+309
5e-324 4.9e-324 0.1 0.2 0.30000000000000004 1000000.0 123456789.123456789 1.0e+16 1.0e+15 12345678901234567890.0 1.0e-5 0.0001"""

DATES = """2024-01-01 2024-1-1 2024-12-31 2024-02-29 2023-02-29 2024-13-01 2024-00-10 0000-01-01 0001-01-01 9999-12-31 24-01-01
20240101 2024/01/01 2024-01 2024-01-01T 2024-01-01T10 2024-01-01T10:20 2024-01-01T10:20:30 2024-01-01t10:20:30
2024-01-01T10:20:30Z 2024-01-01T10:20:30z 2024-01-01T10:20:30.5 2024-01-01T10:20:30.123456 2024-01-01T10:20:30.1234567
2024-01-01T10:20:30. 2024-01-01T10:20:30+02 2024-01-01T10:20:30+02:00 2024-01-01T10:20:30-05:30 2024-01-01T10:20:30+2
2024-01-01T10:20:30.25Z 2024-01-01T10:20:30+0200 2024-01-01T25:00:00 2024-01-01T10:60:00 2024-1-2T3:04:05 2024-01-01T10:20:30+25:00
2024-01-01-01 2024-01-0a 2024-W01 2024-001 10:20:30 2024-01-01x"""

TEXTS = [
    "2024-01-01 10:20:30", "2024-01-01 10:20:30.5 +02:00", "2024-01-01  10:20:30 Z", "2024-01-01 10:20", "1 2", "yes no",
    "null null", "a b", "a  b", "a #b", "a#b", "{{ x }}", "a: b", "a:b", "http://a.b/c", "-a", "- a", "?a", ":a", "a:", "'a'", '"a"',
    "''", '""', "'it''s'", '"a\\nb"', '"\\x41\\u00e9\\t"', '"\\/"', "'a\\nb'", "'yes'", '"1"', '"2024-01-01"', "[1, yes, a]", "{a: 1, yes: no}",
    "[]", "{}", "[a, b,]", "{a, b}", "[a: 1]", "[[1], {b: [2]}]", "{a: }", "{'a': 1}", '{"a":1}', "{a:1}", "é", "日本", "a'b", 'a"b', "a,b", "a]b", "a}b",
    "!!str 1", "!!int '3'", "!!float 1", "!!float '1.5'", "!!bool 'yes'", "!!null ''", "!!str", "! 1", "a\\b", "%a", "a%", "@a", "`a`", "a`", "&x 1", "&x a", "a & b",
    "a*b", "*", "|", ">", "a|b", "a>b", "<a", "=a", "a=", "==", "~a", "a~", "nulls", "yesno", "True False", "1 year", "0 0 * * *", "5 rows", "v1.0",
    "1.0.0", ">=1.0.0", "<2.0", "!=1", "^1.0", "~1.0", "1.x", "#", "# a", "a,", ",a", "(a)", "select 1", "a\tb", "ref('x')",
]

DOCUMENTS = [
    "", "# only a comment", "---\na: 1", "a: 1\n...\n", "a: 1\n---\nb: 2", "a:\n  b:\n    c: 1\n  d: 2", "a:\n- 1\n- 2\nb: 3", "a:\n  - 1\n  -\n    b: 2\n    c: 3\n  - - x\n    - y",
    "a: |\n  x\n  y\n", "a: |-\n  x\n  y\n", "a: |+\n  x\n\n\nb: 1", "a: >\n  x\n  y\n\n  z\n", "a: >-\n  x\n    y\n  z", "a: |2\n    x\n   y\n", "a: x\n  y\n  z", "a: 'x\n  y\n\n  z'",
    'a: "x\n  y\\\n  z"', "a: &x {b: 1}\nc: *x", "a: &x\n  b: 1\n  c: 2\nd:\n  <<: *x\n  c: 3\n  e: 4", "x: &x {a: 1, b: 1}\ny: &y {a: 2, c: 2}\nz:\n  <<: [*x, *y]\n  d: 3",
    "a: 1\na: 2\nb: 3", "? a\n: b", "1: a\n1.5: b\nyes: c\nnull: d\n2024-01-01: e", "a: 1\n b: 2", "a:\n\t- 1", "\ta: 1", "a: [1, 2", "a: {b: 1", "a: 'x", 'a: "x', "a: *x", "a: {{ x }}",
    "{{ x }}: 1", "- a\nb: 1", "a: b: c", "a:\n  - b\n  c: d", "[1, 2]: a", "<<: 1", "a: @b", "a: `b`", "a: %b", "key with spaces: v", "'quoted key': v", "a: b #c", "a: b # c", "a: 'b' # c", "a:b: c",
    "a:   \n  b", "a: !foo b", "a: !!python/object:x.y {}", "a: \"\\q\"", "- a\n-b", "-a: 1", "a: - 1", "a:\n-  b: 1\n   c: 2", "a: [\n  1,\n  2,\n]", "a: {\n  b: 1,\n  c: 2\n}", "a: \"tab\\there\"", "a: x\ty",
    "a: 1\n\n\n# c\n\nb: 2\n", "version: 2\n\nmodels:\n  - name: a\n    columns:\n      - name: id\n        data_tests: [unique, not_null]\n", "a: ~\nb:\nc: null", "a: ''\nb: \"\"", "a: yes\nb: 'yes'", "a: &x 1\nb: &x 2\nc: *x", "a: \"x\" y",
    "a: [b, {c: d}, [e]]", "a: ? b", "?", "- ", "-", "- - -", "a: |\n\n  x\n", "a: |\n  x\n y: 1", "é: 日本\nb: x", "a: x\n\nb: y\n  z", "{a: 1, a: 2}", "- {a: 1}\n- {b: 2}", "a: {b}", "a: '{{ x }}'", "a: \"{{ var('x') }}\"", "a: \"{{ var(\"x\") }}\"",
    "a: -\n", "a: [-1, - 1]", "on: push", "a: 0o17", "%YAML 1.1\n---\na: 1", "a: !!set {b, c}", "a: !!binary aGk=", "a: !!omap [b: 1]", "a: x\n# c\n  y", "a: [x y, z]", "a: [x: y]", "a: {x: [1,2], 'y': z}", "a:\n    b: 1\n    c: 2\n  d: 3",
]

VALUES = [
    None, True, False, 0, 1, -5, 1.0, 1.5, 1e20, 1e16, 1e-7, 0.1, float("inf"), "", "a", "yes", "null", "1", "1.5", "2024-01-01", "a b", " a", "a ", "a: b", "a:b", "a:", "a #b", "a#b", "- a", "-a", "-", "?", "? a", "?a", ":a", ": a",
    "'a'", '"a"', "a'b", "it's: x", "a\nb", "a\n", "\na", "a\n\nb", "a \nb", "a\tb", "\t", "é", "日本", "😀", "#a", ",a", "a,b", "[a]", "{a}", "&a", "*a", "!a", "|a", ">a", "%a", "@a", "`a", "a[b]", "---", "--- a", "...", "=", "<<", "~", "0x1f", "1_000", "1:30", "012", "08", "on", "99999999999999999999",
    "{{ ref('a') }}", "select * from x where y = 'z'", "word " * 30, "word " * 30 + "end", "x" * 120, "it's " + "long " * 30 + ": end", "a\\b", "\x07", "\x7f", "\u00a0", "\u2028", "\ufeff",
    [], {}, [1], [[]], [{}], [[1, 2], [3]], {"a": 1}, {"b": 1, "a": 2}, {"a": []}, {"a": {}}, {"a": [1, 2]}, {"a": {"b": [1, {"c": 2, "d": [3]}]}}, [{"a": 1, "b": 2}, {"c": [1]}], [[{"a": 1}]], {"a": None, "b": True}, {"1": 1, "yes": 2, "a b": 3, "a: b": 4},
    {"a": "x\ny"}, ["x\ny"], {"a": "word " * 25 + "end"}, [["word " * 25 + "end"]], {"é": "é"}, {"a": "é " * 60}, {"long key " * 20: 1}, {"": ""},
]


def plain(value):
    """A value as JSON with its type, so that 1, 1.0 and True differ."""
    if isinstance(value, dict):
        return {"map": [[plain(k), plain(v)] for k, v in value.items()]}
    if isinstance(value, (list, tuple)):
        return {"list": [plain(v) for v in value]}
    if isinstance(value, datetime.datetime):
        return {"datetime": value.isoformat()}
    if isinstance(value, datetime.date):
        return {"date": value.isoformat()}
    if isinstance(value, bool):
        return {"bool": value}
    if isinstance(value, int):
        return {"int": str(value)}
    if isinstance(value, float):
        return {"float": repr(value)}
    if value is None:
        return {"null": True}
    if isinstance(value, str):
        return {"str": value}
    return {"other": type(value).__name__}


def load(text):
    try:
        return plain(yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
    except Exception as error:  # noqa: BLE001
        return {"error": type(error).__name__}


def write(name, rows):
    lines = ",\n".join(json.dumps(row, ensure_ascii=True) for row in rows)
    (OUT / name).write_text("[\n" + lines + "\n]\n", encoding="utf-8")


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    scalars = list(dict.fromkeys((WORDS + " " + NUMBERS + " " + DATES).split() + TEXTS))
    write("scalars.json", [[f"v: {text}", load(f"v: {text}")] for text in scalars])
    write("documents.json", [[text, load(text)] for text in DOCUMENTS])
    dumps = []
    for value in VALUES:
        for sort_keys in (False, True):
            if sort_keys and not isinstance(value, (dict, list)):
                continue
            dumps.append([plain(value), sort_keys, yaml.safe_dump(value, sort_keys=sort_keys)])
    write("dumps.json", dumps)


if __name__ == "__main__":
    main()
