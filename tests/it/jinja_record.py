"""Records what Jinja2 itself makes of the templates below, for the Rust test to compare with.

    python tests/it/jinja_record.py > tests/cases/jinja/recorded.json

Needs PyPI `jinja2` and `pytz`. The environment is dbt's: sandboxed, with `do` and loop controls. Native results follow dbt's rule:
one computed piece keeps its value, anything else is text.
"""

import importlib
import json
import sys
from itertools import chain, islice

import jinja2
import jinja2.nativetypes
import jinja2.sandbox

NAMES = {
    "name": "World",
    "n": 3,
    "zero": 0,
    "pi": 3.14159,
    "yes": True,
    "nothing": None,
    "text": "The quick brown fox jumps over the lazy dog",
    "mixed": ["b", "A", "c", "B"],
    "nums": [3, 1, 2, 10],
    "empty": [],
    "people": [
        {"name": "Ann", "age": 31, "city": "Rome", "pet": {"kind": "cat"}},
        {"name": "bob", "age": 25, "city": "Oslo", "pet": {"kind": "dog"}},
        {"name": "Cid", "age": 31, "city": "Rome", "pet": {"kind": "cat"}},
    ],
    "d": {"b": 1, "a": 2, "C": 3},
    "nested": {"x": {"y": [10, 20, {"z": "deep"}]}},
    "html": "<a href=\"x\">it's & more</a>",
    "lines": "one\ntwo\n\n three",
    "unicode": "Grüße, Zoë – ok",
    "tree": [{"v": 1, "c": [{"v": 2, "c": []}, {"v": 3, "c": [{"v": 4, "c": []}]}]}],
}

