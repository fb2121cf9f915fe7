"""The end of ``spse install``, ``upgrade`` and ``rollback``: run it, tell it, record it."""

from lpse_ops.cli.change_register import recorder
from lpse_ops.cli.output import emit
from lpse_ops.cli.playbook_options import PlaybookFlags
from lpse_ops.cli.spse_fleet import Fleet, Order
from lpse_ops.cli.spse_fleet_record import Told, complete
from lpse_ops.cli.spse_recap import render_recap, to_json
from lpse_ops.cli.wiring import App
from lpse_ops.spse.fleetresult import find_exit_code


def carry_out(app: App, flags: PlaybookFlags, order: Order, output_format: str) -> int:
    """Return the exit code."""
    fleet = Fleet(app, flags, order)
    try:
        results = fleet.carry_out()
        results = complete(app, fleet.reach, _told(app, fleet, order), results, fleet.changed)
    finally:
        fleet.close()
    code = find_exit_code(results)
    emit(
        f"spse/{'upgrade' if order.action == 'resume' else order.action}",
        {"action": order.action, "check": flags.check, "code": code, "hosts": to_json(results)},
        text=lambda: render_recap(results),
        output_format=output_format,
        output=None,
    )
    return code


def _told(app: App, fleet: Fleet, order: Order) -> Told:
    return Told(order.action, fleet.told, recorder(app), order.change_id, order.package)
