-- SPSE 4.3 can no longer read this table.
ALTER TABLE public.lelang_seleksi RENAME COLUMN lls_keterangan TO lls_catatan;