EXPRESSIONS = r"""
1 + 2 * 3
7 / 2
6 / 2
7 // 2
-7 // 2
-7 % 3
7 % -3
7.5 // 2
7.5 % 2
-7.5 % 2
2 ** 10
2 ** -1
2 ** 0.5
-2 ** 2
2 ** 3 ** 2
1e3
1.5e300 * 1e10
0.1 + 0.2
1.0
100.0
1e16
1e15
123456789012345678.0
0.0001
0.00001
1e-7
-0.0
1/3
10/3
1_000_000
0x1f
0b101
0o17
3 - -3
+5
- - 5
not 1
not not 1
true and 0
0 or 'x'
'' or none
1 and 2 and 3
1 < 2 < 3
1 < 2 > 3
1 == 1.0
1 == true
'a' < 'b'
[1, 2] < [1, 3]
(1, 2) == [1, 2]
'a' in 'abc'
1 in [1, 2]
1 not in [1, 2]
'a' in d
'zz' not in d
not 1 in [2]
1 + 1 ~ 1
'a' ~ 1 ~ none ~ true ~ 1.5 ~ [1]
1 ~ 2 + 3
'a' 'b' "c"
'ab' * 3
3 * 'ab'
[1] * 3
[1] + [2]
(1,) + (2,)
1 if true else 2
1 if false else 2
1 if false
'a' if n > 2 else 'b' if n > 1 else 'c'
(1 if true else 2) + 1
true
True
none
None
[]
[1,]
[1, 'a', none, true, 1.5, [2], (3,), {'k': 'v'}]
()
(1,)
(1, 2)
1, 2
1,
{}
{'a': 1, 2: 'b', none: 3, (1, 2): 4}
{'a': 1,}
{1: 'a', 1.0: 'b', true: 'c'}
'it\'s'
"say \"hi\""
'both \' and "'
'tab\tnl\nback\\slash'
['tab\tnl\nback\\slash', '\x00\x7f', 'é', '\u2028']
'\d+\.\w \/ \8'
'\x41\u00e9\101'
'a\
b'
name
missing
missing.attr
missing['x']
missing()
missing + 1
1 + missing
missing ~ 'x'
missing == missing
missing == none
missing > 1
missing in [1]
1 in missing
missing | default('d')
missing | length
missing | int
missing | list
missing | upper
missing is defined
missing is undefined
missing is none
missing or 'x'
not missing
nothing
nothing.attr
nothing['x']
nothing | default('d')
nothing | default('d', true)
nothing + 1
d.b
d['b']
d.missing
d['missing']
d.missing.more
d.items
d[1]
nums[0]
nums[-1]
nums[99]
nums['x']
nums.foo
nums.0
nums[1.5]
nested.x.y[2].z
nested['x']['y'][0]
nested.x.y.2.z
people[0].name
people[0].pet.kind
'abc'[0]
'abc'[-1]
'abc'[10]
'abc'.foo
name.upper
(1, 2)[1]
n.foo
n.real
pi.is_integer()
nums[1:]
nums[:2]
nums[::-1]
nums[::2]
nums[-2:]
nums[1:-1]
nums[5:]
nums[10:0:-2]
nums[:]
'abcdef'[1:4]
'abcdef'[::-1]
'abcdef'[-3:-1]
'Zoë'[2:]
(1, 2, 3)[1:]
nums[::0]
missing[1:]
n[1:]
text.upper()
text.title()
text.split()
text.split(' ', 2)
text.rsplit(' ', 2)
'a,b,,c'.split(',')
'a,b,,c'.rsplit(',', 1)
'  a  b '.split()
'  a  b  c '.split(none, 1)
'  a  b  c '.rsplit(none, 1)
''.split()
''.split(',')
'x'.split('')
'a\nb\r\nc'.splitlines()
'a\nb\r\nc\n'.splitlines(true)
'a-b-c'.partition('-')
'a-b-c'.rpartition('-')
'abc'.partition('x')
'abc'.rpartition('x')
'  x '.strip()
'xxaxx'.strip('x')
'xxaxx'.lstrip('x')
'xxaxx'.rstrip('x')
'abcabc'.find('c')
'abcabc'.find('c', 3)
'abcabc'.rfind('c')
'abcabc'.find('z')
'abcabc'.index('b')
'abcabc'.index('z')
'abcabc'.count('b')
'abcabc'.count('')
'abcabc'.replace('b', 'X')
'abcabc'.replace('b', 'X', 1)
'abc'.replace('', '-')
'abc'.replace(1, 2)
'abc'.startswith('ab')
'abc'.startswith(('x', 'a'))
'abc'.endswith('bc')
'abc'.startswith('b', 1)
'abc'.center(8, '*')
'abc'.center(9)
'abcd'.center(9, '*')
'abc'.ljust(5, '.')
'abc'.rjust(5)
'42'.zfill(5)
'-42'.zfill(5)
'a\tb'.expandtabs(4)
'hello world'.capitalize()
'Hello World'.swapcase()
"they're bill's".title()
'ß'.casefold()
'abc'.isalpha()
'abc1'.isalnum()
'123'.isdigit()
'123'.isnumeric()
'12.3'.isdigit()
'²'.isdigit()
'½'.isnumeric()
'½'.isdigit()
''.isalpha()
'ABC'.isupper()
'abc1'.islower()
'Abc Def'.istitle()
' \t'.isspace()
'a_1'.isidentifier()
'1a'.isidentifier()
'abc'.isascii()
'a\n'.isprintable()
', '.join(['a', 'b'])
', '.join(d)
', '.join('abc')
', '.join([1])
'prefix_x'.removeprefix('prefix_')
'x.sql'.removesuffix('.sql')
'abc'.encode()
'é\n'.encode('utf-8')
'abc'.encode().decode()
'{} {}'.format(1, 'a')
'{0} {1} {0}'.format('x', 'y')
'{a} {b!r}'.format(a=1, b='x')
'{:>8}|{:<8}|{:^8}|'.format('a', 'b', 'c')
'{:*^9}'.format('mid')
'{:08.3f}'.format(pi)
'{:,}'.format(1234567)
'{:,.2f}'.format(1234567.891)
'{:_}'.format(1234567)
'{:010,}'.format(1234567)
'{:+d} {: d}'.format(5, 5)
'{:x} {:X} {:#x} {:b} {:o} {:#b}'.format(255, 255, 255, 5, 8, 5)
'{:e} {:E}'.format(12345.678, 0.00012)
'{:g} {:g} {:g}'.format(1e10, 0.0001, 123456789)
'{:.3g} {:.3}'.format(1234.5, 1234.5)
'{:.0f} {:.0f} {:.0f}'.format(0.5, 1.5, 2.5)
'{:.1%}'.format(0.1234)
'{:.2}'.format('abcdef')
'{:5}|{:5}|'.format('a', 1)
'{:{w}}|'.format('a', w=4)
'{0[name]} {0[pet][kind]}'.format(people[0])
'{0.real}'.format(5)
'{{}} {}'.format(1)
'{'.format(1)
'{} {}'.format(1)
'{x}'.format(1)
'{:d}'.format('a')
'{:c}'.format(65)
'{!s:>5}'.format('é')
'{:>5}'.format(none)
'{}'.format(none)
'{:5}|'.format(true)
'{:^+9.2f}|'.format(3.14159)
'{:=+9.2f}|'.format(3.14159)
'%s and %s' % ('a', 1)
'%s' % 'a'
'%s' % [1, 2]
'%d %i' % (3.7, 4)
'%5d|%-5d|%05d' % (42, 42, 42)
'%+d % d' % (42, 42)
'%.2f %8.3f %-8.1f|' % (pi, pi, pi)
'%05.1f' % 3.14159
'%e %g' % (12345.678, 0.00001)
'%x %X %o %#x' % (255, 255, 8, 255)
'%r %s' % ('a', 'a')
'%(a)s %(b)03d' % {'a': 'x', 'b': 7}
'%%  %s' % 1
'%5s|%-5s|%.2s' % ('a', 'b', 'cdef')
'%c%c' % (65, 'b')
'%s %s' % 'a'
'%s' % ('a', 'b')
'%d' % 'a'
'%q' % 1
'%*d' % (5, 42)
'no' % []
'no' % 1
'%s' % missing
[1, 2, 2].count(2)
[1, 2].index(2)
[1, 2].index(9)
[3, 1].copy()
d.keys()
d.values()
d.items()
d.keys() | list
d.items() | list
d.get('a')
d.get('zz')
d.get('zz', 9)
d.get([])
{[]: 1}
d.pop('zz', 5)
d.pop('zz')
d.copy().pop('a')
{}.fromkeys(['a', 'b'], 0)
dict(a=1, b=2)
dict([('a', 1), ('b', 2)])
dict({'a': 1}, b=2)
dict([1])
dict('ab')
dict(d, **{'z': 26})
range(5)
range(5) | list
range(2, 8, 2) | list
range(5, 0, -2) | list
range(0)
range(3)[1]
range(10)[-1]
range(10)[2:4] | list
3 in range(5)
range(1, 2, 0)
range(1000000)
range('a')
range(3) == range(3)
(range(3) | list) == [0, 1, 2]
-5 | abs
-5.5 | abs
'a' | abs
[1, 2, 3, 4, 5] | batch(2) | list
[1, 2, 3] | batch(2, 'x') | list
'hello WORLD' | capitalize
'ab' | center(6) ~ '|'
nums | count
d | length
text | length
n | length
d | dictsort
d | dictsort(true)
d | dictsort(false, 'value')
d | dictsort(by='value', reverse=true)
html | e
html | escape
html | safe
'<' | forceescape
1000 | filesizeformat
1 | filesizeformat
1500000 | filesizeformat
1500000 | filesizeformat(true)
999 | filesizeformat
nums | first
empty | first
'abc' | first
d | first
'3.5' | float
'x' | float
'x' | float(1.5)
3 | float
' 12 ' | float
'1e3' | float
'%s-%s' | format('a', 1)
'%(x)s' | format(x=1)
lines | indent
lines | indent(2, true)
lines | indent(2, first=true, blank=true)
lines | indent('> ')
'3.9' | int
'abc' | int
'abc' | int(7)
3.99 | int
-3.99 | int
'0x1f' | int(base=16)
'101' | int(0, 2)
'1_000' | int
true | int
none | int
[] | int
'1e3' | int
'inf' | int
d | items | list
nums | join
nums | join(', ')
people | join(', ', attribute='name')
empty | join(',')
'abc' | join('-')
[1, none, true, 'x'] | join('|')
nums | last
empty | last
'abc' | last
'abc' | list
d | list
(1, 2) | list
5 | list
'ABC' | lower
5 | lower
people | map(attribute='name') | list
people | map(attribute='pet.kind') | list
people | map(attribute='missing') | list
people | map(attribute='missing', default='-') | list
mixed | map('upper') | list
mixed | map('replace', 'b', 'X') | join
[[1, 2], [3, 4]] | map(attribute=0) | list
[[1, 2], [3]] | map('sum') | list
['1', '2'] | map('int') | sum
nums | max
nums | min
mixed | max
mixed | min
mixed | max(case_sensitive=true)
people | max(attribute='age')
empty | max
[1, 'a'] | max
nums | pprint
d | pprint
{'b': 1, 'a': [1, 2]} | pprint
nums | reject('odd') | list
nothing | map('lower') | list
'a' in nothing | map('lower')
nothing | map(attribute='x') | list
zero | select | list
nothing | selectattr('x') | list
false | rejectattr('x', 'eq', 1) | list
n | map('lower') | list
n | select('odd') | list
nums | select('odd') | list
nums | select | list
[0, 1, '', 'a'] | select | list
[0, 1, '', 'a'] | reject | list
nums | select('gt', 2) | list
nums | select('in', [1, 2]) | list
people | selectattr('age', 'eq', 31) | map(attribute='name') | list
people | rejectattr('age', 'eq', 31) | map(attribute='name') | list
people | selectattr('city', 'in', ['Oslo']) | list | length
people | selectattr('pet.kind', 'equalto', 'cat') | map(attribute='name') | join(',')
people | selectattr('missing') | list
people | rejectattr('missing', 'defined') | list | length
'hello' | replace('l', 'L')
'hello' | replace('l', 'L', 1)
5 | replace(5, 6)
nums | reverse | list
'abc' | reverse
42.55 | round
42.55 | round(1)
42.55 | round(1, 'floor')
42.55 | round(1, 'ceil')
2.5 | round
3.5 | round
2.675 | round(2)
1234 | round(-2)
1250 | round(-2)
1234.5 | round(-2)
42 | round
42 | round | int
42.4 | round(0, 'ceil')
42.4 | round | int
'a' | round
[1, 2, 3, 4, 5, 6, 7] | slice(3) | list
[1, 2, 3, 4] | slice(3, 'x') | list
nums | sort
nums | sort(true)
mixed | sort
mixed | sort(case_sensitive=true)
mixed | sort(reverse=true)
people | sort(attribute='age') | map(attribute='name') | list
people | sort(attribute='age,name') | map(attribute='name') | list
people | sort(attribute='pet.kind', reverse=true) | map(attribute='name') | list
[1, 'a'] | sort
[[2, 'b'], [1, 'z'], [1, 'a']] | sort
d | sort
5 | string
[1] | string | length
none | string
'<b>bold</b>  <!-- c --> x &amp; y' | striptags
nums | sum
[1.5, 2] | sum
people | sum(attribute='age')
nums | sum(start=100)
[[1], [2]] | sum(start=[])
['a'] | sum
'hello wORLD foo-bar (baz)' | title
"it's" | title
{'b': 1, 'a': [1, none, true, 1.5]} | tojson
'<>&\'"' | tojson
'é' | tojson
{'a': 1} | tojson(2)
[] | tojson(indent=2)
[1, [2]] | tojson(indent=1)
missing | tojson
'  x ' | trim
'xax' | trim('x')
text | truncate(20)
text | truncate(20, true)
text | truncate(20, false, '>')
text | truncate(41)
text | truncate(9, leeway=0)
'abc' | truncate(1)
[1, 2, 1, 3] | unique | list
mixed | unique | list
mixed | unique(case_sensitive=true) | list
people | unique(attribute='city') | map(attribute='name') | list
'abc' | upper
'a b&c/d' | urlencode
{'a': 'x y', 'b': 1} | urlencode
[('a', 1)] | urlencode
'see http://example.com/a?b=c, ok' | urlize
'two words, three' | wordcount
text | wordwrap(15)
'averyveryverylongword short' | wordwrap(10)
'averyveryverylongword short' | wordwrap(10, false)
{'a': 1, 'b': none, 'c': 'x"y'} | xmlattr
people | groupby('city') | list | length
(people | groupby('city'))[0].grouper
(people | groupby('city'))[0][1] | length
people | groupby('age') | map(attribute='grouper') | list
people | groupby('city') | map('first') | list
name | attr('upper')
d | attr('b')
n | nosuchfilter
nums | join(',') | upper | length
'a' | default('b') | upper
1 is number
1.5 is number
'1' is number
true is number
1 is integer
true is integer
1.0 is float
1 is float
'a' is string
[] is sequence
{} is sequence
'a' is sequence
5 is sequence
{} is mapping
[] is mapping
[] is iterable
5 is iterable
'a' is iterable
range(3) is iterable
range(3) is sequence
none is none
1 is none
true is boolean
1 is boolean
true is true
1 is true
false is false
3 is odd
4 is even
9 is divisibleby 3
9 is divisibleby(4)
3 is divisibleby(0)
'a' is odd
1 is eq 1
1 is ne 1
1 is lt 2
2 is ge 2
2 is greaterthan 1
1 is in [1, 2]
1 is not in [1, 2]
'a' is in 'abc'
name is defined and name is string
name is not string
d.b is defined
d.zz is defined
d is sameas d
nums is sameas [3]
none is sameas none
1 is sameas 1.0
range is callable
name is callable
name.upper is callable
'abc' is lower
'ABC' is upper
'upper' is filter
'nope' is filter
'odd' is test
1 is nosuchtest
1 is equalto 1 and 2 is equalto 2
not (1 is odd)
n is odd == true
'x' is eq('x')
1 == 1 is true
(1, 2) is sequence
cycler('a', 'b').next()
joiner(',')()
namespace(a=1).a
namespace(a=1).b
namespace({'x': 5}).x
dict(a=1).a
[1, 2, 3] == [1, 2, 3]
{'a': 1} == {'a': 1.0}
'1' == 1
1 != 2
none == false
[] == false
0 == false
(1, (2, 3), [4])
[(1,), []]
['a', "b'c", 'd"e', 'f\'g"h']
{'a': {'b': [1, {'c': none}]}}
1 < 'a'
none < 1
[] < {}
1 + 'a'
'a' + 1
[1] + (2,)
1 - 'a'
'a' * 'b'
[] * 1.5
{} + {}
1 / 0
1 // 0
1 % 0
1.0 / 0
0 ** -1
- 'a'
+ 'a'
5()
'a'()
nothing()
d.nope()
name.nope()
nums.nope()
n.nope()
name.upper(1)
[].pop()
[].append()
range()
'x'.center()
9223372036854775807 - 1 + 1
text[4:9] | upper ~ '!'
(text | upper)[4:9]
'%s' | format(nothing)
'a' if missing else 'b'
[1, 2, 3] | map('string') | join
[3, 1, 2] | sort | first
{'a': 1}.items() | list | first | first
'a/b/c'.split('/')[-1]
('a', 'b') | join
nums | map('float') | list
'1,2'.split(',') | map('int') | list | sum
5 is defined
'a' < 'B'
'a'.upper().lower()
'x'.join(['a', 'b', 'c']).split('x')
d['a'] + d.b * 2
people | length > 2 and 'y' or 'n'
1 if nums else 0
[x for x in nums]
{'a' 1}
[1 2]
(1
1 +
a b
'abc
1 = 2
foo.
foo[
|upper
x is
@
""".strip("\n").replace("\\\nb'", "\x00").split("\n")
EXPRESSIONS = [expression.replace("\x00", "\\\nb'") for expression in EXPRESSIONS]

