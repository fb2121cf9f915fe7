from dataclasses import replace

from lpse_ops.cli.change_words import LABELS, describe_kind, register_fields
from lpse_ops.spse.change import Change
from tests.spse.samples import CLOSING, FAILED_RUN, REQUEST, RUN, WITA


def test_all_fields_of_an_lpses_own_register():
    change = Change("2026-0001", (), REQUEST, (FAILED_RUN, RUN), None)
    assert register_fields(change, WITA) == {
        "id": "2026-0001",
        "tanggal_permohonan": "Rabu, 18 November 2026 pukul 09.05 WITA",
        "pemohon": "Sari Contoh, S.H.",
        "kontak": "0812-0000-0000",
        "instansi": "LPSE Kabupaten Contoh",
        "deskripsi": "Pemutakhiran SPSE 4.4 ke 4.5",
        "tanggal_berlaku": "Jumat, 20 November 2026 pukul 14.05 WITA",
        "maksud_dan_tujuan": "Perbaikan keamanan menurut surat LKPP",
        "jenis": "Upgrade SPSE, jarak jauh",
        "kategori": "Emergency",
        "dampak": "SPSE tidak dapat diakses sekitar 15 menit",
        "sumber": "Surat LKPP Nomor 12/D.2/11/2026",
        "rencana_uji_coba": "Masuk sebagai panitia, unduh satu dokumen",
        "rollback": "Rilis dan basis data lama dipasang kembali",
        "persetujuan": "Setuju (Kepala LPSE)",
        "jadwal": "20 November 2026 pukul 17.00 WITA",
        "petugas": "Budi Contoh, S.Kom.",
        "hasil_tes": "local port 9090 answers; login page through the proxy",
        "hasil_implementasi": "ke-1: GAGAL, dikembalikan ke keadaan semula; ke-2: berhasil",
        "status": "Implementasi",
    }


def test_a_run_that_nobody_asked_for_says_what_it_knows():
    fields = register_fields(Change("2026-0001", (), None, (RUN,)), WITA)
    assert fields.keys() == LABELS.keys()
    assert fields["jenis"] == "Upgrade SPSE"
    assert fields["deskripsi"] == "Upgrade SPSE 4.4 menjadi 4.5"
    assert fields["maksud_dan_tujuan"] == RUN.reason
    assert fields["hasil_implementasi"] == "berhasil"
    assert fields["tanggal_permohonan"] == fields["kategori"] == ""


def test_what_was_told_is_said_with_what_was_done():
    change = Change("2026-0001", (), REQUEST, (FAILED_RUN,), replace(CLOSING, tests=("login ok",)))
    fields = register_fields(change, WITA)
    assert fields["petugas"] == "Budi Contoh, S.Kom., Tim ITO LKPP"
    assert fields["hasil_tes"] == "login ok"
    assert fields["hasil_implementasi"] == (
        "ke-1: GAGAL, dikembalikan ke keadaan semula; "
        "ke-2: dilaksanakan di luar lpse-ops: dipasang LKPP"
    )
    assert fields["tanggal_berlaku"] == "Jumat, 20 November 2026 pukul 15.00 WITA"


def test_a_request_alone_has_no_result():
    request = replace(REQUEST, on_site=True, approval="refused", approved_by="", scheduled=None)
    change = Change("2026-0001", (), request)
    fields = register_fields(change, WITA)
    assert describe_kind(change) == "Upgrade SPSE, di lokasi"
    assert fields["persetujuan"] == "Tidak Setuju"
    assert fields["hasil_implementasi"] == fields["hasil_tes"] == fields["jadwal"] == ""
    refused = Change("2026-0001", (), request, (), replace(CLOSING, ending="refused", note=""))
    assert register_fields(refused, WITA)["hasil_implementasi"] == "ditolak"
    assert register_fields(refused, WITA)["tanggal_berlaku"] == ""


def test_a_run_without_a_package_has_no_description():
    fields = register_fields(Change("2026-0001", (), None, (replace(RUN, package=None),)), WITA)
    assert fields["deskripsi"] == ""
