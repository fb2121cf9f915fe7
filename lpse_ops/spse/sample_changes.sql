-- One working day after sample_schema.sql; :seed is set by psql.

BEGIN;

CREATE TEMPORARY TABLE dok_berubah (
    tindakan text NOT NULL,
    dok_id bigint NOT NULL,
    dok_judul text NOT NULL,
    dok_file text NOT NULL,
    dok_ukuran bigint NOT NULL,
    dok_versi smallint NOT NULL,
    dok_tgljam timestamp NOT NULL
) ON COMMIT DROP;

-- DATA

INSERT INTO public.dok_penawaran
    (dok_id, psr_id, dok_judul, dok_file, dok_ukuran, dok_versi, dok_tgljam)
    SELECT dok_id, (SELECT min(psr_id) FROM public.peserta), dok_judul, dok_file, dok_ukuran,
        dok_versi, dok_tgljam
    FROM dok_berubah WHERE tindakan = 'tambah' ORDER BY dok_id;
UPDATE public.dok_penawaran d
    SET dok_ukuran = b.dok_ukuran, dok_versi = b.dok_versi, dok_tgljam = b.dok_tgljam
    FROM dok_berubah b WHERE b.tindakan = 'ubah' AND d.dok_id = b.dok_id;
DELETE FROM public.dok_penawaran d
    USING dok_berubah b WHERE b.tindakan = 'hapus' AND d.dok_id = b.dok_id;
SELECT pg_catalog.setval('public.seq_dok_penawaran',
    (SELECT coalesce(max(dok_id), 0) + 1 FROM public.dok_penawaran), false);

UPDATE public.paket SET pkt_pagu = pkt_pagu * 1.05 WHERE pkt_id % 71 = :seed % 71;
INSERT INTO public.log_akses (log_waktu, log_pengguna, log_alamat, log_url)
    SELECT log_waktu + interval '1 day', log_pengguna, log_alamat, log_url
    FROM public.log_akses WHERE log_id % 67 = :seed % 67 ORDER BY log_id;

COMMIT;