TEMPLATES = [
    "plain", "", "\n", "a\n", "a\n\n", "{{ 1 }}\n", "  x  ", "{", "{ {", "a { b } c", "}}", "%}", "{{ '}}' }}", "{{ '%}' }}",
    "a {# comment #} b", "a {#- comment -#} b", "{# {{ x }} #}", "{# a\nb #}c", "a{##}b",
    "a {{- 1 -}} b", "a\n  {{- 1 -}}  \n b", "a {{ 1 -}}\n\n b", "a\n{%- if true -%}\n b \n{%- endif -%}\nc",
    "{% if true %}\n  x\n{% endif %}\n", "  {%+ if true +%} x {%+ endif +%}  ", "{%if true%}x{%endif%}", "{{1}}{{-1}}{{- 1}}",
    "{% raw %}{{ x }} {% y %}{% endraw %}", "a {%- raw -%} {{ x }} {%- endraw -%} b", "{% raw %}\n{{\n{% endraw %}\n",
    "{% if n == 3 %}a{% elif n == 4 %}b{% else %}c{% endif %}", "{% if zero %}a{% elif n %}b{% else %}c{% endif %}",
    "{% if missing %}a{% else %}c{% endif %}", "{% if empty %}a{% endif %}|", "{% if '' %}a{% else %}b{% endif %}",
    "{% if 1 %}{% if 0 %}x{% else %}y{% endif %}{% endif %}",
    "{% for x in nums %}{{ x }},{% endfor %}", "{% for x in empty %}x{% else %}none{% endfor %}", "{% for x in missing %}x{% else %}none{% endfor %}",
    "{% for x in 'abc' %}{{ x }}.{% endfor %}", "{% for k in d %}{{ k }}{% endfor %}", "{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}",
    "{% for a, b in [(1, 2), [3, 4]] %}{{ a + b }} {% endfor %}", "{% for (a, b), c in [((1, 2), 3)] %}{{ a }}{{ b }}{{ c }}{% endfor %}",
    "{% for a, b in [(1, 2, 3)] %}{{ a }}{% endfor %}", "{% for a, b in [(1,)] %}{{ a }}{% endfor %}", "{% for x in 5 %}{% endfor %}",
    "{% for x in 'a', 'b' %}{{ x }}{% endfor %}", "{% for x in nums if x > 2 %}{{ loop.index }}:{{ x }}/{{ loop.length }} {% endfor %}",
    "{% for x in nums if x > 20 %}{{ x }}{% else %}none{% endfor %}",
    "{% for x in nums %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }} {% endfor %}",
    "{% for x in nums %}{{ loop.previtem }}<{{ x }}>{{ loop.nextitem }} {% endfor %}",
    "{% for x in nums %}{{ loop.previtem is defined }}{{ loop.nextitem is defined }} {% endfor %}",
    "{% for x in [1, 1, 2] %}{{ loop.changed(x) }} {% endfor %}", "{% for x in nums %}{{ loop.cycle('a', 'b') }}{% endfor %}",
    "{% for x in nums %}{% if loop.index == 2 %}{% continue %}{% endif %}{{ x }}{% endfor %}",
    "{% for x in nums %}{% if loop.index == 3 %}{% break %}{% endif %}{{ x }}{% endfor %}",
    "{% for x in nums %}{% for y in 'ab' %}{{ loop.depth }}{{ y }}{% endfor %}{{ loop.depth0 }}{% endfor %}",
    "{% for x in [1,2] %}{% set outer = loop %}{% for y in 'ab' %}{{ outer.index }}{{ loop.index }} {% endfor %}{% endfor %}",
    "{% for node in tree recursive %}{{ node.v }}{% if node.c %}({{ loop(node.c) }}){% endif %}{% endfor %}",
    "{% for node in tree recursive %}{{ loop.depth }}{{ loop(node.c) }}{% endfor %}", "{% for x in nums %}{{ loop(x) }}{% endfor %}",
    "{% for x in range(3) %}{{ x }}{% endfor %}{{ x }}", "{% set x = 1 %}{% for i in [1] %}{% set x = 2 %}{{ x }}{% endfor %}{{ x }}",
    "{% set x = 1 %}{% for i in [1, 2] %}{{ x }}{% set x = x + 1 %}{{ x }}{% endfor %}{{ x }}", "{% set x = 1 %}{% for x in [5] %}{{ x }}{% endfor %}{{ x }}",
    "{% if true %}{% set x = 1 %}{% endif %}{{ x }}", "{% set a, b = 1, 2 %}{{ a }}{{ b }}", "{% set a, b = [1] %}{{ a }}", "{% set (a, b) = 'xy' %}{{ a }}-{{ b }}",
    "{% set x = 1, 2 %}{{ x }}", "{% set x %}a {{ n }} b{% endset %}[{{ x }}]{{ x | length }}", "{% set x | upper %}abc{% endset %}{{ x }}",
    "{% set x | replace('a', 'b') | upper %}abc{% endset %}{{ x }}", "{% set x %}{% set y = 1 %}{{ y }}{% endset %}{{ x }}{{ y }}",
    "{% set ns = namespace(x=0, y='a') %}{% for i in nums %}{% set ns.x = ns.x + i %}{% endfor %}{{ ns.x }}{{ ns.y }}", "{% set ns = namespace() %}{% set ns.a = 1 %}{{ ns.a }}{{ ns.b }}",
    "{% set d.x = 1 %}", "{% set missing.x = 1 %}", "{% set ns = namespace(a=1) %}{{ ns }}", "{% set x = none %}{{ x }}", "{% set true = 1 %}", "{% set 1 = 1 %}",
    "{% set l = [] %}{% do l.append(1) %}{% do l.extend([2, 3]) %}{% do l.insert(0, 'a') %}{{ l }}{{ l.pop() }}{{ l.pop(0) }}{{ l }}",
    "{% set l = [3, 1, 2] %}{% do l.sort() %}{{ l }}{% do l.reverse() %}{{ l }}{% do l.remove(1) %}{{ l }}{% do l.clear() %}{{ l }}",
    "{% set l = [3, 1, 2] %}{% do l.sort(reverse=true) %}{{ l }}{{ l.sort() }}", "{% set a = [1] %}{% set b = a %}{% do b.append(2) %}{{ a }}", "{% set l = [1] %}{% do l.append(l) %}{{ l }}",
    "{% set x = {} %}{% do x.update({'a': 1}) %}{% do x.update(b=2) %}{% do x.setdefault('c', []).append(3) %}{{ x }}{{ x.pop('a') }}{{ x.popitem() }}{{ x }}",
    "{% set x = {'a': 1} %}{% set y = x.copy() %}{% do y.update({'a': 2}) %}{{ x }}{{ y }}", "{% set x = {'k': []} %}{% do x.k.append(1) %}{% do x['k'].append(2) %}{{ x }}", "{% do [].append(1) %}x", "{% do 1 if true %}",
    "{% set x = {'a': 1} %}{% for k, v in x.items() %}{{ k }}{{ v }}{% endfor %}{{ x.keys() | list }}{{ 'a' in x.keys() }}{{ 1 in x.values() }}",
    "{% with a = 1, b = 2 %}{{ a }}{{ b }}{% endwith %}{{ a }}", "{% with %}{% set a = 1 %}{{ a }}{% endwith %}{{ a }}", "{% set a = 1 %}{% with a = 2, b = a %}{{ a }}{{ b }}{% endwith %}{{ a }}",
    "{% filter upper %}abc {{ name }}{% endfilter %}", "{% filter replace('a', 'b') | upper %}aaa{% endfilter %}", "{% filter indent(2) %}a\nb{% endfilter %}",
    "{% macro m() %}x{% endmacro %}{{ m() }}", "{% macro m(a, b) %}{{ a }}|{{ b }}{% endmacro %}{{ m(1) }} {{ m(1, 2) }} {{ m(b=1, a=2) }}",
    "{% macro m(a, b='d', c=a) %}{{ a }}{{ b }}{{ c }}{% endmacro %}{{ m(1) }} {{ m(1, c=5) }}", "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, 2) }}", "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(z=2) }}", "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, a=2) }}",
    "{% macro m(a) %}{{ a }}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, 3, x=4) }}", "{% macro m() %}{{ varargs | length }}{{ kwargs.get('x') }}{% endmacro %}{{ m(1, x=4) }}",
    "{% macro m(a) %}{{ a is defined }}{{ a }}{% endmacro %}{{ m() }}", "{% macro m(a) %}{{ a.x }}{% endmacro %}{{ m() }}", "{% macro m() %}\n  x\n{% endmacro %}[{{ m() }}]", "{% macro m() -%}\n  x\n{%- endmacro %}[{{ m() }}]",
    "{% set x = 1 %}{% macro m() %}{{ x }}{% endmacro %}{{ m() }}", "{% macro m() %}{{ x }}{% endmacro %}{% set x = 1 %}{{ m() }}", "{% macro m() %}{% set x = 1 %}{% endmacro %}{{ m() }}{{ x }}",
    "{% macro a() %}A{{ b() }}{% endmacro %}{% macro b() %}B{% endmacro %}{{ a() }}", "{% macro f(n) %}{{ n }}{% if n %}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(3) }}",
    "{% macro m() %}x{% endmacro %}{{ m }}{{ m.name }}{{ m.arguments }}{{ m is callable }}", "{% macro m() %}{% endmacro %}{% if m() %}y{% else %}n{% endif %}", "{% macro m() %} {% endmacro %}{% if m() %}y{% else %}n{% endif %}", "{% macro m() %}3{% endmacro %}{{ m() * 2 }}", "{% macro m(x) %}{{ x }}{% endmacro %}{{ [1, 2] | map('string') | map('upper') | join }}",
    "{% macro m() %}[{{ caller() }}]{% endmacro %}{% call m() %}body {{ n }}{% endcall %}", "{% macro m() %}{{ caller(1, b=2) }}{% endmacro %}{% call(a, b, c=3) m() %}{{ a }}{{ b }}{{ c }}{% endcall %}", "{% macro m() %}x{% endmacro %}{% call m() %}y{% endcall %}", "{% macro m() %}{{ caller() }}{% endmacro %}{{ m() }}", "{% macro m() %}{{ caller is defined }}{% endmacro %}{{ m() }}", "{% macro m(caller=none) %}{{ caller }}{% endmacro %}{{ m() }}",
    "{% macro m(x) %}{{ x }}{{ caller() }}{% endmacro %}{% set v = 'o' %}{% call m('i') %}{{ v }}{% endcall %}", "{% macro m() %}{% for i in [1, 2] %}{{ caller(i) }}{% endfor %}{% endmacro %}{% call(i) m() %}<{{ i }}>{% endcall %}", "{% macro o() %}({{ caller() }}){% endmacro %}{% macro i() %}[{{ caller() }}]{% endmacro %}{% call o() %}{% call i() %}x{% endcall %}{% endcall %}", "{% call 5 %}{% endcall %}", "{% call 'a'.upper() %}x{% endcall %}",
    "{% set f = name.upper %}{{ f() }}", "{% set l = [] %}{% set push = l.append %}{% do push(1) %}{{ l }}", "{{ dict(*[[('a', 1)]], **{'b': 2}) }}", "{{ '{}{}'.format(*[1, 2]) }}", "{{ '{a}'.format(**{'a': 5}) }}", "{{ range(*[1, 3]) | list }}", "{{ dict(**5) }}",
    "{% print 1 %}", "{% print 'a', 1 %}", "{% autoescape false %}{{ '<' }}{% endautoescape %}",
    "{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.next() }}{{ c.next() }}{{ c.current }}{% do c.reset() %}{{ c.current }}", "{% set j = joiner('|') %}{% for x in nums %}{{ j() }}{{ x }}{% endfor %}",
    "{% set it = nums | map('string') %}{{ it | list }}{{ it | list }}", "{% set it = nums | select('odd') %}{% for x in it %}{{ x }}{% endfor %}{{ it | list | length }}", "{% for x in nums | reverse %}{{ x }} {% endfor %}", "{% for x in nums | batch(3) %}{{ x }};{% endfor %}", "{% for c in people | groupby('city') %}{{ c.grouper }}:{{ c.list | map(attribute='name') | join(',') }};{% endfor %}", "{% for city, items in people | groupby('city') %}{{ city }}={{ items | length }} {% endfor %}", "{% for k, v in d | dictsort %}{{ k }}{{ v }}{% endfor %}", "{% for x in nums | select('odd') %}{{ loop.length }}{{ loop.last }}{% endfor %}",
    "{{ nums | select }}"[:0] + "{{ (nums | map('string') | list) }}", "{{ self }}"[:0] + "{{ 'x' }}", "{% set x = 'a' %}{% set x = x ~ 'b' %}{{ x }}", "{{ x }}{% set x = 1 %}{{ x }}", "{% set loop = 5 %}{{ loop }}", "{{ [1,2,3][0] }}{{ {'a': [1]}['a'][0] }}", "{{ 1 }}{{ 2 }} {{ 3 }}",
    "a\r\nb", "{{ 'a\r\nb' | length }}", "tab\there", "{{ unicode | upper }}", "{{ unicode | length }}", "{{ unicode[2:4] }}", "é{{ 1 }}ü", "{{ é }}", "{% set é = 1 %}{{ é }}",
    "{% for x in nums %}{% if x == 1 %}{% set found = true %}{% endif %}{% endfor %}{{ found }}", "{% for i in range(3) %}{% for j in range(3) %}{% if j == 1 %}{% break %}{% endif %}{{ i }}{{ j }} {% endfor %}{% endfor %}", "{% for i in range(2) %}{% set x = i %}{% else %}{{ x }}{% endfor %}",
    "{{ 'a' if true }}{{ 'b' if false }}|", "{{ 'a' if n == 3 and name }}", "{{ (n if n > 5 else 5) * 2 }}", "{% if n is odd and not zero %}x{% endif %}", "{% if not (n is even) %}x{% endif %}", "{% if name in ['World'] and n not in [1] %}x{% endif %}", "{% if d.missing is not defined %}x{% endif %}", "{% if nested.x.nope is defined %}x{% else %}y{% endif %}", "{% if missing.x is defined %}x{% endif %}", "{% if (missing | default({})).x is defined %}x{% else %}y{% endif %}",
    # Syntax errors.
    "{{", "{%", "{{ 1", "{% if %}", "{% if true %}", "{% endif %}", "{% else %}", "{% for %}{% endfor %}", "{% for x nums %}{% endfor %}", "{% for x in nums %}", "{% for x in nums %}{% endif %}", "{% unknown %}", "{% set %}", "{% set x %}", "{% set x = %}", "{% macro %}{% endmacro %}", "{% macro m %}{% endmacro %}", "{% macro m(1) %}{% endmacro %}", "{% macro m(a=1, b) %}{% endmacro %}", "{% call %}{% endcall %}", "{{ 1 }", "{{ ) }}", "{{ (1] }}", "{{ 'abc }}", "{# abc", "{% raw %}", "{{ 1 2 }}", "{{ a.1b }}", "{{ }}", "{% %}", "{% if true %}{% elif %}{% endif %}", "{% filter %}x{% endfilter %}", "{% do %}", "{{ f(a=1, 2) }}", "{{ f(**a, *b) }}", "{{ 1 is odd is even }}", "{% with a %}{% endwith %}", "{{ [1, }}", "{{ a? }}", "{% break %}", "{{ ! }}", "{{ a | }}", "{{ a.b. }}", "{{ $x }}", "{{ 'a' & 'b' }}", "{% for x in nums recursive %}{% endfor", "{% if a = 1 %}{% endif %}",
]

