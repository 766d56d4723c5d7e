"""Other systems on the same tasks: python -m benchmarks.peers --install, then without.

Each has an environment of its own under .cache/peers. A NAME_party.py runs there, and imports
nothing of this project but what lies beside it: meter.py, and for SPU its recipes.
"""
