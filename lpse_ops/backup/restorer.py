"""Restores a snapshot's tree into a folder.

Walks the tree in its order and decides for each entry; ``restorewriter`` fills the files while
the walk goes on.  What cannot be restored is reported and the rest goes on: an old backup with a
damaged blob must still give back everything else.
"""

import os
import resource
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial

from lpse_ops.backup.blobindex import BlobIndex, Location
from lpse_ops.backup.metadata import apply_to_descriptor, apply_to_name, read_rights
from lpse_ops.backup.node import Node
from lpse_ops.backup.pack import BlobType
from lpse_ops.backup.progress import SILENT, Progress
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.restorefolders import Folder, Folders
from lpse_ops.backup.restorelinks import HardLinks, inode_key
from lpse_ops.backup.restoreplan import Window
from lpse_ops.backup.restorereport import Ledger, RestoreOptions, RestoreReport
from lpse_ops.backup.restoretarget import (
    OpenFolder,
    TemporaryNames,
    make_special,
    open_existing,
    open_target,
    put_in_place,
    temporary_entry,
)
from lpse_ops.backup.restoreverify import has_content, verify_tree
from lpse_ops.backup.restorewriter import FileJob, RestoreWriter, Use, WriteSettings, cannot_write
from lpse_ops.backup.treewalk import MAX_DEPTH, find_entry, load_tree
from lpse_ops.errors import DamagedRepository, RepositoryError, RestoreFailed, StorageError
