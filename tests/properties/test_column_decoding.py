"""Columns out of BSON are those of plain decoding, whatever the documents."""

from __future__ import annotations

import random
import struct
from datetime import datetime
from unittest import mock

import bson
import numpy as np
from bson.errors import InvalidBSON
from bson.int64 import Int64
from hypothesis import given, settings
from hypothesis import strategies as st

from databroker_mongo.store import MISSING, PLAIN
from databroker_mongo.store.events import columns as bson_columns
from databroker_mongo.store.events.columns import ColumnParts, read_documents

KEYS = st.sampled_from(["a", "b", "a.b", "$ref", "$id", "$db", "", "0", "1", "\u00e9", "_id"])
NUMBERS = [
    st.floats(),
    st.integers(-(2**31), 2**31 - 1),
    st.integers(-(2**63), 2**63 - 1).map(Int64),
    st.booleans(),
]
SCALARS = st.one_of(
    *NUMBERS,
    st.none(),
    st.text("ab\0\u00e9\U0001f600", max_size=3),
    st.binary(max_size=3),
    st.just(bson.ObjectId(b"0123456789ab")),
    st.just(datetime(2024, 2, 29)),
)
REGULAR = st.one_of(*(st.lists(number, min_size=1, max_size=12) for number in NUMBERS)).flatmap(
    lambda row: st.integers(1, 11).map(lambda n: [row] * n) | st.just(row)
)
VALUES = st.recursive(
    SCALARS | REGULAR,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)
DOCUMENTS = st.dictionaries(KEYS, VALUES, max_size=4)
FIELDS = st.lists(st.lists(KEYS, min_size=1, max_size=3).map(tuple), max_size=5)


def decode_columns(batches, fields):
    """Read columns out of batches of BSON documents."""
    parts = ColumnParts(fields)
    for each in batches:
        parts.add_batch(each)
    return parts.join()


def vary(value, chance):
    """Return another value of the same type and, mostly, of the same length."""
    if isinstance(value, bool):
        return chance.random() < 0.5
    if isinstance(value, Int64):
        return Int64(chance.getrandbits(63) - 2**62)
    if isinstance(value, int):
        return chance.getrandbits(31) - 2**30
    if isinstance(value, float):
        return struct.unpack("<d", chance.randbytes(8))[0]
    if isinstance(value, str):
        return "".join(chance.sample(value, len(value)))
    if isinstance(value, list):
        return [vary(item, chance) for item in value]
    if isinstance(value, dict):
        return {key: vary(item, chance) for key, item in value.items()}
    return value


def kind_of(value):
    """Return type and shape of a number or a regular array of such, else None."""
    if isinstance(value, list):
        kinds = {kind_of(item) for item in value}
        kind = kinds.pop() if len(kinds) == 1 else None
        return None if kind is None else (kind[0], (len(value), *kind[1]))
    number = {float: np.float64, int: np.int64, Int64: np.int64, bool: np.bool_}.get(type(value))
    return None if number is None else (number, ())


def expected_column(documents, path):
    values = []
    for value in documents:
        for key in path:
            value = value.get(key, MISSING) if isinstance(value, dict) else MISSING
        values.append(value)
    kinds = {kind_of(value) for value in values}
    kind = kinds.pop() if len(kinds) == 1 else None
    return values if kind is None else np.array(values, kind[0])


def exact(value):
    """Return something that is equal for equal bits, types and order of keys only."""
    if isinstance(value, np.ndarray):
        return value.dtype, value.shape, value.tobytes()
    if isinstance(value, list):
        return [exact(item) for item in value]
    if isinstance(value, dict):
        return [(key, exact(item)) for key, item in value.items()]
    if isinstance(value, float):
        return struct.pack("<d", value)
    if type(value) in (int, Int64):
        return int, int(value)
    return (type(value), value) if value is MISSING else (type(value), bson.encode({"": value}))


def assert_reads_as_it_decodes(encoded, fields, *, min_rows, n_batches):
    documents = [bson.decode(each, PLAIN) for each in encoded]
    step = max(1, -(-len(encoded) // n_batches))
    batches = [b"".join(encoded[i : i + step]) for i in range(0, len(encoded), step)]
    with mock.patch.multiple(bson_columns, _MIN_ROWS=min_rows, _MIN_BYTES=0):
        decoded = decode_columns(batches, fields)
    expected = [exact(expected_column(documents, path)) for path in fields]
    assert [exact(column) for column in decoded] == expected
    with mock.patch.object(bson_columns, "_CHUNK_ROWS", step):
        assert [exact(column) for column in read_documents(documents, fields)] == expected


def paths_in(document, path=()):
    for key, value in document.items():
        yield (*path, key)
        if isinstance(value, dict):
            yield from paths_in(value, (*path, key))


@given(
    prototypes=st.lists(DOCUMENTS, min_size=1, max_size=3),
    fields=FIELDS,
    n_rows=st.integers(0, 80),
    seed=st.integers(0, 2**32),
    min_rows=st.sampled_from([1, 16]),
    n_batches=st.integers(1, 3),
)
@settings(max_examples=300, deadline=None)
def test_columns_of_any_mixture_of_documents_are_those_of_plain_decoding(
    prototypes, fields, n_rows, seed, min_rows, n_batches
):
    chance = random.Random(seed)
    encoded = [bson.encode(vary(chance.choice(prototypes), chance)) for _ in range(n_rows)]
    present = [path for prototype in prototypes for path in paths_in(prototype)]
    fields = fields + chance.sample(present, min(4, len(present)))
    assert_reads_as_it_decodes(encoded, fields, min_rows=min_rows, n_batches=n_batches)


@given(prototype=DOCUMENTS, seed=st.integers(0, 2**32), min_rows=st.sampled_from([1, 16]))
@settings(max_examples=200, deadline=None)
def test_documents_with_flipped_bytes_read_as_they_decode(prototype, seed, min_rows):
    chance = random.Random(seed)
    document = bson.encode(prototype)
    encoded = []
    for _ in range(60):
        flipped = bytearray(document)
        for _ in range(chance.randrange(3)):
            flipped[chance.randrange(4, len(flipped))] = chance.choice(
                [0, 1, 3, 4, 8, 16, 18, 48, 49, chance.randrange(256)]
            )
        try:
            bson.decode(flipped)
        except (InvalidBSON, TypeError):
            continue
        encoded.append(bytes(flipped))
    fields = list(paths_in(prototype))[:5]
    assert_reads_as_it_decodes(encoded, fields, min_rows=min_rows, n_batches=1)
