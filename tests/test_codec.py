"""Canonical bytes: one value has one encoding, and nothing else decodes."""

import ast
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mpcgen import codec
from mpcgen.errors import BadMessage
from tests.sources import sources

VECTORS = json.loads((Path(__file__).parent / "vectors" / "codec.json").read_text())

scalars = st.none() | st.booleans() | st.integers() | st.text() | st.binary()
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.text(), inner).filter(lambda value: value.keys() != {"hex"})
    ),
    max_leaves=8,
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(values)
def test_round_trip(value: codec.Value) -> None:
    data = codec.encode(value)
    assert data.isascii()
    assert codec.decode(data) == value
    assert codec.encode(codec.decode(data)) == data


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_known_answers(vector: dict[str, str]) -> None:
    data = vector["bytes"].encode("ascii")
    assert codec.encode(codec.decode(data)) == data
    digest = hashlib.sha256(b'["vector",' + data + b"]").hexdigest()
    assert digest == vector["digest"]
    assert codec.digest("vector", codec.decode(data)).hex() == vector["digest"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b" 1",
        b"1\n",
        b"[1, 2]",
        b'{"a": 1}',
        b'{"b":1,"a":2}',  # order of keys
        b'{"a":1,"a":1}',
        b'{"a":1,"a":2}',
        b"1.0",
        b"1e3",
        b"-0",
        b"01",
        b"+1",
        b"NaN",
        b"Infinity",
        b"-Infinity",
        b"1e999",
        b'"\\u0041"',  # an escape where none is needed
        b'"\\u00E9"',  # upper case
        b'"\\/"',
        '"é"'.encode(),
        '"é"'.encode("latin-1"),
        b'"\t"',
        b'{"hex":"AB"}',
        b'{"hex":"a"}',
        b'{"hex":"a b"}',
        b'{"hex":"zz"}',
        b'{"hex":1}',
        b'{"hex":null}',
        b"\xef\xbb\xbf1",
        "1".encode("utf-16"),
        "[1]".encode("utf-32-le"),
        b"\xff\xfe",
        b"\x00",
        b"1 1",
        b"[1",
        b"[1,]",
        b"'a'",
        b"True",
        b"undefined",
    ],
)
def test_what_is_not_canonical_is_refused(data: bytes) -> None:
    with pytest.raises(BadMessage, match=r"not (canonical|in canonical form)"):
        codec.decode(data)


@given(st.binary(max_size=60))
@example(b"[" * 50)
def test_arbitrary_bytes_decode_to_their_value_or_are_refused(data: bytes) -> None:
    try:
        value = codec.decode(data)
    except BadMessage:
        return
    assert codec.encode(value) == data


@given(json_values, st.sampled_from([None, 1]), st.booleans(), st.booleans())
def test_json_of_other_writers_is_refused_unless_it_is_canonical(
    value: Any, indent: int | None, ascii_only: bool, sort: bool
) -> None:
    data = json.dumps(value, indent=indent, ensure_ascii=ascii_only, sort_keys=sort)
    try:
        decoded = codec.decode(data.encode("utf-8", "surrogatepass"))
    except BadMessage:
        return
    assert codec.encode(decoded) == data.encode()


@given(values, st.data())
def test_one_changed_byte_is_another_value_or_is_refused(
    value: codec.Value, data: st.DataObject
) -> None:
    original = codec.encode(value)
    place = data.draw(st.integers(0, len(original) - 1))
    changed = bytearray(original)
    changed[place] ^= data.draw(st.integers(1, 255))
    try:
        other = codec.decode(bytes(changed))
    except BadMessage:
        return
    assert codec.encode(other) != original


@pytest.mark.parametrize("opened", [b"[", b'{"a":'], ids=["lists", "dictionaries"])
@pytest.mark.parametrize("depth", [2_000, 1_000_000])
def test_deep_nesting_is_refused_without_a_crash(opened: bytes, depth: int) -> None:
    closed = {b"[": b"]", b'{"a":': b"}"}[opened]
    with pytest.raises(BadMessage):
        codec.decode(opened * depth + b"1" + closed * depth)
    with pytest.raises(BadMessage):
        codec.decode(opened * depth)


def test_an_integer_of_many_digits_is_refused() -> None:
    """Python bounds the work of reading one; a power of ten would take quadratic time."""
    with pytest.raises(BadMessage):
        codec.decode(b"9" * 5000)
    big = 2**4096
    assert codec.decode(codec.encode(big)) == big


def test_length_is_bounded() -> None:
    text = "a" * (codec.MAX_BYTES - 2)
    assert codec.decode(codec.encode(text)) == text
    with pytest.raises(BadMessage, match=f"{codec.MAX_BYTES + 1} bytes; at most"):
        codec.decode(codec.encode(text + "a"))


@pytest.mark.parametrize(
    "value",
    [
        1.0,
        float("nan"),
        {1, 2},
        pytest.param(object(), id="object"),
        {1: 2},
        {None: 1},
        {"hex": "ab"},
        {"hex": 1},
        [{"hex": b"a"}],
        1j,
        json,
    ],
    ids=str,
)
def test_what_has_no_encoding_is_refused(value: Any) -> None:
    with pytest.raises(TypeError):
        codec.encode(value)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_bytes_of_every_kind_have_one_encoding(kind: Any) -> None:
    assert codec.encode(kind(b"\x00\xff")) == b'{"hex":"00ff"}'


def test_a_tuple_is_a_list() -> None:
    assert codec.encode((1, ("a",))) == codec.encode([1, ["a"]]) == b'[1,["a"]]'


def test_digests_of_domains_and_lists_are_separate() -> None:
    inputs: list[tuple[Any, ...]] = [
        ("a",), ("b",), ("ab",), ("a", "b"), ("a", ["b"]), ("a", "b", "c"), ("a", ["b", "c"]),
        ("a", b""), ("a", ""), ("a", None), ("a", 0), ("a", False), ("a", []), ("a", {}),
        ("a", b"b"), ("a", "62"), ('a","b',), ("", "a"), ("a", ""), ("a", 1), ("a", "1"),
    ]  # fmt: skip
    digests = {repr(value): codec.digest(*value) for value in inputs}
    assert len(set(digests.values())) == len(digests)
    assert all(len(digest) == 32 for digest in digests.values())


@given(st.lists(scalars, max_size=3), st.lists(scalars, max_size=3))
def test_different_values_have_different_digest_inputs(
    first: list[codec.Value], second: list[codec.Value]
) -> None:
    same = codec.encode(first) == codec.encode(second)
    assert (codec.digest("x", *first) == codec.digest("x", *second)) == same


def test_every_digest_of_the_product_has_a_domain_of_its_own() -> None:
    calls = [
        node
        for tree in sources().values()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "codec.digest"
    ]
    domains = [ast.literal_eval(call.args[0]) for call in calls]
    assert domains
    assert len(set(domains)) == len(domains)
