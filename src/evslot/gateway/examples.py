"""Makes a plausible example of any message type, for the reference pages."""

from typing import Any

import msgspec

BY_NAME: dict[str, Any] = {
    "access_token": "eyJhbGciOiJFZDI1NTE5….Xk3…",
    "access_seconds": 600,
    "accepted_at": "2026-11-23T16:00:00Z",
    "address": "Uferstraße 1",
    "amount": 640,
    "charger_label": "A1",
    "city": "Berlin",
    "code": "K7Q2ZM",
    "contact_email": "contact@example.org",
    "country": "DE",
    "currency": "EUR",
    "day": "2026-11-24",
    "detail": None,
    "email": "ada@example.org",
    "grace_minutes": 15,
    "how_to_find": "Behind the station hall",
    "kept_percent": 50,
    "label": "A1",
    "language": "en",
    "latitude": 52.52,
    "legal_name": "Spree Charging GmbH",
    "longitude": 13.4,
    "max_watts": 22000,
    "minutes": 60,
    "name": "Uferstraße",
    "next_cursor": None,
    "phone": "+49301234567",
    "postcode": "10115",
    "refresh_token": "r1.9f86…",
    "standard": "IEC_62196_T2",
    "station_name": "Uferstraße",
    "text": "60 min at €2.40 per hour",
    "token": "018f4c1e-0000-8000-8000-000000000001.eyJ….9f86d081",
    "type": "reservation.HoldSlot",
    "until_minutes": 60,
    "valid_seconds": 600,
    "vat_basis_points": 1900,
    "version": 1,
    "zone": "Europe/Berlin",
}
TIMES = {
    "start": "2026-11-24T16:00:00Z",
    "end": "2026-11-24T17:00:00Z",
    "held_until": "2026-11-23T16:10:00Z",
}
UUID_TEXT = "018f4c1e-0000-8000-8000-{:012x}"
MAX_DEPTH = 8

PLAIN: dict[type[Any], Any] = {
    msgspec.inspect.BoolType: True,
    msgspec.inspect.IntType: 1,
    msgspec.inspect.FloatType: 1.0,
    msgspec.inspect.DateType: "2026-11-24",
    msgspec.inspect.NoneType: None,
    msgspec.inspect.AnyType: {},
    msgspec.inspect.RawType: {},
    msgspec.inspect.StrType: "…",
    msgspec.inspect.CustomType: "(sealed)",
}


def example_of(kind: Any) -> Any:
    """JSON values that fit the type."""
    return _example(msgspec.inspect.type_info(kind), "", 0)


def _example(info: Any, name: str, depth: int) -> Any:
    if depth > MAX_DEPTH:
        return None
    if isinstance(info, msgspec.inspect.Metadata):
        return _example(info.type, name, depth)
    if isinstance(info, msgspec.inspect.StructType):
        return {
            field.encode_name: _example(field.type, field.encode_name, depth + 1)
            for field in info.fields
        }
    if name in BY_NAME and _fits(BY_NAME[name], info):
        return BY_NAME[name]
    return _leaf(info, name, depth)


def _fits(value: Any, info: Any) -> bool:
    """Whether the value of a name may stand where another type has the same name."""
    inspected = msgspec.inspect
    kinds = info.types if isinstance(info, inspected.UnionType) else [info]
    if value is None:
        return any(isinstance(one, inspected.NoneType) for one in kinds)
    wanted = {
        str: (inspected.StrType, inspected.UUIDType, inspected.DateType, inspected.CustomType),
        int: (inspected.IntType, inspected.FloatType),
        float: (inspected.FloatType,),
    }[type(value)]
    return any(isinstance(one, wanted) for one in kinds)


def _leaf(info: Any, name: str, depth: int) -> Any:
    inspected = msgspec.inspect
    if isinstance(info, inspected.UnionType):
        members = [one for one in info.types if not isinstance(one, inspected.NoneType)]
        return _example(members[0], name, depth)
    if isinstance(info, inspected.LiteralType):
        return info.values[0]
    if isinstance(info, inspected.ListType | inspected.VarTupleType | inspected.SetType):
        return [_example(info.item_type, "", depth + 1)]
    if isinstance(info, inspected.DictType):
        return {}
    if isinstance(info, inspected.UUIDType):
        return UUID_TEXT.format(sum(name.encode()))
    if isinstance(info, inspected.DateTimeType):
        return TIMES.get(name, "2026-11-23T16:00:00Z")
    return PLAIN.get(type(info))
