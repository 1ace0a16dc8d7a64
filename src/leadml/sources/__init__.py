"""Exports to tables by declarative mapping (``conf/source/*.yaml``), with quarantine and identity."""
