"""Variables by which Ansible reaches a host, and what kind of value each takes."""

from lpse_ops.marked import Sealed

PORTS = ("ansible_port", "ansible_ssh_port")
HOSTS = ("ansible_host", "ansible_ssh_host")
FLAG, NUMBER, TEXT, ANY = "flag", "number", "text", "any"

_PLUGINS = ("ssh", "paramiko", "paramiko_ssh", "winrm", "psrp", "docker", "podman", "local")
_METHODS = ("become", "sudo", "su", "doas", "pbrun", "pfexec", "runas", "ksu", "machinectl")
_TEXTS = (
    *("host", "user", "connection", "shell_type", "shell_executable", "python_interpreter"),
    *("remote_tmp", "async_dir", "network_os", "network_cli_ssh_type", "become_method"),
    *("private_key_file", "ssh_executable", "scp_executable", "sftp_executable"),
    *("ssh_common_args", "ssh_extra_args", "ssh_args", "sftp_extra_args", "scp_extra_args"),
    *("ssh_transfer_method", "control_path", "control_path_dir", "executable"),
    *("ssh_control_path", "ssh_control_path_dir", "ssh_password_mechanism", "local_tmp"),
    *("perl_interpreter", "ruby_interpreter", "pip_interpreter", "node_interpreter"),
    *("ssh_host_key_rsa_public", "ssh_host_key_ed25519_public", "ssh_host_key_ecdsa_public"),
    *("scp_if_ssh", "host_pattern_mismatch", "play_hosts_filter", "git_executable"),
    *("winrm_transport", "winrm_scheme", "winrm_path", "winrm_server_cert_validation"),
    *("winrm_ca_trust_path", "winrm_realm", "winrm_message_encryption", "psrp_protocol"),
    *("psrp_auth", "psrp_cert_validation", "httpapi_base_path", "httpapi_certificate"),
)
_SECRETS = ("password", "pass", "ssh_pass", "ssh_password", "become_pass", "become_password")
_FLAGS = (
    *("become", "host_key_checking", "ssh_host_key_checking", "pipelining", "ssh_pipelining"),
    *("ssh_use_tty", "become_ask_pass", "keep_remote_files", "check_mode", "diff_mode"),
    *("httpapi_use_ssl", "httpapi_validate_certs", "become_allow_same_user", "no_log"),
    *("common_remote_group_used", "shell_allow_world_readable_temp", "ssh_agent_forwarding"),
)
_NUMBERS = (
    *("timeout", "ssh_timeout", "connection_timeout", "ssh_retries", "connection_retries"),
    *("command_timeout", "persistent_connect_timeout", "persistent_command_timeout", "forks"),
    *("group_priority", "winrm_operation_timeout_sec", "winrm_read_timeout_sec", "poll_interval"),
)
_OTHERS = (
    *("facts", "local", "version", "system_vendor", "limit", "loop_var", "index_var", "verbosity"),
    *("ssh_host_key", "ssh_known_hosts", "system_tmpdirs", "admin_users", "role_names", "date"),
    *("distribution", "distribution_version", "distribution_release", "distribution_major_version"),
    *("os_family", "pkg_mgr", "service_mgr", "hostname", "fqdn", "domain", "nodename", "system"),
    *("architecture", "kernel", "machine", "processor_count", "processor_vcpus", "memtotal_mb"),
    *("default_ipv4", "default_ipv6", "all_ipv4_addresses", "interfaces", "env", "mounts", "lsb"),
    *("python_version", "python", "selinux", "date_time", "devices", "lo", "eth0", "virtual"),
    *("user_id", "user_uid", "user_gid", "user_dir", "user_shell", "become_plugin", "remote_user"),
    *("inventory_sources", "play_name", "playbook_python", "config_file", "run_tags", "skip_tags"),
)


# Of one connection each, as its documentation names them.
_OF_SSH = "ssh_private_key ssh_private_key_passphrase ssh_pkcs11_provider sshpass_prompt"
_OF_PARAMIKO = "private_key private_key_passphrase paramiko_proxy_command common_remote_group"
_OF_WINRM = "winrm_kinit_args winrm_kinit_cmd winrm_kinit_mode sudo_chdir"
_OF_PSRP = (
    "ca_cert cert_trust_path certificate_key_pem certificate_pem configuration_name proxy path "
    "credssp_auth_mechanism message_encryption negotiate_hostname_override negotiate_service"
)
_PSRP_NUMBERS = (
    "connection_backoff connection_timeout credssp_minimum_version max_envelope_size "
    "operation_timeout read_timeout reconnection_backoff reconnection_retries"
)
_PSRP_FLAGS = "credssp_disable_tlsv1_2 ignore_proxy negotiate_delegate negotiate_send_cbt"
_MORE_FLAGS = (
    "local_become_strip_preamble paramiko_host_key_checking paramiko_use_rsa_sha2_algorithms "
    "sftp_batch_mode"
)
_MORE_NUMBERS = (
    "local_become_success_timeout paramiko_timeout ssh_verbosity winrm_connection_timeout"
)


def _of_connections() -> dict[str, str]:
    texts = [*_OF_SSH.split(), *_OF_PARAMIKO.split(), *_OF_WINRM.split()]
    texts += [f"psrp_{each}" for each in _OF_PSRP.split()]
    numbers = [*_MORE_NUMBERS.split(), *(f"psrp_{each}" for each in _PSRP_NUMBERS.split())]
    flags = [*_MORE_FLAGS.split(), *(f"psrp_{each}" for each in _PSRP_FLAGS.split())]
    by_kind = {TEXT: texts, NUMBER: numbers, FLAG: flags, ANY: ["winrm_kinit_env_vars"]}
    return {f"ansible_{name}": kind for kind, names in by_kind.items() for name in names}


def _build_kinds() -> dict[str, str]:
    kinds = dict.fromkeys((f"ansible_{each}" for each in _OTHERS), ANY)
    for plugin in _PLUGINS:
        kinds |= {f"ansible_{plugin}_{each}": TEXT for each in ("host", "user", "executable")}
        kinds |= {f"ansible_{plugin}_{each}": TEXT for each in ("password", "pass")}
        kinds |= {f"ansible_{plugin}_private_key_file": TEXT, f"ansible_{plugin}_port": NUMBER}
        kinds |= {f"ansible_{plugin}_extra_args": TEXT, f"ansible_{plugin}_common_args": TEXT}
    for method in _METHODS:
        kinds |= {f"ansible_{method}_{each}": TEXT for each in ("user", "exe", "flags", "method")}
        kinds |= {f"ansible_{method}_{each}": TEXT for each in ("pass", "password", "prompt_l10n")}
    kinds |= {f"ansible_{each}": TEXT for each in (*_TEXTS, *_SECRETS)}
    kinds |= {f"ansible_{each}": FLAG for each in _FLAGS}
    kinds |= {f"ansible_{each}": NUMBER for each in ("port", *_NUMBERS)}
    return kinds | _of_connections()


# Name of a variable: kind of its value.  Facts are there so that no name is taken for a mistake.
KINDS = _build_kinds()


def is_unknown_yet(value: object) -> bool:
    """Whether only a run can tell what a value will be: a template, or sealed."""
    return isinstance(value, Sealed) or (
        isinstance(value, str) and ("{{" in value or "{%" in value)
    )
