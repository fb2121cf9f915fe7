CREATE TABLE public.paket_anggaran (
    ang_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    pkt_id integer NOT NULL REFERENCES public.paket,
    ang_tahun smallint NOT NULL,
    ang_sumber_dana varchar(10) NOT NULL,
    ang_nilai numeric(18, 2) NOT NULL
);
INSERT INTO public.paket_anggaran (pkt_id, ang_tahun, ang_sumber_dana, ang_nilai)
    SELECT pkt_id, extract(year FROM pkt_tgl_buat), pkt_sumber_dana, pkt_pagu
    FROM public.paket ORDER BY pkt_id;
-- SPSE 4.4 can no longer read this table either.
ALTER TABLE public.lelang_seleksi RENAME COLUMN lls_catatan TO lls_uraian;
