"""The tutorial's data: simulated runs, and downloads."""

from .fetching.archives import is_unpacked, unpack
from .fetching.downloads import download
from .fetching.progress import progress_bar
from .samples import bmm_documents, rsoxs_documents

__all__ = ["bmm_documents", "download", "is_unpacked", "progress_bar", "rsoxs_documents", "unpack"]
