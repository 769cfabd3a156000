"""Speed and memory, measured: ``python -m benchmarks`` prints tables and writes a page.

A thing to measure is one function with `benchmarks.items.item` above it, in a module that
`benchmarks.items.ROOMS` names. Each runs in a fresh process, so that it has its own peak memory.
"""
