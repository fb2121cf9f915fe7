ALTER TABLE public.dok_penawaran ADD COLUMN dok_sha256 varchar(64);
CREATE INDEX dok_penawaran_sidik ON public.dok_penawaran (dok_sha256);
