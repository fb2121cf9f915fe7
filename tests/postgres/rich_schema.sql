-- A database with one of everything that a dump has to carry.  Two schemas as in SPSE.
SET client_min_messages = warning;

CREATE SCHEMA ekontrak;
COMMENT ON SCHEMA ekontrak IS 'kontrak elektronik';

CREATE TYPE public.metode AS ENUM ('tender', 'seleksi', 'penunjukan langsung');
CREATE DOMAIN public.npwp AS text CHECK (VALUE ~ '^[0-9]{15,16}$');
CREATE TYPE public.alamat AS (jalan text, kota text);

CREATE SEQUENCE public.nomor_urut START 1000 INCREMENT 7;

CREATE TABLE public.rekanan (
    rkn_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    nama text NOT NULL,
    npwp public.npwp,
    alamat public.alamat,
    telepon text[] NOT NULL DEFAULT '{}',
    profil jsonb,
    terdaftar timestamptz NOT NULL DEFAULT '2023-02-23 12:43:00+07'
);
COMMENT ON COLUMN public.rekanan.nama IS 'nama penyedia — lengkap, “apa adanya”';
CREATE UNIQUE INDEX rekanan_nama ON public.rekanan (lower(nama));
CREATE INDEX rekanan_profil ON public.rekanan USING gin (profil);

INSERT INTO public.rekanan (nama, npwp, alamat, telepon, profil)
SELECT 'PT Sumber Rejeki ' || n, lpad(n::text, 15, '0'), ROW('Jl. Merdeka ' || n, 'Tubei')::public.alamat,
       ARRAY['0736-' || n, NULL, 'a,"b"\c'], jsonb_build_object('kelas', n % 3, 'nilai', n * 1.5)
FROM generate_series(1, 500) AS n;
INSERT INTO public.rekanan (nama, profil)
VALUES ('CV Ñandú ꦲꦏ꧀ꦱꦫ 測試 🏛', '{"ket": "baris\nbaru\ttab \\ \u00e9"}'),
       (E'tab\tbaris\nbaru\\akhir', 'null'), ('', NULL);

CREATE TABLE public.paket (
    pkt_id integer PRIMARY KEY DEFAULT nextval('public.nomor_urut'),
    nama text NOT NULL,
    metode public.metode NOT NULL DEFAULT 'tender',
    pagu numeric(18, 2) NOT NULL CHECK (pagu >= 0),
    ppn numeric(18, 2) GENERATED ALWAYS AS (pagu * 0.11) STORED,
    pkt_flag smallint NOT NULL DEFAULT 3
);
ALTER SEQUENCE public.nomor_urut OWNED BY public.paket.pkt_id;
INSERT INTO public.paket (nama, metode, pagu)
SELECT 'Paket ' || n, (enum_range(NULL::public.metode))[1 + n % 3], n * 1000000.25
FROM generate_series(1, 300) AS n;

CREATE TABLE public.peserta (
    pkt_id integer REFERENCES public.paket ON DELETE CASCADE,
    rkn_id bigint REFERENCES public.rekanan DEFERRABLE INITIALLY DEFERRED,
    PRIMARY KEY (pkt_id, rkn_id)
);
INSERT INTO public.peserta
SELECT pkt_id, rkn_id FROM public.paket JOIN public.rekanan ON rkn_id % 50 = pkt_id % 50;

CREATE TABLE public.dok_penawaran (
    id integer PRIMARY KEY,
    isi bytea NOT NULL,
    berkas oid
);
INSERT INTO public.dok_penawaran
SELECT n, decode(repeat(md5(n::text), 64), 'hex'),
       lo_from_bytea(0, decode(repeat(md5('lo' || n), 2000), 'hex'))
FROM generate_series(1, 20) AS n;
INSERT INTO public.dok_penawaran VALUES (0, '\x00ff5c0a0d00', lo_from_bytea(0, ''));
ALTER TABLE public.dok_penawaran ALTER COLUMN isi SET STORAGE EXTERNAL;
SELECT lo_from_bytea(987654, '\x00c3a9ff');
COMMENT ON LARGE OBJECT 987654 IS 'berkas tanpa baris';

CREATE TABLE ekontrak.log_akses (
    waktu timestamptz NOT NULL,
    pelaku text NOT NULL,
    rincian jsonb
) PARTITION BY RANGE (waktu);
CREATE TABLE ekontrak.log_akses_2022 PARTITION OF ekontrak.log_akses
    FOR VALUES FROM ('2022-01-01 00:00+00') TO ('2023-01-01 00:00+00');
CREATE TABLE ekontrak.log_akses_2023 PARTITION OF ekontrak.log_akses
    FOR VALUES FROM ('2023-01-01 00:00+00') TO ('2024-01-01 00:00+00') PARTITION BY LIST (pelaku);
CREATE TABLE ekontrak.log_akses_2023_admin PARTITION OF ekontrak.log_akses_2023
    FOR VALUES IN ('admin');
CREATE TABLE ekontrak.log_akses_lain PARTITION OF ekontrak.log_akses_2023 DEFAULT;
CREATE INDEX ON ekontrak.log_akses (waktu);
INSERT INTO ekontrak.log_akses
SELECT '2022-06-01 00:00+00'::timestamptz + n * interval '1 day',
       CASE n % 3 WHEN 0 THEN 'admin' ELSE 'panitia' END, '[1, 2.50, "x"]'
FROM generate_series(1, 400) AS n;

CREATE TABLE public.induk (a integer);
CREATE TABLE public.anak (b integer) INHERITS (public.induk);
INSERT INTO public.induk VALUES (1);
INSERT INTO public.anak VALUES (2, 3), (4, 5);

CREATE TABLE "Nama.Aneh ""kutip""" ("Kolom Satu" integer, "select" text);
INSERT INTO "Nama.Aneh ""kutip""" VALUES (1, 'aneh');
CREATE TABLE public.kosong ();
CREATE UNLOGGED TABLE public.sementara AS SELECT 42 AS jawaban;

CREATE VIEW ekontrak.ringkasan AS
    SELECT metode, count(*) AS jumlah, sum(pagu) AS total FROM public.paket GROUP BY metode;
CREATE MATERIALIZED VIEW ekontrak.rekap AS
    SELECT pkt_id, count(*) AS peserta FROM public.peserta GROUP BY pkt_id;
CREATE UNIQUE INDEX ON ekontrak.rekap (pkt_id);

CREATE FUNCTION public.hitung_paket(minimal numeric DEFAULT 0) RETURNS bigint
    LANGUAGE sql STABLE AS $$ SELECT count(*) FROM public.paket WHERE pagu > minimal; $$;
CREATE FUNCTION public.catat() RETURNS trigger LANGUAGE plpgsql AS $isi$
BEGIN
    NEW.nama := trim(NEW.nama);  -- tanda kutip ' dan ; di dalam
    RETURN NEW;
END
$isi$;
CREATE TRIGGER catat BEFORE INSERT OR UPDATE ON public.paket
    FOR EACH ROW EXECUTE FUNCTION public.catat();
CREATE PROCEDURE ekontrak.bersihkan() LANGUAGE sql AS 'DELETE FROM public.sementara';
CREATE RULE jangan_hapus AS ON DELETE TO public.kosong DO INSTEAD NOTHING;
CREATE STATISTICS public.paket_stat ON metode, pkt_flag FROM public.paket;
CREATE PUBLICATION terbit FOR TABLE public.paket;

SELECT setval('public.nomor_urut', 99991);
