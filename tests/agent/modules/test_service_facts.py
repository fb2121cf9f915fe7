"""What service_facts reads of hosts without systemd: captured outputs of their programs."""

from lpse_ops.agent.modules.service_facts import (
    parse_chkconfig,
    parse_states,
    parse_units,
    read_openrc,
    read_scripts,
    read_systemd,
)

STATUS_ALL = """\
 [ + ]  cron
 [ - ]  hwclock.sh
 [ ? ]  networking
"""
CHKCONFIG = """\
netconsole      0:off   1:off   2:off   3:off   4:off   5:off   6:off
network         0:off   1:off   2:on    3:on    4:on    5:on    6:off
"""
RC_STATUS = """\
Runlevel: default
 sshd                                                          [  started  ]
 crond                                                         [  stopped  ]
Dynamic Runlevel: needed/wanted
 modules                                                       [  started  ]
 nihil                                                         [  started  ]
"""
RC_UPDATE = """\
                sshd |      default
               crond |      default nonetwork
             modules |
"""


def asker(answers):
    def ask(*argv, needs_success=False):
        return answers.get(" ".join(argv))

    return ask


def test_debian_without_systemd():
    ask = asker({"service --status-all": STATUS_ALL})
    assert read_scripts(ask, lambda program: program == "service") == {
        "cron": {"name": "cron", "state": "running", "source": "sysv"},
        "hwclock.sh": {"name": "hwclock.sh", "state": "stopped", "source": "sysv"},
    }


def test_red_hat_without_systemd():
    ask = asker({"chkconfig --list": CHKCONFIG, "service network status": "up"})
    found = read_scripts(ask, lambda program: program in ("service", "chkconfig"))
    assert {name: (each["state"], each["status"]) for name, each in found.items()} == {
        "netconsole": ("stopped", "disabled"),
        "network": ("running", "enabled"),
    }
    assert parse_chkconfig("Note: This output shows SysV services only.\n\n") == {}


def test_openrc():
    ask = asker({"rc-status -a -s -m": RC_STATUS, "rc-update show -v": RC_UPDATE})
    found = read_openrc(ask, lambda program: program.startswith("rc-"))
    assert {name: (each["state"], each["runlevels"]) for name, each in found.items()} == {
        "sshd": ("started", ["default"]),
        "crond": ("stopped", ["default", "nonetwork"]),
        "modules": ("started", []),
    }


def test_units_marked_as_bad_by_older_systemd():
    text = "  UNIT LOAD ACTIVE SUB DESCRIPTION\n● a.service not-found inactive dead a\n"
    assert parse_units(text)["a.service"]["status"] == "not-found"


def test_a_unit_with_two_names_and_one_of_a_file_only():
    shown = "Id=b.service\nNames=b.service c.service\nActiveState=inactive\n\nId=d.service\n"
    assert parse_states(shown)["c.service"] == "inactive"
    files = "b.service enabled enabled\nt@.service static -\n2 unit files listed.\n"
    ask = asker(
        {
            "systemctl list-unit-files --no-pager --type service --all": files,
            "systemctl show --property=Id,Names,ActiveState -- b.service": shown,
        }
    )
    assert {name: (each["state"], each["status"]) for name, each in read_systemd(ask).items()} == {
        "b.service": ("inactive", "enabled"),
        "t@.service": ("unknown", "static"),
    }
