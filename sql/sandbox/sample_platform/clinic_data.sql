-- Rows of clinic-messy: two clinics.

insert into auth.users (id, email, raw_app_meta_data, raw_user_meta_data, created_at, updated_at)
select md5('clinic user ' || n)::uuid, 'user' || n || '@clinic.example',
  jsonb_build_object('tenant_id', md5('clinic ' || n % 2)::uuid), jsonb_build_object('tenant_id', md5('clinic ' || n % 2)::uuid), now(), now()
from generate_series(1, 10) as n; -- the trigger makes their rows in public.staff

insert into public.clinics (id, name, settings)
select md5('clinic ' || n)::uuid, 'Clinic ' || n, 'language => de, beds => 20' from generate_series(0, 1) as n;
insert into public.patients (id, tenant_id, full_name, email, phone, born_on)
select md5('patient ' || n)::uuid, md5('clinic ' || n % 2)::uuid, 'Patient ' || n, 'patient' || n || '@example.org', '+49 30 ' || n, date '1950-01-01' + n * 40
from generate_series(0, 499) as n;
insert into public.doctors (id, full_name, home_address) select md5('doctor ' || n)::uuid, 'Dr. ' || n, 'Side street ' || n from generate_series(0, 19) as n;
insert into public.specialties (name) values ('cardiology'), ('dermatology'), ('surgery'), ('paediatrics');
insert into public.doctor_specialties select md5('doctor ' || n)::uuid, 1 + n % 4 from generate_series(0, 19) as n;
insert into public.opening_hours (clinic_id, weekday, opens, closes)
select c.id, d, '08:00', '18:00' from public.clinics as c cross join generate_series(1, 5) as d;
insert into public.rooms (tenant_id, name) select md5('clinic ' || n % 2)::uuid, 'Room ' || n from generate_series(0, 19) as n;
insert into public.equipment (tenant_id, room_id, name) select md5('clinic ' || n % 2)::uuid, n, 'Device ' || n from generate_series(1, 40) as n;
insert into public.appointments (tenant_id, patient_id, doctor_id, status, starts_at)
select md5('clinic ' || n % 2)::uuid, md5('patient ' || n % 500)::uuid, md5('doctor ' || n % 20)::uuid,
  (enum_range(null::public.appointment_status))[n % 4 + 1], '2026-01-05 08:00Z'::timestamptz + n * interval '2 hours'
from generate_series(0, 1499) as n;
insert into public.invoices (id, tenant_id, patient_id, total, paid)
select md5('bill ' || n)::uuid, md5('clinic ' || n % 2)::uuid, md5('patient ' || n)::uuid, 40 + n % 200, n % 3 = 0 from generate_series(0, 399) as n;
insert into public.invoice_lines (invoice_id, description, amount) select id, 'Consultation', total from public.invoices;
insert into public.treatments (tenant_id, patient_id, description) select tenant_id, id, 'Check-up' from public.patients;
insert into public.prescriptions (tenant_id, patient_id, medicine) select tenant_id, id, 'Ibuprofen 400' from public.patients;
insert into public.lab_results (tenant_id, patient_id, analyte, value)
select case when n % 20 > 0 then md5('clinic ' || n % 2)::uuid end, md5('patient ' || n % 500)::uuid, 'glucose', 80 + n % 60 from generate_series(0, 799) as n;
insert into public.chat_threads (id, "Subject") select md5('thread ' || n)::uuid, 'Question ' || n from generate_series(0, 29) as n;
insert into public.chat_messages (thread_id, sender, recipient, body)
select md5('thread ' || n % 30)::uuid, md5('clinic user ' || n % 10 + 1)::uuid, md5('clinic user ' || (n + 1) % 10 + 1)::uuid, 'Hello' from generate_series(0, 299) as n;
insert into public.insurance_companies (id, name) select md5('insurer ' || n)::uuid, 'Insurer ' || n from generate_series(0, 9) as n;
insert into public.patient_insurances ("patientId", "insuranceCompanyId", policy_number)
select md5('patient ' || n)::uuid, md5('insurer ' || n % 10)::uuid, 'P-' || n from generate_series(0, 499) as n;
insert into public.documents (patient_id, path) select md5('patient ' || n)::uuid, 'documents/' || n || '.pdf' from generate_series(0, 199) as n;
insert into public.waiting_list (tenant_id, "doctorId", patient_id)
select md5('clinic ' || n % 2)::uuid, md5('doctor ' || n % 20)::uuid, md5('patient ' || n)::uuid from generate_series(0, 49) as n;
insert into public."Patients_OLD" select n::text, 'Old patient ' || n, n % 2 from generate_series(1, 300) as n;
insert into public.settings (key, value) values ('theme', '"light"'), ('locale', '"de"');
insert into public.vital_signs (tenant_id, patient_id, taken_at, pulse)
select md5('clinic ' || n % 2)::uuid, md5('patient ' || n % 500)::uuid, '2025-06-01Z'::timestamptz + n * interval '8 hours', 60 + n % 50 from generate_series(0, 999) as n;
insert into public.audit_events (tenant_id, action) select md5('clinic ' || n % 2)::uuid, 'login' from generate_series(1, 200) as n;
insert into public.import_staging select n, 'line ' || n from generate_series(1, 200) as n;
insert into public.newsletter_subscribers (email) select 'reader' || n || '@example.org' from generate_series(1, 100) as n;
insert into public.feedback (tenant_id, body) select md5('clinic ' || n % 2)::uuid, 'Nice' from generate_series(1, 20) as n;
insert into reporting.daily_counts (day, appointments) select date '2026-01-05' + n, 12 from generate_series(0, 99) as n;
refresh materialized view public.visits_per_month;
