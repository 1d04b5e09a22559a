"""What NumPy and SciPy make of value at risk and its back-test, as one JSON object on standard output.

Written from the definitions, not from the Rust code, and on whole arrays where that goes day by day.
"""

import csv
import gzip
import json
import pathlib
import sys
from datetime import date, datetime

import numpy as np
from scipy.special import xlog1py, xlogy
from scipy.stats import binom, chi2

WINDOW = 250
LEAST = 100
TAILS = {"0.90": 0.10, "0.95": 0.05, "0.975": 0.025, "0.99": 0.01, "0.995": 0.005, "0.999": 0.001}


def bernoulli(failures, successes, chance):
    """The logarithm of the likelihood of so many events with this chance, and so many others."""
    return xlogy(failures, chance) + xlog1py(successes, -chance)


def back_test(observations, breaches, transitions, tail):
    """Of arrays of counts; `transitions` has n00, n01, n10, n11. NaN is undefined."""
    n, x = (np.asarray(counts, dtype=float) for counts in (observations, breaches))
    n00, n01, n10, n11 = (np.asarray(counts, dtype=float) for counts in transitions)
    with np.errstate(all="ignore"):
        kupiec = -2 * (bernoulli(x, n - x, tail) - bernoulli(x, n - x, x / n))
        after_none, after_breach = n00 + n01, n10 + n11
        one = (n01 + n11) / (after_none + after_breach)
        chain = bernoulli(n01, n00, n01 / after_none) + bernoulli(n11, n10, n11 / after_breach)
        independence = -2 * (bernoulli(n01 + n11, n00 + n10, one) - chain)
    independence = np.where((after_none > 0) & (after_breach > 0), independence, np.nan)
    kupiec, independence = (np.where(n >= LEAST, np.maximum(each, 0), np.nan) for each in (kupiec, independence))
    both = kupiec + independence
    chance = binom.cdf(x, n, tail)
    light = np.where(n >= LEAST, (chance >= 0.95).astype(int) + (chance >= 0.9999), np.nan)
    columns = (n, x, kupiec, chi2.sf(kupiec, 1), independence, chi2.sf(independence, 1), both, chi2.sf(both, 2), light)
    return [[None if np.isnan(value) else float(value) for value in row] for row in np.column_stack(columns)]


def transitions_of(hits):
    """n00, n01, n10, n11 of one sequence."""
    before, after = hits[:-1], hits[1:]
    return [np.sum((before == was) & (after == now)) for was in (0, 1) for now in (0, 1)]


def rolling(hits):
    """After each observation: how many are in the window, its breaches, its transitions."""
    def within(marks, length):
        total = np.concatenate(([0], np.cumsum(marks)))
        ends = np.arange(1, len(marks) + 1)
        return total[ends] - total[np.maximum(ends - length, 0)]

    ends = np.arange(1, len(hits) + 1)
    pairs = [(hits[:-1] == was) & (hits[1:] == now) for was in (0, 1) for now in (0, 1)]
    # A pair belongs to the later of its days; a window of 250 days has 249.
    transitions = [within(np.concatenate(([False], marks)), WINDOW - 1) for marks in pairs]
    return np.minimum(ends, WINDOW), within(hits, WINDOW), transitions


def data_folder():
    """Of the package `arch`, which is not imported: it would bring pandas and statsmodels."""
    (folder,) = (path for each in sys.path if (path := pathlib.Path(each) / "arch" / "data").is_dir())
    return folder


def closes(folder, name):
    """Days since 1970 and closes, of a data set of the package `arch`."""
    found = data_folder() / folder / f"{folder}.csv.gz"
    days, prices = [], []
    with gzip.open(found, "rt") as file:
        for row in csv.DictReader(file):
            if row[name] not in ("", "."):
                days.append((datetime.strptime(row["Date"], "%m/%d/%Y").date() - date(1970, 1, 1)).days)
                prices.append(float(row[name]))
    # To four places, as the service keeps money.
    return np.array(days), np.round(np.array(prices), 4)


def market(folder, name):
    """The historical simulation of a million dollars in it, day by day, and the back-test after each of them."""
    days, prices = closes(folder, name)
    value = 1_000_000.0
    profits = value * (prices[1:] / prices[:-1] - 1)
    days_of_profits = days[1:]
    observations = []
    for at in range(LEAST - 1, len(profits) - 1):
        past = profits[max(0, at + 1 - WINDOW) : at + 1]
        loss = np.round(np.quantile(-past, 0.99, method="inverted_cdf"), 4)
        if loss > 0:
            observations.append((int(days_of_profits[at]), int(days_of_profits[at + 1]), float(loss), float(profits[at + 1])))
    hits = np.array([-profit > loss for _, _, loss, profit in observations]).astype(int)
    return {
        "closes": [[int(day), round(price * 10_000)] for day, price in zip(days, prices)],
        "observations": observations,
        "tests": back_test(*rolling(hits), TAILS["0.99"]),
    }


def sequence(confidence, hits):
    hits = np.asarray(hits, dtype=int)
    counts = [[count] for count in transitions_of(hits)]
    test = back_test([len(hits)], [hits.sum()], counts, TAILS[confidence])[0]
    return {"confidence": confidence, "hits": "".join(map(str, hits)), "test": test}


def sequences():
    """The edges, each number of breaches of a year, and sequences that are drawn, of each confidence."""
    draw = np.random.default_rng(20250122)
    for confidence, tail in TAILS.items():
        for length in (0, 1, 99, 100, 250):
            for hits in (np.zeros(length), np.ones(length)):
                yield sequence(confidence, hits)
        for breaches in range(0, 251, 1 if confidence == "0.99" else 25):
            yield sequence(confidence, np.arange(250) < breaches)
        alone_at_the_end = np.arange(250) == 249
        yield sequence(confidence, alone_at_the_end)
        yield sequence(confidence, 1 - alone_at_the_end.astype(int))
        for length in (100, 101, 250, 500, 1_000, 4_000):
            for times in (1, 3, 30):
                yield sequence(confidence, draw.random(length) < min(tail * times, 0.9))


def main():
    answer = {
        "markets": {"sp500": market("sp500", "Close"), "wti": market("wti", "DCOILWTICO")},
        "sequences": list(sequences()),
    }
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