# Templates whose value, rendered as a native one, is compared by `repr`.
NATIVE = [
    "plain", "5", "", "{{ 5 }}", "{{ n }}", "{{ n }} ", " {{ n }}", "{{ n }}{{ n }}", "{{ yes }}", "{{ true }}", "{{ none }}", "{{ nothing }}", "{{ name }}", "{{ '5' }}", "{{ nums }}", "{{ [1, 2] }}", "{{ [n] }}", "{{ {'a': n} }}", "{{ {'a': 1} }}",
    "{{ 1 + 1 }}", "{{ n + 1 }}", "{{ 1 / 2 }}", "{{ n / 2 }}", "{{ n == 3 }}", "{{ 1 == 1 }}", "{{ not n }}", "{{ not true }}", "{{ -n }}", "{{ -1 }}", "{{ n ~ '' }}", "{{ 'a' ~ 'b' }}", "{{ n | string }}", "{{ '5' | int }}", "{{ n | int }}", "{{ name | upper }}", "{{ 'a' | upper }}", "{{ nums | length }}", "{{ [1, 2] | length }}", "{{ n if yes else 0 }}", "{{ 1 if true else 2 }}", "{{ 1 if n else 2 }}",
    "{% if true %}true{% endif %}", "{% if true %}{{ n }}{% endif %}", "{% if true %}{{ true }}{% endif %}", "{% set x = 5 %}{{ x }}", "{% set x = [1] %}{{ x }}", "{% for i in [1] %}{{ i }}{% endfor %}", "{% for i in [1, 2] %}{{ i }}{% endfor %}", "{# c #}{{ n }}", "{{ n }}\n", "\n{{ n }}", "{{- n -}} ", "{{ d }}", "{{ d.b }}", "{{ d.missing is defined }}", "{{ (1, n) }}", "{{ 'a'.upper() }}", "{{ range(3) | list }}", "{{ name in ['World'] }}", "{{ 1 in [1] }}", "{{ 'x' is string }}", "{{ n is odd }}", "{{ 'a' and n }}", "{{ 0 or n }}", "{{ pi }}", "{{ 1.0 }}", "{{ nums[0] }}", "{{ [5][0] }}", "{{ {'a': 5}.a }}", "{{ '%s' % n }}", "{{ '%s' % 5 }}", "{{ [3, 1] | sort }}",
]


