"""The portal as a person exports it from HubSpot's screens: labels for names, minutes for instants, and no history.

Associated records stand in one cell of the record, parted by semicolons. What the screens do not export (property
history, forms, lists, one-to-one mails, merges) is left out.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_CONTACTS = {
    "hs_object_id": "Record ID",
    "firstname": "First Name",
    "lastname": "Last Name",
    "email": "Email",
    "phone": "Phone Number",
    "jobtitle": "Job Title",
    "company": "Company Name",
    "country": "Country/Region",
    "city": "City",
    "industry": "Industry",
    "numemployees": "Number of Employees",
    "annualrevenue": "Annual Revenue",
    "product_interest": "Product Interest",
    "site_user_id": "Site User ID",
    "lifecyclestage": "Lifecycle Stage",
    "hs_lead_status": "Lead Status",
    "hs_analytics_source": "Original Traffic Source",
    "hs_analytics_source_data_1": "Original Traffic Source Drill-Down 1",
    "hubspotscore": "HubSpot Score",
    "num_associated_deals": "Number of Associated Deals",
    "notes_last_updated": "Last Activity Date",
    "createdate": "Create Date",
    "lastmodifieddate": "Last Modified Date",
}
_COMPANIES = {
    "hs_object_id": "Record ID",
    "name": "Company name",
    "domain": "Company Domain Name",
    "industry": "Industry",
    "numberofemployees": "Number of Employees",
    "country": "Country/Region",
    "lifecyclestage": "Lifecycle Stage",
    "createdate": "Create Date",
}
_DEALS = {
    "hs_object_id": "Record ID",
    "dealname": "Deal Name",
    "dealstage": "Deal Stage",
    "amount": "Amount",
    "deal_currency_code": "Currency",
    "closedate": "Close Date",
    "hs_is_closed_won": "Is Closed Won",
    "hs_is_closed": "Is Deal Closed?",
    "createdate": "Create Date",
}
_CALLS = {
    "hs_object_id": "Record ID",
    "hs_timestamp": "Activity date",
    "hs_call_direction": "Call direction",
    "hs_call_disposition": "Call outcome",
    "hs_call_duration": "Call duration",
    "hs_createdate": "Create date",
}
_MEETINGS = {
    "hs_object_id": "Record ID",
    "hs_meeting_start_time": "Meeting start time",
    "hs_meeting_end_time": "Meeting end time",
    "hs_meeting_outcome": "Meeting outcome",
    "hs_createdate": "Create date",
}
_TASKS = {
    "hs_object_id": "Record ID",
    "hs_timestamp": "Due date",
    "hs_task_type": "Task type",
    "hs_task_status": "Task status",
    "hs_task_completion_date": "Completed at",
    "hs_createdate": "Create date",
}
_VALUES = {
    "hs_lead_status": {
        "NEW": "New",
        "IN_PROGRESS": "In Progress",
        "OPEN_DEAL": "Open Deal",
        "UNQUALIFIED": "Unqualified",
    },
    "lifecyclestage": {"lead": "Lead", "opportunity": "Opportunity", "customer": "Customer"},
    "dealstage": {
        "qualifiedtobuy": "Qualified To Buy (Sales Pipeline)",
        "presentationscheduled": "Presentation Scheduled (Sales Pipeline)",
        "contractsent": "Contract Sent (Sales Pipeline)",
        "closedwon": "Closed Won (Sales Pipeline)",
        "closedlost": "Closed Lost (Sales Pipeline)",
    },
    "hs_analytics_source": {
        "ORGANIC_SEARCH": "Organic Search",
        "DIRECT_TRAFFIC": "Direct Traffic",
        "PAID_SEARCH": "Paid Search",
        "SOCIAL_MEDIA": "Organic Social",
        "EMAIL_MARKETING": "Email Marketing",
        "OFFLINE": "Offline Sources",
        "REFERRALS": "Referrals",
    },
    "hs_call_disposition": {
        "f240bbac-87c9-4f6e-bf70-924b57d47db7": "Connected",
        "73a0d17f-1163-4015-bdd5-ec830791da20": "No answer",
        "b2cf5968-551e-4856-9783-52b3da59a7d0": "Left voicemail",
        "17b47fee-58de-441e-a44c-c6300d46f273": "Wrong number",
    },
    "hs_meeting_outcome": {"COMPLETED": "Completed", "NO_SHOW": "No Show", "SCHEDULED": "Scheduled"},
    "hs_task_status": {"COMPLETED": "Completed", "NOT_STARTED": "Not Started"},
}
_INSTANTS = (
    "createdate", "lastmodifieddate", "closedate", "notes_last_updated", "hs_timestamp", "hs_createdate",
    "hs_meeting_start_time", "hs_meeting_end_time", "hs_task_completion_date",
)  # fmt: skip


def labelled(tables: dict[str, pa.Table]) -> dict[str, pa.Table]:
    """The files of the screens, made from the connector's tables of one chunk; deleted records are not exported."""
    deals, engagements = tables["deal_contact.csv"], tables["engagement_contact.csv"]
    return {
        "hubspot-crm-exports-all-contacts.csv": _labels(tables["contacts.csv"], _CONTACTS),
        "hubspot-crm-exports-all-companies.csv": _labels(tables["companies.csv"], _COMPANIES),
        "hubspot-crm-exports-all-deals.csv": _labels(tables["deals.csv"], _DEALS, deals),
        "hubspot-crm-exports-all-calls.csv": _labels(tables["calls.csv"], _CALLS, engagements),
        "hubspot-crm-exports-all-meetings.csv": _labels(tables["meetings.csv"], _MEETINGS, engagements),
        "hubspot-crm-exports-all-tasks.csv": _labels(tables["tasks.csv"], _TASKS, engagements),
    }


