"""Markdown tables of docs/performance.md from the results of `bench_speed.py`."""

from __future__ import annotations

TRAINING = {
    "bare torch, default AdamW": "bare torch, default AdamW",
    "sksoftinfo": "sksoftinfo",
    "sksoftinfo, own module": "sksoftinfo, a module of yours",
    "skorch": "skorch",
    "skorch, tuned": "skorch without callbacks, fused",
    "MLPClassifier": "MLPClassifier",
}
PREDICTION = ("sksoftinfo", "skorch", "MLPClassifier")
EVALUATION = {
    ("evaluation", "score_bounds"): "`score_bounds`",
    ("evaluation", "accuracy"): "`score`, the accuracy",
    ("evaluation", "log_loss"): "`predict_proba` and scikit-learn's `log_loss`",
    ("evaluation in a loop", "score_bounds"): "`score_bounds` in a loop",
}
OTHER = {
    "information_bounds": ("`information_bounds`, 10,000,000 x 10", "scikit-learn's `log_loss`"),
    "transform": ("`transform`, dense, images, 2,000 x 28 x 56", "`predict_proba`"),
}
IMPORT = ("`import sksoftinfo`", "importing torch, skorch and scikit-learn")


def joined(results):
    """Return the last of several results of the same measurement, in the order of the first."""
    return list({(row["task"], row["what"], row["name"]): row for row in results}.values())


def tables(results, tasks):
    """Return training, prediction, evaluation, other comparisons and memory as Markdown."""
    found = {(row["task"], row["what"].split(",")[0], row["name"]): row for row in results}

    def ratio(*key):
        row = found.get(key)
        if row is None:
            return "-"
        return f"{row['median']:.2f} ({row['smallest']:.2f}, {row['largest']:.2f})"

    training = [[task, *(ratio(task, "fit", name) for name in TRAINING)] for task in tasks]
    prediction = [
        [task + after, *(ratio(task, what, name) for name in PREDICTION)]
        for what, after in (("predict_proba", ""), ("predict_proba of one row", ", one row"))
        for task in tasks
    ]
    evaluation = [[task, *(ratio(task, *key) for key in EVALUATION)] for task in tasks]
    other = [
        [*OTHER[name], ratio(task, what, name)] for task, what, name in found if name in OTHER
    ]
    other.append([*IMPORT, ratio("import", "import", "sksoftinfo")])
    return "\n\n".join(
        [
            markdown(["training", *TRAINING.values()], training),
            markdown(["prediction", *PREDICTION], prediction),
            markdown(["evaluation of half of the rows", *EVALUATION.values()], evaluation),
            markdown(["other", "against", "ratio"], sorted(other)),
            memory(found),
        ]
    )


def memory(found):
    sizes = dict.fromkeys(task for task, what, _ in found if what.startswith("memory"))
    kinds = dict.fromkeys(key[1:] for key in found if key[1].startswith("memory"))
    rows = []
    for what, name in kinds:
        call = what.removeprefix("memory of ")
        # Memory that was given back meanwhile makes small differences negative.
        cells = (f"{max(0.0, found[size, what, name]['megabytes']):.0f}" for size in sizes)
        rows.append([f"`{call}`, {name}", *cells])
    return markdown(["peak memory beyond rows and result, MiB", *map(size_name, sizes)], rows)


def size_name(task):
    """Return the size as it is written on the page; ten classes are not named."""
    n, rest = task.split(" x ")
    d, classes = rest.removesuffix(" classes").split(", ")
    after = "" if classes == "10" else f", {int(classes):,} classes"
    return f"{int(n):,} x {d}{after}"


def markdown(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(
        "|---" * len(head) + "|" if line[0] == "---" else f"| {' | '.join(line)} |"
        for line in lines
    )
