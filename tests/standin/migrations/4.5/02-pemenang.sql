DROP VIEW public.v_pemenang;
ALTER TABLE ekontrak.kontrak ADD COLUMN kontrak_ppn numeric(18, 2);
UPDATE ekontrak.kontrak SET kontrak_ppn = round(kontrak_nilai * 0.11, 2);
CREATE VIEW public.v_pemenang AS
    SELECT l.lls_id, p.pkt_nama, r.rkn_nama, s.psr_harga, k.kontrak_nilai, k.kontrak_ppn
    FROM public.lelang_seleksi l
    JOIN public.paket p USING (pkt_id)
    JOIN public.peserta s ON s.lls_id = l.lls_id AND s.is_pemenang
    JOIN public.rekanan r USING (rkn_id)
    LEFT JOIN ekontrak.kontrak k ON k.lls_id = l.lls_id;
