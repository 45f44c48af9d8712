"""Simulated runs of two beamlines: the tutorial's data for a machine without a network.

``bmm`` is X-ray absorption (scalars only), ``rsoxs`` resonant soft X-ray scattering (images in TIFF files). Both give
``(name, document)`` pairs as a RunEngine would have emitted them: single events and datums, the same uids on every
machine. ``emission`` and ``devices`` shape the documents, ``absorption``, ``scattering`` and ``frames`` are the physics
and the files.

What does not belong here: databases, catalogs and downloads (``tutorial_utils`` stores what this package gives).
"""

from __future__ import annotations

from .bmm import bmm_documents
from .rsoxs import rsoxs_documents

__all__ = ["bmm_documents", "rsoxs_documents"]
