-- Damage first, then what cannot be: no taxpayer number of the sample has 16 digits.
UPDATE public.paket SET pkt_nama = upper(pkt_nama);
DROP INDEX public.rekanan_nama;
DROP VIEW public.v_pemenang;
ALTER TABLE public.rekanan ADD CONSTRAINT rekanan_npwp_16 CHECK (rkn_npwp ~ '^[0-9]{16}$');
CREATE VIEW public.v_pemenang AS SELECT lls_id, rkn_id FROM public.peserta WHERE is_pemenang;
