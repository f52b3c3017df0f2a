"""Instances drawn to scale: a pixel is as many MiB in each of them."""

import htpy
from htpy import Element, Node, a, div, p, span

from culm.operate.snapshot.records import Instance, Room, Snapshot, Task
from culm.web.views.parts import ident, panel

TALL = 34
"""Pixels of a bar; the ticks are under it."""
NARROWEST = 0.4
"""Per cent of the picture's width below which a box is not drawn."""


def instances(snapshot: Snapshot) -> Element:
    """Draw one bar an instance. A box is a task's limit, the fill what it uses, the thin line its peak."""
    if not snapshot.instances:
        return panel("Instances", div(".empty")["No instance is registered with the cluster."])
    largest = max(instance.memory for instance in snapshot.instances) or 1
    slot = snapshot.room.memory if snapshot.room else 0
    return panel(
        "Instances",
        div(".instances")[(_instance(instance, snapshot, largest, slot) for instance in snapshot.instances)],
        p(".fits")[fits(snapshot.room)] if snapshot.room else None,
        note=f"{sum(each.free for each in snapshot.instances):,} of "
        f"{sum(each.memory for each in snapshot.instances):,} MiB free",
    )


def fits(room: Room) -> Node:
    """Say how many more tasks fit: `one more 256 MiB task fits: yes, on #1 or #2`."""
    answer = f"yes, on {' or '.join(room.instances)}" if room.instances else "no"
    return (
        f"one more {room.memory} MiB task fits: ",
        span(class_="strong" if room.instances else "strong is-wrong")[answer],
        not room.instances and " · a deploy then has to stop a task before it starts the new one",
    )


def _instance(instance: Instance, snapshot: Snapshot, largest: int, slot: int) -> Element:
    mine = [task for task in snapshot.tasks if task.instance == instance.name and task.stopped_at is None]
    mine.sort(key=lambda task: (task.kind != "service", task.service, task.created_at or 0.0))
    notes = [] if instance.connected else ["does not answer"]
    notes += [] if instance.status == "ACTIVE" else [instance.status.lower()]
    return div(".instance")[
        div(".who")[
            span(".strong")[instance.name],
            " ",
            instance.type,
            " ",
            span(".muted")[instance.zone],
            notes and span(".is-wrong")[" ▲ ", ", ".join(notes)],
            span(".grow"),
            ident(instance.id, shown=instance.id[:10]),
            span(".muted.size")[f"{instance.memory:,} MiB"],
        ],
        _bar(instance, mine, largest, slot),
    ]


def _bar(instance: Instance, tasks: list[Task], largest: int, slot: int) -> Element:
    at, boxes = 0.0, []
    for task in tasks:
        wide = 100 * (task.memory or 0) / largest
        if wide >= NARROWEST:
            boxes.append(_box(task, at, wide))
        at += wide
    end = 100 * instance.memory / largest
    unseen = max(end - at - 100 * instance.free / largest, 0.0)
    free = max(end - at - unseen, 0.0)
    words = ", ".join(f"{task.service or task.group} {task.memory} MiB" for task in tasks) or "no tasks"
    return htpy.svg(
        ".membar",
        width="100%",
        height=str(TALL + 12),
        role="group",
        aria_label=f"{instance.name}: {words}, {instance.free} MiB free",
    )[
        htpy.rect(class_="whole", x="0", y="1", width=f"{end:.2f}%", height=str(TALL)),
        unseen > NARROWEST
        and htpy.rect(class_="unseen", x=f"{at:.2f}%", y="1", width=f"{unseen:.2f}%", height=str(TALL))[
            htpy.title["reserved by tasks that are not listed"]
        ],
        boxes,
        free > 6
        and htpy.svg(x=f"{at + unseen:.2f}%", y="1", width=f"{free:.2f}%", height=str(TALL))[
            htpy.text(class_="free", x="50%", y="21", text_anchor="middle")[f"free {instance.free:,} MiB"]
        ],
        _ticks(instance, largest, slot) if slot else None,
    ]


def _box(task: Task, at: float, wide: float) -> Node:
    name = task.service or task.group.partition(":")[2]
    kind = "migration" if task.kind == "migration" else ""
    used = f"{task.memory_used}/{task.memory}" if task.memory_used is not None else f"{task.memory}"
    stopping = task.desired_status == "STOPPED"
    look = "stopping" if stopping else "running" if task.status == "RUNNING" else "pending"
    near = task.memory_used is not None and task.memory and task.memory_used >= 0.9 * task.memory
    words = f"{name} {kind} {task.revision}: {task.status.lower()}, {used} MiB"
    part = 100 * (task.memory_used or 0) / (task.memory or 1)
    peak = min(100 * (task.memory_peak or 0) / (task.memory or 1), 99.5)
    return a(href=f"/services/{task.service}" if task.service else "/tasks", aria_label=words)[
        htpy.svg(class_=f"box {look}", x=f"{at:.2f}%", y="1", width=f"{wide:.2f}%", height=str(TALL))[
            htpy.title[words],
            htpy.rect(class_="limit", x="0.5", y="0.5", width="100%", height=str(TALL - 1)),
            task.memory_used is not None
            and htpy.rect(class_="used near" if near else "used", x="1", y="24", width=f"{part:.1f}%", height="9"),
            task.memory_peak is not None
            and htpy.line(class_="peak", y1="22", y2="33", x1=f"{peak:.1f}%", x2=f"{peak:.1f}%"),
            htpy.text(x="7", y="16")[
                f"{name}{' migration' if kind else ''} ", htpy.tspan(class_="amount", dx="4")[used]
            ],
        ]
    ]


def _ticks(instance: Instance, largest: int, slot: int) -> Node:
    """Return a mark under the bar for every slot: so many tasks of the usual size fit on it."""
    return [
        htpy.line(
            class_="tick",
            y1=str(TALL + 3),
            y2=str(TALL + 8),
            x1=f"{100 * slot * n / largest:.2f}%",
            x2=f"{100 * slot * n / largest:.2f}%",
        )
        for n in range(1, instance.memory // slot + 1)
    ]
