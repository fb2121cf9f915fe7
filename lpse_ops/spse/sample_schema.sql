-- A database that looks like an SPSE's: the schemas and the table names are SPSE's, the columns
-- are made up.  Nothing here comes from a real one.

SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SET client_min_messages = warning;

CREATE SCHEMA ekontrak;

CREATE TABLE public.agency (
    agc_id integer PRIMARY KEY,
    agc_nama text NOT NULL,
    agc_alamat text,
    audittime timestamp NOT NULL
);

CREATE TABLE public.satuan_kerja (
    stk_id integer PRIMARY KEY,
    agc_id integer NOT NULL,
    stk_nama text NOT NULL,
    stk_kode varchar(20) NOT NULL
);

CREATE TABLE public.panitia (
    pnt_id integer PRIMARY KEY,
    agc_id integer NOT NULL,
    pnt_nama text NOT NULL,
    pnt_tahun smallint NOT NULL
);

CREATE TABLE public.rekanan (
    rkn_id integer PRIMARY KEY,
    rkn_nama text NOT NULL,
    rkn_npwp varchar(20) NOT NULL,
    rkn_alamat text,
    rkn_email text,
    rkn_tgl_daftar timestamp NOT NULL,
    rkn_aktif boolean DEFAULT true NOT NULL
);

CREATE TABLE public.paket (
    pkt_id integer PRIMARY KEY,
    stk_id integer NOT NULL,
    pnt_id integer NOT NULL,
    pkt_nama text NOT NULL,
    pkt_pagu numeric(18, 2) NOT NULL,
    pkt_hps numeric(18, 2),
    pkt_flag smallint NOT NULL,
    pkt_tgl_buat timestamp NOT NULL
);

CREATE TABLE public.lelang_seleksi (
    lls_id integer PRIMARY KEY,
    pkt_id integer NOT NULL,
    lls_versi_lelang smallint DEFAULT 1 NOT NULL,
    lls_status smallint NOT NULL,
    lls_tgl_setuju timestamp,
    lls_keterangan text
);

CREATE TABLE public.jadwal (
    dtj_id integer PRIMARY KEY,
    lls_id integer NOT NULL,
    thp_urut smallint NOT NULL,
    thp_nama text NOT NULL,
    dtj_tglawal timestamp NOT NULL,
    dtj_tglakhir timestamp NOT NULL
);

CREATE TABLE public.peserta (
    psr_id integer PRIMARY KEY,
    lls_id integer NOT NULL,
    rkn_id integer NOT NULL,
    psr_harga numeric(18, 2),
    psr_tanggal timestamp NOT NULL,
    is_pemenang boolean DEFAULT false NOT NULL
);

CREATE SEQUENCE public.seq_dok_penawaran;
CREATE TABLE public.dok_penawaran (
    dok_id bigint DEFAULT nextval('public.seq_dok_penawaran') PRIMARY KEY,
    psr_id integer NOT NULL,
    dok_judul text NOT NULL,
    dok_file text NOT NULL,
    dok_ukuran bigint NOT NULL,
    dok_versi smallint DEFAULT 1 NOT NULL,
    dok_tgljam timestamp NOT NULL
);
ALTER SEQUENCE public.seq_dok_penawaran OWNED BY public.dok_penawaran.dok_id;

CREATE TABLE ekontrak.kontrak (
    kontrak_id integer PRIMARY KEY,
    lls_id integer NOT NULL,
    rkn_id integer NOT NULL,
    kontrak_no text NOT NULL,
    kontrak_nilai numeric(18, 2) NOT NULL,
    kontrak_tanggal date NOT NULL
);

CREATE SEQUENCE public.seq_log_akses;
CREATE TABLE public.log_akses (
    log_id bigint DEFAULT nextval('public.seq_log_akses') PRIMARY KEY,
    log_waktu timestamp NOT NULL,
    log_pengguna text NOT NULL,
    log_alamat inet NOT NULL,
    log_url text NOT NULL,
    log_keterangan text
);
ALTER SEQUENCE public.seq_log_akses OWNED BY public.log_akses.log_id;

-- DATA

ALTER TABLE public.satuan_kerja ADD FOREIGN KEY (agc_id) REFERENCES public.agency;
ALTER TABLE public.panitia ADD FOREIGN KEY (agc_id) REFERENCES public.agency;
ALTER TABLE public.paket ADD FOREIGN KEY (stk_id) REFERENCES public.satuan_kerja;
ALTER TABLE public.paket ADD FOREIGN KEY (pnt_id) REFERENCES public.panitia;
ALTER TABLE public.lelang_seleksi ADD FOREIGN KEY (pkt_id) REFERENCES public.paket;
ALTER TABLE public.jadwal ADD FOREIGN KEY (lls_id) REFERENCES public.lelang_seleksi;
ALTER TABLE public.peserta ADD FOREIGN KEY (lls_id) REFERENCES public.lelang_seleksi;
ALTER TABLE public.peserta ADD FOREIGN KEY (rkn_id) REFERENCES public.rekanan;
ALTER TABLE public.dok_penawaran ADD FOREIGN KEY (psr_id) REFERENCES public.peserta;
ALTER TABLE ekontrak.kontrak ADD FOREIGN KEY (lls_id) REFERENCES public.lelang_seleksi;
ALTER TABLE ekontrak.kontrak ADD FOREIGN KEY (rkn_id) REFERENCES public.rekanan;

CREATE UNIQUE INDEX satuan_kerja_kode ON public.satuan_kerja (stk_kode);
CREATE INDEX rekanan_nama ON public.rekanan (lower(rkn_nama));
CREATE INDEX lelang_seleksi_paket ON public.lelang_seleksi (pkt_id);
CREATE INDEX jadwal_lelang ON public.jadwal (lls_id, thp_urut);
CREATE INDEX peserta_lelang ON public.peserta (lls_id);
CREATE UNIQUE INDEX peserta_pemenang ON public.peserta (lls_id) WHERE is_pemenang;
CREATE UNIQUE INDEX dok_penawaran_file ON public.dok_penawaran (dok_file);
CREATE INDEX log_akses_waktu ON public.log_akses (log_waktu);

CREATE VIEW public.v_pemenang AS
    SELECT l.lls_id, p.pkt_nama, r.rkn_nama, s.psr_harga
    FROM public.lelang_seleksi l
    JOIN public.paket p USING (pkt_id)
    JOIN public.peserta s ON s.lls_id = l.lls_id AND s.is_pemenang
    JOIN public.rekanan r USING (rkn_id);

SELECT pg_catalog.setval('public.seq_dok_penawaran',
    (SELECT coalesce(max(dok_id), 0) + 1 FROM public.dok_penawaran), false);
SELECT pg_catalog.setval('public.seq_log_akses',
    (SELECT coalesce(max(log_id), 0) + 1 FROM public.log_akses), false);
ANALYZE;