def _labels(table: pa.Table, names: dict[str, str], ties: pa.Table | None = None) -> pa.Table:
    """Some columns of a table under their labels; ``ties`` (record id, contact id) become a column of contact ids."""
    if "archived" in table.column_names:
        table = table.filter(pc.invert(table["archived"]))
    columns = {label: _shown(name, table[name].combine_chunks()) for name, label in names.items()}
    if ties is not None:
        columns["Associated Contact IDs"] = _contacts_of(table["hs_object_id"], ties)
    return pa.table(columns)


def _shown(name: str, values: pa.Array) -> pa.Array:
    """A column as the screens show it: labels of options, and instants to the minute."""
    if name in _INSTANTS:
        if pa.types.is_string(values.type) and not pc.any(pc.match_substring(values, "T")).as_py():
            values = values.cast(pa.int64())
        if pa.types.is_integer(values.type):
            values = values.cast(pa.timestamp("ms")).cast(pa.string())
        return pc.utf8_replace_slice(pc.utf8_slice_codeunits(values, 0, 16), 10, 11, " ")
    labels = _VALUES.get(name)
    if labels is None:
        return values
    index = pc.index_in(values, value_set=pa.array(list(labels)))
    return pa.array(list(labels.values())).take(index)


def _contacts_of(ids: pa.ChunkedArray, ties: pa.Table) -> pa.Array:
    """The contacts of each record, parted by semicolons, null where it has none."""
    record, contact = (ties[name].combine_chunks() for name in ties.column_names[:2])
    row = pc.index_in(record, value_set=ids.combine_chunks()).to_numpy(zero_copy_only=False)
    known = np.flatnonzero(~np.isnan(row.astype(float)))
    order = known[np.argsort(row[known], kind="stable")]
    found, first = np.unique(row[order].astype(np.int64), return_index=True)
    offsets = pa.array(np.append(first, len(order)), pa.int32())
    joined = pc.binary_join(pa.ListArray.from_arrays(offsets, contact.take(pa.array(order))), ";")
    place = np.full(len(ids), -1)
    place[found] = np.arange(len(found))
    return (
        joined.take(pa.array(np.maximum(place, 0), mask=place < 0)) if len(found) else pa.nulls(len(ids), pa.string())
    )
