"""What comes in and what leaves: drafts from records, tables of forms."""

from equipoise.exchange.draft import Draft, draft_study, to_answer, write_draft
from equipoise.exchange.tables import FormRow, Listing, refuse_filled, write_form_tables

__all__ = [
    "Draft",
    "FormRow",
    "Listing",
    "draft_study",
    "refuse_filled",
    "to_answer",
    "write_draft",
    "write_form_tables",
]
