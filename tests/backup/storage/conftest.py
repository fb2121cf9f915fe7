"""Servers that hold repositories, shared by all tests of storage."""

from tests.backup.storage.sftpservers import (
    openssh_repositories,
    plain_sftp_repositories,
    plain_sftp_server,
    sftp_repositories,
    sftp_server,
)

__all__ = [
    "openssh_repositories",
    "plain_sftp_repositories",
    "plain_sftp_server",
    "sftp_repositories",
    "sftp_server",
]
