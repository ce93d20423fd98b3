"""Each control, how to switch it off, and the test that must then fail.

Of an edit the first text stands once in the file of `src/equipoise`; the second takes its place in
a copy of the program. `docs/reference/controls.md` prints the table.
"""

from typing import NamedTuple


class Edit(NamedTuple):
    """A piece of a module, and what takes its place."""

    file: str
    find: str
    put: str


class Control(NamedTuple):
    """What is held, what switches it off, which tests see that."""

    name: str
    test: str
    edits: tuple[Edit, ...]


CONTROLS = (
    Control(
        "The ledger's file refuses UPDATE and DELETE (SQLite)",
        "tests/ledger/test_ledger_store.py::test_the_file_itself_refuses_changes",
        (Edit("ledger/sqlite_tables.py", '_refusing("ledger_entry", "DELETE"),', ""),),
    ),
    Control(
        "The ledger's tables refuse changes, whoever asks (PostgreSQL)",
        "tests/ledger/test_ledger_postgres.py::test_the_guards_hold_for_owner_and_administrator",
        (Edit("ledger/postgres_tables.py", "ENABLE ALWAYS TRIGGER", "DISABLE TRIGGER"),),
    ),
    Control(
        "The next entry of a chain alone is taken",
        "tests/ledger/test_ledger_store.py::test_the_file_itself_refuses_changes",
        (
            Edit(
                "ledger/sqlite_tables.py",
                '"WHEN NEW.seq <> 1 + coalesce(',
                '"WHEN 0 * coalesce(',
            ),
        ),
    ),
    Control(
        "Writers of a file queue, so that none starves (SQLite)",
        "tests/ledger/test_ledger_store.py::test_writers_queue_at_the_lock_file",
        (Edit("ledger/sqlite.py", "fcntl.flock(descriptor, fcntl.LOCK_EX)", "pass"),),
    ),
    Control(
        "A row that the database swallows is not acknowledged (SQLite)",
        "tests/ledger/test_ledger_store.py::test_what_a_foreign_trigger_swallows_is_not_acknowledged",
        (Edit("ledger/sqlite.py", "if written.rowcount != 1:", "if False:"),),
    ),
    Control(
        "Seals on record are held against the chains",
        "tests/ledger/test_ledger_verify.py"
        "::test_a_tail_that_is_cut_off_contradicts_the_seal_on_record",
        (
            Edit(
                "ledger/keeping/survey.py",
                "self.found += _check_recorded(seal, held, self.chains, is_part=is_part)",
                "pass",
            ),
        ),
    ),
    Control(
        "The protocol in an archive is the one on record",
        "tests/ledger/test_ledger_archive.py"
        "::test_the_protocol_is_the_one_on_which_the_trial_was_opened",
        (
            Edit(
                "ledger/keeping/verify_archive.py",
                "hashlib.sha256(text).hexdigest() in studies",
                "text",
            ),
        ),
    ),
    Control(
        "The digest of an entry",
        "tests/ledger/test_ledger_entry.py::test_an_altered_field_is_found",
        (
            Edit(
                "ledger/checking.py",
                "if derive_digest(entry) != entry.digest:",
                "if not entry.digest:",
            ),
        ),
    ),
    Control(
        "The digest of a body",
        "tests/ledger/test_ledger_verify.py::test_tampering_is_found",
        (
            Edit(
                "ledger/checking.py",
                "return () if is_sound else",
                "return () if is_sound or entry.body else",
            ),
        ),
    ),
    Control(
        "The link to the entry before",
        "tests/ledger/test_ledger_entry.py::test_a_replaced_entry_breaks_the_link",
        (Edit("ledger/checking.py", "elif entry.prev != before.digest:", "elif not entry.prev:"),),
    ),
    Control(
        "A body goes by an order for exactly that entry alone",
        "tests/ledger/test_ledger_redaction.py::test_a_body_that_went_without_an_order_is_damage",
        (
            Edit(
                "ledger/checking.py",
                'if found.code != "EQ-G024" or because is None:',
                'because = because or ""\n        if found.code != "EQ-G024":',
            ),
        ),
    ),
    Control(
        "Of two who record the same version one wins",
        "tests/ledger/test_ledger_store.py::test_the_slower_of_two_is_refused",
        (
            Edit(
                "ledger/sqlite_tables.py",
                '"UNIQUE (chain, seq), UNIQUE (study, stream, version))",',
                '"UNIQUE (chain, seq))",',
            ),
            Edit(
                "ledger/sqlite_tables.py",
                "AND version = NEW.version) ",
                "AND version = NEW.version AND 0) ",
            ),
        ),
    ),
    Control(
        "A role may do what its acts are, and nothing else",
        "tests/unit/conduct/test_people.py::test_roles_are_checked_and_removal_is_immediate",
        (Edit("conduct/door.py", "if person.role not in self.roles:", "if not self.roles:"),),
    ),
    Control(
        "Who is removed acts no more",
        "tests/unit/conduct/test_people.py::test_roles_are_checked_and_removal_is_immediate",
        (Edit("conduct/rules.py", "if not person.is_active:", "if not person.person:"),),
    ),
    Control(
        "Nobody acts outside the days of their delegation",
        "tests/unit/conduct/test_people.py::test_nobody_acts_outside_the_days_of_their_delegation",
        (Edit("conduct/rules.py", "if not person.is_delegated(on):", "if not person.person:"),),
    ),
    Control(
        "Nobody does a task that is not delegated to them",
        "tests/unit/conduct/test_delegating.py::test_a_refusal_names_the_task_and_who_delegates",
        (
            Edit(
                "conduct/door.py",
                "refuse_if(check_task(trial.study, person, self.name, form=form))",
                "check_task(trial.study, person, self.name, form=form)",
            ),
        ),
    ),
    Control(
        "Nobody reviews their own access",
        "tests/unit/conduct/test_reviewing_access.py::test_nobody_reviews_themself",
        (
            Edit(
                "conduct/acts/people.py",
                "p.is_active and not is_same_human(p, reviewer)",
                "p.is_active",
            ),
        ),
    ),
    Control(
        "A log-in is on record",
        "tests/web/test_use.py::test_a_log_in_is_on_record",
        (
            Edit(
                "web/views/access.py",
                "record_sign_in(visit.trial, at=visit.now, person=name, proof=proof)",
                "pass",
            ),
        ),
    ),
    Control(
        "Nothing leaves a live trial unnamed",
        "tests/cli/test_cli_copying.py::test_nothing_leaves_a_live_trial_unnamed_or_for_the_wrong_role",
        (Edit("cli/copying/recording.py", 'if store.realm == "live":', "if not store.study:"),),
    ),
    Control(
        "A copy is on record before it has its name",
        "tests/faults/test_copy_faults.py::test_what_cannot_be_recorded_is_not_there",
        (
            Edit(
                "ledger/keeping/archive.py",
                "        finish(beside, told.seal)\n    return told",
                "    finish(path, told.seal)\n    return told",
            ),
        ),
    ),
    Control(
        "The copy by arm bears a number that nobody can guess",
        "tests/cli/test_cli_copying.py::test_the_entry_of_a_copy_by_arm_lets_no_arm_be_computed",
        (
            Edit(
                "cli/copying/recording.py", "secrets.token_hex(16) if is_by_arm", "'' if is_by_arm"
            ),
        ),
    ),
    Control(
        "What the program computed says by which version",
        "tests/unit/conduct/test_computed_by.py::test_computed_values_name_program_and_study",
        (Edit("conduct/events/happened.py", 'if "computed_by" not in', "if event not in"),),
    ),
    Control(
        "What changed after a break bears a flag, whatever the clock",
        "tests/unit/conduct/test_flagging.py::"
        "test_what_comes_after_a_break_is_flagged_for_this_participant_alone",
        (Edit("conduct/leaving/flagging.py", "or _follows(entry, u.stamp.entry)", ""),),
    ),
    Control(
        "What changed before a break was told bears a flag",
        "tests/unit/conduct/test_flagging.py::"
        "test_a_break_that_is_told_later_counts_from_when_it_was",
        (Edit("conduct/leaving/flagging.py", "at >= u.broken_at or ", ""),),
    ),
    Control(
        "What is used behind the sealed door stays there",
        "tests/web/test_use.py::test_what_is_used_behind_the_sealed_door_stays_there",
        (Edit("web/views/access.py", "unit = cell_unit_if_any()", "unit = None"),),
    ),
    Control(
        "The reason of a redaction does not repeat what goes",
        "tests/unit/conduct/test_redacting.py::test_a_reason_never_repeats_what_goes",
        (
            Edit(
                "conduct/acts/redacting.py",
                "if any(_repeats(reason, value) for value in gone):",
                "if not gone and gone:",
            ),
        ),
    ),
    Control(
        "Nobody acts untrained",
        "tests/unit/conduct/test_people.py::test_nobody_acts_untrained_or_once_it_has_lapsed",
        (
            Edit(
                "conduct/rules.py",
                "if name not in person.trained:\n            problems.append",
                "if name not in person.trained:\n            ().__add__",
            ),
        ),
    ),
    Control(
        "A training lapses",
        "tests/unit/conduct/test_people.py::test_nobody_acts_untrained_or_once_it_has_lapsed",
        (
            Edit(
                "conduct/rules.py",
                "if until is not None and until < on:",
                "if until is not None and until < on and not name:",
            ),
        ),
    ),
    Control(
        "Who was unblinded never holds a blinded role",
        "tests/unit/conduct/test_people.py::test_who_was_unblinded_never_holds_a_blinded_role",
        (
            Edit(
                "conduct/acts/people.py",
                "if was_unblinded and (new.role not in UNBLINDED_ROLES or new.person in known):",
                "if was_unblinded and not new.name:",
            ),
        ),
    ),
    Control(
        "One sees the participants of one's own sites",
        "tests/web/test_sites_and_headers.py::test_another_site_does_not_exist",
        (
            Edit(
                "web/pages.py",
                "if found is None or not self.person.may_see(found.site):",
                "if found is None:",
            ),
        ),
    ),
    Control(
        "The data manager writes no data of a site",
        "tests/unit/conduct/test_capturing.py::test_the_sponsor_cannot_write_data_of_a_site",
        (
            Edit(
                "conduct/acts/capturing.py",
                "@act(*SITE_ROLES)\ndef correct_item(",
                "@act(*SITE_ROLES, Role.DATA_MANAGER)\ndef correct_item(",
            ),
        ),
    ),
    Control(
        "No correction without a reason",
        "tests/unit/conduct/test_capturing.py::test_no_correction_without_a_reason",
        (
            Edit(
                "conduct/rules.py",
                "return () if len(reason.strip()) >= 3 else",
                "return () if len(reason.strip()) >= 0 else",
            ),
        ),
    ),
    Control(
        "Nothing is replaced that one has not seen",
        "tests/unit/conduct/test_capturing.py::test_who_saw_an_older_version_is_told_what_changed",
        (Edit("conduct/acts/capturing.py", "if seen == record.version:", "if seen or True:"),),
    ),
    Control(
        "A signature is of what was seen",
        "tests/unit/conduct/test_ending.py::test_a_signature_is_bound_to_the_data_it_saw",
        (
            Edit(
                "conduct/acts/signing.py",
                "if digest != digest_of(view.study, subject):",
                "if not digest:",
            ),
        ),
    ),
    Control(
        "A signature falls when what it covers changes",
        "tests/unit/conduct/test_ending.py::test_a_signature_is_bound_to_the_data_it_saw",
        (
            Edit(
                "conduct/acts/signing.py",
                "if signature is None or signature.voided is not None:",
                "if signature is None:",
            ),
            Edit(
                "conduct/acts/signing.py",
                "return signature.digest == digest_of(study, subject)",
                "return True",
            ),
        ),
    ),
    Control(
        "A signature that became void never stands again",
        "tests/unit/conduct/test_ending.py::test_a_void_signature_never_stands_again",
        (
            Edit(
                "conduct/acts/signing.py",
                "if signature is None or signature.voided is not None:",
                "if signature is None:",
            ),
        ),
    ),
    Control(
        "Nobody signs with a password before a second person asked its owner",
        "tests/unit/conduct/test_inviting.py::test_who_makes_a_code_does_not_sign_with_it_alone",
        (Edit("conduct/rules.py", "if person.is_confirmed:", "if person.person:"),),
    ),
    Control(
        "Nobody has two roles at a time",
        "tests/unit/conduct/test_people.py::test_nobody_has_two_roles_at_a_time",
        (Edit("conduct/acts/people.py", "elif others:", "elif not others and others:"),),
    ),
    Control(
        "Who was unblinded gets no blinded role any more",
        "tests/unit/conduct/test_unblinding.py::"
        "test_who_broke_a_code_never_gets_a_blinded_role_again",
        (
            Edit(
                "conduct/acts/people.py",
                "    if new.role in UNBLINDED_ROLES:\n",
                "    if new.role != Role.OUTCOME_ASSESSOR:\n",
            ),
        ),
    ),
    Control(
        "Who manages people of some sites manages nobody elsewhere",
        "tests/unit/conduct/test_people.py::test_who_manages_a_site_manages_nobody_elsewhere",
        (Edit("conduct/acts/people.py", "if not own or all(", "if True or all("),),
    ),
    Control(
        "Nobody changes their own delegation",
        "tests/unit/conduct/test_people.py::test_nobody_changes_their_own_delegation",
        (Edit("conduct/acts/people.py", "if not is_same_human(person, other):", "if True:"),),
    ),
    Control(
        "A seal follows each signature",
        "tests/unit/conduct/test_signing.py::test_each_signature_and_the_lock_is_sealed_with_its_own_entry",
        (
            Edit(
                "conduct/door.py",
                "return entries + _seal(trial, view.state, events, entries=entries)",
                "return entries",
            ),
        ),
    ),
    Control(
        "What a signature means is accepted first",
        "tests/unit/conduct/test_signing.py::test_nobody_signs_before_accepting_what_a_signature_means",
        (Edit("conduct/rules.py", "if person.accepted_at is None:", "if not person.person:"),),
    ),
    Control(
        "After the lock nothing changes",
        "tests/unit/conduct/test_ending.py::test_the_lock_waits_for_everybody_and_closes_everything",
        (
            Edit(
                "conduct/rules.py",
                "if state.locked is not None:",
                "if state.locked is not None and not state.study:",
            ),
        ),
    ),
    Control(
        "Every criterion is satisfied, or nobody is randomized",
        "tests/unit/conduct/test_randomizing.py::test_refused_unless_every_criterion_is_satisfied",
        (
            Edit(
                "conduct/acts/randomizing.py",
                "problems += check_verdict(view, verdict, participant=participant)",
                "problems += []",
            ),
        ),
    ),
    Control(
        "Consent comes first",
        "tests/unit/conduct/test_randomizing.py::test_consent_must_come_first",
        (
            Edit(
                "conduct/acts/randomizing.py",
                "problems += check_consented(subject, on=on, where=where)",
                "problems += ()",
            ),
        ),
    ),
    Control(
        "An override needs a second person",
        "tests/unit/conduct/test_overriding.py::test_the_second_person_is_another",
        (
            Edit(
                "conduct/acts/overriding.py",
                'yield problem("EQ-C085", where, name=second.name)',
                "yield from ()",
            ),
        ),
    ),
    Control(
        "A restored ledger randomizes nobody",
        "tests/unit/conduct/test_restoring.py::test_nobody_is_randomized_in_a_restored_ledger",
        (
            Edit(
                "conduct/rules.py",
                "if state.restored is None:",
                "if state.restored is None or state.study:",
            ),
        ),
    ),
    Control(
        "The password again at a signature",
        "tests/web/test_acts.py::test_a_casebook_is_signed_with_the_password",
        (
            Edit(
                "web/pages.py",
                "if authenticate(self.request, username=name, password=given) is not None:",
                "if name or given:",
            ),
        ),
    ),
    Control(
        "Five wrong passwords make a name wait",
        "tests/web/test_people.py::test_five_wrong_passwords_make_a_name_wait",
        (Edit("web/settings.py", "AXES_FAILURE_LIMIT = 5", "AXES_FAILURE_LIMIT = 500"),),
    ),
    Control(
        "Who is removed is out at the next request",
        "tests/web/test_access.py::test_who_is_removed_is_out_at_the_next_request",
        (
            Edit(
                "web/pages.py",
                "if person is None or not person.is_active:\n                logout(request)",
                "if person is None:\n                logout(request)",
            ),
            Edit("conduct/rules.py", "if not person.is_active:", "if not person.person:"),
        ),
    ),
    Control(
        "A page opens for its roles alone",
        "tests/web/test_access.py::test_role_matrix",
        (
            Edit(
                "web/pages.py",
                "if not self.access.admits(person.role):",
                "if not self.access.roles:",
            ),
        ),
    ),
    Control(
        "A role works behind its own door",
        "tests/web/test_coming_in.py::test_the_wrong_door_leads_to_the_right_one",
        (
            Edit(
                "web/pages.py",
                "if not belongs_here(person.role):\n                return visit.show",
                "if not person.role:\n                return visit.show",
            ),
        ),
    ),
    Control(
        "Nothing is done without the token of a page",
        "tests/web/test_access.py::test_nothing_is_done_without_the_token_of_a_page",
        (Edit("web/settings.py", '    "django.middleware.csrf.CsrfViewMiddleware",\n', ""),),
    ),
    Control(
        "A proof of who one is counts once",
        "tests/web/test_passkeys.py::test_at_the_door_an_answer_counts_once_here_and_unbent",
        (
            Edit(
                "web/identity/tickets.py",
                "if found is None or not Ticket.objects.filter(pk=found.pk).delete()[0]:",
                "if found is None:",
            ),
        ),
    ),
    Control(
        "A proof counts in the browser that asked for it",
        "tests/web/test_passkeys.py::test_at_the_door_an_answer_counts_once_here_and_unbent",
        (
            Edit(
                "web/identity/tickets.py",
                "        holder=_holder(request),\n        person=person,\n        expires_at__gt",
                "        person=person,\n        expires_at__gt",
            ),
        ),
    ),
    Control(
        "A passkey signs the form that it was asked for",
        "tests/web/test_passkeys.py::test_an_answer_signs_the_form_that_it_was_made_for",
        (
            Edit(
                "web/identity/passkeys.py",
                'if base64url_to_bytes(challenge) != _bound(ticket.data["nonce"], kind, digest):',
                "if not challenge:",
            ),
        ),
    ),
    Control(
        "One signs with one's own passkey",
        "tests/web/test_passkeys.py::test_nobody_signs_with_the_passkey_of_another",
        (
            Edit(
                "web/identity/passkeys.py",
                "is_other = person is not None and owner.person != person.person",
                "is_other = False",
            ),
        ),
    ),
    Control(
        "A device checks who holds it",
        "tests/web/test_passkeys.py::test_at_the_door_an_answer_counts_once_here_and_unbent",
        (Edit("web/identity/passkeys.py", "if not _was_verified(answer):", "if not answer:"),),
    ),
    Control(
        "A copied passkey ends itself",
        "tests/web/test_passkeys.py::test_a_copied_passkey_ends_itself",
        (
            Edit(
                "web/identity/passkeys.py",
                "is_copy = (n > 0 or key.sign_count > 0) and n <= key.sign_count",
                "is_copy = False",
            ),
        ),
    ),
    Control(
        "The ledger lists what opens an account",
        "tests/web/test_passkeys.py::test_the_table_of_accounts_opens_nothing_that_the_ledger_does_not_know",
        (Edit("web/identity/passkeys.py", " or means_of(key) not in owner.means:", ":"),),
    ),
    Control(
        "A session ends with what opened it",
        "tests/web/test_passkeys.py::test_a_lost_device_is_taken_away_by_the_administrator",
        (Edit("web/pages.py", "if not _still_opens(request, person):", "if not person.person:"),),
    ),
    Control(
        "The provider's answer is to our question",
        "tests/web/test_elsewhere.py::test_a_token_for_something_else_opens_nothing",
        (
            Edit(
                "web/identity/provider.py",
                '        nonce={"essential": True, "value": nonce},\n',
                "",
            ),
        ),
    ),
    Control(
        "The provider's token is for this door",
        "tests/web/test_elsewhere.py::test_a_token_for_something_else_opens_nothing",
        (
            Edit(
                "web/identity/provider.py",
                'aud={"essential": True, "value": settings.OIDC_CLIENT}',
                'aud={"essential": True}',
            ),
        ),
    ),
    Control(
        "A log-in elsewhere is fresh at a signature",
        "tests/web/test_elsewhere.py::test_a_log_in_that_is_not_fresh_signs_nothing",
        (Edit("web/identity/provider.py", "or at < since - SKEW:", "or at < 0:"),),
    ),
    Control(
        "An account elsewhere is bound to one person",
        "tests/web/test_elsewhere.py::test_an_account_there_is_bound_to_one_person",
        (
            Edit(
                "web/identity/provider.py",
                "if is_taken or means in person.withdrawn",
                "if means in person.withdrawn",
            ),
        ),
    ),
    Control(
        "A log-in elsewhere signs the form that waited",
        "tests/web/test_elsewhere.py::test_a_proof_is_bound_to_its_form",
        (
            Edit(
                "web/pages.py", 'if proof and proof.data["digest"] == digest else', "if proof else"
            ),
        ),
    ),
    Control(
        "The vault answers who shows the token of the question",
        "tests/unit/vault/test_vault_local.py::test_a_token_opens_one_door",
        (
            Edit(
                "vault/local.py",
                'any(hmac.compare_digest(given, tokens.get(c, "")) for c in allowed)',
                "given",
            ),
        ),
    ),
    Control(
        "The vault gives one number to a participant",
        "tests/unit/vault/test_vault_local.py::test_asking_again_gives_the_same_number",
        (
            Edit(
                "vault/local.py",
                "if known:\n            self._check_proof(request)\n            return known",
                "if known and not request.proof:\n            return known",
            ),
        ),
    ),
    Control(
        "A sealed row opens under its own name alone",
        "tests/unit/vault/test_vault_local.py::test_a_sealed_entry_that_was_altered_answers_nothing",
        (
            Edit(
                "vault/sealing.py",
                'parts = ("equipoise/vault/1", self.study, self.realm, name)',
                'parts = ("equipoise/vault/1", self.study, self.realm)',
            ),
        ),
    ),
    Control(
        "A number is given again for the same proof alone",
        "tests/unit/vault/test_vault_local.py::test_asking_again_gives_the_same_number",
        (
            Edit(
                "vault/local.py",
                "if self._proof_of(request.participant) != request.proof:",
                "if False:",
            ),
        ),
    ),
    Control(
        "A break of the blind is in the register once",
        "tests/unit/vault/test_vault_breaks.py::test_a_lost_answer_is_asked_for_again_and_is_one_break",
        (Edit("vault/revealing.py", ' or body.get("again")', ""),),
    ),
    Control(
        "A request belongs to one question of one person",
        "tests/unit/vault/test_vault_breaks.py::test_a_request_is_one_question_of_one_person",
        (Edit("vault/revealing.py", "if not is_same:", "if False:"),),
    ),
    Control(
        "The list is opened by two",
        "tests/unit/vault/test_vault_breaks.py::test_the_list_is_opened_by_two",
        (Edit("vault/revealing.py", "PEOPLE_WHO_AGREE = 2", "PEOPLE_WHO_AGREE = 1"),),
    ),
    Control(
        "After a rotation the old key opens nothing that is left in a file",
        "tests/unit/vault/test_vault_keeping.py::test_a_new_key_opens_all_and_the_old_one_nothing",
        (
            Edit("vault/stores/file.py", '("PRAGMA wal_checkpoint(TRUNCATE)", "VACUUM")', "()"),
            Edit(
                "vault/stores/file.py",
                'self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()\n',
                "pass\n",
            ),
            Edit("vault/stores/file.py", '"PRAGMA secure_delete = ON"', '"SELECT 1"'),
        ),
    ),
    Control(
        "A certificate opens the questions of one capability",
        "tests/unit/vault/test_vault_remote.py::test_a_token_without_its_certificate_opens_nothing",
        (
            Edit(
                "vault/remote/listening.py",
                "admitted=frozenset({self.capability})",
                'admitted=frozenset(("assign", "cells", "emergency", "audit"))',
            ),
        ),
    ),
    Control(
        "No length on the way to a vault elsewhere tells an arm",
        "tests/unit/vault/test_vault_remote.py::test_no_length_on_the_wire_tells_an_arm",
        (Edit("vault/remote/frames.py", "message.ljust(n_bytes - 1)", "message"),),
    ),
    Control(
        "A database that lost what it had confirmed to the vault is noticed",
        "tests/unit/vault/test_vault_database.py"
        "::test_a_vault_that_nobody_remembers_is_compared_first",
        (Edit("vault/keeping/witness.py", "found[0] == self._head.digest", "True"),),
    ),
    Control(
        "The vault's tables take the next entry alone (PostgreSQL)",
        "tests/unit/vault/test_vault_database.py::test_the_role_itself_adds_nothing_out_of_turn",
        (
            Edit(
                "vault/stores/postgres_tables.py",
                "IF (NEW.number = free OR",
                "IF (true OR NEW.number = free OR",
            ),
        ),
    ),
    Control(
        "A rotation that was cut short is finished",
        "tests/unit/vault/test_vault_keeping.py::test_cut_short_at_each_step",
        (Edit("vault/keeping/opening.py", "if not new.is_file():", "if True:"),),
    ),
    Control(
        "A restored vault assigns nothing before it was compared",
        "tests/unit/vault/test_vault_keeping.py"
        "::test_a_backup_has_no_key_and_a_restore_assigns_nothing_yet",
        (Edit("vault/local.py", "if self._is_unproven:", "if False:"),),
    ),
    Control(
        "Words that tell an arm stay out of the blinded record",
        "tests/unit/conduct/test_unblinding.py::test_what_a_mistake_must_not_say",
        (Edit("conduct/acts/unblinding.py", "if len(word) > 2", "if not word"),),
    ),
    Control(
        "The code is opened for the populations that were signed",
        "tests/unit/conduct/test_unblinding.py"
        "::test_a_signature_is_for_the_populations_as_they_stand",
        (
            Edit(
                "conduct/acts/unblinding.py",
                "elif digest != digest_of_populations",
                "elif digest is digest_of_populations",
            ),
        ),
    ),
    Control(
        "The arm is told after the least",
        "tests/web/test_breaking.py::test_the_least_first_then_the_arm",
        (
            Edit(
                "web/emergency/breaking.py", "if asked.question == ARM and not before:", "if False:"
            ),
        ),
    ),
    Control(
        "Who breaks a code works at the participant's site",
        "tests/web/test_breaking.py::test_only_one_s_own_sites_and_only_those_two_roles",
        (
            Edit(
                "web/emergency/breaking.py",
                'if visit.person.may_see(code.partition("-")[0]):',
                "if True:",
            ),
        ),
    ),
    Control(
        "A bag of another product is not composed into an infusion",
        "tests/unit/conduct/test_cells.py::test_which_bags_make_an_infusion",
        (Edit("conduct/cells/preparing.py", "if batch.product != product:", "if not product:"),),
    ),
    Control(
        "A second person computes the dose again",
        "tests/unit/conduct/test_cells.py::test_who_prepared_is_not_the_second_person",
        (
            Edit(
                "conduct/cells/preparing.py",
                "if is_own(made.made, view.person, people=view.trial.people):",
                "if not by:",
            ),
        ),
    ),
    Control(
        "Only the same figures pass the second computation",
        "tests/unit/supply/test_dose.py::test_a_second_computation_is_the_same_or_refused",
        (Edit("supply/dose.py", "if exact(ours) != exact(theirs)", "if exact(ours) < 0"),),
    ),
    Control(
        "A batch that failed a test is not used",
        "tests/unit/conduct/test_cells.py::test_a_late_positive_culture_says_who_received_the_cells",
        (
            Edit(
                "conduct/cells/receiving.py",
                "if failed:",
                "if failed and not record.status:",
            ),
        ),
    ),
    Control(
        "A result that blocks a batch is confirmed before it is recorded",
        "tests/unit/conduct/test_cells.py::test_a_result_that_blocks_is_confirmed_first",
        (
            Edit(
                "conduct/cells/receiving.py",
                "if failed and not is_confirmed:",
                "if failed and not record.status:",
            ),
        ),
    ),
    Control(
        "Who corrected a result that blocks a batch does not lift the block",
        "tests/unit/conduct/test_cells.py::test_a_block_by_a_wrong_result_is_lifted_by_two_people",
        (Edit("conduct/cells/receiving.py", "for stamp in corrected):", "for stamp in ()):"),),
    ),
    Control(
        "Stock for every next arm comes before a number",
        "tests/unit/conduct/test_cells.py"
        "::test_nobody_is_randomized_before_stock_for_every_next_arm_is_declared",
        (Edit("conduct/acts/randomizing.py", "n_taken < places and", "n_taken < 99 and"),),
    ),
    Control(
        "The participant at the bedside is the one of the record",
        "tests/unit/conduct/test_infusing.py::test_two_people_scan_participant_and_bag",
        (
            Edit(
                "conduct/acts/infusing/bedside.py",
                "if scanned.strip() != subject.code and (scanned or needs_scan):",
                "if not subject.code and (scanned or needs_scan):",
            ),
        ),
    ),
    Control(
        "A bag is given before its time is over",
        "tests/unit/conduct/test_infusing.py::test_an_infusion_ends_before_its_bag_does",
        (
            Edit(
                "conduct/acts/infusing/bedside.py",
                "if stopped_at is not None and stopped_at > until:",
                "if stopped_at is not None and stopped_at < until:",
            ),
        ),
    ),
    Control(
        "Nothing begins after the time of its bag",
        "tests/unit/conduct/test_bedside.py::test_nothing_begins_after_the_time_of_its_bag",
        (
            Edit(
                "conduct/acts/infusing/bedside.py",
                "if started_at is not None and started_at > until:",
                "if started_at is None:",
            ),
        ),
    ),
    Control(
        "What is out of a blocked batch is not begun",
        "tests/unit/conduct/test_bedside.py::test_what_is_out_of_a_blocked_batch_is_not_given",
        (
            Edit(
                "conduct/acts/infusing/bedside.py",
                'return (problem("EQ-B074", where),)',
                "return ()",
            ),
        ),
    ),
    Control(
        "No more goes in than the bag held",
        "tests/unit/conduct/test_bedside.py::test_an_infusion_that_began_in_time_may_end_late",
        (
            Edit(
                "conduct/acts/infusing/bedside.py",
                "if not 0 <= volume_ml <= infusion.volume_ml:",
                "if not 0 <= volume_ml <= 1.5 * infusion.volume_ml:",
            ),
        ),
    ),
    Control(
        "A bag of the delivery note that nobody has is told",
        "tests/unit/conduct/test_receiving.py::test_the_delivery_note_is_held_against_what_came",
        (
            Edit(
                "conduct/cells/state.py",
                "return 0 if self.declared is None else self.declared - len(self.bags)",
                "return 0",
            ),
        ),
    ),
    Control(
        "Until when a bag may be given depends on no arm",
        "tests/unit/conduct/test_cells.py::test_a_placebo_goes_the_same_way_and_looks_the_same",
        (
            Edit(
                "conduct/cells/preparing.py",
                "usable_until=until if minutes else None,",
                "usable_until=made.usable_until,",
            ),
        ),
    ),
    Control(
        "A corrected weight stops the infusion that was ordered with the other",
        "tests/unit/conduct/test_infusing.py"
        "::test_a_weight_corrected_after_the_order_stops_the_infusion",
        (
            Edit(
                "conduct/acts/infusing/ordering.py",
                "if weight is not None and weight.kg == infusion.weight_kg:",
                "if weight is not None:",
            ),
        ),
    ),
    Control(
        "A sealed packet is proven by the code inside it",
        "tests/unit/vault/test_vault_packets.py::test_what_does_not_prove_its_packet_is_refused",
        (
            Edit(
                "vault/packets/entering.py",
                "if not hmac.compare_digest(plain",
                "if None is hmac.compare_digest(plain",
            ),
        ),
    ),
    Control(
        "Nobody gets a second number by a packet",
        "tests/unit/vault/test_vault_packets.py::test_a_packet_gives_its_number_once",
        (
            Edit(
                "vault/packets/entering.py",
                "if number != row.number:",
                "if not number:",
            ),
        ),
    ),
    Control(
        "The store lets no number pass but the next of the list and a packet's",
        "tests/unit/vault/test_vault_packets.py::test_the_store_itself_guards_packets",
        (
            Edit(
                "vault/tables.py",
                "WHERE kind = 'randomization' AND number = NEW.number \"",
                "WHERE kind = 'randomization' \"",
            ),
        ),
    ),
    Control(
        "A packet's number is none of the list",
        "tests/unit/vault/test_vault_packets.py::test_a_forged_packet_takes_nothing_out_of_the_list",
        (
            Edit(
                "vault/tables.py",
                '"AND number NOT IN (SELECT number FROM vault_slot)"',
                '""',
            ),
        ),
    ),
    Control(
        "A database that lost what packets or a call-off rest on is noticed",
        "tests/unit/vault/test_vault_database.py"
        "::test_what_must_not_be_forgotten_is_noted_before_it_is_answered",
        (
            Edit(
                "vault/local.py",
                "is_lasting=isinstance(request, LASTING)",
                "is_lasting=isinstance(request, p.Assign | p.Compare)",
            ),
        ),
    ),
    Control(
        "A database that lost an amendment is noticed",
        "tests/unit/vault/test_vault_amending.py"
        "::test_a_database_that_lost_an_amendment_gives_nothing",
        (
            Edit(
                "vault/keeping/amending.py",
                "if witness is not None:\n",
                "if False:\n",
            ),
        ),
    ),
    Control(
        "The list gives nothing to somebody for whom a packet was opened",
        "tests/unit/conduct/test_packets.py::test_what_stopped_in_between_is_finished",
        (
            Edit(
                "conduct/acts/randomizing.py",
                "if not (paused or subject.packet):",
                "if not paused:",
            ),
        ),
    ),
    Control(
        "The trial is not closed while a packet is out",
        "tests/unit/conduct/test_packets.py::test_every_packet_is_accounted_for",
        (
            Edit(
                "conduct/acts/ending.py",
                "*check_accounted(view.state)]",
                "]",
            ),
        ),
    ),
    Control(
        "A code-break packet has one length for every arm",
        "tests/unit/exchange/test_packet_paper.py::test_no_arm_shows_in_layout_or_length",
        (
            Edit(
                "exchange/packets.py",
                'padded = line + " " * (max(map(_length, lines)) - _length(line))',
                "padded = line",
            ),
        ),
    ),
)
