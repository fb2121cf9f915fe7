"""Notices in Indonesian, for who looks after the backups: what, since when, what to type."""

from datetime import datetime

from lpse_ops.backup.notices import Notices, gravest
from lpse_ops.backup.statusverdict import BackupStatus, Kind, Severity, Trouble
from lpse_ops.cli.ages import format_age
from lpse_ops.cli.notify_send import Message
from lpse_ops.cli.output import printable

_WORDS = {
    Severity.OK: "PULIH",
    Severity.WARNING: "PERINGATAN",
    Severity.CRITICAL: "GENTING",
    Severity.UNKNOWN: "TIDAK DIKETAHUI",
}
_LONGEST_TITLE = 120


def render_notice(site: str, notices: Notices, status: BackupStatus) -> Message:
    """One message for all that is to be told now; its title is the gravest of it."""
    told = sorted((*notices.new, *notices.reminders), key=lambda trouble: -trouble.severity)
    sections = [_section(trouble, status.now) for trouble in told]
    sections += [f"PULIH: {recovered_text(topic)}" for topic in notices.recovered]
    sections.append(_summary(status))
    return Message(_title(site, notices, told), "\n\n".join(sections) + "\n")


def _title(site: str, notices: Notices, told: list[Trouble]) -> str:
    first = short_text(told[0]) if told else recovered_text(notices.recovered[0])
    again = "masih: " if told and told[0] in notices.reminders else ""
    others = len(told) + len(notices.recovered) - 1
    more = f" (+{others})" if others else ""
    title = f"[{site}] {_WORDS[gravest(notices)]}: {again}{first}"
    return printable(title[:_LONGEST_TITLE]) + more


def _section(trouble: Trouble, now: datetime) -> str:
    text, command = _TEXTS[trouble.kind][1:]
    fields = {
        "name": trouble.destination,
        "at": _moment(trouble.since, now),
        "age": _age(trouble.since, now),
        "detail": printable(trouble.detail.strip()) or "sebab tidak diketahui",
    }
    return (
        f"{_WORDS[trouble.severity]}: {text.format(**fields)}\n  Ketik: {command.format(**fields)}"
    )


def short_text(trouble: Trouble) -> str:
    """The trouble in a few words."""
    return _TEXTS[trouble.kind][0].format(name=trouble.destination)


def recovered_text(topic: str) -> str:
    """What a topic of ``topic_of`` was about, now that it is over."""
    kind, _, name = topic.partition(":")
    if kind in _RECOVERED:
        return _RECOVERED[kind].format(name=name)
    known = {each.value: each for each in Kind}
    return f"sudah teratasi: {_TEXTS[known[kind]][0].format(name=name) if kind in known else topic}"


def _summary(status: BackupStatus) -> str:
    lines = ["Keadaan salinan cadangan:"]
    for each in status.destinations:
        age = _age(each.newest.time, status.now) if each.newest else "belum ada"
        at = f" ({_moment(each.newest.time, status.now)})" if each.newest else ""
        lines.append(f"  {each.name}: umur {age}{at}" if each.newest else f"  {each.name}: {age}")
    lines.append("Selengkapnya: lpse-ops backup status")
    return "\n".join(lines)


def _moment(moment: datetime | None, now: datetime) -> str:
    if moment is None:
        return "belum pernah"
    return f"{moment.astimezone(now.tzinfo):%d-%m-%Y %H:%M %Z}"


def _age(moment: datetime | None, now: datetime) -> str:
    if moment is None:
        return "belum pernah"
    return format_age(now - moment, day=" hari", hour=" jam", minute=" menit")


