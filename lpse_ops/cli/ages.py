"""How long ago something was, for people: the two largest units."""

from datetime import timedelta


def format_age(age: timedelta, *, day: str = "d", hour: str = "h", minute: str = "m") -> str:
    """``3d 2h``, ``5h 12m``, ``12m``; what lies in the future is ``0m`` old."""
    minutes = max(int(age.total_seconds()) // 60, 0)
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days:
        return f"{days}{day} {hours}{hour}"
    return f"{hours}{hour} {minutes}{minute}" if hours else f"{minutes}{minute}"