# Expressions over dbt's `modules`; `dt`, `date`, `td`, `re`, `it`, `tz` are set in front of each.
MODULES = r"""
dt(2024, 1, 2)
dt(2024, 1, 2, 3, 4, 5)
dt(2024, 1, 2, 3, 4, 5, 6)
dt(2024, 1, 2, microsecond=500000)
[dt(2024, 1, 2)]
[dt(2024, 1, 2, 3, 4, 5, 6)]
[dt(2024, 1, 2, 3, 4, 5, tzinfo=tz.UTC)]
dt(2024, 1, 2, tzinfo=tz.UTC)
dt(2024, 13, 1)
dt(2024, 2, 30)
dt(0, 1, 1)
dt(2024)
dt(2024, 1, 2).strftime('%Y-%m-%d %H:%M:%S.%f %z|%Z|')
dt(2024, 1, 2, 15, 4, 5, 678).strftime('%a %A %b %B %d %e %j %p %I %y %U %W %w %u %V %G %x %X %c %% %-d %-m %-H %D %F %T %R %s'[:-3])
dt(2024, 7, 1, tzinfo=tz.UTC).strftime('%z %Z')
dt(2024, 1, 2).strftime('%Q x %')
dt(999, 1, 2).isoformat()
dt(2024, 1, 2, 3).isoformat()
dt(2024, 1, 2, 3, 4, 5, 60).isoformat(' ', 'milliseconds')
dt(2024, 1, 2, 3).isoformat(timespec='minutes')
dt(2024, 1, 2).isoformat(sep='_')
dt(2024, 1, 31).replace(month=3, hour=5)
dt(2024, 1, 31).replace(month=2)
dt(2024, 1, 2, 3).date()
[dt(2024, 1, 2, 3).date()]
dt(2024, 1, 2, 3, 4).time()
[dt(2024, 1, 2, 3, 4).time()]
dt(2024, 1, 2).weekday()
dt(2024, 1, 2).isoweekday()
dt(2024, 12, 30).isocalendar()
dt(2024, 12, 30).isocalendar()[1]
dt(2024, 12, 30).isocalendar().week
dt(2024, 1, 2, tzinfo=tz.UTC).timestamp()
dt(2024, 1, 2, 0, 0, 0, 250000, tzinfo=tz.UTC).timestamp()
dt(2024, 1, 2).year ~ '-' ~ dt(2024, 1, 2).month
dt(2024, 1, 2, 3, 4, 5, 6).microsecond
dt(2024, 1, 2).tzinfo
dt(2024, 1, 2, tzinfo=tz.UTC).tzinfo
dt(2024, 1, 2).utcoffset()
dt(2024, 1, 2, tzinfo=tz.UTC).utcoffset()
dt(2024, 1, 2).toordinal()
dt(2024, 1, 2).ctime()
dt(2024, 1, 2) + td(days=1)
dt(2024, 1, 2) - td(hours=36)
td(1) + dt(2024, 1, 2)
dt(2024, 3, 1) - dt(2024, 1, 1)
dt(2024, 1, 1) - dt(2024, 3, 1, 12)
dt(2024, 1, 1) - dt(2024, 3, 1, tzinfo=tz.UTC)
dt(2024, 1, 1) + 1
dt(9999, 12, 31) + td(1)
dt(2024, 1, 1) < dt(2024, 1, 2)
dt(2024, 1, 1) == dt(2024, 1, 1)
dt(2024, 1, 1) == dt(2024, 1, 1, tzinfo=tz.UTC)
dt(2024, 1, 1) < dt(2024, 1, 1, tzinfo=tz.UTC)
dt(2024, 1, 1) < 5
[dt(2024, 2, 1), dt(2024, 1, 1)] | sort | first
{dt(2024, 1, 1): 1}[dt(2024, 1, 1)]
dt.strptime('2024-01-02 03:04:05', '%Y-%m-%d %H:%M:%S')
dt.strptime('02/Jan/24 03PM', '%d/%b/%y %I%p')
dt.strptime('20240102', '%Y%m%d').date()
dt.strptime('2024-01-02T03:04:05.123+0200', '%Y-%m-%dT%H:%M:%S.%f%z')
dt.strptime('2024-01-02', '%Y/%m/%d')
dt.strptime('2024-01-02x', '%Y-%m-%d')
dt.strptime('January 5, 2024', '%B %d, %Y')
dt.fromisoformat('2024-01-02')
dt.fromisoformat('2024-01-02T03:04:05')
dt.fromisoformat('2024-01-02 03:04:05.678')
dt.fromisoformat('2024-01-02T03:04:05+02:00')
dt.fromisoformat('2024-01-02T03:04:05Z')
[dt.fromisoformat('2024-01-02T03:04:05+02:00')]
dt.fromisoformat('20240102')
dt.fromisoformat('nope')
dt.combine(date(2024, 1, 2), dt(2024, 1, 1, 5).time())
dt.fromtimestamp(0, tz.UTC)
dt.utcfromtimestamp(86400)
dt.min
dt.max
date(2024, 1, 2)
[date(2024, 1, 2)]
date(2024, 1, 2).strftime('%Y%m%d')
date(2024, 1, 2).isoformat()
date(2024, 1, 2) + td(days=30)
date(2024, 1, 2) - date(2023, 12, 25)
(date(2024, 1, 2) - date(2023, 12, 25)).days
date(2024, 1, 2) - td(1)
date(2024, 1, 2) < date(2024, 1, 3)
date(2024, 1, 2).replace(day=5)
date(2024, 1, 2).weekday()
date.fromisoformat('2024-05-06')
date.fromisoformat('2024-13-06')
date(2024, 1, 2) == dt(2024, 1, 2)
modules.datetime.time(1, 2, 3)
modules.datetime.time(1, 2)
[modules.datetime.time(1, 2, 3, 4)]
modules.datetime.time(25)
modules.datetime.time(13, 2).strftime('%I:%M %p')
modules.datetime.time(1, 2).isoformat()
td(days=1)
td(1, 2, 3)
td(hours=25, minutes=61)
td(seconds=-1)
td(weeks=2, milliseconds=1500)
td(days=1.5)
[td(0)]
[td(days=-1, seconds=5)]
td(days=1, hours=2).total_seconds()
td(days=1, hours=2).days
td(days=1, hours=2).seconds
td(hours=3) * 2
2 * td(hours=3)
td(hours=3) / 2
td(hours=3) / td(hours=2)
td(hours=3) // td(hours=2)
td(hours=3) % td(hours=2)
td(hours=3) + td(minutes=5) - td(seconds=1)
-td(hours=3)
td(1) > td(hours=23)
td(0) or 'zero'
td('a')
tz.utc
tz.timezone('Europe/Rome')
[tz.timezone('Europe/Rome')]
tz.timezone('UTC')
tz.timezone('Nowhere/Land')
tz.timezone('Europe/Rome').localize(dt(2024, 7, 1, 12))
tz.timezone('Europe/Rome').localize(dt(2024, 1, 1, 12))
[tz.timezone('US/Eastern').localize(dt(2024, 7, 1, 12))]
tz.timezone('US/Eastern').localize(dt(2024, 11, 3, 1, 30))
tz.timezone('US/Eastern').localize(dt(2024, 11, 3, 1, 30), is_dst=true)
tz.timezone('US/Eastern').localize(dt(2024, 3, 10, 2, 30))
dt(2024, 7, 1, 12, tzinfo=tz.UTC).astimezone(tz.timezone('America/New_York'))
dt(2024, 7, 1, 12, tzinfo=tz.UTC).astimezone(tz.timezone('America/New_York')).strftime('%Y-%m-%d %H:%M %Z %z')
dt(2024, 7, 1, 12, tzinfo=tz.UTC).astimezone(tz.timezone('Asia/Kolkata')).isoformat()
dt(2024, 7, 1, 12, tzinfo=tz.timezone('US/Eastern'))
dt(2024, 7, 1, 12, tzinfo=tz.UTC).replace(tzinfo=none)
dt(2024, 7, 1, 12, tzinfo=tz.UTC).tzname()
tz.timezone('Europe/Rome').zone
tz.timezone('US/Eastern').normalize(tz.timezone('US/Eastern').localize(dt(2024, 3, 9, 12)) + td(days=1))
tz.timezone('Europe/Rome').localize(dt(2024, 7, 1)) - tz.UTC.localize(dt(2024, 7, 1))
'Europe/Rome' in tz.all_timezones
'{:%Y-%m}'.format(dt(2024, 1, 2))
'%s' % dt(2024, 1, 2)
dt(2024, 1, 2) ~ ''
dt
date
re.match('a+', 'aab')
re.match('a+', 'aab').group()
re.match('b', 'aab')
re.search('b', 'aab').span()
re.search('é(.)', 'caféx').span(1)
re.search('(?P<y>\d{4})-(?P<m>\d\d)', 'on 2024-05-06').groupdict()
re.search('(?P<y>\d{4})-(?P<m>\d\d)', 'on 2024-05-06').group('y', 2)
re.search('(a)|(b)', 'b').groups()
re.search('(a)|(b)', 'b').groups('-')
re.search('(a)(b)?', 'a')[2]
re.search('x', 'aab') is none
re.fullmatch('a+', 'aab') is none
re.fullmatch('a|ab', 'ab').group()
re.fullmatch('\w+', 'abc').group(0)
re.findall('\d+', 'a1b22c333')
re.findall('(\w)(\d)', 'a1b2')
re.findall('(\w)\d', 'a1b2')
re.findall('x*', 'axb')
re.finditer('\d', 'a1b2') | map(attribute='string') | list
re.split(',\s*', 'a, b,c')
re.split('(,)', 'a,b')
re.split(',', 'a,b,c', 1)
re.split(',', 'a,b,c', maxsplit=1)
re.sub('\d', '#', 'a1b2')
re.sub('\d', '#', 'a1b2', 1)
re.sub('(\w)(\d)', '\2\1', 'a1b2')
re.sub('(?P<l>\w)(\d)', '\g<l>-\g<2>', 'a1b2')
re.sub('x*', '-', 'abxd')
re.sub('a', 'X', 'AaA', flags=re.IGNORECASE)
re.sub('\s+', ' ', 'a  b
 c')
re.sub('^', '> ', 'a
b', flags=re.M)
re.sub('$', '!', 'a
')
re.sub('b', '\n', 'abc')
re.subn('a', 'b', 'aaa')
re.compile('a(b)').search('xab').group(1)
re.compile('a', re.I).findall('aA')
re.compile('a').pattern
re.compile('a(b)').groups
re.escape('a.b*c d-e_f')
re.match('(', 'x')
re.sub('a', '\9', 'a')
re.match('[[a]', '[').group()
re.match('[]a]+', ']a').group()
re.match('[^]]+', 'ab]').group()
re.match('a{,2}', 'aaa').group()
re.match('a{x', 'a{x').group()
re.search('(\w)\1', 'hello').group()
re.search('(?<=a)b', 'ab').start()
re.search('a.c', 'a
c', re.S).group() | length
re.search('(?i)ABC', 'abc').group()
re.search('a b # c', 'ab', re.X).group()
re.search('\bfoo\b', 'a foo b').group()
re.search('foo\Z', 'foo').group()
re.match(5, 'x')
re.match('a', 5)
it.chain([1], [2, 3]) | list
it.count(5) | first
it.islice(it.count(1, 2), 3) | list
it.islice([1, 2, 3, 4, 5], 1, 5, 2) | list
it.islice(it.cycle('ab'), 5) | list
it.repeat('x', 3) | list
it.accumulate([1, 2, 3]) | list
it.compress('abc', [1, 0, 1]) | list
it.zip_longest([1, 2], [3], fillvalue=0) | list
it.product([1, 2], 'ab') | list
it.product([0, 1], repeat=2) | list
it.product() | list
it.permutations([1, 2, 3], 2) | list
it.permutations('ab') | list
it.combinations([1, 2, 3], 2) | list
it.combinations([1, 2], 0) | list
it.combinations_with_replacement('ab', 2) | list
it.starmap(modules.datetime.date, [(2024, 1, 2)]) | list
(it.tee([1, 2]))[1] | list
""".strip().split("\n")
SET = (
    "{% set dt = modules.datetime.datetime %}{% set date = modules.datetime.date %}"
    "{% set td = modules.datetime.timedelta %}{% set re = modules.re %}"
    "{% set it = modules.itertools %}{% set tz = modules.pytz %}"
)


