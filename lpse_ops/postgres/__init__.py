"""PostgreSQL databases: dumped as one consistent stream, restored beside the old one."""
