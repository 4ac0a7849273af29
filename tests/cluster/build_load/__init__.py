"""Everything that a cluster needs before the chart is installed: ``python -m tests.cluster.build_load``.

The images on its nodes, an S3 store in it, a trained artifact in that store, and the Secrets that the
sample pipeline names.
"""
