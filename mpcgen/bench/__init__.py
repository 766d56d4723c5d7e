"""`mpcgen bench`: five tasks on every engine, each party a process of its own, on a stated network.

tasks      what is computed, and inputs what it is computed from
answers    what must come out, by Python's integers, and how far from it something is
networks   lines with a delay and a bandwidth, made of proxies on loopback
party      one party of an engine: connects, waits for the others, measures itself
trial      all parties of a task on one network, as processes
table      the rows, as text, TSV and a plot
"""