def modules():
    names = {"datetime": "date datetime time timedelta tzinfo", "pytz": "timezone utc UTC all_timezones"}
    names["re"] = "match search fullmatch findall finditer sub subn split compile escape I IGNORECASE M S X"
    names["itertools"] = (
        "count cycle repeat accumulate chain compress islice starmap tee zip_longest product permutations combinations "
        "combinations_with_replacement"
    )
    return {
        module: {name: getattr(importlib.import_module(module), name) for name in attributes.split()}
        for module, attributes in names.items()
    }


def text_environment():
    return jinja2.sandbox.SandboxedEnvironment(extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols"])


class NativeEnvironment(jinja2.sandbox.SandboxedEnvironment):
    code_generator_class = jinja2.nativetypes.NativeCodeGenerator


def native(nodes):
    head = list(islice(nodes, 2))
    if not head:
        return ""
    if len(head) == 1:
        return head[0]
    return "".join(str(piece) for piece in chain(head, nodes))


def record(template, names=NAMES):
    try:
        names = json.loads(json.dumps(names)) if names is NAMES else names
        return {"template": template, "text": text_environment().from_string(template).render(names)}
    except Exception as error:
        return {"template": template, "error": type(error).__name__, "message": str(error).split("\n")[0]}


def record_native(template):
    environment = NativeEnvironment(extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols"])
    compiled = environment.from_string(template)
    context = compiled.new_context(json.loads(json.dumps(NAMES)))
    return {"template": template, "repr": repr(native(compiled.root_render_func(context)))}


def main():
    templates = ["{{ " + expression + " }}" for expression in EXPRESSIONS] + TEMPLATES
    recorded = {
        "names": NAMES,
        "text": [record(template) for template in dict.fromkeys(templates)],
        "modules": [record(SET + "{{ " + text + " }}", {"modules": modules()}) for text in MODULES],
        "native": [record_native(template) for template in dict.fromkeys(NATIVE)],
    }
    json.dump(recorded, sys.stdout, indent=1, ensure_ascii=False)
    print()


main()
