-- One of each, so that a database that was empty can take a document.
INSERT INTO public.agency
    VALUES (1, 'Pemerintah Daerah Kabupaten Contoh', NULL, '2024-01-08 08:00');
INSERT INTO public.satuan_kerja
    VALUES (1, 1, 'Dinas Contoh', '1.00001.001');
INSERT INTO public.panitia
    VALUES (1, 1, 'Pokja Pemilihan 1 Tahun 2024', 2024);
INSERT INTO public.rekanan
    VALUES (1, 'CV Contoh', '012345678901234', NULL, 'cv@contoh.id', '2024-01-08 08:00', true);
INSERT INTO public.paket
    VALUES (1, 1, 1, 'Pekerjaan Contoh', 100000000, 98000000, 3, '2024-01-08 08:00');
INSERT INTO public.lelang_seleksi
    VALUES (1, 1, 1, 1, '2024-01-08 08:00', 'Tender contoh');
INSERT INTO public.peserta
    VALUES (1, 1, 1, 97000000, '2024-01-09 08:00', true);
