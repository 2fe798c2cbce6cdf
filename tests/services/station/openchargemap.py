"""Made-up records in the shapes of Open Charge Map's `/v3/poi`."""

from typing import Any

STATUSES = {50: True, 100: False, 150: False, 200: False}


def connection(
    type_id: int | None = 25, kilowatts: Any = 11, quantity: Any = 2, **more: Any
) -> Any:
    """One row of `Connections`."""
    return {
        "ID": 1,
        "ConnectionTypeID": type_id,
        "ConnectionType": {"ID": type_id, "Title": "As typed", "FormalName": None},
        "StatusTypeID": 50,
        "CurrentTypeID": 20,
        "PowerKW": kilowatts,
        "Amps": None,
        "Voltage": None,
        "Quantity": quantity,
        "Comments": None,
        **more,
    }


def record(number: Any = 1001, *connections: Any, points: Any = 2, **more: Any) -> dict[str, Any]:
    """A record; keys of `address` replace those of its AddressInfo."""
    address = {
        "ID": 5,
        "Title": " Parkhaus Mitte \r\n",
        "AddressLine1": "Beispielstraße 5 ",
        "AddressLine2": "Mitte",
        "Town": "Berlin",
        "Postcode": "10115",
        "CountryID": 87,
        "Country": {"ISOCode": "DE", "ID": 87, "Title": "Germany"},
        "Latitude": 52.53,
        "Longitude": 13.38,
        "AccessComments": "Einfahrt links.\r\nEbene\x002",
        **more.pop("address", {}),
    }
    status = more.pop("status", 50)
    return {
        "ID": number,
        "DataProvider": {
            "Title": "Made-up Data",
            "License": "CC0",
            "IsOpenDataLicensed": True,
        },
        "UsageTypeID": 1,
        "StatusTypeID": status,
        "StatusType": {"ID": status, "IsOperational": STATUSES.get(status), "Title": "x"},
        "SubmissionStatus": {"IsLive": True, "ID": 200, "Title": "Submission Published"},
        "NumberOfPoints": points,
        "AddressInfo": address,
        "Connections": list(connections) if connections else [connection()],
        "GeneralComments": None,
        **more,
    }
