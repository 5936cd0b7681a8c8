"""Units, currencies and time zones."""

from __future__ import annotations

from bench.learning.family import Correction, Family, Task, above, absent

FAMILIES = (
    Family(
        "freezer-in-kelvin", "units and time zones", "sensors.read",
        where={"site": "laboratory"}, wrong={"unit": "celsius"}, changes={"unit": "kelvin"},
        cue="kelvin",
        error_kind="invalid",
        says="unit: probes of the laboratory give kelvin only",
        exposing=Task(
            "Check whether the sample freezer in the laboratory stayed cold over the weekend.",
            {"site": "laboratory", "device": "freezer", "unit": "celsius"},
        ),
        paraphrase=Task(
            "Was the lab's freezer ever too warm since Friday? The samples depend on it.",
            {"site": "laboratory", "device": "freezer", "unit": "celsius"},
        ),
        near_miss=Task(
            "Check whether the ice-cream freezer in the canteen stayed cold over the weekend.",
            {"site": "canteen", "device": "freezer", "unit": "celsius"},
        ),
    ),
    Family(
        "newyork-opening", "units and time zones", "clock.convert",
        where={"place": "exchange"}, wrong={"zone": "EST"}, changes={"zone": "America/New_York"},
        cue="America/New_York",
        says="EST has no summer time, and the exchange has: name the zone by its place",
        exposing=Task(
            "At what time of ours does trading open in New York next month?",
            {"place": "exchange", "zone": "EST", "time": "09:30"},
        ),
        later={"time": "16:00"},
        paraphrase=Task(
            "Wall Street's opening bell, in our time, for the coming month?",
            {"place": "exchange", "zone": "EST", "time": "09:30"},
        ),
        near_miss=Task(
            "At what time of ours does the observatory in Panama, which is on EST all year, open next month?",
            {"place": "observatory", "zone": "EST", "time": "09:30"},
        ),
    ),
    Family(
        "milliseconds-of-the-vendor", "units and time zones", "metrics.range",
        where={"service": "billing"}, wrong={"since": lambda value: value < 10_000_000_000},
        changes={"since": 1_795_219_200_000},
        cue="1795219200000",
        says="since lies in the year 1970: billing counts milliseconds",
        exposing=Task(
            "How many payments failed in billing since Saturday?", {"service": "billing", "since": 1_795_219_200}
        ),
        paraphrase=Task(
            "Failed payments over the weekend: what does the billing service count?",
            {"service": "billing", "since": 1_795_219_200},
        ),
        near_miss=Task(
            "How many logins failed at the gateway since Saturday?", {"service": "gateway", "since": 1_795_219_200}
        ),
    ),
    Family(
        "minor-currency-units", "units and time zones", "payments.refund",
        where={"provider": "stripe"}, wrong={"amount": lambda amount: isinstance(amount, float)},
        changes={"amount": 1990},
        cue='"amount": 1990',
        error_kind="invalid",
        says="amount: stripe takes whole cents, not 19.9",
        exposing=Task(
            "Refund the broken teapot of 19.90 euros to the customer who paid by card.",
            {"provider": "stripe", "amount": 19.9, "currency": "EUR"},
        ),
        paraphrase=Task(
            "A card payment of €19.90 has to go back: the pot arrived in pieces.",
            {"provider": "stripe", "amount": 19.9, "currency": "EUR"},
        ),
        near_miss=Task(
            "Refund the broken teapot of 19.90 euros to the customer who paid by bank transfer.",
            {"provider": "bank", "amount": 19.9, "currency": "EUR"},
        ),
    ),
    Family(
        "nautical-miles", "units and time zones", "routes.distance",
        where={"vessel": "ferry"}, wrong={"unit": "km"}, changes={"unit": "nmi"},
        cue="nmi",
        correction=Correction(
            "person", "distances of ferry routes", "kilometres", "give distances at sea in nmi",
            "the captain plans in nautical miles",
        ),
        exposing=Task(
            "How far is the ferry's route from Kiel to Klaipėda?", {"vessel": "ferry", "unit": "km"}
        ),
        paraphrase=Task(
            "Distance of the route Trelleborg–Rostock by ferry, for the captain's briefing.",
            {"vessel": "ferry", "unit": "km"},
        ),
        near_miss=Task(
            "How far is the lorry's route from Kiel to Klaipėda?", {"vessel": "lorry", "unit": "km"}
        ),
    ),
    Family(
        "rainfall-window", "units and time zones", "weather.sum",
        where={"station": "mountain"}, wrong={"hours": above(24)}, changes={"hours": 24},
        cue='"hours": 24',
        error_kind="invalid",
        says="hours: the mountain station keeps sums of 24 hours at most",
        exposing=Task(
            "How much rain fell at the mountain station in three days?", {"station": "mountain", "hours": 72}
        ),
        later={"hours": 48},
        paraphrase=Task(
            "The last seventy-two hours of precipitation up on the mountain, please.",
            {"station": "mountain", "hours": 72},
        ),
        near_miss=Task(
            "How much rain fell at the harbour station in three days?", {"station": "harbour", "hours": 72}
        ),
    ),
    Family(
        "local-time-of-readers", "units and time zones", "clock.label",
        where={"audience": "Lisbon"}, wrong={"zone": absent}, changes={"zone": "Europe/Lisbon"},
        cue="Europe/Lisbon",
        correction=Correction(
            "agent", "announcing times to the office in Lisbon", "times of the home zone",
            "label them in Europe/Lisbon", "half of the office came an hour early",
        ),
        exposing=Task(
            "Announce the maintenance window to the office in Lisbon.", {"audience": "Lisbon", "time": "22:00"}
        ),
        later={"time": "23:30"},
        paraphrase=Task(
            "Tell our Lisbon office at which time the mail server is down tonight.",
            {"audience": "Lisbon", "time": "21:00"},
        ),
        near_miss=Task(
            "Announce the maintenance window to the office in Munich.", {"audience": "Munich", "time": "22:00"}
        ),
    ),
)  # fmt: skip
