ALTER TABLE public.paket ADD COLUMN pkt_sumber_dana varchar(10);
UPDATE public.paket SET pkt_sumber_dana = CASE WHEN pkt_id % 3 = 0 THEN 'APBN' ELSE 'APBD' END;
ALTER TABLE public.paket ALTER COLUMN pkt_sumber_dana SET NOT NULL;
ALTER TABLE public.paket ALTER COLUMN pkt_sumber_dana SET DEFAULT 'APBD';
