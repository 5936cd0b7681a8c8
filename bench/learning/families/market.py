"""Fields, codes and days of market tables."""

from __future__ import annotations

from bench.learning.family import Correction, Family, Task, above, absent, ends, starts

FAMILIES = (
    Family(
        "billboard-buy-field", "market", "market.rank",
        where={"table": "billboard"}, wrong={"field": "BUY_AMT"}, changes={"field": "BILLBOARD_BUY_AMT"},
        cue="BILLBOARD_BUY_AMT",
        says="unknown field BUY_AMT in billboard; its amounts are BILLBOARD_BUY_AMT and BILLBOARD_SELL_AMT",
        exposing=Task(
            "Show which shares on the exchange's billboard were bought most heavily yesterday, ten of them.",
            {"table": "billboard", "field": "BUY_AMT", "day": "2026-11-20", "limit": 10},
        ),
        later={"day": "2026-12-18"},
        paraphrase=Task(
            "Who made it onto the billboard with the largest purchases at the last close? Give me a top ten.",
            {"table": "billboard", "field": "BUY_AMT", "day": "2026-12-21", "limit": 10},
        ),
        near_miss=Task(
            "Show which shares were bought most heavily by northbound funds yesterday, ten of them.",
            {"table": "northbound", "field": "BUY_AMT", "day": "2026-12-21", "limit": 10},
        ),
    ),
    Family(
        "share-code-suffix", "market", "market.quote",
        where={"board": "star"}, wrong={"code": ends("688981")}, changes={"code": "688981.SH"},
        cue=".SH",
        says="no security 688981 on this board: codes of the star board carry their market, such as 600000.SH",
        exposing=Task(
            "Fetch the last price of SMIC on the STAR board before the opening note goes out.",
            {"board": "star", "code": "688981"},
        ),
        paraphrase=Task(
            "What is SMIC trading at in Shanghai's STAR segment right now?", {"board": "star", "code": "688981"}
        ),
        near_miss=Task(
            "Fetch the last price of SMIC's old listing from our archive of quotes for the opening note.",
            {"board": "archive", "code": "688981"},
        ),
    ),
    Family(
        "adjusted-returns", "market", "market.series",
        where={"measure": "total-return"}, wrong={"column": "close"}, changes={"column": "adj_close"},
        cue="adj_close",
        says="column close has no dividends in it and cannot give a total-return; use adj_close",
        exposing=Task(
            "Compute what an investor in Allianz has earned over twelve months, dividends included.",
            {"symbol": "ALV.DE", "measure": "total-return", "column": "close", "months": 12},
        ),
        later={"months": 24},
        paraphrase=Task(
            "How much would one have made with Münchener Rück since last winter if payouts are counted in?",
            {"symbol": "MUV2.DE", "measure": "total-return", "column": "close", "months": 12},
        ),
        near_miss=Task(
            "Plot at which price Allianz closed on each day of the last twelve months.",
            {"symbol": "ALV.DE", "measure": "price", "column": "close", "months": 12},
        ),
    ),
    Family(
        "holiday-window", "market", "market.close",
        where={"exchange": "XHKG"}, wrong={"day": "2026-12-25"}, changes={"day": "2026-12-24"},
        cue="2026-12-24",
        says="XHKG did not trade on the day asked for; ask for the last session before it",
        exposing=Task(
            "Report where the Hang Seng closed on Christmas Day for the year-end review.",
            {"exchange": "XHKG", "index": "HSI", "day": "2026-12-25"},
        ),
        paraphrase=Task(
            "Year-end review: closing level of the Hang Seng China Enterprises at Christmas, please.",
            {"exchange": "XHKG", "index": "HSCEI", "day": "2026-12-25"},
        ),
        near_miss=Task(
            "Report where the Nikkei closed on the 25th for the year-end review.",
            {"exchange": "XTKS", "index": "N225", "day": "2026-12-25"},
        ),
    ),
    Family(
        "fund-flow-pages", "market", "market.flows",
        where={"source": "etf-registry"}, wrong={"page_size": above(100)}, changes={"page_size": 100},
        cue='"page_size": 100',
        error_kind="invalid",
        says="page_size: must be at most 100 for etf-registry",
        exposing=Task(
            "List all inflows into European bond ETFs this week, complete, none left out.",
            {"source": "etf-registry", "class": "bond", "page_size": 500},
        ),
        paraphrase=Task(
            "I need every bond fund of the ETF registry with fresh money, the whole list.",
            {"source": "etf-registry", "class": "bond", "page_size": 500},
        ),
        near_miss=Task(
            "List all inflows into private bond funds this week, complete, none left out.",
            {"source": "custodian", "class": "bond", "page_size": 500},
        ),
    ),
    Family(
        "estimate-currency", "market", "market.estimates",
        where={"company": starts("SHEL")}, wrong={"currency": absent}, changes={"currency": "USD"},
        cue="USD",
        correction=Correction(
            "person", "comparing Shell's estimates or results", "pounds, as it is listed in London",
            "ask for them in USD: Shell reports in dollars", "pounds made the beat of the third quarter a miss",
        ),
        exposing=Task(
            "Compare Shell's results with what analysts had expected, in two sentences.", {"company": "SHEL"}
        ),
        paraphrase=Task(
            "Did Shell beat the estimates? Keep it short.", {"company": "SHEL"}
        ),
        near_miss=Task(
            "Compare Tesco's results with what analysts had expected, in two sentences.", {"company": "TSCO"}
        ),
    ),
)  # fmt: skip