_RECOVERED = {
    "run": "pencadangan berhasil lagi",
    "age": "cadangan di {name} sudah baru lagi",
    "copies": "salinan cadangan sudah cukup, satu di antaranya jauh dari ruang server",
}
# In a few words for the title; whole; and the command to type.
_TEXTS: dict[Kind, tuple[str, str, str]] = {
    Kind.LEDGER: (
        "catatan kegiatan tidak terbaca",
        "Catatan kegiatan (log) tidak dapat dibaca: {detail}",
        "lpse-ops log verify",
    ),
    Kind.NEVER: (
        "belum ada cadangan",
        "Belum ada satu pun cadangan di semua tujuan.",
        "lpse-ops backup",
    ),
    Kind.FAILED: (
        "pencadangan gagal",
        "Pencadangan pada {at} gagal: {detail}",
        "lpse-ops backup   (riwayat: journalctl -u lpse-ops-backup)",
    ),
    Kind.PARTIAL: (
        "sebagian berkas tidak tercadangkan",
        "Pencadangan pada {at} selesai, tetapi sebagian berkas tidak terbaca: {detail}",
        "lpse-ops backup",
    ),
    Kind.MISSED: (
        "kemarin tidak ada pencadangan",
        "Tidak ada pencadangan pada tanggal {detail}.",
        "lpse-ops backup schedule show",
    ),
    Kind.STALE: (
        "cadangan di {name} sudah usang",
        "Cadangan terbaru di {name} sudah berumur {age} (dibuat {at}).",
        "lpse-ops backup",
    ),
    Kind.EMPTY: (
        "{name} belum berisi cadangan",
        "Tujuan {name} belum berisi cadangan.",
        "lpse-ops backup sync {name}",
    ),
    Kind.UNREACHABLE: (
        "{name} tidak dapat dihubungi",
        "Tujuan {name} tidak dapat dihubungi: {detail}",
        "lpse-ops backup status",
    ),
    Kind.NOT_WRITTEN: (
        "{name} tidak dapat ditulis",
        "Cadangan terakhir tidak tersimpan di {name}: {detail}",
        "lpse-ops backup sync {name}",
    ),
    Kind.GONE: (
        "cadangan hilang dari {name}",
        "Snapshot {detail:.8} dari {at} tidak ada lagi di {name}.",
        "lpse-ops backup check --destination {name}",
    ),
    Kind.FUTURE: (
        "cadangan bertanggal masa depan di {name}",
        "Di {name} ada snapshot bertanggal {at}, di masa depan: jam server pernah salah.",
        "timedatectl",
    ),
    Kind.ROTATE: (
        "disk {name} perlu dipasang",
        "Disk {name} ({detail}) sudah {age} tidak dipasang; gilirannya sudah lewat.",
        "lpse-ops backup disk list",
    ),
    Kind.DAMAGED: (
        "pemeriksaan {name} tidak lulus",
        "Pemeriksaan repositori {name} pada {at} tidak berhasil atau menemukan kerusakan.",
        "lpse-ops backup check --destination {name}",
    ),
    Kind.DRILL_FAILED: (
        "uji restore dari {name} gagal",
        "Uji restore dari {name} pada {at} gagal: {detail}",
        "lpse-ops backup drill --destination {name}",
    ),
    Kind.DRILL_OLD: (
        "uji restore sudah waktunya",
        "Uji restore yang berhasil terakhir: {at}. Batas waktunya sudah lewat.",
        "lpse-ops backup drill",
    ),
    Kind.KEY_DRILL_DUE: (
        "kunci pemulihan perlu diuji",
        "Lembar pemulihan terakhir diuji: {at}. Batas waktunya sudah lewat.",
        "lpse-ops backup key drill",
    ),
    Kind.UNVERIFIED: (
        "salinan di {name} lama tidak diperiksa",
        "Salinan di {name} terakhir diperiksa: {at}. Batas waktunya sudah lewat.",
        "lpse-ops backup check --destination {name}",
    ),
    Kind.FULL_SOON: (
        "disk {name} segera penuh",
        "Disk {name} akan penuh dalam kira-kira {detail} hari.",
        "lpse-ops backup forget --prune --destination {name}   (atau ganti disk yang lebih besar)",
    ),
    Kind.PRUNE_FAILED: (
        "snapshot lama di {name} tidak terhapus",
        "Pembersihan snapshot lama di {name} pada {at} gagal: {detail}",
        "lpse-ops backup check --destination {name}   (bila kuncinya hanya boleh menambah: "
        "prune: false di lpse-ops.yml)",
    ),
    Kind.ONE_COPY: (
        "hanya ada satu salinan cadangan",
        "Hanya ada satu salinan cadangan; bila rusak, tidak ada gantinya.",
        "lpse-ops backup disk init",
    ),
    Kind.NOT_AWAY: (
        "semua salinan ada di ruang server",
        "Tidak ada salinan cadangan di luar ruang server; kebakaran atau pencurian menghapus "
        "semuanya.",
        "lpse-ops backup disk init   (atau isi kept_at tujuan di lpse-ops.yml)",
    ),
    Kind.DISK_HERE: (
        "semua salinan ada di ruang server",
        "Tidak ada salinan cadangan di luar ruang server; disk {detail} masih terpasang.",
        "lpse-ops backup disk eject {detail} --to TEMPAT --by NAMA",
    ),
    Kind.DISK_SOMEWHERE: (
        "tempat disk tidak diketahui",
        "Tidak diketahui di mana disk {detail} disimpan; harus ada salinan di luar ruang server.",
        "lpse-ops backup disk eject {detail} --to TEMPAT --by NAMA",
    ),
}
