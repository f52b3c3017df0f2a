"""The plan's sliders: what so many times the load needs, and whether so many instances hold it."""

from collections.abc import Sequence

import htpy
from htpy import Element, Node, div, p, span, table, tbody, td, th, thead, tr

from culm.operate.snapshot.words import dollars, plural
from culm.plan.what_if import Estimate, ImaginedInstance, Question
from culm.web.views.parts import panel

MOST_FACTOR, MOST_COUNT = 20, 20
TALL = 18
"""Pixels of a bar."""


def what_if(question: Question, answer: Estimate, kinds: Sequence[str]) -> Element:
    """Show the form and what it says now; `kinds` are the instance types to choose from."""
    return panel(
        "What if?",
        htpy.form(".what-if", action="/plan", method="get")[
            _slider(
                "load",
                "the load as now" if question.factor == 1 else f"{question.factor:g} times the load",
                f"{question.factor:g}",
                MOST_FACTOR,
                "0.5",
            ),
            htpy.label(for_="type")["on instances of type"],
            htpy.select(id="type", name="type")[
                (htpy.option(value=kind, selected=kind == question.instance_type)[kind] for kind in kinds)
            ],
            _slider("count", plural(question.count, "instance"), str(question.count), MOST_COUNT, "1"),
            htpy.noscript[htpy.button["Show"]],
        ],
        p(".verdict", role="status")[_verdict(question, answer)],
        div(".machines")[(_machine(number, each) for number, each in enumerate(answer.machines, 1))],
        div(".scroll")[
            table(".rows")[
                thead[
                    tr[
                        th(scope="col")["Service"],
                        th(".num", scope="col")["Tasks now"],
                        th(".num", scope="col")[f"At {question.factor:g}x"],
                        th(".num", scope="col")["Find no room"],
                    ]
                ],
                tbody[(_row(each, dict(answer.homeless)) for each in answer.tasks)],
            ]
        ],
        p(".fits")[
            "Tasks grow with the load: by what ",
            htpy.code["culm bench"],
            " measured, else in proportion. They are placed "
            "by the memory and CPU that they reserve; a deploy needs room for one more beside them.",
        ],
        note="placed at once, from nothing",
    )


def _slider(name: str, words: str, value: str, most: int, step: str) -> Node:
    return [
        htpy.label(for_=name)[words],
        htpy.input(id=name, name=name, type="range", min=step, max=str(most), step=step, value=value),
    ]


def _verdict(question: Question, answer: Estimate) -> Node:
    homeless = sum(number for _, number in answer.homeless)
    free = sum(machine.free for machine in answer.machines)
    price = f", {dollars(answer.dollars)} a month" if answer.dollars is not None else ""
    here = f"{question.count} x {question.instance_type}{price}: "
    best = answer.best
    return [
        here,
        span(".strong.is-wrong")[f"▲ {plural(homeless, 'task')} find no room"]
        if homeless
        else span(".strong.is-well")[f"● all tasks fit, {free:,} MiB stay free"],
        span(".muted")[
            f" · the cheapest that holds it and a migration: {best}, {dollars(answer.best_dollars)} a month"
            if best is not None and answer.best_dollars is not None
            else " · the cheapest that holds it is not known"
        ],
    ]


def _machine(number: int, machine: ImaginedInstance) -> Element:
    names = ", ".join(name for name, _ in machine.tasks) or "no tasks"
    at, boxes = 0, []
    for name, memory in machine.tasks:
        boxes.append(
            htpy.svg(
                class_="box running",
                x=f"{100 * at / machine.memory:.2f}%",
                width=f"{100 * memory / machine.memory:.2f}%",
            )[
                htpy.title[f"{name}, {memory} MiB"],
                htpy.rect(class_="limit", x="0.5", y="0.5", width="100%", height=str(TALL)),
                htpy.text(x="4", y="13")[name],
            ]
        )
        at += memory
    return div(".machine")[
        span(".muted")[f"#{number}"],
        htpy.svg(
            ".membar",
            width="100%",
            height=str(TALL + 2),
            role="img",
            aria_label=f"#{number}: {names}, {machine.free} MiB free",
        )[htpy.rect(class_="whole", y="0.5", width="100%", height=str(TALL)), boxes],
    ]


def _row(task: tuple[str, int, int], homeless: dict[str, int]) -> Element:
    name, now, then = task
    missing = homeless.get(name, 0)
    return tr(".row")[
        th(scope="row")[name],
        td(".num", data_label="Tasks now")[now],
        td(".num", data_label="Then")[then],
        td(class_="num is-wrong" if missing else "num", data_label="Find no room")[f"▲ {missing}" if missing else "0"],
    ]
