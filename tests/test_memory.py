"""Freed memory stays with the process, and what lives as long is left alone."""

import subprocess
import sys

PROGRAM = """
import resource
import numpy as np
from mpcgen.memory import keep_freed_memory

def new_pages():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        np.ones(5 << 20)  # more than is ever kept by default
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

new_pages()
usual = new_pages()
keep_freed_memory()
new_pages()
print(usual, new_pages())
"""


def test_arrays_of_megabytes_come_in_pages_that_were_freed() -> None:
    program = [sys.executable, "-c", PROGRAM]
    told = subprocess.run(program, check=True, capture_output=True, text=True, timeout=60)
    usual, kept = map(int, told.stdout.split())
    assert kept < 20 < usual


STAYING = """
import gc
from mpcgen.memory import here_to_stay

with here_to_stay():
    off = not gc.isenabled()
    kept = [[] for _ in range(1000)]
print(off, gc.isenabled(), gc.get_freeze_count() >= 1000)
"""


def test_what_is_here_to_stay_is_never_walked() -> None:
    program = [sys.executable, "-c", STAYING]
    told = subprocess.run(program, check=True, capture_output=True, text=True, timeout=60)
    assert told.stdout.split() == ["True", "True", "True"]
