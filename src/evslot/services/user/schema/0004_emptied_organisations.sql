-- An organisation that nobody belongs to has no keys and lets nobody in: there is no owner who
-- could take them back. From now on that happens when the last member goes.

update api_key set revoked_at = now()
where revoked_at is null
  and not exists (select from member where member.organisation_id = api_key.organisation_id);

delete from invitation
where not exists (select from member where member.organisation_id = invitation.organisation_id);
