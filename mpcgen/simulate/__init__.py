"""A synthetic cohort of several institutions, for rehearsals, tests and benchmarks.

founders  a few hundred haplotypes a population by the coalescent (msprime)
mosaic    any number of people, each haplotype a mosaic of founders, on packed words
cohort    institutions of different ancestry, a phenotype, and PLINK files

This package alone draws from numpy.random: a cohort that its seed determines is its purpose.
"""

from mpcgen.simulate.cohort import simulate_cohort

__all__ = ["simulate_cohort"]
