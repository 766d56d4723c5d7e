"""A party's commitment to its data, by which a resumed study is held to them."""

import hashlib

import numpy as np

from mpcgen import codec
from mpcgen.parties.owner import OwnData


def commitment(data: OwnData, salt: bytes) -> bytes:
    """SHA-256 of a salt and all that is counted: people, alignment, and the genotypes' rows.

    It takes one more reading of these rows.
    """
    people, alignment = data.people, data.alignment
    arrays = (people.used, people.group, people.sex, alignment.rows, alignment.swapped)
    parts = [hashlib.sha256(np.ascontiguousarray(each).data).digest() for each in arrays]
    return codec.digest("mpcgen data", salt, *parts, data.genotypes.digest())
